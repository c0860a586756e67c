"""What is published: golden messages, the schemas of the payloads, exact numbers."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import ciimodel
import jsonschema
import pytest
from captures import Capture, load_captures
from ciibridge.link import LinkState
from ciibridge.normalise import MeterSettings, Normaliser
from ciibridge.pipeline import Diagnostics, Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.publish.text import exact, json_value, utc_text, utc_text_ms
from ciibridge.types import (
    Apdu,
    Measured,
    Message,
    MeterTime,
    Number,
    Obis,
    Problem,
    Reading,
    Register,
    Snapshot,
)
from hypothesis import given
from hypothesis import strategies as st

GOLDEN: Final = Path(__file__).parent / "golden"
NOW: Final = datetime(2026, 5, 4, 9, 39, 21, 402_000, tzinfo=UTC)
CATALOGUE: Final = ciimodel.load()
SETTINGS: Final = MeterSettings(operator="ekz")


def register(code: str, value: Any, **more: Any) -> Register:
    groups = [int(g) for g in re.split(r"[-:.]", code)]
    return Register(Obis(*groups), Number(value) if type(value) is int else value, **more)


#: A made-up E450 with the list of 2026, a gas meter behind it and an object nobody knows.
READING: Final = Reading(
    (
        register("0-0:42.0.0", "LGZ1030600000001", type="octet-string", class_id=1),
        register(
            "0-0:1.0.0", MeterTime(datetime.fromisoformat("2026-05-04T11:39:21"), None, 0x80), class_id=8
        ),
        register("1-1:1.8.0", 482939, type="double-long-unsigned", class_id=3),
        register("1-0:1.7.0", 28, type="double-long-unsigned", class_id=3),
        register("1-0:2.7.0", 0, type="double-long-unsigned", class_id=3),
        register("1-0:32.7.0", 236, type="long-unsigned", class_id=3),
        register("1-0:31.7.0", 9, type="long-unsigned", class_id=3),
        register("0-0:96.14.0", "0002", class_id=1),
        register("0-1:24.1.0", "00000012", class_id=72, attribute=6),
        register("0-1:24.1.0", 3, class_id=72, attribute=9),
        register("0-1:24.2.1", 812394, class_id=4, scaler=-3, unit=13),
        register("1-0:99.1.0", 7, class_id=3),
        register("1-0:99.2.0", b"\x01\xff", class_id=3),
        register("1-0:99.3.0", True, class_id=3),
    ),
    "push-list",
    Apdu(b"\0" * 300, 0, "ceff", "03", "blocks"),
    list_object="0-8:25.9.0",
)


def snapshots(count: int = 1, settings: MeterSettings = SETTINGS) -> list[Snapshot]:
    normaliser = Normaliser(CATALOGUE, settings)
    found = [
        item
        for number in range(count)
        for item in normaliser.take(READING, NOW + timedelta(seconds=5 * number))
        if isinstance(item, Snapshot)
    ]
    assert len(found) == count
    return found


def messages(**more: Any) -> Messages:
    return Messages(CATALOGUE, SETTINGS, software="ciibridge 0.0.0", **more)


def rendered(published: list[Message]) -> str:
    lines = [
        f"{m.topic}  qos={m.qos} retain={m.retain} expiry={m.expiry_s} {m.content_type} later={m.later}\n"
        f"    {m.payload.decode()}\n"
        for m in published
    ]
    return "".join(lines)


def assert_golden(name: str, published: list[Message]) -> None:
    """Compare with a file that people have read through; it changes only with the contract."""
    assert rendered(published) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_golden_telegram() -> None:
    assert_golden("telegram", messages().snapshot(snapshots()[0]))


def test_golden_events() -> None:
    ours = messages()
    problem = Problem(
        "implausible", "voltage_l1 = 2300 is outside 0 … 500 and was withheld", 77, "Set.", "voltage_l1"
    )
    report = Diagnostics(
        LinkState.OK,
        octets=504,
        frames_ok=4,
        telegrams_ok=1,
        last_rx=NOW,
        clock_offset_s=-0.402,
        intervals={"0-8:25.9.0": 5},
        problems={"bad_checksum": 3},
        telegrams_per_minute=12.0,
    )
    later = NOW + timedelta(seconds=2)
    assert_golden(
        "events",
        [
            ours.availability("m", online=True),
            ours.will("m"),
            ours.diag("m", report, later, queued=0, dropped=0),
            ours.diag("m", Diagnostics(LinkState.WAITING), later),
            ours.diag("m", report, later, port_error=True),
            ours.error("m", problem, NOW, count=3),
            ours.error("m", Problem("noise", "4 octets that belong to no frame"), NOW),
            ours.raw("m", b"~\xa0"[:1]),
        ],
    )


def test_values_can_be_left_to_state_alone() -> None:
    topics = [m.topic for m in messages(value_topics=False).snapshot(snapshots()[0])]
    meter = "cii/v1/lgz1030600000001"
    assert topics == [f"{meter}/meta", f"{meter}/state", f"{meter}/channel/1/state"]


def test_the_prefix_is_configurable() -> None:
    published = messages(prefix="home/power").snapshot(snapshots()[0])
    assert all(m.topic.startswith("home/power/v1/lgz1030600000001/") for m in published)
    assert [m.later for m in published if m.topic.endswith("/1/state")] == [
        "home/power/v1/lgz1030600000001/channel/1/history"
    ]


def test_meta_is_published_again_only_when_it_changes() -> None:
    ours = messages()
    first, second, third, fourth = snapshots(4)

    def meta(snapshot: Snapshot) -> dict[str, Any] | None:
        found = [m for m in ours.snapshot(snapshot) if m.topic.endswith("/meta")]
        return json.loads(found[0].payload) if found else None

    start = meta(first)
    assert start is not None
    assert "interval_s" not in start["quantities"]["power_import"]
    learnt = meta(second)
    assert learnt is not None
    assert learnt["quantities"]["power_import"]["interval_s"] == 5
    assert meta(third) is None
    more = replace(
        fourth, values={**fourth.values, "power_factor": Measured(Number(9, -1), "1", Obis(1, 0, 13, 7, 0))}
    )
    grown = meta(more)
    assert grown is not None
    assert grown["quantities"]["power_factor"] == {
        "obis": "1-0:13.7.0",
        "unit": "1",
        "kind": "instantaneous",
        "decimals": 1,
        "derived": False,
    }


def test_meta_stays_when_a_second_list_brings_nothing_new() -> None:
    ours = messages()
    first, second, third, fourth = snapshots(4)
    published = [m.topic for snapshot in (first, second) for m in ours.snapshot(snapshot)]
    assert published.count("cii/v1/lgz1030600000001/meta") == 2  # the second time with the interval
    for snapshot in (third, fourth):
        short = replace(
            snapshot, values={"power_import": snapshot.values["power_import"]}, texts={}, derived=()
        )
        assert not [m for m in ours.snapshot(short) if m.topic.endswith("/meta")]


def test_a_quantity_in_two_lists_has_the_shorter_interval() -> None:
    ours = messages()
    (full,) = snapshots()
    short = replace(full, values={"power_import": full.values["power_import"]}, texts={}, derived=())
    metas = [
        message.payload
        for seconds, snapshot in ((0, short), (1, full), (6, full), (15, short))
        for message in ours.snapshot(replace(snapshot, rx=NOW + timedelta(seconds=seconds)))
        if message.topic.endswith("/meta")
    ]
    assert json.loads(metas[-1])["quantities"]["power_import"]["interval_s"] == 5


def test_meta_tells_the_candidates_while_the_model_is_not_certain() -> None:
    (snapshot,) = snapshots()
    unsure = replace(snapshot, model=None, candidates=("lg-e360", "lg-e450"))
    document = json.loads(messages().snapshot(unsure)[0].payload)
    assert document["candidates"] == ["lg-e360", "lg-e450"]
    assert not {"model", "model_id", "manufacturer", "interface"} & set(document)


def test_the_interface_is_the_configured_one() -> None:
    (snapshot,) = snapshots()
    e360 = replace(snapshot, model="lg-e360")

    def connector(**more: Any) -> str | None:
        document = json.loads(Messages(CATALOGUE, **more).snapshot(e360)[0].payload)
        return document.get("interface")

    for interface in CATALOGUE.meters["lg-e360"].interfaces:
        assert connector(interface=interface.id) == interface.kind
    assert connector() == "p1"
    assert connector(protocol="sml") is None


def validator(payload: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(CATALOGUE.payloads[payload])


def payload_of(topic: str) -> str:
    """The payload that the catalogue states for a topic as published."""
    for declared in CATALOGUE.topics.values():
        pattern = re.sub(
            r"\\?\{(\w+)\\?\}", lambda placeholder: f"(?:{CATALOGUE.levels[placeholder[1]]})", declared.path
        )
        if re.fullmatch(pattern, topic):
            return declared.payload
    raise AssertionError(f"{topic} is no topic of the catalogue")


def readable(recording: Capture) -> list[Snapshot]:
    settings = MeterSettings(key=recording.key, auth_key=recording.auth_key, operator="ekz")
    pipeline = Pipeline(CATALOGUE, replace(settings, operator=None))
    found = pipeline.feed(recording.data, NOW) + pipeline.finish()
    return [item for item in found if isinstance(item, Snapshot)]


READABLE: Final = [c for c in load_captures("dlms-hdlc") if not c.facts["damaged"] and readable(c)]


@pytest.mark.parametrize("recording", READABLE, ids=lambda c: c.name.split("/")[1])
def test_everything_published_conforms_to_the_contract(recording: Capture) -> None:
    ours = Messages(CATALOGUE, MeterSettings())
    for snapshot in readable(recording):
        for message in ours.snapshot(snapshot):
            payload = payload_of(message.topic)
            document = message.payload.decode() if payload == "text" else json.loads(message.payload)
            validator(payload).validate(document)
        kinds = {name: CATALOGUE.quantities[name].kind for name in snapshot.values}
        for message in ours.snapshot(snapshot):
            name = message.topic.rpartition("/value/")[2]
            if name in kinds:
                live = kinds[name] in ("instantaneous", "demand")
                assert (message.qos, message.retain, message.expiry_s) == (
                    (0, False, 60) if live else (1, True, None)
                )


def test_events_conform_to_the_contract() -> None:
    ours = messages()
    for state in LinkState:
        report = Diagnostics(
            state, problems={"noise": 2}, intervals={"": 5.0}, last_rx=NOW, clock_offset_s=1.25
        )
        for diag in (
            ours.diag("m", report, NOW - timedelta(seconds=3), queued=1, dropped=0),
            ours.diag("m", Diagnostics(state), NOW),
        ):
            validator("diag").validate(json.loads(diag.payload))
    for problem in (Problem("noise", "x"), Problem("made_up", "x", 5, "y", "power_import")):
        validator("error").validate(json.loads(ours.error("m", problem, NOW, count=2).payload))


class TestExactNumbers:
    @given(st.integers(-(2**64), 2**64), st.integers(-12, 12))
    def test_text_is_the_number(self, mantissa: int, exponent: int) -> None:
        number = Number(mantissa, exponent)
        text = str(number)
        assert Decimal(text) == Decimal(mantissa).scaleb(exponent)
        assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
        assert len(text.partition(".")[2]) == max(0, -exponent)

    @given(st.integers(-(2**64), 2**64), st.integers(-12, 12))
    def test_json_is_the_number(self, mantissa: int, exponent: int) -> None:
        snapshot = snapshots()[0]
        values = {"power_import": Measured(Number(mantissa, exponent), "W", None)}
        state = messages().state(replace(snapshot, values=values))
        parsed = json.loads(state, parse_float=Decimal, parse_int=Decimal)
        assert parsed["values"]["power_import"] == Decimal(mantissa).scaleb(exponent)

    def test_never_through_a_float(self) -> None:
        assert bytes(exact_text(Number(3, -1))) == b"0.3"
        assert bytes(exact_text(Number(9007199254740993, -3))) == b"9007199254740.993"
        assert bytes(exact_text(Number(2300, -1))) == b"230.0"
        assert bytes(exact_text(Number(-5, -2))) == b"-0.05"


def exact_text(number: Number) -> bytes:
    import orjson

    return orjson.dumps(exact(number))


def test_values_as_sent() -> None:
    assert json_value("a") == "a"
    assert json_value(True) is True
    assert json_value(b"\x01\xff") == "01ff"
    assert (
        json_value(MeterTime(datetime.fromisoformat("2026-01-01"), 60, None)) == "2026-01-01T00:00:00+01:00"
    )
    assert (
        json_value(MeterTime(datetime.fromisoformat("2026-01-01"), -210, None)) == "2026-01-01T00:00:00-03:30"
    )


def test_times_are_utc() -> None:
    assert utc_text(NOW) == "2026-05-04T09:39:21Z"
    assert utc_text_ms(NOW) == "2026-05-04T09:39:21.402Z"
    assert utc_text_ms(NOW.replace(microsecond=0)) == "2026-05-04T09:39:21.000Z"
