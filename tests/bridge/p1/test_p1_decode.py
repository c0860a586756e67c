"""Text → Reading, line by line: the lexer, the forms of values, and what a bad line costs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from ciibridge.decode.ascii import p1
from ciibridge.decode.ascii.lines import BadLine, DataSet, Entry, data_sets, number, obis
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, MeterTime, Number, Problem, Reading, Register
from hypothesis import given, settings
from hypothesis import strategies as st
from p1_parts import codes, run, snapshots, telegram


def decode(*lines: str, offset: int = 0, encrypted: bool = False) -> tuple[Reading, list[Problem]]:
    return p1.decode(Apdu(telegram(*lines), offset, encrypted=encrypted))


def one(*lines: str) -> Register:
    reading, problems = decode(*lines)
    assert problems == []
    (register,) = reading.registers
    return register


# -- lexer ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1-0:1.8.0", "1-0:1.8.0"),
        ("0-2:24.2.1", "0-2:24.2.1"),
        ("1-1:1.8.0*255", "1-1:1.8.0"),
        ("1-0:1.8.0*12", "1-0:1.8.0*12"),
        ("1.8.0", "1-0:1.8.0"),
        ("1.8.1&01", "1-0:1.8.1*1"),
        ("F.F", "0-0:97.97.0"),
        ("C.1.0", "0-0:96.1.0"),
        ("0-0:C.1.0", "0-0:96.1.0"),
        ("1-0:4:24.7.0", None),
        ("256-0:1.8.0", None),
        ("1-0:1.8.0.3", None),
        ("1-0:", None),
        ("", None),
    ],
)
def test_addresses(text: str, code: str | None) -> None:
    found = obis(text)
    assert (found and str(found)) == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("000123.450", (123450, -3)),
        ("0230.0", (2300, -1)),
        ("00013", (13, 0)),
        ("-1.5", (-15, -1)),
        ("+2", (2, 0)),
        ("5.", (5, 0)),
    ],
)
def test_numbers(text: str, expected: tuple[int, int]) -> None:
    assert number(text) == Number(*expected)


def test_numbers_that_are_none() -> None:
    for text in ("", "-", "1,5", "1e5", "12:30", "٣", "1" * 19):
        assert number(text) is None


def lexed(text: str) -> list[Any]:
    return [
        (str(found.address), *found.entries) if isinstance(found, DataSet) else (found.message, found.offset)
        for found in data_sets(text)
    ]


def test_several_data_sets_in_a_line_and_continuation_lines() -> None:
    assert lexed("1.8.1(12.3*kWh)1.8.2(45*kWh)\r\n0-1:24.3.0(a)(m3)\r\n(7)(8*s)\n\n1.7.0(2)") == [
        ("1-0:1.8.1", Entry("12.3", "kWh")),
        ("1-0:1.8.2", Entry("45", "kWh")),
        ("0-1:24.3.0", Entry("a"), Entry("m3"), Entry("7"), Entry("8", "s")),
        ("1-0:1.7.0", Entry("2")),
    ]


def test_a_bad_line_costs_itself_and_its_continuation() -> None:
    assert lexed("1.8.1(1)\nrubbish\n(2)\n1.8.2(3)1.8.3(4\n1.8.4(5)") == [
        ("1-0:1.8.1", Entry("1")),
        ("'rubbish' is no data set", 9),
        ("a line of values without an address", 17),
        ("1-0:1.8.2", Entry("3")),
        ("'1.8.3' is no data set", 29),
        ("1-0:1.8.4", Entry("5")),
    ]


def test_a_message_shows_no_value() -> None:
    (bad,) = data_sets("0-0:96.1.x(4530303434303036)")
    assert isinstance(bad, BadLine)
    assert "4530" not in bad.message


# -- values -----------------------------------------------------------------------------------------------------------


def test_identification_and_shape() -> None:
    reading, _ = p1.decode(Apdu(telegram("1.8.0(1*kWh)", identification=r"ISk5\2MT382-1000"), 0))
    assert (reading.identification, reading.shape) == (r"ISk5\2MT382-1000", "lines")


def test_number_and_unit() -> None:
    register = one("1-0:1.8.1(000156.167*kWh)")
    assert (register.value, register.spelling, register.type) == (Number(156167, -3), "kWh", "decimal")


@pytest.mark.parametrize(
    ("text", "local", "season"),
    [
        ("180104231941W", "2018-01-04T23:19:41", "W"),
        ("180704231941S", "2018-07-04T23:19:41", "S"),
        ("180104231941", "2018-01-04T23:19:41", None),
    ],
)
def test_clock(text: str, local: str, season: str | None) -> None:
    register = one(f"0-0:1.0.0({text})")
    assert register.value == MeterTime(datetime.fromisoformat(local), None, None, season)
    assert register.class_id == 8


@pytest.mark.parametrize("text", ["632525252525W", "180104231941X", "", "1801042319"])
def test_a_clock_that_was_never_set_is_shown_as_sent(text: str) -> None:
    register = one(f"0-0:1.0.0({text})")
    assert (register.value, register.type) == (text, "text")


def test_time_of_day_and_date() -> None:
    reading, _ = decode("1-0:0.9.1(222553)", "1-0:0.9.2(251002)", "1-0:1.7.0(1*kW)")
    assert [str(r.obis) for r in reading.registers] == ["1-0:0.9.2", "1-0:1.7.0"]
    assert reading.registers[0].value == MeterTime(datetime(2025, 10, 2, 22, 25, 53), None, None)  # noqa: DTZ001
    reading, _ = decode("0.9.1(22:25:53)", "0.9.2(25-10-02)")
    assert reading.registers[0].type == "time"
    reading, _ = decode("0.9.1(222553)", "0.9.2(259902)")
    assert [r.value for r in reading.registers] == ["222553", "259902"]


@pytest.mark.parametrize(
    ("address", "sent", "text"),
    [
        ("0-0:96.1.1", "4530303434303036393033333132393137", "E0044006903312917"),
        ("0-0:96.1.1", "31323639333037322020202020202020", "12693072"),  # filled up with blanks
        ("0-0:96.1.1", "3960221976967177082151037881335713", "3960221976967177082151037881335713"),
        ("0-0:96.1.0", "96815390", "96815390"),
        ("0-0:96.1.0", "45678912", "45678912"),  # might be "Eg.." in hexadecimal: too short to tell
        ("0-0:96.1.1", "453xxxxxxxxxx", "453xxxxxxxxxx"),
        ("0-0:96.1.1", "00000000000000", "00000000000000"),
        ("0-0:96.13.0", "48616C6C6F", "Hallo"),
        ("0-0:96.13.0", "", ""),
        ("0-0:96.13.0", "C3A4", "C3A4"),  # no ASCII: not printable for sure
        ("0-0:96.14.0", "0002", "0002"),
        ("0-0:96.14.0", "3031323334353637", "3031323334353637"),  # not an object that comes in code
    ],
)
def test_texts_in_hexadecimal_digits(address: str, sent: str, text: str) -> None:
    register = one(f"{address}({sent})")
    assert (register.value, register.type) == (text, "text")


def test_capture_times() -> None:
    register = one("0-1:24.2.1(170102161005W)(00000.107*m3)")
    assert (register.value, register.spelling) == (Number(107, -3), "m3")
    assert register.captured == MeterTime(datetime(2017, 1, 2, 16, 10, 5), None, None, "W")  # noqa: DTZ001
    register = one("1-0:1.6.0(200509134558S)(02.589*kW)")
    assert (register.value, register.captured and register.captured.season) == (Number(2589, -3), "S")


def test_a_capture_time_that_is_none_leaves_the_line_as_sent() -> None:
    register = one("0-1:24.2.1(632525252525S)(00000.000*m3)")
    assert (register.value, register.type) == ("(632525252525S)(00000.000*m3)", "text")


def test_hourly_value_of_dsmr_2_and_3() -> None:
    register = one("0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)", "(00001.001)")
    assert (str(register.obis), register.value, register.spelling) == ("0-1:24.3.0", Number(1001, -3), "m3")
    assert register.captured == MeterTime(datetime(2016, 11, 7, 19, 0), None, None)  # noqa: DTZ001


def test_log_of_power_failures_is_sorted() -> None:
    register = one("1-0:99.97.0(5)(0-0:96.7.19)(170520130938S)(0000005627*s)(170325044014W)(0043178677*s)")
    assert json.loads(str(register.value)) == [
        {"end": "2017-03-25T04:40:14", "duration_s": 43178677},
        {"end": "2017-05-20T13:09:38", "duration_s": 5627},
    ]
    assert register.type == "log"


@pytest.mark.parametrize("entries", ["()", "(0)(0-0:96.7.19)", "(0)", "(1)(0-0:96.7.19)(170325044014W)"])
def test_an_empty_log(entries: str) -> None:
    assert one(f"1-0:99.97.0{entries}").value == "[]"


def test_log_of_maxima() -> None:
    register = one(
        "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(200501000000S)(200423192538S)(03.695*kW)(200401000000S)(200305122139S)(05.980*kW)"
    )
    assert json.loads(str(register.value)) == [
        {"end": "2020-04-01T00:00:00", "time": "2020-03-05T12:21:39", "value": 5.98, "unit": "kW"},
        {"end": "2020-05-01T00:00:00", "time": "2020-04-23T19:25:38", "value": 3.695, "unit": "kW"},
    ]


def test_offset_of_a_bad_line() -> None:
    lines = ("1-0:1.8.0(1*kWh)", "1-0:4:24.7.0(0000.000*kVAr)", "1-0:1.7.0(--.---*kW)", "1-0:2.7.0(1*kW)")
    stream = telegram(*lines)
    reading, problems = decode(*lines, offset=1000)
    assert [str(r.obis) for r in reading.registers] == ["1-0:1.8.0", "1-0:2.7.0"]
    assert [(p.code, p.offset) for p in problems] == [
        ("bad_line", 1000 + stream.index(b"1-0:4:24")),
        ("bad_line", 1000 + stream.index(b"1-0:1.7.0")),
    ]
    assert problems[0].message == "line 4: '1-0:4:24.7.0' is no OBIS code"
    assert [p.offset for p in decode(*lines, offset=7, encrypted=True)[1]] == [7, 7]


def test_no_telegram() -> None:
    for text in (b"", b"1.8.0(1)", b"/XXX5\r\n\r\n!\r\n", b"/XXX5\r\nrubbish\r\n!"):
        with pytest.raises(DecodeError) as raised:
            p1.decode(Apdu(text, 0))
        assert raised.value.code == "unknown_format"


@given(st.text(alphabet="/XIS5()*-:.0123456789kWhm3\r\n!SWsF ", max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_text_raises_nothing_but_decode_errors(text: str) -> None:
    try:
        reading, problems = p1.decode(Apdu(b"/XXX5\r\n" + text.encode(), 0))
    except DecodeError:
        return
    assert reading.registers
    for problem in problems:
        assert 0 <= problem.offset <= 7 + len(text)


# -- into the profile -------------------------------------------------------------------------------------------------


def published(*lines: str) -> Any:
    (snapshot,) = snapshots(run(telegram("0-0:96.1.1(4530303434303036393033333132393137)", *lines)))
    return snapshot


def test_units_are_converted_exactly() -> None:
    snapshot = published(
        "1-0:1.8.0(000156.167*kWh)", "1-0:2.8.0(1.5*MWh)", "1-0:1.7.0(286*W)", "1-0:3.7.0(0.3*KVAR)"
    )
    assert {name: str(m.number) for name, m in snapshot.values.items()} == {
        "power_import": "286",
        "reactive_power_import": "300",
        "energy_import": "156167",
        "energy_export": "1500000",
    }
    assert snapshot.meter == "e0044006903312917"


def test_a_unit_of_another_quantity_is_no_value() -> None:
    found = run(telegram("0-0:96.1.0(x1)", "0-0:17.0.0(016*A)", "1-0:1.7.0(1*kW)"))
    (snapshot,) = snapshots(found)
    assert codes(found) == ["unit_unknown"]
    assert (set(snapshot.values), str(snapshot.unknown["0-0:17.0.0"])) == ({"power_import"}, "16")


def test_capitals_that_are_not_clear_are_not_guessed() -> None:
    found = run(telegram("0-0:96.1.0(x1)", "1-0:1.7.0(5*mw)", "1-0:2.7.0(5*KW)"))
    (snapshot,) = snapshots(found)
    assert (codes(found), {n: str(m.number) for n, m in snapshot.values.items()}) == (
        ["unit_unknown"],
        {"power_export": "5000"},
    )


def test_digits_are_a_number_only_where_no_unit_is_needed() -> None:
    snapshot = published("0-0:96.7.21(00013)", "1-0:13.7.0(0.987)", "1-0:1.8.0(000123)", "0-0:96.14.0(0002)")
    assert {name: str(m.number) for name, m in snapshot.values.items()} == {
        "power_failures": "13",
        "power_factor": "0.987",
    }
    assert snapshot.unknown == {"1-0:1.8.0": "000123"}
    assert snapshot.texts == {"tariff_active": "t2"}


def test_empty_values_are_no_values_but_end_a_message() -> None:
    snapshot = published(
        "0-0:96.14.0()", "0-0:96.7.21()", "0-0:96.99.9()", "0-0:96.13.0()", "1-0:1.7.0(1*kW)"
    )
    assert (set(snapshot.values), snapshot.unknown) == ({"power_import"}, {})
    assert snapshot.texts == {"message_text": ""}


def test_tariffs_give_the_sum() -> None:
    snapshot = published("1-0:1.8.1(000156.167*kWh)", "1-0:1.8.2(000071.546*kWh)")
    assert str(snapshot.values["energy_import"].number) == "227713"
    assert snapshot.derived == ("energy_import",)


def test_hourly_gas_of_dsmr_2_is_on_its_channel() -> None:
    snapshot = published(
        "0-1:24.1.0(03)",
        "0-1:96.1.0(3232323241424344313233343536373839)",
        "0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)",
        "(00001.001)",
    )
    assert str(snapshot.channels[1]["volume_gas"].number) == "1.001"
    assert snapshot.submeters[1][:2] == ("2222ABCD123456789", 3)


def test_a_bad_line_costs_one_value_of_the_snapshot() -> None:
    found = run(telegram("0-0:96.1.0(x1)", "1-0:1.7.0(1*kW)", "1-0:4:24.7.0(1*kW)", "1-0:2.7.0(2*kW)"))
    (snapshot,) = snapshots(found)
    assert codes(found) == ["bad_line"]
    assert set(snapshot.values) == {"power_import", "power_export", "power_net"}


def test_summer_and_winter_time() -> None:
    for text, utc in (
        ("260504113921S", "2026-05-04T09:39:21+00:00"),
        ("260504113921W", "2026-05-04T10:39:21+00:00"),  # a clock that stays in winter time
        ("261025023000S", "2026-10-25T00:30:00+00:00"),  # the hour that comes twice
        ("261025023000W", "2026-10-25T01:30:00+00:00"),
    ):
        assert published(f"0-0:1.0.0({text})").ts.isoformat() == utc
