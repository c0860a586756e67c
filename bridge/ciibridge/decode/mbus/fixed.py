"""Fixed data: two counters in fixed places (CI 73 and 77), as devices before 1997 send them.

    status | unit 1 and half the device type | unit 2 and the other half | counter 1 | counter 2
             6 bits             2 bits                                     4 octets    4 octets

Status, bit 0: counters are binary, else BCD; bit 1: they were stored on a fixed date; bits 2 to 4 are errors as in the
header of records, 5 to 7 the maker's (M-Bus documentation 4.8, 6.2; libmbus looks at bits 7 and 6 instead).

Device types from A on are those of 3 to 8 with the most significant octet of the counters first ("mode 2").
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ciibridge.decode.mbus import values
from ciibridge.decode.mbus.header import Header
from ciibridge.errors import DecodeError
from ciibridge.types import Device, Number, Record

_OCTETS: Final = 10
_BINARY: Final = 0x01
_STORED: Final = 0x02
_INTEGER: Final = 0x4
_BCD: Final = 0xC
_SAME_BUT_STORED: Final = 0x3E
_COUNTERS: Final = (2, 6)
#: Device type of mode 2 → that of EN 13757-3: gas, heat, hot water, water, heat cost allocator.
_MODE_2: Final = {0xA: 3, 0xB: 4, 0xC: 6, 0xD: 7, 0xE: 8}

#: First code, quantity, unit and power of ten of it; each code is worth ten times the one before.
_ROWS: Final = (
    (0x02, 9, "energy", "Wh", 0),
    (0x0B, 9, "energy", "J", 3),
    (0x14, 9, "power", "W", 0),
    (0x1D, 9, "power", "J/h", 3),
    (0x26, 9, "volume", "m³", -6),
    (0x2F, 9, "volume flow", "m³/h", -6),
    (0x38, 1, "temperature", "°C", -3),
    (0x39, 1, "heat cost allocation", None, 0),
    (0x3F, 1, "number", None, 0),
)
_UNITS: Final = {
    first + step: (quantity, unit, exponent + step)
    for first, count, quantity, unit, exponent in _ROWS
    for step in range(count)
}


def read(octets: bytes, header: Header) -> tuple[tuple[Record, ...], Device]:
    """Read the counters behind ``header``, and the device type that stands between them.

    Raises ``DecodeError`` (bad_apdu) where they are cut off.
    """
    body = octets[header.body :]
    if len(body) < _OCTETS:
        raise DecodeError("bad_apdu", "fixed data is cut off", offset=len(octets))
    status = header.device.status
    first, second = body[:2]
    kind = first >> 6 | second >> 6 << 2
    turned = header.turned or kind in _MODE_2
    device = replace(header.device, type=_MODE_2.get(kind, kind))
    stored = bool(status & _STORED)
    units = (first & 0x3F, second & 0x3F)
    records = []
    for index, begin in enumerate(_COUNTERS):
        unit = units[index]
        # a second counter with the unit of the first, as it was on a fixed date
        storage = int(stored or (index == 1 and unit == _SAME_BUT_STORED))
        quantity, symbol, exponent = _UNITS.get(
            units[0] if index == 1 and unit == _SAME_BUT_STORED else unit, (f"unit {unit:02x}", None, 0)
        )
        raw = body[begin : begin + 4]
        data = raw[::-1] if turned else raw
        value = values.convert(_INTEGER if status & _BINARY else _BCD, data)
        if isinstance(value, Number):
            value = Number(value.mantissa, value.exponent + exponent)
        records.append(Record(quantity, value, symbol, storage=storage, subunit=index, raw=raw))
    return tuple(records), device
