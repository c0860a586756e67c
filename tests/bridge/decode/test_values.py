"""Octets → text, codes, times, exact numbers."""

from __future__ import annotations

import math
import struct
from datetime import datetime
from decimal import Decimal

import pytest
from ciibridge.decode.dlms.axdr import read
from ciibridge.decode.dlms.values import bare, convert, obis, scaler_unit
from ciibridge.types import MeterTime, Number, Obis, Value
from hypothesis import given
from hypothesis import strategies as st

CLOCK = bytes.fromhex("07ea0504010b2715ff800081")
TIME = MeterTime(datetime.fromisoformat("2026-05-04T11:39:21"), None, 0x81)


def octets(content: bytes, tag: int = 9) -> bytes:
    return bytes([tag, len(content)]) + content


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (octets(b"LGZ1030600000001"), "LGZ1030600000001"),
        (octets(b"160456"), "160456"),  # six octets, and no OBIS code
        (octets(b"100000000001"), "100000000001"),  # twelve octets, and no date-time
        (octets(b"10000001" + bytes(8), 10), "10000001"),  # padded, as on the E350
        (octets(b"012345678901234" + bytes(17)), "012345678901234"),
        (octets(bytes(16)), ""),  # a channel that is not in use
        (octets(b""), ""),
        (octets(bytes.fromhex("0008190900ff")), "0-8:25.9.0"),
        (octets(bytes.fromhex("010001080001")), bytes.fromhex("010001080001")),
        (octets(b"\x00\x02"), b"\x00\x02"),
        (octets(b"a\nb"), b"a\nb"),
        (octets("Zähler".encode()), "Zähler".encode()),
        (octets("Zähler".encode(), 12), "Zähler"),
        (octets(b"\xff\xfe", 12), b"\xff\xfe"),
        (octets(b"\xe4", 10), b"\xe4"),
        (octets(CLOCK), CLOCK),
        (b"\x19" + CLOCK, TIME),
        (b"\x1a" + CLOCK[:5], CLOCK[:5]),
        (b"\x03\x01", True),
        (b"\x00", None),
        (b"\x01\x01\x11\x05", None),
        (b"\x04\x03\xa0", "101"),
        (b"\x0d\x42", Number(42)),
        (b"\x0d\x4f", Number(0x4F)),
        (b"\x16\x1b", Number(27)),
        (b"\x10\xff\xff", Number(-1)),
    ],
)
def test_convert(encoded: bytes, value: Value) -> None:
    converted = convert(read(encoded))
    assert converted == value
    assert type(converted) is type(value)


def test_a_clock_holds_a_date_time() -> None:
    assert convert(read(octets(CLOCK)), clock=True) == TIME
    assert convert(read(octets(b"\xff" * 12)), clock=True) is None  # not specified
    assert convert(read(octets(b"12:30:45")), clock=True) == "12:30:45"


def test_without_a_code_twelve_octets_that_are_a_time_are_one() -> None:
    assert bare(read(octets(CLOCK))) == TIME
    assert bare(read(octets(b"178210128502"))) == "178210128502"
    assert bare(read(octets(b"\xff" * 12))) == b"\xff" * 12
    assert bare(read(b"\x06\0\0\0\x05")) == Number(5)


@pytest.mark.parametrize("text", ["0100010700ff", "0001010000ff", "0f01010000ff"])
def test_codes(text: str) -> None:
    code = bytes.fromhex(text)
    assert obis(read(octets(code))) == Obis(*code)
    assert obis(read(octets(code, 10))) is None  # a visible-string is text


@pytest.mark.parametrize(
    "text", ["010001070001", "1001010000ff", "0100010700ff00", "01000107ff", "313630343536"]
)
def test_no_codes(text: str) -> None:
    assert obis(read(octets(bytes.fromhex(text)))) is None


def test_scaler_and_unit() -> None:
    assert scaler_unit(read(bytes.fromhex("02020fff1623"))) == (-1, 35)
    assert scaler_unit(read(bytes.fromhex("02020f0116ff"))) == (1, 255)
    for text in ("02010fff", "020211ff1623", "01020fff1623", "02030fff162300", "0fff"):
        assert scaler_unit(read(bytes.fromhex(text))) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(230.5, "230.5"), (0.1, "0.1"), (-0.25, "-0.25"), (0.0, "0.0"), (1e20, str(10**20)), (49.98, "49.98")],
)
def test_floats_are_exact_decimals(value: float, text: str) -> None:
    for code, tag in ((">f", 0x17), (">d", 0x18)):
        number = convert(read(bytes([tag]) + struct.pack(code, value)))
        assert isinstance(number, Number)
        assert Decimal(str(number)) == Decimal(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_numbers(value: float) -> None:
    assert convert(read(b"\x17" + struct.pack(">f", value))) is None
    assert convert(read(b"\x18" + struct.pack(">d", value))) is None


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_round_trip(value: float) -> None:
    number = convert(read(b"\x17" + struct.pack(">f", value)))
    assert isinstance(number, Number)
    assert struct.pack(">f", float(number)) == struct.pack(">f", value) or value == 0
