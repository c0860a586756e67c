"""Records of variable data: octets → Record … (EN 13757-3, 6.2).

DIF | DIFE … | VIF | VIFE … | data        one record
2F                                        idle filler
0F | data of the manufacturer … to the end
1F | the same, and the device has more records for another readout
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ciibridge.decode.mbus import dif, values, vif
from ciibridge.errors import DecodeError
from ciibridge.types import Number, Record, Value

#: Quantities whose data are dates or times, not numbers.
_CLOCKS: Final = frozenset(("date", "time", "start of tariff", "battery change"))
MANUFACTURER: Final = "manufacturer"
_SIGNAL: Final = "dBm"


class Records(NamedTuple):
    """What a telegram holds; ``more``: the device has more for another readout."""

    records: tuple[Record, ...]
    more: bool = False


def read(octets: bytes, begin: int = 0, *, turned: bool = False) -> Records:
    """Read all records from ``begin`` to the end; ``turned``: most significant octet first.

    Raises ``DecodeError`` (bad_apdu) where a record does not end, or its coding is reserved.
    """
    found: list[Record] = []
    position = begin
    while position < len(octets):
        first = octets[position]
        if first == dif.FILLER:
            position += 1
        elif first in (dif.MANUFACTURER, dif.MORE_FOLLOW):
            own = octets[position + 1 :]
            if own:
                raw = octets[position:]
                found.append(Record("manufacturer specific", own, None, function=MANUFACTURER, raw=raw))
            return Records(tuple(found), more=first == dif.MORE_FOLLOW)
        elif first & 0x0F == 0x0F:
            raise DecodeError("bad_apdu", f"DIF {first:02X} is reserved", offset=position)
        else:
            record, position = _record(octets, position, turned=turned)
            found.append(record)
    return Records(tuple(found))


def _record(octets: bytes, begin: int, *, turned: bool) -> tuple[Record, int]:
    information = dif.read(octets, begin)
    meaning = vif.read(octets, information.end)
    start, kind = meaning.end, ""
    if information.coding == values.VARIABLE:
        kind, start, end = values.variable(octets, start)
    else:
        end = start + values.LENGTHS[information.coding]
    if end > len(octets):
        raise DecodeError("bad_apdu", "the telegram ends inside a record", offset=begin)
    data = octets[start:end][::-1] if turned else octets[start:end]
    clock = meaning.quantity in _CLOCKS
    value = values.convert(information.coding, data, clock=clock, kind=kind)
    record = Record(
        quantity=meaning.quantity,
        value=None if vif.NO_VALUE in meaning.qualifiers else _scaled(value, meaning),
        unit=meaning.unit,
        function=information.function,
        storage=information.storage,
        tariff=information.tariff,
        subunit=information.subunit,
        qualifiers=meaning.qualifiers,
        raw=octets[begin:end],
    )
    return record, end


def _scaled(value: Value, meaning: vif.Vif) -> Value:
    """Give the number in its base unit: exact, and with the decimals the device means."""
    if not isinstance(value, Number):
        return value
    if meaning.unit == _SIGNAL and value.mantissa >= 0:
        # No signal is received with more than 1 mW. Weptech counts in steps of 2 dBm from the weakest.
        return Number(2 * value.mantissa - 130)
    return Number(value.mantissa * meaning.factor, value.exponent + meaning.exponent)
