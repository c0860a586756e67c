"""Data sets → registers: short codes, billing values, maxima with their time, clocks, what is not understood."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import pytest
from ciibridge.decode.ascii.iec62056 import decode
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, MeterTime, Number, Problem, Reading, Register
from hypothesis import given
from hypothesis import strategies as st


def reading(*lines: str, identification: str = "/LGZ4ZMF100AC.M23\r\n") -> tuple[Reading, list[Problem]]:
    text = identification + "\x02" + "".join(f"{line}\r\n" for line in lines) + "!\r\n\x03X"
    return decode(Apdu(text.encode("latin-1"), 1000))


def register(line: str) -> Register:
    found, problems = reading(line)
    assert problems == []
    (one,) = found.registers
    return one


def local(*parts: int, season: str | None = None, deviation_min: int | None = None) -> MeterTime:
    return MeterTime(datetime(*parts), deviation_min, None, season=season)  # type: ignore[arg-type]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("line", "code", "value", "unit"),
    [
        ("1.8.0(0002.50*kWh)", "1-0:1.8.0", Number(250, -2), "kWh"),
        ("14.7(49.96*Hz)", "1-0:14.7.0", Number(4996, -2), "Hz"),
        ("1-0:1.8.0*255(1*kWh)", "1-0:1.8.0", Number(1), "kWh"),
        ("1.8.0*01(7*kWh)", "1-0:1.8.0*1", Number(7), "kWh"),
        ("1.8.0&12(7*kWh)", "1-0:1.8.0*12", Number(7), "kWh"),
        ("81.7.4(-80.7*Deg)", "1-0:81.7.4", Number(-807, -1), "Deg"),
        ("81.7.6(  80*Deg)", "1-0:81.7.6", Number(80), "Deg"),
        ("0-1:24.2.1(00012.345*m3)", "0-1:24.2.1", Number(12345, -3), "m3"),
        ("F.F(00000000)", "0-0:97.97.0", "00000000", None),
        ("F(0)", "0-0:97.97.0", "0", None),
        ("0-0:F.F.0*255(00)", "0-0:97.97.0", "00", None),
        ("0.0(        10000001)", "1-0:0.0.0", "10000001", None),
        ("C.1.0(10000001)", "0-0:96.1.0", "10000001", None),
        ("C.1(10000001)", "0-0:96.1.0", "10000001", None),
        ("1.8.0(013925.5*)", "1-0:1.8.0", "013925.5", None),
        ("1.6.2*01()", "1-0:1.6.2*1", "", None),
        ("9.4(088*C&082*C)", "1-0:9.4.0", "(088*C&082*C)", None),
        ("1.8.0(error*kWh)", "1-0:1.8.0", "(error*kWh)", None),
        ("1.2.1(1)(2)(3*kW)", "1-0:1.2.1", "(1)(2)(3*kW)", None),
    ],
)
def test_values(line: str, code: str, value: object, unit: str | None) -> None:
    one = register(line)
    assert (str(one.obis), one.value, one.spelling) == (code, value, unit)


@pytest.mark.parametrize(
    ("line", "captured"),
    [
        ("1.6.0(02.468*kW)(1703100930)", local(2017, 3, 10, 9, 30)),
        ("1.6.0(02.468*kW)(0170310093000)", local(2017, 3, 10, 9, 30, season="W")),
        ("1.6.0(02.468*kW)(0000000000)", None),
        ("0-1:24.2.1(170310093000)(02.468*kW)", local(2017, 3, 10, 9, 30)),
    ],
)
def test_a_value_and_its_time(line: str, captured: MeterTime | None) -> None:
    one = register(line)
    assert (one.value, one.spelling, one.captured) == (Number(2468, -3), "kW", captured)


@pytest.mark.parametrize(
    ("lines", "time"),
    [
        (("0.9.1(21:10:29)", "0.9.2(24-03-21)"), local(2024, 3, 21, 21, 10, 29)),
        (("0.9.1(201455)", "0.9.2(0170318)"), local(2017, 3, 18, 20, 14, 55, season="W")),
        (("0.9.2(1170718)", "0.9.1(201455)"), local(2017, 7, 18, 20, 14, 55, season="S")),
        (("0.9.1(201455)", "0.9.2(2170718)"), local(2017, 7, 18, 20, 14, 55, deviation_min=0)),
        (("0.9.1(201455)", "0.9.2(2017-07-18)"), local(2017, 7, 18, 20, 14, 55)),
        (("0.9.1(2014)", "0.9.2(170718)"), local(2017, 7, 18, 20, 14)),
        (("0.9.4(1170718201455)",), local(2017, 7, 18, 20, 14, 55, season="S")),
        (("1-0:0.9.4(170718201455)",), local(2017, 7, 18, 20, 14, 55)),
        (("0-0:1.0.0(17-07-18 20:14:55)",), local(2017, 7, 18, 20, 14, 55)),
    ],
)
def test_clocks(lines: tuple[str, ...], time: MeterTime) -> None:
    (one,) = reading(*lines)[0].registers
    assert (one.value, one.type, one.class_id) == (time, "time", 8)


@pytest.mark.parametrize("text", ["170732201455", "99999999", "000000000000", ""])
def test_a_clock_that_was_never_set_stays_a_text(text: str) -> None:
    assert register(f"0.9.4({text})").value == text


def test_what_is_sent_twice_is_read_once() -> None:
    found, _ = reading("0.0.0(1)", "0.9.1(211029)", "0.9.2(240321)", "0.9.1(211029)", "0.9.2(240321)")
    assert [str(one.obis) for one in found.registers] == ["1-0:0.0.0", "1-0:0.9.2"]
    later, _ = reading("0.9.1(211029)", "0.9.2(240321)", "1.7.0(1*kW)", "0.9.1(211030)", "0.9.2(240321)")
    assert [str(one.obis) for one in later.registers] == ["1-0:0.9.2", "1-0:1.7.0"]
    assert later.registers[0].value == local(2024, 3, 21, 21, 10, 30)


def test_lines_that_are_none_cost_only_themselves() -> None:
    found, problems = reading("1.8.0(1*kWh)", "?.8.0(secret)", "2.8.0(2*kWh)")
    assert len(found.registers) == 2
    (problem,) = problems
    assert problem.code == "bad_line"
    assert "line 3: '?.8.0' is no OBIS code" in problem.message
    assert "secret" not in problem.message
    assert problem.offset > 1000


def test_identification() -> None:
    assert reading("1.8.0(1*kWh)")[0].identification == "LGZ4ZMF100AC.M23"
    assert reading("1.8.0(1*kWh)", identification="")[0].identification == ""


@pytest.mark.parametrize("text", [b"", b"/LGZ4X\r\n\x02!\r\n", b"/LGZ4X\r\n?(1)\r\n!"])
def test_nothing_to_read(text: bytes) -> None:
    with pytest.raises(DecodeError, match="no data line"):
        decode(Apdu(text, 0))


@given(st.binary(max_size=200))
def test_any_octets_raise_nothing_but_the_declared_error(octets: bytes) -> None:
    with suppress(DecodeError):
        assert decode(Apdu(octets, 0))[0].registers
