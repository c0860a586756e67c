"""What is generated matches what runs: every message of a bridge with one meter of each model is held against the files.

A real broker, the bridge as a process of its own, simulated meters that push every list their model has. Each topic
must stand in the AsyncAPI document, in the openHAB Things and in the ioBroker objects made for that meter; each payload
must fit the generated JSON Schema and the generated pydantic models; QoS, retain and expiry must be the schema's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ciimodel
import pytest
from captures import capture
from ciibridge.cli import main
from ciibridge.pipeline import LINES
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.identity import SYNTHETIC_KEY
from ciigen.installed import read_resolved
from ciigen.target import Selection, discover
from ciimodel.topics import match
from line_parts import not_in_asyncapi, payload_faults, payload_of, schema_faults
from mqtt_parts import BrokerProcess, Heard, Listener, find_mosquitto, free_port, wait_until
from service_parts import ServiceProcess, TcpMeter, write_config
from typer.testing import CliRunner

pytest_plugins = ("mqtt_fixtures",)
pytestmark = [pytest.mark.broker]

CATALOGUE = ciimodel.load()
#: Models that can be simulated and read.
MODELS = [
    m
    for m in CATALOGUE.meters.values()
    if m.wire and m.wire.hdlc and m.lists and m.interfaces[0].protocol in LINES
]
ENCRYPTED = "iskra-am550"


@dataclass(frozen=True)
class Running:
    """What a whole run published, by meter id."""

    heard: list[Heard]
    ids: dict[str, str]  # model → meter id


def _speech(meter: SimulatedMeter) -> Callable[[], bytes]:
    """Push every list of the model in turn, a quarter of an hour apart, so that none waits for its interval."""
    at = datetime(2026, 5, 4, 10, tzinfo=UTC)

    def speak() -> bytes:
        nonlocal at
        at += timedelta(minutes=15)
        return b"".join(meter.telegram(pushed, at) for pushed in meter.lists)

    return speak


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("line")
    broker = BrokerProcess(folder, free_port(), "mosquitto" if find_mosquitto() else "amqtt").start()
    listener = Listener(broker.port)
    meters, blocks, ids = [], [], {}
    for model in MODELS:
        key = SYNTHETIC_KEY if model.id == ENCRYPTED else None
        lists = tuple(pushed.id for pushed in model.lists)
        talker = TcpMeter(_speech(SimulatedMeter(CATALOGUE, model.id, lists=lists, key=key)), every_s=0.5)
        meters.append(talker)
        ids[model.id] = f"house-{model.id}"
        secret = f'key = "{key.hex()}"\n' if key else ""
        blocks.append(
            f'port = "{talker.url}"\nmodel = "{model.id}"\nid = "{ids[model.id]}"\nclock = "meter"\n{secret}'
        )
    service = ServiceProcess(write_config(folder, broker.port, *blocks))
    try:
        for model in MODELS:
            expected = {f"cii/v1/{ids[model.id]}/{place}" for place in _promised(model.quantities)}
            wait_until(
                lambda wanted=expected: wanted <= {heard.topic for heard in listener.messages},
                15.0,
                f"{model.id}: {sorted(expected)[:3]} …",
            )
        service.kill()
        for meter_id in ids.values():
            listener.wait(f"cii/v1/{meter_id}/availability", "offline")
        yield Running(list(listener.messages), ids)
    finally:
        if service.running:
            service.kill()
        for talker in meters:
            talker.stop()
        listener.stop()
        broker.stop()


def _promised(quantities: list[str]) -> Iterator[str]:
    """Topics under a meter's that its model promises in schema/."""
    yield from ("availability", "meta", "state", "diag")
    for name in quantities:
        quantity = CATALOGUE.quantities[name]
        if (
            quantity.place in ("value", "text")
            and not quantity.channel_types
            and "n:" not in quantity.obis[0]
        ):
            yield f"{quantity.place}/{name}"


def _of(running: Running, model: str) -> list[Heard]:
    return [heard for heard in running.heard if heard.topic.startswith(f"cii/v1/{running.ids[model]}/")]


def _levels(pattern: str, levels: dict[str, str]) -> str:
    return re.sub(r"\\{(\w+)\\}", lambda found: f"(?P<{found[1]}>{levels[found[1]]})", re.escape(pattern))


# -- AsyncAPI and schema -------------------------------------------------------------------------------------------------


def test_every_topic_stands_in_asyncapi_with_its_qos_and_retain(running: Running) -> None:
    assert not_in_asyncapi(running.heard) == []


def test_qos_retain_and_expiry_are_the_schemas(running: Running) -> None:
    assert schema_faults(running.heard) == []


