"""Octets of an M-Bus record → the values of the line: exact numbers, text, times (EN 13757-3, annexes A and B).

All least significant octet first here; where a telegram has them the other way round they were turned before.

    DDDD   1 2 3 4 6 7   integer with sign, 8 … 64 bits     type B
           5             real, 32 bits                      type H
           9 A B C E     2 … 12 digits BCD, F in front: negative   type A
           D             variable: the first octet tells coding and length

    times  G (2 octets) date   F (4) date and minute   I (6) date and second   J (3) time of day
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Final, NamedTuple

from ciibridge.decode.real import exact
from ciibridge.errors import DecodeError
from ciibridge.types import MeterTime, Number, Value

#: DDDD → octets of data. 8 is a selection for readout, which has none.
LENGTHS: Final[Mapping[int, int]] = {
    0x0: 0, 0x1: 1, 0x2: 2, 0x3: 3, 0x4: 4, 0x5: 4, 0x6: 6, 0x7: 8,
    0x8: 0, 0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6,
}  # fmt: skip
VARIABLE: Final = 0xD
_REAL: Final = 0x5
_BCD: Final = frozenset((0x9, 0xA, 0xB, 0xC, 0xE))
_NEGATIVE: Final = "F"


class Variable(NamedTuple):
    """The first octet of variable data: ``base`` … is the coding, what exceeds it times ``unit`` the length."""

    base: int
    last: int
    unit: int
    kind: str  # text | bcd | negative bcd | integer | octets


_VARIABLES: Final = (
    Variable(0x00, 0xBF, 1, "text"),
    Variable(0xC0, 0xC9, 1, "bcd"),
    Variable(0xD0, 0xD9, 1, "negative bcd"),
    Variable(0xE0, 0xEF, 1, "integer"),
    Variable(0xEC, 0xF4, 4, "octets"),  # F0 … F4: 16 … 32 octets
    Variable(0xF5, 0xF5, 48, "octets"),
    Variable(0xF6, 0xF6, 64, "octets"),
)


def variable(octets: bytes, begin: int) -> tuple[str, int, int]:
    """Read the first octet of variable data at ``begin``: kind, and the range of indexes of the data.

    Raises ``DecodeError`` (bad_apdu) for what the standard reserves.
    """
    lead = octets[begin] if begin < len(octets) else 0xFF
    for base, last, unit, kind in _VARIABLES:
        if base <= lead <= last:
            octets_of = unit if base == last else (lead - base) * unit
            return kind, begin + 1, begin + 1 + octets_of
    raise DecodeError("bad_apdu", "variable data has no length", offset=begin)


def convert(coding: int, octets: bytes, *, clock: bool = False, kind: str = "") -> Value:
    """Give the value of a record; None for no data, and for what is neither number nor valid time.

    ``clock``: the record holds a date or time. ``kind``: of variable data, from ``variable``.
    """
    if not octets and coding != VARIABLE:
        return None
    if clock and coding != VARIABLE:
        return _TIMES[len(octets)](octets) if len(octets) in _TIMES else None
    if coding == _REAL:
        return exact(struct.unpack("<f", octets)[0], single=True)
    if coding in _BCD:
        return _bcd(octets)
    if coding != VARIABLE:
        return Number(int.from_bytes(octets, "little", signed=True))
    if kind == "text":
        return octets[::-1].decode("latin-1").strip("\0 ")
    if kind == "integer":
        return Number(int.from_bytes(octets, "little", signed=True))
    if kind == "octets":
        return octets[::-1]
    number = _bcd(octets)
    return Number(-number.mantissa) if number is not None and kind == "negative bcd" else number


def _bcd(octets: bytes) -> Number | None:
    """Read digits; A … E in them are what a display shows in place of a value."""
    text = octets[::-1].hex().upper()
    sign = -1 if text.startswith(_NEGATIVE) else 1
    digits = text.removeprefix(_NEGATIVE)
    return Number(sign * int(digits)) if digits.isdecimal() else None


def _date(octets: bytes) -> date | None:
    """Read type G: day 1-5, month 9-12, year 6-8 and 13-16; a year from 81 on is of the last century."""
    day, month = octets[0] & 0x1F, octets[1] & 0x0F
    year = octets[0] >> 5 | octets[1] >> 4 << 3
    try:
        return date((1900 if year > 80 else 2000) + year, month, day)
    except ValueError:
        return None


def _g(octets: bytes) -> Value:
    found = _date(octets)
    return found.isoformat() if found else None


def _f(octets: bytes) -> Value:
    """Read type F: minute 1-6, invalid 8, hour 9-13, century 14-15, summer time 16, and a date."""
    minute, hour = octets[0] & 0x3F, octets[1] & 0x1F
    century = octets[1] >> 5 & 3
    found = _date(octets[2:])
    if found and century:
        found = _in_century(found, century)
    return _moment(found, hour, minute, 0, summer=octets[1] & 0x80, invalid=octets[0] & 0x80)


def _i(octets: bytes) -> Value:
    """Read type I: second 1-6, summer time 7, minute 9-14, invalid 16, hour 17-21, and a date."""
    second, minute, hour = octets[0] & 0x3F, octets[1] & 0x3F, octets[2] & 0x1F
    found = _date(octets[3:5])
    return _moment(found, hour, minute, second, summer=octets[0] & 0x40, invalid=octets[1] & 0x80)


def _j(octets: bytes) -> Value:
    """Read type J: second, minute, hour of the day."""
    second, minute, hour = octets[0] & 0x3F, octets[1] & 0x3F, octets[2] & 0x1F
    try:
        return time(hour, minute, second).isoformat()
    except ValueError:
        return None


def _in_century(found: date, century: int) -> date | None:
    try:
        return found.replace(year=1900 + 100 * century + found.year % 100)
    except ValueError:  # 29 February of a year that has none
        return None


def _moment(day: date | None, hour: int, minute: int, second: int, *, summer: int, invalid: int) -> Value:
    if day is None or invalid:
        return None
    try:
        local = datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001  wall clock as sent
    except ValueError:
        return None
    return MeterTime(local, None, 0x80 if summer else 0)


_TIMES: Final = {2: _g, 3: _j, 4: _f, 6: _i}
