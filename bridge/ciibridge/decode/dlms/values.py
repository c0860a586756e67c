"""COSEM data → the values of the line: exact numbers, text, times.

An octet-string may be anything: text (a serial number), a code (the logical name of an object), a date-time or plain
octets; the standard leaves it to the object. The rules here are those that read all captures right.
"""

from __future__ import annotations

from typing import Final

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.clock import OCTETS, meter_time
from ciibridge.decode.real import exact
from ciibridge.types import MeterTime, Number, Obis, Value

_TEXT: Final = {axdr.OCTET_STRING: "ascii", axdr.VISIBLE_STRING: "ascii", axdr.UTF8_STRING: "utf-8"}
_OBIS_OCTETS: Final = 6
_MEDIA: Final = 16  # group A of an OBIS code has four bits


def convert(data: Data, *, clock: bool = False) -> Value:
    """Give the value of a register; None for null-data, an array or a structure.

    ``clock``: the object holds a date-time, so twelve octets are one.
    """
    value = data.value
    if type(value) is int:
        return _bcd(value) if data.type == axdr.BCD else Number(value)
    if isinstance(value, bytes):
        return _octets(data.type, value, clock=clock)
    if isinstance(value, float):
        return exact(value, single=data.type == "float32")
    return value if isinstance(value, (str, bool)) else None


def bare(data: Data) -> Value:
    """Give the value of an element without OBIS code: nothing says that it is a clock but its twelve octets."""
    value = convert(data)
    if isinstance(value, bytes) and data.type == axdr.OCTET_STRING:
        return meter_time(value) or value
    return value


def obis(data: Data) -> Obis | None:
    """Read the OBIS code an octet-string holds, or None.

    The last group must be 255, as in every push seen: else the digits of a serial number would pass for a code
    (capture iskra-550-registers-scaler-unit-segmented: 31 36 30 34 35 36 is "160456").
    """
    code = logical_name(data)
    return code if code is not None and code.f == 0xFF and code.a < _MEDIA else None


def logical_name(data: Data) -> Obis | None:
    """Read the six octets of an octet-string as a code, where it must be one; else None."""
    value = data.value
    if data.type != axdr.OCTET_STRING or not isinstance(value, bytes) or len(value) != _OBIS_OCTETS:
        return None
    return Obis(*value)


def integer(data: Data) -> int | None:
    """Give the integer ``data`` holds, or None."""
    return data.value if type(data.value) is int else None


def scaler_unit(data: Data) -> tuple[int, int] | None:
    """Power of ten and DLMS unit of a scaler_unit structure {integer, enum}, or None."""
    elements = data.elements
    if data.type != axdr.STRUCTURE or [part.type for part in elements] != [axdr.INTEGER, axdr.ENUM]:
        return None
    scaler, unit = (integer(part) for part in elements)
    return None if scaler is None or unit is None else (scaler, unit)


def _octets(kind: str, octets: bytes, *, clock: bool) -> str | bytes | MeterTime | None:
    if kind == axdr.DATE_TIME or (clock and len(octets) == OCTETS):
        return meter_time(octets)
    encoding = _TEXT.get(kind)
    if encoding is None:  # date, time
        return octets
    try:
        text = octets.rstrip(b"\0").decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable():
        return text
    code = obis(Data(kind, octets, 0, 0))
    return octets if code is None else str(code)


def _bcd(octet: int) -> Number:
    tens, ones = divmod(octet, 16)
    return Number(10 * tens + ones if tens < 10 and ones < 10 else octet)
