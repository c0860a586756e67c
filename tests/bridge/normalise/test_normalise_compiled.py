"""The compiled way of lifted telegrams gives what the general way gives, whatever the numbers are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import ciimodel
import pytest
from captures import Capture, load_captures
from ciibridge.decode.dlms import LayoutBook, decode
from ciibridge.decode.mould import LiftedReading
from ciibridge.errors import DecodeError
from ciibridge.framing.sniff import sniff
from ciibridge.normalise import ClockPolicy, MeterSettings, Normaliser
from ciibridge.normalise.clock import Clock, to_utc
from ciibridge.normalise.compiled import FormedSnapshot
from ciibridge.pipeline import Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.types import Apdu, MeterTime, Problem, Reading, Snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

CATALOGUE = ciimodel.load()
#: Wall clocks in the nights in which zones change, in Europe, and on Lord Howe Island by half an hour.
NIGHTS = st.one_of(
    st.integers(0, 48 * 3600 - 1).map(
        lambda s, begin=begin: datetime.fromisoformat(begin) + timedelta(seconds=s)
    )
    for begin in ("2026-03-28", "2026-10-24", "2026-04-04")
)
NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)


def plain_apdus(one: Capture) -> Iterator[bytes]:
    wanted = MeterSettings(key=one.key, auth_key=one.auth_key)
    line = Pipeline(CATALOGUE, wanted, sniff(one.data) or "dlms-hdlc")
    for item in line.feed(one.data, NOW) + line.finish():
        if isinstance(item, Snapshot) and item.reading and item.reading.shape not in ("positional", "lines"):
            yield item.reading.apdu.data


@cache
def telegrams() -> tuple[bytes, ...]:
    """Plain APDUs that can be lifted, one a capture."""
    found: dict[str, bytes] = {}
    for one in load_captures():
        if one.name.startswith("dlms") and not one.facts["damaged"]:
            for octets in plain_apdus(one):
                book = taught(octets)
                if book is not None and book.lifts:
                    found.setdefault(one.name, octets)
    return tuple(found.values())


def taught(octets: bytes) -> LayoutBook | None:
    book = LayoutBook()
    try:
        for _ in range(2):
            decode(Apdu(octets, 0), book)
    except DecodeError:
        return None
    return book


def general(reading: Reading) -> Reading:
    """The same reading, of which nothing is known."""
    return replace(reading)


def both(
    readings: list[Reading], wanted: MeterSettings, now: datetime = NOW
) -> tuple[int, list[object], list[object]]:
    """How many went the compiled way, and what both ways gave."""
    one, other = Normaliser(CATALOGUE, wanted), Normaliser(CATALOGUE, wanted)
    messages = Messages(CATALOGUE, wanted)
    compiled: list[object] = []
    judged: list[object] = []
    formed = 0
    for n, reading in enumerate(readings):
        at = now + timedelta(seconds=5 * n)
        for item in one.take(reading, at):
            formed += isinstance(item, FormedSnapshot)
            compiled += [item, messages.state(item)] if isinstance(item, Snapshot) else [item]
        for item in other.take(general(reading), at):
            assert not isinstance(item, FormedSnapshot)
            judged += [item, messages.state(item)] if isinstance(item, Snapshot) else [item]
    assert (one.withheld, one.model) == (other.withheld, other.model)
    return formed, compiled, judged


def test_there_are_telegrams_to_compare() -> None:
    assert len(telegrams()) > 10


def test_from_the_second_lifted_telegram_on_nothing_is_looked_up() -> None:
    compiled_ways = 0
    for octets in telegrams():
        book = taught(octets)
        assert book is not None
        readings = [decode(Apdu(octets, 0), book) for _ in range(3)]
        formed, compiled, judged = both(readings, MeterSettings(id="m", clock=ClockPolicy.METER))
        assert compiled == judged
        assert formed in (0, 2)  # 0: numbers that stand for texts, or push lists without values
        compiled_ways += formed == 2
    assert compiled_ways > 10


@settings(max_examples=30)
@given(st.data())
def test_whatever_the_numbers_are(data: st.DataObject) -> None:
    octets = data.draw(st.sampled_from(telegrams()))
    book = taught(octets)
    assert book is not None
    (lift,) = book.lifts[-1:]
    free = [n for n, octet in enumerate(lift.mask.to_bytes(lift.size, "big")) if not octet]
    readings: list[Reading] = []
    current = bytearray(octets)
    for _ in range(data.draw(st.integers(3, 8))):
        for position in data.draw(st.lists(st.sampled_from(free), max_size=4)):
            current[position] = data.draw(st.integers(0, 255))
        reading = book.lift(Apdu(bytes(current), 0))
        if reading is not None:
            readings.append(reading)
    policy = data.draw(st.sampled_from(list(ClockPolicy)))
    wanted = MeterSettings(id=data.draw(st.sampled_from(["m", None])), clock=policy)
    _, compiled, judged = both(readings, wanted)
    assert compiled == judged


def test_a_counter_that_falls_and_a_value_that_cannot_be_go_the_general_way() -> None:
    octets = next(o for o in telegrams() if b"LGZ" in o)
    book = taught(octets)
    assert book is not None
    (lift,) = book.lifts[-1:]
    readings = [book.lift(Apdu(octets, 0)) for _ in range(3)]
    free = [n for n, octet in enumerate(lift.mask.to_bytes(lift.size, "big")) if not octet]
    wrong = bytearray(octets)
    for position in free[8:]:  # behind the date-time and the invoke id
        wrong[position] = 0
    readings += [book.lift(Apdu(bytes(wrong), 0)), *readings]
    formed, compiled, judged = both(
        [r for r in readings if r], MeterSettings(id="m", clock=ClockPolicy.METER)
    )
    assert compiled == judged
    assert formed < len(readings)
    assert any(isinstance(item, Problem) for item in compiled)


def test_a_changed_copy_of_a_lifted_reading_is_a_reading_like_any_other() -> None:
    book = taught(telegrams()[0])
    assert book is not None
    lifted = book.lift(Apdu(telegrams()[0], 0))
    assert isinstance(lifted, LiftedReading)
    copy = replace(lifted, registers=lifted.registers[:1])
    assert copy != lifted
    assert copy.registers == lifted.registers[:1]
    assert replace(lifted) == lifted
    assert len({lifted.list_object, copy.list_object}) == 1


@pytest.mark.parametrize("zone", ["Europe/Zurich", "UTC", "Australia/Lord_Howe", "Asia/Kathmandu"])
@given(
    times=st.lists(
        st.tuples(
            NIGHTS,
            st.sampled_from([None, 0, 60, -120]),
            st.sampled_from([None, 0, 0x80]),
            st.sampled_from([None, "S", "W"]),
        ),
        max_size=12,
    )
)
def test_the_hour_that_is_remembered_is_the_right_one(
    zone: str, times: list[tuple[datetime, int | None, int | None, str | None]]
) -> None:
    wanted = MeterSettings(zone=zone, clock=ClockPolicy.METER)
    clock = Clock(ClockPolicy.METER)
    last: datetime | None = None
    for each in sorted(times, key=lambda each: each[0]):
        time = MeterTime(*each)
        expected = to_utc(time, wanted.find_zone(), last)
        stamp = clock.stamp(time, None, wanted.find_zone(), NOW)
        assert expected is not None
        assert stamp.ts == expected.replace(microsecond=0)
        last = expected
