"""The recordings of real SML meters through the whole line: what is published, identity, damage, lists of the catalogue.

That each decodes and agrees with its source and with smllib is proved in tests/bridge/proof.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import ciimodel
import pytest
from captures import Capture, capture, load_captures
from ciibridge.decode.sml.tlv import parse
from ciibridge.framing.crc import checksum
from ciibridge.framing.sml import SmlFramer
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.types import Frame, Number, Problem, Register, Snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

NOW: Final = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
SML: Final = load_captures("sml")
GOOD: Final = "sml/itron_openway-3.hz.bin"
EBZ: Final = "sml/ebz-smllib-issue8-ok.bin"
UNITS: Final = {unit.symbol: unit.dlms for unit in ciimodel.load().units.values()}


def names(captures: list[Capture]) -> Any:
    return pytest.mark.parametrize("recording", captures, ids=lambda c: c.name.split("/")[1])


def run(data: bytes, cuts: list[int] | None = None) -> list[Snapshot | Problem]:
    pipeline = Pipeline(ciimodel.load(), MeterSettings(clock="meter"), "sml")
    found: list[Snapshot | Problem] = []
    position = 0
    for size in cuts or []:
        found += pipeline.feed(data[position : position + size], NOW)
        position += size
    return found + pipeline.feed(data[position:], NOW) + pipeline.finish()


def snapshots(found: list[Snapshot | Problem]) -> list[Snapshot]:
    return [item for item in found if isinstance(item, Snapshot)]


def codes(found: list[Snapshot | Problem]) -> list[str]:
    return [item.code for item in found if isinstance(item, Problem)]


def registers(snapshot: Snapshot) -> dict[str, Register]:
    """By OBIS code as captures.json writes it: with F, always."""
    assert snapshot.reading is not None
    return {f"{r.obis}*255" if r.obis.f == 255 else str(r.obis): r for r in snapshot.reading.registers}


def scaled(register: Register) -> Decimal:
    assert isinstance(register.value, Number)
    return Decimal(register.value.mantissa).scaleb(register.value.exponent + (register.scaler or 0))


def assert_values(seen: dict[str, Register], values: dict[str, Any]) -> None:
    assert values
    for code, expected in values.items():
        register = seen[code]
        value = expected["value"]
        if isinstance(value, str):
            sent = register.value
            assert isinstance(sent, (str, bytes)), code
            text = sent if isinstance(sent, str) else sent.hex()
            assert value in (text, text.encode().hex()), code
            continue
        assert scaled(register) == Decimal(str(value)), code
        unit = expected["unit"]
        if unit is not None:
            assert register.unit == (unit if isinstance(unit, int) else UNITS[unit]), code


@names(SML)
def test_every_value_published_is_its_register(recording: Capture) -> None:
    messages = Messages(ciimodel.load(), MeterSettings(clock="meter"), protocol="sml")
    for snapshot in snapshots(run(recording.data)):
        state = json.loads(messages.state(snapshot), parse_float=Decimal, parse_int=Decimal)
        by_code = registers(snapshot)
        for name, measured in snapshot.values.items():
            if measured.obis is not None:
                assert state["values"][name] == scaled(by_code[f"{measured.obis}*255"])
        assert snapshot.ts_source == "receiver"  # all of them send a seconds index, which is no time of day
        assert snapshot.meter


@names(SML)
def test_octet_by_octet_and_in_any_pieces_is_the_same(recording: Capture) -> None:
    whole = run(recording.data)
    assert run(recording.data, [1] * len(recording.data)) == whole
    dice = random.Random(recording.name)
    assert run(recording.data, [dice.randrange(1, 300) for _ in range(30)]) == whole


def test_damage_in_a_recording_costs_the_damaged_files_only() -> None:
    """Octets are missing in three files of this one, and two more are cut off at its ends."""
    recording = capture("sml/easymeter_q3a_a1064v1009.bin")
    damaged = [p.offset for p in run(recording.data) if isinstance(p, Problem) and p.code == "bad_checksum"]
    assert damaged == [445, 1953, 2452]


@given(st.integers(0, 243), st.integers(1, 255))
@settings(max_examples=80, deadline=None)
def test_a_damaged_octet_never_gives_a_value(position: int, flip: int) -> None:
    data = bytearray(capture(GOOD).data)
    data[position] ^= flip
    found = run(bytes(data))
    assert snapshots(found) == []
    assert codes(found)


@pytest.mark.parametrize("kept", range(0, 244, 9))
def test_truncation_gives_a_problem(kept: int) -> None:
    found = run(capture(GOOD).data[:kept])
    assert snapshots(found) == []
    assert len(codes(found)) == (1 if kept else 0)


@given(st.binary(max_size=600))
@settings(max_examples=100, deadline=None)
def test_arbitrary_octets_raise_nothing(data: bytes) -> None:
    assert snapshots(run(data)) == []


def resealed(recording: Capture) -> bytes:
    """The same file with the CRCs of its first two messages, and its own, made right."""
    (frame,) = [f for f in SmlFramer().feed(recording.data) if isinstance(f, Frame)]
    content = bytearray(frame.information)
    first = parse(frame.information, 0)
    second = parse(frame.information, first.end)
    for message in (first, second):
        *_, crc, _end = message.elements
        content[crc.offset + 1 : crc.end] = checksum(frame.information[message.offset : crc.offset])
    covered = recording.data[:8] + bytes(content) + recording.data[8 + len(content) : -2]
    return covered + checksum(covered)


def test_the_ebz_telegram_is_refused_because_its_source_changed_it() -> None:
    """File and server id are all zeros, and the CRCs of the two messages that hold them do not fit; the third's does.

    With these two CRCs made right, every value is the one its source asserts.
    """
    recording = capture(EBZ)
    assert codes(run(recording.data)) == ["bad_checksum", "bad_checksum"]
    (snapshot,) = snapshots(run(resealed(recording)))
    expect = recording.facts["expect"]
    assert_values(registers(snapshot), expect["values"])
    assert len(registers(snapshot)) == expect["objects"]
    assert snapshot.identity["manufacturer"] == "EBZ"


def test_lists_of_the_catalogue_are_those_of_the_captures() -> None:
    """Each list of a model is what one of its recordings holds, register by register."""
    seen = set()
    for recording in SML:
        for snapshot in snapshots(run(resealed(recording) if recording.name == EBZ else recording.data)):
            assert snapshot.reading is not None
            seen.add(tuple(str(r.obis) for r in snapshot.reading.registers))
    lists = [p for m in ciimodel.load().meters.values() for p in m.lists if p.shape == "sml"]
    assert len(lists) >= 15
    for pushed in lists:
        assert tuple(element.obis for element in pushed.elements) in seen


def test_identity_and_the_number_on_the_nameplate() -> None:
    def identity(name: str) -> tuple[str, dict[str, str]]:
        snapshot = snapshots(run(capture(f"sml/{name}.bin").data))[0]
        return snapshot.meter, snapshot.identity

    meter, who = identity("dzg-smllib-frame1")
    assert (meter, who["identification"], who["manufacturer"]) == (
        "0a01445a47000282c0b0",
        "1 DZG 00 42123440",
        "DZG",
    )
    meter, who = identity("easymeter_q3a_a1064v1009")
    assert (meter, who["identification"]) == (
        "09014553591103b599a5",
        "1ESY1162232997",
    )  # the meter's own words
    meter, who = identity("emh-ehz-vzlogger")
    assert (meter, who["server_id"], who["identification"]) == ("02280816", "02280816", "02280816")
    meter, who = identity("emh-smllib-issue26")  # no register says it
    assert (meter, who["server_id"], who["identification"]) == (
        "0901454d480000cacf7e",
        "0901454d480000cacf7e",
        "1 EMH 00 13291390",
    )
    meter, who = identity("emh_ehz-hw8e2a5l0ek2p")
    assert meter == "06454d4801027153c8c6"
    assert "identification" not in who  # a form of EMH's own
