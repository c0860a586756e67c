"""The load profile: rows by time and by number, null-data, the clock's change, holes, and gaps that are filled once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.shapes import CaptureObject
from ciibridge.dialogue import DialogueError
from ciibridge.dialogue.dlms.profile import MeterClock, Profile, rows
from ciibridge.dialogue.dlms.scalers import Scalers
from ciibridge.normalise.settings import MeterSettings
from ciibridge.pipeline import Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.simulate.cosem import Client
from ciibridge.simulate.encode import date_time, encode, head, structure
from ciibridge.simulate.objects import LOAD_PROFILE
from ciibridge.types import Obis, Reading, Snapshot
from read_parts import AT, CATALOGUE, SETUPS, ZONE, Heard, asker, by_code, do, simulated, station

QUARTER = timedelta(minutes=15)
BEGIN = AT - timedelta(hours=2)  # 07:39:21 UTC
QUARTERS = [datetime(2026, 5, 4, 7, 45, tzinfo=UTC) + QUARTER * n for n in range(8)]


def times(readings: list[Reading]) -> list[datetime]:
    return [reading.time.local.replace(tzinfo=UTC) for reading in readings if reading.time]


def filled(begin: datetime = BEGIN, end: datetime = AT, **options: Any) -> Heard:
    ask = asker()
    ask.fill(begin, end)
    return do(ask.round(AT), station(**options))


@pytest.mark.parametrize("by_range", [True, False])
@pytest.mark.parametrize("model", ["lg-e450", "iskra-am550"])
def test_a_gap_is_filled_by_the_rows_in_it(by_range: bool, model: str) -> None:
    ask = asker(push_setups=SETUPS)
    ask.fill(BEGIN, AT)
    meter = station(meter=simulated(model), objects={"by_range": by_range})
    heard = do(ask.round(AT), meter)
    assert times(heard.past) == QUARTERS
    assert heard.problems == []
    assert len(heard.live) == 1
    assert do(ask.round(AT), meter).past == []  # once


def test_rows_are_what_the_registers_were() -> None:
    heard = filled()
    pipeline = Pipeline(CATALOGUE, MeterSettings(model="lg-e450"))
    (now,) = pipeline.take(heard.live[0], AT)
    then = [pipeline.take(reading, AT, past=True)[0] for reading in heard.past]
    assert isinstance(now, Snapshot)
    messages = Messages(CATALOGUE, MeterSettings(model="lg-e450"))
    messages.snapshot(now)
    for snapshot, at in zip(then, QUARTERS, strict=True):
        assert isinstance(snapshot, Snapshot)
        (pushed,) = Pipeline(CATALOGUE, MeterSettings(model="lg-e450")).feed(simulated().telegrams(at), at)
        assert isinstance(pushed, Snapshot)
        assert (snapshot.ts, snapshot.ts_source, snapshot.rx) == (at, "meter", AT)
        energy = snapshot.values["energy_import"]
        assert str(energy.number) == str(pushed.values["energy_import"].number)
        assert [message.topic.rpartition("/")[2] for message in messages.snapshot(snapshot)] == ["history"]
    assert pipeline.diagnostics(AT).withheld == 0  # the present was read before: its counters are higher
    assert pipeline.diagnostics(AT).clock_offset_s == 0


def test_what_was_published_is_not_given_again() -> None:
    """Both ends are telegrams that were published: a row of the same moment is none."""
    assert times(filled(QUARTERS[0], QUARTERS[3]).past) == QUARTERS[1:3]


@pytest.mark.parametrize("by_range", [True, False])
def test_holes_are_said_with_their_bounds(by_range: bool) -> None:
    absent = frozenset(QUARTERS[2:4])
    heard = filled(objects={"absent": absent, "by_range": by_range})
    assert times(heard.past) == [at for at in QUARTERS if at not in absent]
    assert [(p.code, p.message) for p in heard.problems] == [
        ("gap_left", "the load profile has no rows from 2026-05-04T08:00:00Z to 2026-05-04T08:45:00Z")
    ]


def test_a_gap_longer_than_the_meter_remembers() -> None:
    heard = filled(AT - timedelta(days=4), objects={"profile_days": 2})
    assert len(heard.past) == 192
    (problem,) = heard.problems
    assert problem.message.startswith(
        "the load profile has no rows from 2026-04-30T09:39:21Z to 2026-05-02T09:"
    )


def test_a_gap_of_weeks_is_filled_in_several_rounds() -> None:
    ask, meter = asker(), station()
    ask.fill(AT - timedelta(days=16), AT)
    found = [do(ask.round(AT), meter) for _ in range(4)]
    assert [len(heard.live) for heard in found] == [1, 1, 1, 1]
    assert [len(heard.past) for heard in found] == [7 * 96, 7 * 96, 2 * 96, 0]
    every = [at for heard in found for at in times(heard.past)]
    assert every == sorted(set(every))
    assert all(heard.problems == [] for heard in found)


def test_no_profile_is_said_with_the_bounds_of_the_gap() -> None:
    ask = asker(profiles=(Obis(1, 0, 99, 2, 0),))
    ask.fill(BEGIN, AT)
    meter = station()
    (problem,) = do(ask.round(AT), meter).problems
    assert problem.code == "gap_left"
    assert problem.message == (
        "nothing fills the gap from 2026-05-04T07:39:21Z to 2026-05-04T09:39:21Z: 1-0:99.2.0 object undefined"
    )
    assert do(ask.round(AT), meter).problems == []


def test_the_profile_may_not_be_read() -> None:
    seen = frozenset({Obis(0, 8, 25, 9, 0), Obis(0, 0, 42, 0, 0), Obis(1, 0, 1, 7, 0)})
    ask = asker(profiles=(LOAD_PROFILE,))
    ask.fill(BEGIN, AT)
    heard = do(ask.round(AT), station({16: Client(sees=seen)}))
    assert [p.message for p in heard.problems if p.code == "gap_left"] == [
        "nothing fills the gap from 2026-05-04T07:39:21Z to 2026-05-04T09:39:21Z: 1-0:99.1.0 read-write denied"
    ]
    assert heard.live


def test_a_line_that_breaks_while_a_gap_is_filled_goes_on_in_the_next_round() -> None:
    ask, meter = asker(), station(pdu_octets=256)
    ask.fill(AT - timedelta(days=3), AT)
    heard = Heard()
    with pytest.raises(DialogueError):
        do(ask.round(AT), meter, spoil=lambda number, said: said if number < 90 else b"", heard=heard)
    rest = do(ask.round(AT), meter)
    assert heard.past
    assert rest.past
    assert times(heard.past + rest.past) == [
        at for n in range(3 * 96) if (at := QUARTERS[-1] - QUARTER * (3 * 96 - 1 - n))
    ]


def test_a_gap_that_never_gets_filled_is_left_after_some_rounds() -> None:
    ask, meter = asker(), station()
    ask.fill(BEGIN, AT)
    do(asker().round(AT), meter)
    for limit in (10, 5, 5, 5):  # the first round reads object list and scalers, too
        with pytest.raises(DialogueError, match="does not answer"):
            do(ask.round(AT), meter, spoil=lambda number, said, limit=limit: said if number < limit else b"")  # type: ignore[misc]
    heard = Heard()
    do(ask.round(AT), meter, spoil=lambda number, said: said if number < 5 else b"", heard=heard)
    (problem,) = heard.problems
    assert problem.code == "gap_left"
    assert do(ask.round(AT), meter).past == []


# -- rows -----------------------------------------------------------------------------------------------------------------

CLOCK = CaptureObject(8, Obis(0, 0, 1, 0, 0), 2)
STATUS = CaptureObject(1, Obis(0, 0, 96, 10, 1), 2)
ENERGY = CaptureObject(3, Obis(1, 0, 1, 8, 0), 2)
PROFILE = Profile(LOAD_PROFILE, (CLOCK, STATUS, ENERGY), QUARTER)
NULL = b"\0"


def buffer(*entries: list[bytes]) -> axdr.Data:
    return axdr.read(head("array", len(entries)) + b"".join(structure(entry) for entry in entries))


def clock(local: str, deviation: bool = False) -> bytes:
    at = datetime.fromisoformat(local)
    return encode("octet-string", date_time(at.replace(tzinfo=ZONE), deviation=deviation))


def energy(value: int) -> bytes:
    return encode("double-long-unsigned", value)


def read(data: axdr.Data, profile: Profile = PROFILE, near: datetime = BEGIN) -> list[tuple[str, object]]:
    found = rows(profile, data, Scalers(), MeterClock(ZONE), near)
    return [(f"{row.at:%d %H:%M}", str(by_code(row.reading).get("1-0:1.8.0"))) for row in found]


def test_null_data_is_what_follows_from_the_row_before() -> None:
    zero = encode("unsigned", 0)
    data = buffer(
        [clock("2026-05-04T10:00"), zero, energy(5)],
        [NULL, NULL, energy(7)],
        [NULL, NULL, NULL],
        [NULL, zero, energy(9)],
    )
    assert read(data) == [("04 08:00", "5"), ("04 08:15", "7"), ("04 08:30", "7"), ("04 08:45", "9")]


def test_rows_without_a_time_or_with_too_few_values_are_left_out() -> None:
    zero = encode("unsigned", 0)
    data = buffer(
        [NULL, zero, energy(1)],
        [encode("octet-string", b"\xff" * 12), zero, energy(2)],
        [clock("2026-05-04T10:00"), zero],
        [clock("2026-05-04T10:15"), zero, energy(4)],
        [clock("2026-05-04T10:15"), zero, energy(5)],
    )
    assert read(data) == [("04 08:15", "4")]
    assert read(axdr.read(encode("unsigned", 1))) == []


def test_the_newest_row_may_come_first() -> None:
    zero = encode("unsigned", 0)
    data = buffer([clock("2026-05-04T10:15"), zero, energy(2)], [clock("2026-05-04T10:00"), zero, energy(1)])
    assert read(data, Profile(LOAD_PROFILE, PROFILE.columns, QUARTER, lifo=True)) == [
        ("04 08:00", "1"),
        ("04 08:15", "2"),
    ]


def test_a_unix_time_is_a_time() -> None:
    unix = CaptureObject(1, Obis(0, 0, 1, 1, 0), 2)
    profile = Profile(LOAD_PROFILE, (unix, ENERGY), QUARTER)
    assert profile.readable
    assert read(buffer([encode("double-long-unsigned", 1_777_881_600), energy(3)]), profile) == [
        ("04 08:00", "3")
    ]
    assert not Profile(LOAD_PROFILE, (ENERGY, None), QUARTER).readable


@pytest.mark.parametrize("deviation", [False, True])
@pytest.mark.parametrize(
    ("begin", "hours"),
    [(datetime(2025, 10, 25, 22, 50, tzinfo=UTC), 5), (datetime(2026, 3, 28, 23, 50, tzinfo=UTC), 5)],
)
def test_the_night_the_clock_changes(begin: datetime, hours: int, deviation: bool) -> None:
    """In autumn an hour comes twice, with and without its deviation; in spring one is left out."""
    model = "iskra-am550" if deviation else "lg-e450"
    end = begin + timedelta(hours=hours)
    ask = asker(push_setups=SETUPS)
    ask.fill(begin, end)
    heard = do(ask.round(end), station(meter=simulated(model)), end)
    first = begin + timedelta(minutes=10)
    assert times(heard.past) == [first + QUARTER * n for n in range(hours * 4)]
    assert heard.problems == []