@pytest.mark.parametrize("model", [m.id for m in MODELS])
def test_every_payload_fits_json_schema_and_python_model(running: Running, model: str) -> None:
    heard = _of(running, model)
    assert payload_faults(heard) == []
    assert {"availability", "meta", "state", "number", "diag"} <= {payload_of(message) for message in heard}


def test_what_does_not_fit_is_found() -> None:
    good = Heard("cii/v1/house/value/power_import", "28", 0, False, 60, "text/plain")
    if find_mosquitto():
        assert schema_faults([good, replace(good, qos=1)]) != [] == schema_faults([good])
        assert not_in_asyncapi([good, replace(good, retain=True)]) != [] == not_in_asyncapi([good])
    for wrong in (
        replace(good, topic="cii/v1/house/value/moon_power"),
        replace(good, topic="cii/v2/house/state"),
    ):
        assert len(not_in_asyncapi([good, wrong])) == 1
    for topic, payload in (
        (good.topic, "much"),
        ("cii/v1/house/state", '{"ts":1}'),
        ("cii/v1/house/diag", "{"),
        ("cii/v1/house/availability", "maybe"),
        ("other", "1"),
    ):
        assert len(payload_faults([good, replace(good, topic=topic, payload=payload)])) == 1, topic


# -- the consumers' files ------------------------------------------------------------------------------------------------


def _rendered(target: str, view: str, model: str, meter_id: str) -> str:
    return discover()[target].views[view].render(read_resolved(), Selection(ids=(meter_id,), meter=model))


@pytest.mark.parametrize("model", [m.id for m in MODELS])
def test_every_plain_topic_stands_in_the_things_file(running: Running, model: str) -> None:
    things = _rendered("openhab", "things", model, running.ids[model])
    topics = set(re.findall(r'(?:stateTopic|availabilityTopic)="([^"]+)"', things))
    published = {
        heard.topic
        for heard in _of(running, model)
        if CATALOGUE.topics[(match(heard.topic) or ("", {}))[0]].payload in ("number", "text", "availability")
        and "/channel/" not in heard.topic
    }
    assert published - topics == set()


@pytest.mark.parametrize("model", [m.id for m in MODELS])
@pytest.mark.parametrize("view", ["mqtt", "mqtt-client"])
def test_every_topic_stands_in_the_iobroker_objects(running: Running, model: str, view: str) -> None:
    objects = json.loads(_rendered("iobroker", view, model, running.ids[model]))
    topics = {o["native"]["topic"] for o in objects.values() if "topic" in o.get("native", {})}
    topics |= {
        setting["topic"]
        for o in objects.values()
        for setting in o.get("common", {}).get("custom", {}).values()
        if "topic" in setting
    }
    # mqtt subscribes to the whole branch and complains of what has no object; mqtt-client takes only what it is told to
    wanted = ("number", "text", "availability") if view == "mqtt-client" else tuple(CATALOGUE.payloads)
    published = {
        heard.topic
        for heard in _of(running, model)
        if CATALOGUE.topics[(match(heard.topic) or ("", {}))[0]].payload in wanted
    }
    assert published
    assert published - topics == set()


# -- one line, byte for byte ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "dlms-hdlc/lg-e450-ch-vse2026.bin",
        "dlms-hdlc/lg-e570-ch-encrypted.bin",
        "dlms-hdlc/iskra-am550-ch-2020-segmented.bin",
        "dlms-hdlc/lg-e360-ch-vse2026.bin",
    ],
)
def test_a_capture_over_tcp_arrives_as_decode_prints_it(tmp_path: Path, name: str) -> None:
    shown = capture(name)
    key = shown.facts["key"]
    printed = CliRunner().invoke(
        main,
        ["decode", str(_file(tmp_path, shown.data)), *(["--key", key] if key else [])],
        catch_exceptions=False,
    )
    assert printed.exit_code == 0
    broker = BrokerProcess(tmp_path, free_port(), "mosquitto" if find_mosquitto() else "amqtt").start()
    listener = Listener(broker.port)
    talker = TcpMeter(lambda: shown.data, every_s=60)
    secret = f'key = "{key}"' if key else ""
    service = ServiceProcess(
        write_config(tmp_path, broker.port, f'port = "{talker.url}"\nclock = "meter"\n{secret}')
    )
    try:
        line = printed.stdout.splitlines()[0]
        meter = json.loads(line)["meter"]
        state = listener.wait(f"cii/v1/{meter}/state", timeout_s=15).payload
        # a bridge counts on from its last run, a recording from 1
        assert re.sub(r'"seq":\d+', '"seq":1', state) == line
        for quantity, value in json.loads(line, parse_float=str, parse_int=str)["values"].items():
            assert listener.wait(f"cii/v1/{meter}/value/{quantity}").payload == value
    finally:
        if service.running:
            service.kill()
        talker.stop()
        listener.stop()
        broker.stop()


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "telegram.bin"
    path.write_bytes(data)
    return path
