"""Load profiles of meters that speak text: the answer to P.01, and gaps that are filled from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import ciimodel
import pytest
from ciibridge.decode.ascii.profile import Stretch, decode
from ciibridge.dialogue.asking import WAYS, Asking, Backfilling
from ciibridge.dialogue.iec62056.profile import ProfileReader, stamp
from ciibridge.normalise.clock import to_utc
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.iec62056 import Station
from ciibridge.simulate.profile import LoadProfile
from ciibridge.types import Number, Reading
from dialogue_parts import Heard, content, play
from hypothesis import given, settings
from hypothesis import strategies as st
from iec62056_parts import NOW, block

QUARTER = timedelta(minutes=15)
ZONE = Asking().zone
METER = SimulatedMeter(ciimodel.load(), "siemens-td3511")
BEGIN = datetime(2026, 5, 4, 7, 39, 21, tzinfo=UTC)
ROWS = [datetime(2026, 5, 4, 7, 45, tzinfo=UTC) + QUARTER * n for n in range(4)]
END = datetime(2026, 5, 4, 8, 39, 22, tzinfo=UTC)


def times(stretch: Stretch) -> list[datetime]:
    begin = to_utc(stretch.begin, ZONE)
    return [begin + stretch.period * n for n in range(len(stretch.rows))]


# -- the answer ---------------------------------------------------------------------------------------------------------------


def test_codes_units_and_numbers_are_those_of_the_meter() -> None:
    text = (
        "P.01(1260504103000)(08)(15)(3)(1-0:1.5.0)(kW)(1.29)(kWh)(1-1:1.8.0)(kWh)\r\n"
        "(0.3050)(0.07625)(00203.845)\r\n(0.3178)(0.07945)(00203.933)\r\n"
    )
    (stretch,), faults = decode(text)
    assert faults == []
    assert times(stretch) == [
        datetime(2026, 5, 4, 8, 30, tzinfo=UTC),
        datetime(2026, 5, 4, 8, 45, tzinfo=UTC),
    ]
    row = stretch.rows[0]
    assert row is not None
    assert [(str(r.obis), r.value, r.spelling) for r in row] == [
        ("1-0:1.5.0", Number(3050, -4), "kW"),
        ("1-0:1.29.0", Number(7625, -5), "kWh"),
        ("1-1:1.8.0", Number(203845, -3), "kWh"),
    ]
    assert stretch.invalid == ""


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("0260104120000", datetime(2026, 1, 4, 11, 0, tzinfo=UTC)),
        ("1260704120000", datetime(2026, 7, 4, 10, 0, tzinfo=UTC)),
        ("0260704120000", datetime(2026, 7, 4, 11, 0, tzinfo=UTC)),  # a clock that stays in winter time
        ("2260704120000", datetime(2026, 7, 4, 12, 0, tzinfo=UTC)),
        ("12607041200", datetime(2026, 7, 4, 10, 0, tzinfo=UTC)),
        ("260704120000", datetime(2026, 7, 4, 10, 0, tzinfo=UTC)),
        ("2607041200", datetime(2026, 7, 4, 10, 0, tzinfo=UTC)),
    ],
)
def test_every_form_of_the_time(written: str, utc: datetime) -> None:
    (stretch,), _ = decode(f"P.01({written})(00000000)(15)(1)(1.8.0)(kWh)\r\n(1.0)\r\n")
    assert times(stretch) == [utc]


def test_both_nights_on_which_the_clock_is_changed() -> None:
    for begin in (datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)):
        lines = LoadProfile(METER).lines(
            stamp(begin, ZONE), stamp(begin + timedelta(hours=6), ZONE), begin + timedelta(days=1)
        )
        stretches, faults = decode("\r\n".join(lines or []))
        assert faults == []
        assert [at for stretch in stretches for at in times(stretch)] == [
            begin + QUARTER * n for n in range(25)
        ]
        # The same when the meter writes one header for all of the night.
        one = [line for n, line in enumerate(lines or []) if n == 0 or not line.startswith("P")]
        (stretch,), _ = decode("\r\n".join(one))
        assert times(stretch) == [begin + QUARTER * n for n in range(25)]


@pytest.mark.parametrize("status", ["04", "02", "01", "00000004", "8004"])
def test_rows_that_the_meter_marks_are_invalid(status: str) -> None:
    (stretch,), _ = decode(f"P.01(1260504103000)({status})(15)(1)(1.8.0)(kWh)\r\n(1.0)\r\n")
    assert stretch.invalid


@pytest.mark.parametrize("status", ["00", "08", "80", "40", "C0", "20", "10", "8000"])
def test_other_marks_leave_them_valid(status: str) -> None:
    (stretch,), _ = decode(f"P.01(1260504103000)({status})(15)(1)(1.8.0)(kWh)\r\n(1.0)\r\n")
    assert not stretch.invalid


@pytest.mark.parametrize(
    "text", ["", "P.01(ERROR)\r\n", "P.01()", "P.01(1260504103000)(00)(15)(1)(1.8.0)(kWh)\r\n"]
)
def test_no_rows(text: str) -> None:
    assert decode(text) == ([], [])


def test_a_row_that_is_none_keeps_its_place() -> None:
    (stretch,), faults = decode(
        "P.01(1260504103000)(00)(15)(1)(1.8.0)(kWh)\r\n(1.0)\r\n(2.0)(x)\r\n(3.0)\r\n"
    )
    assert [row is not None for row in stretch.rows] == [True, False, True]
    assert faults == ["line 3: not its 1 values"]


def test_a_header_that_is_not_understood_takes_its_rows_with_it() -> None:
    stretches, faults = decode(
        "P.01(1269904103000)(00)(15)(1)(1.8.0)(kWh)\r\n(1.0)\r\nP.01(1260504103000)(00)(15)(1)(1.8.0)(kWh)\r\n(2.0)\r\n"
    )
    assert [len(stretch.rows) for stretch in stretches] == [1]
    assert faults == ["line 1: a header that is not understood"]


def test_a_later_header_without_its_code() -> None:
    stretches, faults = decode(
        "P.01(1260504103000)(00)(1)(1)(1.8.0)(kWh)\r\n(1.0)\r\n(1260504103300)(80)(1)(1)(1.8.0)(kWh)\r\n(2.0)\r\n"
    )
    assert [times(stretch)[0].minute for stretch in stretches] == [30, 33]
    assert faults == []


@given(st.text(alphabet="P.01()*kWh25-:EROR\r\n\0! ", max_size=120))
def test_any_text_is_read_or_told(text: str) -> None:
    decode(text)


# -- gaps ---------------------------------------------------------------------------------------------------------------------


@cache
def kept(begin: str, end: str, at: datetime) -> list[str] | None:
    """Give the load profile of the meter; computed once, since many rounds ask for the same."""
    return LoadProfile(METER).lines(begin, end, at)


def meter(profile: LoadProfile | None = None, **options: Any) -> Station:
    rows = profile.lines if profile else kept
    return Station("LGZ6ZMF100AC.M23", content, serial="10000001", rows=options.pop("rows", rows), **options)


def reader(*read: str, begin: datetime = BEGIN, end: datetime = END, **asking: Any) -> ProfileReader:
    made = WAYS["iec62056-21"].asker(Asking(read=read or ("P.01",), **asking))
    assert isinstance(made, ProfileReader)
    made.fill(begin, end)
    return made


def fill(asker: ProfileReader, station: Station, spoil: Callable[[bytes, int], bytes] | None = None) -> Heard:
    options = {"spoil": spoil} if spoil else {}
    return play(asker.round(NOW), station, **options)


def at(rows: Sequence[Reading]) -> list[datetime]:
    return [row.time.local.replace(tzinfo=UTC) for row in rows if row.time is not None]


def test_only_who_is_told_of_a_profile_fills_gaps() -> None:
    make = WAYS["iec62056-21"].asker
    assert isinstance(make(Asking(read=("F001", "P.01"))), Backfilling)
    assert isinstance(make(Asking(read=("R6:P.02",))), Backfilling)
    assert not isinstance(make(Asking()), Backfilling)
    assert not isinstance(make(Asking(read=("F001", "R5:P.01(12605040000;12605050000)"))), Backfilling)


@pytest.mark.parametrize("read", [("P.01",), ("F001", "P.01"), ("R6:P.01",)])
def test_a_gap_is_filled_after_the_values_of_now(read: tuple[str, ...]) -> None:
    asker = reader(*read)
    heard = fill(asker, meter())
    assert heard.error is None
    assert len(heard.telegrams) == 1
    assert at(heard.rows) == ROWS
    assert heard.notes == []
    assert not asker.filling
    assert heard.sent[-1] == b"\x01B0\x03\x71"
    assert any(b"P.01(12605040839;12605041139)" in sent for sent in heard.sent)
    again = fill(asker, meter())
    assert again.rows == []
    assert not any(b"P.01" in sent for sent in again.sent)


def test_it_is_asked_in_parts_where_told() -> None:
    heard = fill(reader("R6:P.01", begin=BEGIN - timedelta(hours=9)), meter())
    assert at(heard.rows) == [ROWS[0] + QUARTER * n for n in range(-36, 4)]
    assert heard.sent.count(b"\x06") > 3


def test_a_password_is_said_first() -> None:
    heard = fill(reader(password="1234"), meter(password="1234"))
    assert at(heard.rows) == ROWS


def test_a_line_that_cannot_change_is_left_as_it_is() -> None:
    heard = fill(reader(can_change=False), meter())
    assert at(heard.rows) == ROWS
    assert heard.speeds == [300]


@pytest.mark.parametrize("options", [{"password": "1234"}, {"rows": None}, {"rows": lambda *_: None}])
def test_what_the_meter_does_not_give_is_left_with_its_bounds(options: dict[str, Any]) -> None:
    asker = reader()
    heard = fill(asker, meter(**options))
    assert heard.error is None
    assert len(heard.telegrams) == 1
    (note,) = heard.notes
    assert note.code == "gap_left"
    assert "from 2026-05-04T07:39:21Z to 2026-05-04T08:39:22Z" in note.message
    assert not asker.filling
    assert heard.sent[-1] == b"\x01B0\x03\x71"


def test_a_wrong_password_is_said_once_and_not_shown() -> None:
    heard = fill(reader(password="wrong"), meter(password="1234"))
    assert heard.notes[0].code == "gap_left"
    assert "wrong" not in heard.notes[0].message
    assert sum(b"(wrong)" in sent for sent in heard.sent) == 1


def test_an_empty_profile() -> None:
    heard = fill(reader(), meter(rows=lambda *_: []))
    assert heard.rows == []
    (note,) = heard.notes
    assert note.message == "the load profile has no rows from 2026-05-04T07:39:21Z to 2026-05-04T08:39:22Z"


def test_missing_and_disturbed_rows_are_told() -> None:
    heard = fill(reader(), meter(LoadProfile(METER, absent={ROWS[1]}, disturbed={ROWS[3]})))
    assert at(heard.rows) == [ROWS[0], ROWS[2]]
    (note,) = heard.notes
    assert "from 2026-05-04T07:45:00Z to 2026-05-04T08:15:00Z" in note.message
    assert "1 marked by the meter, measured value disturbed" in note.message


def test_a_long_gap_takes_several_rounds() -> None:
    asker = reader(begin=END - timedelta(days=4))
    station, found = meter(), []
    rounds = 0
    while asker.filling:
        found += at(fill(asker, station).rows)
        rounds += 1
    assert rounds == 2
    assert found == [ROWS[-1] - QUARTER * n for n in range(4 * 96)][::-1]


def answer_of_the_profile(spoil_at: int, change: Callable[[bytes], bytes]) -> Callable[[bytes, int], bytes]:
    """Spoil the first answer that holds rows."""
    spoilt: list[bool] = []

    def spoil(said: bytes, _number: int) -> bytes:
        if b"P.01(" not in said or spoilt or spoil_at >= len(said):
            return said
        spoilt.append(True)
        return change(said)

    return spoil


def test_a_wrong_bcc_is_repeated() -> None:
    heard = fill(reader(), meter(), answer_of_the_profile(0, lambda said: said[:-1] + bytes([said[-1] ^ 1])))
    assert at(heard.rows) == ROWS
    assert heard.sent.count(b"\x15") == 1


@pytest.mark.parametrize(("read", "step"), [("P.01", 1), ("R6:P.01", 11)])
def test_an_octet_that_is_damaged_never_gives_another_row(read: str, step: int) -> None:
    """Every octet of an answer with the rows of the gap alone; every eleventh of the first part of a longer one."""
    around = timedelta(0) if step == 1 else timedelta(hours=1)
    lines = kept(stamp(ROWS[0] - around, ZONE), stamp(ROWS[-1] + around, ZONE), NOW)
    expected = fill(reader(read), meter(rows=lambda *_: lines)).rows
    assert at(expected) == ROWS
    places = range(0, sum(len(line) + 2 for line in (lines or [])[:8]) + 4, step)
    for place in places:

        def change(said: bytes, place: int = place) -> bytes:
            return said[:place] + bytes([said[place] ^ 0x11]) + said[place + 1 :]

        asker = reader(read)
        heard = fill(asker, meter(rows=lambda *_: lines), answer_of_the_profile(place, change))
        if heard.error is not None:
            assert heard.rows == []
            heard = fill(asker, meter())
        assert heard.rows == expected
        assert heard.notes == []


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.booleans(), st.sampled_from(["P.01", "R6:P.01"]))
def test_whatever_is_answered_the_round_ends_as_it_should(octets: bytes, with_bcc: bool, read: str) -> None:
    def spoil(said: bytes, _number: int) -> bytes:
        return (block(octets) if with_bcc else octets) if b"P.01(" in said else said

    heard = fill(reader(read), meter(), spoil)
    assert heard.rows == []
    assert heard.error is not None or heard.notes


def test_a_line_that_stays_silent_ends_the_round_and_later_the_gap() -> None:
    asker = reader()

    def spoil(said: bytes, _number: int) -> bytes:
        return b"" if b"P.01(" in said else said

    for _ in range(4):
        heard = fill(asker, meter(), spoil)
        assert heard.error is not None
        assert heard.error.code == "no_answer"
        assert len(heard.telegrams) == 1
    heard = fill(asker, meter(), spoil)
    assert heard.error is None
    assert heard.notes[0].code == "gap_left"
    assert not asker.filling


def test_rows_up_to_a_time_that_no_clock_shows_are_told() -> None:
    def spoil(said: bytes, _number: int) -> bytes:
        rows = "(1)\r\n" * 1000
        text = f"P.01(0260504120000)(00)(99999)(1)(1-0:1.8.0)(kWh)\r\n{rows}"
        return block(text.encode()) if b"P.01(" in said else said

    heard = fill(reader("P.01"), meter(), spoil)
    assert heard.error is None
    assert heard.rows == []
    assert "1000 of a time that no clock shows" in heard.notes[0].message
