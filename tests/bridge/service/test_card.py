"""What goes to the SD card while everything works: nothing; and ``ciibridge forget``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import ciimodel
import pytest
from ciibridge.cli import main
from ciibridge.pipeline import Pipeline
from ciibridge.publish.database import Database
from ciibridge.service import service, state
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from mqtt_parts import BrokerProcess, Listener, find_mosquitto, free_port, wait_until
from service_parts import ServiceProcess, TcpMeter, service_in_thread, setup_of, simulated, write_config
from typer.testing import CliRunner

pytest_plugins = ("mqtt_fixtures",)
Listen = Callable[..., Listener]
MakeMeter = Callable[..., TcpMeter]


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """When each file of the bridge was changed, and how long it is."""
    return {f.name: (f.stat().st_mtime_ns, f.stat().st_size) for f in folder.iterdir()}


@pytest.mark.broker
@pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)")
def test_with_a_broker_nothing_is_written_but_the_copy_in_memory(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour in which each minute lasts 30 ms: sixty copies, and not one write beside them."""
    monkeypatch.setattr(service, "_TICK_S", 0.01)
    monkeypatch.setattr(state, "MINUTE_S", 0.03)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    card = tmp_path / "card"
    card.mkdir()
    heard = listen(broker.port)
    meter = talk(simulated("lg-e570", key=KEY), every_s=0.02)
    config = write_config(card, broker.port, f'port = "{meter.url}"\nid = "house"\nkey = "{KEY.hex()}"')
    with service_in_thread(config):
        wait_until(lambda: len(heard.of("cii/v1/house/state")) > 3, what="telegrams")
        wait_until(lambda: not config.with_suffix(".db-journal").exists(), what="the first write")
        time.sleep(1.6)  # what waited before the broker was there goes from the file within that time
        before, count = files(card), len(heard.of("cii/v1/house/state"))
        (copy,) = (tmp_path / "run" / "ciibridge").iterdir()
        copies: set[int] = set()

        def an_hour() -> bool:
            if copy.exists():
                copies.add(copy.stat().st_mtime_ns)
            return len(copies) > 60

        wait_until(an_hour, timeout_s=20, what="sixty copies")
        assert files(card) == before
        assert len(heard.of("cii/v1/house/state")) > count + 30
    assert files(card) != before, "a clean stop writes"
    kept = json.loads(copy.read_text())
    assert next(iter(kept["counters"].values())) > count


def forget(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["forget", *arguments])
    return result.exit_code, result.output


@pytest.mark.broker
@pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)")
def test_a_meter_whose_counters_were_reset_is_read_again(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    meter = talk(simulated("lg-e570", key=KEY))
    config = write_config(tmp_path, broker.port, f'port = "{meter.url}"\nid = "house"\nkey = "{KEY.hex()}"')
    with service_in_thread(config):
        wait_until(lambda: len(heard.of("cii/v1/house/state")) >= 3, what="telegrams")
        status, told = forget("house", "-c", str(config))
        assert status == 2
        assert "in use by another ciibridge" in told
    meter.say(simulated("lg-e570", key=KEY))  # it counts from the beginning again
    with service_in_thread(config):
        event = json.loads(heard.wait("cii/v1/house/error").payload)
        assert event["code"] == "replayed"
        assert "ciibridge forget" in event["hint"]
    count = len(heard.of("cii/v1/house/state"))
    assert forget("house", "-c", str(config)) == (
        0,
        f"{meter.url}: 1 invocation counter forgotten; start the bridge again\n",
    )
    assert forget(meter.url, "-c", str(config))[0] == 1, "nothing is left to forget"
    meter.say(simulated("lg-e570", key=KEY))
    with service_in_thread(config):
        wait_until(lambda: len(heard.of("cii/v1/house/state")) > count, what="telegrams again")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("garden", "no meter has the id or port 'garden'. Configured ports: /dev/none, /dev/plain"),
        ("/dev/plain", "/dev/plain has no key"),
    ],
)
def test_what_cannot_be_forgotten(tmp_path: Path, name: str, words: str) -> None:
    config = write_config(
        tmp_path, free_port(), f'port = "/dev/none"\nkey = "{KEY.hex()}"', 'port = "/dev/plain"'
    )
    status, told = forget(name, "-c", str(config))
    assert status == 2
    assert words in told
    assert KEY.hex() not in told


def test_a_kill_costs_no_numbers_of_the_card(tmp_path: Path, talk: MakeMeter) -> None:
    """The process reads the copy that its predecessor left."""
    meter = talk(every_s=0.05)
    config = write_config(tmp_path, free_port(), f'port = "{meter.url}"\nid = "house"')
    runtime = tmp_path / "run"

    def seq() -> int:
        (copy,) = runtime.glob("*.json")
        return max((row[1] for row in json.loads(copy.read_text())["meters"]), default=0)

    numbers = []
    for _ in range(2):
        process = ServiceProcess(config, RUNTIME_DIRECTORY=str(runtime))
        before = numbers[-1] if numbers else 0
        wait_until(lambda least=before: any(runtime.glob("*.json")) and seq() > least, what="the copy")  # type: ignore[misc]
        numbers.append(seq())
        process.kill()
    assert numbers[1] - numbers[0] <= 2 * state.BLOCK


def test_the_doctor_says_what_to_do_about_counters_that_were_reset(tmp_path: Path, talk: MakeMeter) -> None:
    meter = talk(simulated("lg-e570", key=KEY))
    config = write_config(tmp_path, free_port(), f'port = "{meter.url}"\nid = "house"\nkey = "{KEY.hex()}"')
    setup = setup_of(config)
    assert setup.store.path is not None
    seen: dict[bytes, int] = {}
    Pipeline(ciimodel.load(), setup.meters[0].settings, counters=seen).feed(
        simulated("lg-e570", key=KEY)(), datetime.now(UTC)
    )

    async def write(path: Path) -> None:
        database = Database(path)
        memory = state.State(database)
        await database.open()
        memory.counters.update(dict.fromkeys(seen, 2**32 - 1))
        memory.close()
        await database.close()

    asyncio.run(write(setup.store.path))
    result = CliRunner().invoke(main, ["doctor", "-c", str(config), "--listen", "2"])
    assert result.exit_code == 1
    assert "no telegram: replayed" in result.output
    assert "ciibridge forget" in result.output
