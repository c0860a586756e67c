"""Elements of a list → DSMR-P1 telegram (P1 companion standard 5.0.2, chapters 5 and 6).

/SIM5AS3000                          FLAG id, 5, model; an empty line
1-0:1.7.0(00.193*kW)                 number of fixed width and unit
0-0:1.0.0(260504113921S)             time, S summer or W winter
0-0:96.1.1(3130303030303031)         text, in hexadecimal digits
!4C2A                                CRC-16 over all before it, the mark included
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from ciimodel.catalogue import Quantity

from ciibridge.simulate.measure import Amount
from ciibridge.types import Obis

_LINE_END: Final = "\r\n"
_VALUE_OF_HOUR: Final = (24, 3, 0)
_BELGIAN_VERSION: Final = (96, 1, 4)
_DATE: Final = (0, 9, 2)
_MAXIMUM: Final = 6  # group D
#: Groups C and D of objects whose texts go out in hexadecimal digits: device ids, messages, logical device name.
_CODED: Final = frozenset(((96, 1), (96, 13), (42, 0)))


class _Format(NamedTuple):
    """How P1 writes a unit: digits before and behind the point, in ``10^power`` of the profile's unit."""

    spelling: str
    power: int
    whole: int
    decimals: int


_FORMATS: Final[dict[str, _Format]] = {
    "W": _Format("kW", 3, 2, 3),
    "var": _Format("kvar", 3, 2, 3),
    "VA": _Format("kVA", 3, 2, 3),
    "Wh": _Format("kWh", 3, 6, 3),
    "varh": _Format("kvarh", 3, 6, 3),
    "VAh": _Format("kVAh", 3, 6, 3),
    "V": _Format("V", 0, 3, 1),
    "A": _Format("A", 0, 3, 2),
    "Hz": _Format("Hz", 0, 2, 2),
    "m³": _Format("m3", 0, 5, 3),
    "1": _Format("", 0, 1, 3),
}


def number(amount: Amount, unit: str) -> str:
    """Write an amount in ``unit`` of the profile, as ``00.193*kW``; raises ValueError for a unit P1 does not know."""
    if unit not in _FORMATS:
        raise ValueError(f"P1 has no form for {unit}")
    form = _FORMATS[unit]
    raw = amount.raw(form.power - form.decimals)
    digits = f"{abs(raw):0{form.whole + form.decimals}}"
    text = f"{'-' if raw < 0 else ''}{digits[: -form.decimals]}.{digits[-form.decimals :]}"
    return f"{text}*{form.spelling}" if form.spelling else text


def time(local: datetime) -> str:
    """Write a time of an aware datetime in the zone of the meter's clock."""
    return f"{local:%y%m%d%H%M%S}{'S' if local.dst() else 'W'}"


def moment(obis: Obis, local: datetime) -> list[str]:
    """Give what stands in the parentheses of a clock. Some meters send the date alone under 0.9.2."""
    return [f"{local:%y%m%d%H%M%S}" if obis[2:5] == _DATE else time(local)]


def amount(obis: Obis, measured: Amount, quantity: Quantity, local: datetime) -> list[str]:
    """Give what stands in the parentheses of a value: a counter as digits, a maximum with its time."""
    if quantity.kind == "counter":
        return [f"{measured.raw(0):05}"]
    written = number(measured, quantity.unit or "")
    return [time(local), written] if obis[3] == _MAXIMUM else [written]


def failures(local: datetime) -> list[str]:
    """Give the log of power failures with one of them, four minutes long."""
    return ["1", "0-0:96.7.19", time(local.replace(month=1, day=2, hour=3)), "0000000240*s"]


def text(obis: Obis, plain: str) -> str:
    """Write a text as its object wants it."""
    coded = obis[2:4] in _CODED and obis[2:5] != _BELGIAN_VERSION
    return plain.encode("ascii").hex().upper() if coded else plain


def line(obis: Obis, *entries: str) -> str:
    """Write a data line; the value of a DSMR 2 sub-meter goes on a line of its own."""
    parts = [f"({entry})" for entry in entries]
    if obis[2:5] == _VALUE_OF_HOUR:
        parts.insert(-1, _LINE_END)
    return f"{obis}{''.join(parts)}"


def telegram(identification: str, lines: Iterable[str], *, checksum: bool = True) -> bytes:
    """Put the lines of a telegram between its ends; ``checksum``: versions before 4 have none."""
    body = "".join(one + _LINE_END for one in lines)
    octets = f"/{identification}{_LINE_END}{_LINE_END}{body}!".encode("ascii")
    return octets + (f"{_crc(octets):04X}" if checksum else "").encode() + _LINE_END.encode()


def _crc(octets: bytes) -> int:
    """Compute CRC-16/ARC bit by bit, as the standard describes it: not with the table of the bridge."""
    register = 0
    for octet in octets:
        for bit in range(8):
            carry = (register ^ octet >> bit) & 1
            register = register >> 1 ^ (0xA001 if carry else 0)
    return register
