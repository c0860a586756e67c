"""What outlasts the process: kills, stops, restarts and new configurations, with a real broker."""

from __future__ import annotations

import json
import logging
import re
import socket
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import ciimodel
import jsonschema
import pytest
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from mqtt_parts import BrokerProcess, Listener, MakeBroker, find_mosquitto, free_port, wait_until
from service_parts import (
    METER_ID,
    Gate,
    ServiceProcess,
    Speech,
    TcpMeter,
    remember,
    service_in_thread,
    simulated,
    write_config,
)

pytest_plugins = ("mqtt_fixtures",)
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)"),
]
Listen = Callable[..., Listener]
MakeMeter = Callable[..., TcpMeter]
METER = f"cii/v1/{METER_ID}"


class Counted:
    """A meter that says when asked, one telegram each; ``said`` counts."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._due = 0
        self.said: list[bytes] = []

    def __call__(self) -> bytes:
        if not self._due:
            return b""
        self._due -= 1
        self.said.append(self._speech())
        return self.said[-1]

    def say(self, count: int) -> None:
        """Say so many telegrams and wait until they are out."""
        until = len(self.said) + count
        self._due = count
        wait_until(lambda: len(self.said) == until, what=f"{count} telegrams")


def numbers(heard: Listener, topic: str) -> list[int]:
    return [json.loads(payload)["seq"] for payload in heard.payloads(f"{METER}/{topic}")]


def waiting(config: Path) -> int:
    """How many messages are in the state file; nobody may have it open."""
    connection = sqlite3.connect(config.with_suffix(".db"))
    (count,) = connection.execute("SELECT count(*) FROM message").fetchone()
    connection.close()
    return int(count)


# -- kills and stops -----------------------------------------------------------------------------------------------------


def test_killed_with_the_broker_away_it_delivers_everything_in_order_after_the_restart(
    tmp_path: Path, gate: Gate, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    speech = Counted(simulated())
    meter = talk(speech, every_s=0.02)
    config = write_config(tmp_path, gate.port, f'port = "{meter.url}"')
    lives = (7, 5)
    for count in lives:
        process = ServiceProcess(config)
        before = meter.connections
        wait_until(lambda seen=before: meter.connections > seen, what="connection")  # type: ignore[misc]
        speech.say(count)
        time.sleep(1.6)  # once a second it is written
        process.kill()
    heard = listen(broker.port)
    gate.open()
    process = ServiceProcess(config)  # the meter says nothing, and what waits is sent all the same
    wait_until(lambda: len(numbers(heard, "history")) >= sum(lives), timeout_s=10, what="history")
    speech.say(1)
    heard.wait(f"{METER}/state")
    status, seconds, log = process.terminate()
    got = numbers(heard, "history")
    assert len(got) == sum(lives), "all of it, and nothing twice"
    assert got == sorted(set(got))
    assert [b - a for a, b in pairwise(got)].count(1) == sum(lives) - len(lives)
    assert numbers(heard, "state")[0] > got[-1]
    assert (status, seconds < 2, waiting(config)) == (0, True, 0), log
    assert "Traceback" not in log


def test_what_was_delivered_is_not_sent_again_after_a_kill(
    tmp_path: Path, gate: Gate, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    speech = Counted(simulated())
    meter = talk(speech, every_s=0.02)
    config = write_config(tmp_path, gate.port, f'port = "{meter.url}"')
    heard = listen(broker.port)
    process = ServiceProcess(config)
    wait_until(lambda: meter.connections, what="connection")
    speech.say(5)
    gate.open()
    wait_until(lambda: len(numbers(heard, "history") + numbers(heard, "state")) == 5, 10, "delivery")
    time.sleep(1.6)
    process.kill()
    process = ServiceProcess(config)
    wait_until(lambda: meter.connections > 1, what="connection")
    speech.say(1)
    wait_until(lambda: len(numbers(heard, "state")) == 2, what="next telegram")
    process.kill()
    assert len(numbers(heard, "history") + numbers(heard, "state")) == 6


def test_stopped_with_the_broker_away_everything_is_on_disk(tmp_path: Path, talk: MakeMeter) -> None:
    speech = Counted(simulated())
    meter = talk(speech, every_s=0.02)
    config = write_config(tmp_path, free_port(), f'port = "{meter.url}"')
    process = ServiceProcess(config)
    wait_until(lambda: meter.connections, what="connection")
    speech.say(4)
    time.sleep(0.1)
    status, seconds, log = process.terminate()
    assert (status, seconds < 2) == (0, True), log
    assert waiting(config) == 4


def test_a_second_bridge_with_the_same_file_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path, free_port(), 'port = "/dev/none"')
    first = ServiceProcess(config)
    wait_until(lambda: "reading 1 meter" in first.log, what="start")
    second = ServiceProcess(config, log="second.log")
    assert second.wait() == 2
    assert "in use by another ciibridge" in second.log
    assert "Traceback" not in second.log
    assert first.terminate()[0] == 0


# -- memory --------------------------------------------------------------------------------------------------------------


def test_a_telegram_from_before_the_restart_is_refused_as_replayed(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    speech = Counted(simulated("lg-e570", key=KEY))
    meter = talk(speech)
    config = write_config(tmp_path, broker.port, f'port = "{meter.url}"\nid = "house"\nkey = "{KEY.hex()}"')
    with service_in_thread(config):
        speech.say(2)
        wait_until(lambda: len(heard.of("cii/v1/house/state")) == 2, what="telegrams")
    with service_in_thread(config):
        meter.say(lambda: speech.said[0] + speech.said[1])
        wait_until(
            lambda: any('"replayed":' in text for text in heard.payloads("cii/v1/house/diag")),
            what="count in diag",
        )
        assert json.loads(heard.wait("cii/v1/house/error").payload)["code"] == "replayed"
        assert len(heard.of("cii/v1/house/state")) == 2, "nothing of it is published"
        meter.say(speech)
        speech.say(1)
        wait_until(lambda: len(heard.of("cii/v1/house/state")) == 3, what="a new telegram")
    stored = config.with_suffix(".db").read_bytes()
    assert KEY not in stored
    assert KEY.hex().encode() not in stored.lower()


def test_a_gap_is_told_once_with_its_bounds(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    heard = listen(broker.port)
    config = write_config(tmp_path, broker.port, f'port = "{talk().url}"')
    last = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3, minutes=12)
    remember(config, ts=last, seq=41)
    with service_in_thread(config):
        event = json.loads(heard.wait(f"{METER}/error").payload)
        wait_until(lambda: len(heard.of(f"{METER}/state")) >= 3, what="telegrams")
    jsonschema.validate(event, ciimodel.load().payloads["error"])
    first = json.loads(heard.of(f"{METER}/state")[0].payload)
    assert (event["code"], event["message"]) == ("gap", "no telegram for 3.2 h")
    assert (event["from"], event["to"]) == (f"{last:%Y-%m-%dT%H:%M:%SZ}", first["ts"])
    assert first["seq"] == 42
    assert len(heard.of(f"{METER}/error")) == 1
    assert len([text for text in caplog.messages if "no telegram for 3.2 h" in text]) == 1


# -- a new configuration -------------------------------------------------------------------------------------------------


def test_meters_that_did_not_change_go_on_and_others_come_and_go(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    heard = listen(broker.port)
    meters = [talk() for _ in range(3)]
    blocks = [
        f'port = "{meter.url}"\nid = "{name}"'
        for name, meter in zip(("same", "leaves", "comes"), meters, strict=True)
    ]
    config = write_config(tmp_path, broker.port, *blocks[:2])
    with service_in_thread(config) as reload:
        for name in ("same", "leaves"):
            heard.wait(f"cii/v1/{name}/state")
        write_config(tmp_path, broker.port, blocks[2], blocks[0])
        reload()
        heard.wait("cii/v1/comes/state")
        wait_until(lambda: heard.payloads("cii/v1/leaves/availability")[-1] == "offline", what="offline")
        count = len(heard.of("cii/v1/same/state"))
        wait_until(lambda: len(heard.of("cii/v1/same/state")) > count, what="more telegrams")
        write_config(tmp_path, broker.port, blocks[2], blocks[0] + '\nmodel = "lg-e450"')
        before = meters[0].connections
        reload()
        wait_until(lambda: meters[0].connections > before, what="a changed meter begins anew")
        count = len(heard.of("cii/v1/same/state"))
        wait_until(lambda: len(heard.of("cii/v1/same/state")) > count, what="more telegrams")
    assert before == 1, "its port was not touched"
    assert meters[2].connections == 1
    same = [json.loads(text)["seq"] for text in heard.payloads("cii/v1/same/state")]
    assert same == list(range(same[0], same[0] + len(same))), "no number twice and none left out"
    assert "two ports deliver" not in caplog.text


def test_a_wrong_configuration_is_refused_and_the_old_one_goes_on(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter, caplog: pytest.LogCaptureFixture
) -> None:
    heard = listen(broker.port)
    meter = talk()
    config = write_config(tmp_path, broker.port, f'port = "{meter.url}"\nid = "house"')
    with service_in_thread(config) as reload:
        heard.wait("cii/v1/house/state")
        config.write_text(config.read_text().replace('id = "house"', 'id = "House"\nkey = "0011"'))
        reload()
        wait_until(lambda: "the old one goes on" in caplog.text, what="refusal")
        count = len(heard.of("cii/v1/house/state"))
        wait_until(lambda: len(heard.of("cii/v1/house/state")) > count, what="more telegrams")
    assert re.search(r"ciibridge.toml:\d+: meter\[1\].id", caplog.text)
    assert meter.connections == 1
    assert "0011" not in caplog.text


def test_another_broker_gets_what_waited_and_what_comes(
    tmp_path: Path, make_broker: MakeBroker, listen: Listen, talk: MakeMeter
) -> None:
    old, new = make_broker().start(), make_broker().start()
    heard, later = listen(old.port), listen(new.port)
    speech = Counted(simulated())
    talking = talk(speech, every_s=0.02)
    meter = f'port = "{talking.url}"'
    config = write_config(tmp_path, old.port, meter)
    remember(config)
    with service_in_thread(config) as reload:
        wait_until(lambda: talking.connections, what="connection")
        speech.say(1)
        heard.wait(f"{METER}/state")
        write_config(tmp_path, new.port, meter)
        reload()
        later.wait(f"{METER}/availability", "online")
        heard.wait(f"{METER}/availability", "offline")
        heard.wait("cii/v1/_bridge/test/availability", "offline")
        speech.say(1)
        later.wait(f"{METER}/state")
        new.stop()
        later.stop()
        speech.say(4)
        write_config(tmp_path, old.port, meter)
        reload()
        wait_until(lambda: heard.payloads(f"{METER}/availability")[-1] == "online", what="back")
        wait_until(lambda: len(heard.of(f"{METER}/history")) >= 3, what="history")
        speech.say(1)
        wait_until(lambda: numbers(heard, "state")[-1] == len(speech.said), what="the last telegram")
    got = sorted(
        {n for listener in (heard, later) for topic in ("state", "history") for n in numbers(listener, topic)}
    )
    assert got == list(range(1, got[-1] + 1)), "nothing lost on the way"


def test_another_prefix_makes_all_begin_anew_and_loses_nothing_that_waited(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    meter = f'port = "{talk().url}"\nid = "house"'
    config = write_config(tmp_path, broker.port, meter)
    with service_in_thread(config) as reload:
        heard.wait("cii/v1/house/state")
        write_config(tmp_path, broker.port, meter, mqtt='prefix = "home"')
        reload()
        heard.wait("home/v1/house/state")
        heard.wait("cii/v1/house/availability", "offline")
    heard.wait("home/v1/house/availability", "offline")


def test_systemd_is_told_of_the_reload(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        process = ServiceProcess(
            write_config(tmp_path, free_port(), 'port = "/dev/none"\nmodel = "lg-e450"'),
            NOTIFY_SOCKET=str(tmp_path / "notify"),
        )
        while not manager.recv(200).startswith(b"READY=1"):
            pass
        process.reload()
        told = manager.recv(200)
        while not told.startswith(b"RELOADING=1"):
            told = manager.recv(200)
        before = time.monotonic_ns() // 1000
        stamp = int(told.partition(b"MONOTONIC_USEC=")[2])
        assert before - 5_000_000 < stamp <= before
        told = manager.recv(200)
        assert told.startswith(b"READY=1")
        assert process.terminate()[0] == 0
