"""Elements of a list → SML file (SML 1.04; BSI TR-03109-1 annex IV b), as German meters push it on the optical port.

    1B 1B 1B 1B 01 01 01 01 │ PublicOpen │ GetList │ PublicClose │ fill │ 1B 1B 1B 1B 1A n │ CRC

    message   76 │ 05 transaction │ 62 00 │ 62 00 │ 72 65 tag content │ 63 CRC │ 00
    entry     77 │ 07 OBIS code │ 01 │ 01 │ 62 unit │ 52 scaler │ value │ 01

Each entry has its own unit and scaler. Time is a seconds index: seconds of operation, not the time of day. CRC-16/X-25 is
gurux's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ciimodel.catalogue import PushElement, PushList
from gurux_dlms._GXFCS16 import _GXFCS16

from ciibridge.normalise.positional import obis_of
from ciibridge.simulate.identity import server_id
from ciibridge.simulate.measure import measure

if TYPE_CHECKING:
    from ciibridge.simulate.meter import SimulatedMeter

_ESCAPE: Final = b"\x1b" * 4
_START: Final = _ESCAPE + b"\x01" * 4
_ABSENT: Final = b"\x01"
_OCTETS, _SIGNED, _UNSIGNED, _LIST = 0x00, 0x50, 0x60, 0x70
_OPEN, _CLOSE, _GET_LIST = 0x0101, 0x0201, 0x0701
_SECONDS_INDEX: Final = 1
_FIRST_DAY: Final = datetime(2020, 1, 1, tzinfo=UTC)
_KEY_OCTETS: Final = 48  # of a public key
#: Octets of a value: registers are long, what changes at once is short.
_REGISTER_OCTETS: Final = 8
_LIVE_OCTETS: Final = 4
#: Power of ten of what these meters count: a tenth of a Wh.
_COUNTED_SCALER: Final = -1


def telegram(meter: SimulatedMeter, pushed: PushList, at: datetime) -> bytes:
    """Write the file of one list. Raises LookupError or ValueError when a household has no such thing."""
    server = server_id(meter.meter, meter.number)
    entries = [_entry(meter, element, server, at) for element in pushed.elements if element.obis is not None]
    seconds = int((at - _FIRST_DAY).total_seconds())
    time = _list(_unsigned(_SECONDS_INDEX, 1), _unsigned(seconds, 4))
    content = _list(_ABSENT, _octets(server), _ABSENT, time, _list(*entries), _ABSENT, _ABSENT)
    number = seconds.to_bytes(4, "big")
    opening = _list(_ABSENT, _ABSENT, _octets(number), _octets(server), _ABSENT, _ABSENT)
    return _file(
        _message(number + b"\x01", _OPEN, opening)
        + _message(number + b"\x02", _GET_LIST, content)
        + _message(number + b"\x03", _CLOSE, _list(_ABSENT))
    )


def _entry(meter: SimulatedMeter, element: PushElement, server: bytes, at: datetime) -> bytes:
    obis = obis_of(element.obis or "")
    quantity = meter.catalogue.quantities.get(element.quantity or "")
    unit = scaler = _ABSENT
    if quantity is None:
        value = _unsigned(0, 1)
    elif quantity.name == "server_id":
        value = _octets(server)
    elif quantity.name == "public_key":
        value = _octets(bytes(_KEY_OCTETS - 1) + b"\x01")
    elif quantity.unit is None:
        value = _octets(meter.text(quantity, obis).encode())
    else:
        fact = meter.fact(quantity)
        usual = _COUNTED_SCALER if quantity.kind == "cumulative" else quantity.scaler
        power = usual if fact is None or fact.scaler is None else fact.scaler
        raw = measure(meter.household, at, obis).raw(power)
        value = _signed(raw, _REGISTER_OCTETS if quantity.kind == "cumulative" else _LIVE_OCTETS)
        unit = _unsigned(meter.catalogue.units[quantity.unit].dlms or 0, 1)
        scaler = _signed(power, 1)
    return _list(_octets(bytes(obis)), _ABSENT, _ABSENT, unit, scaler, value, _ABSENT)


def _message(transaction: bytes, tag: int, content: bytes) -> bytes:
    body = _list(_unsigned(tag, 4), content)
    covered = _head(_LIST, 6) + _octets(transaction) + _unsigned(0, 1) + _unsigned(0, 1) + body
    return covered + _head(_UNSIGNED, 3) + _checksum(covered) + b"\x00"


def _file(messages: bytes) -> bytes:
    fill = -len(messages) % 4
    covered = _START + messages.replace(_ESCAPE, _ESCAPE * 2) + bytes(fill) + _ESCAPE + bytes((0x1A, fill))
    return covered + _checksum(covered)


def _head(kind: int, length: int) -> bytes:
    """Write a type-length field; ``length`` counts it, or the elements of a list."""
    if length < 0x10:
        return bytes((kind | length,))
    return bytes((0x80 | kind | length >> 4, length & 0x0F))


def _octets(content: bytes) -> bytes:
    size = len(content) + 1
    return _head(_OCTETS, size if size < 0x10 else size + 1) + content


def _signed(value: int, width: int) -> bytes:
    return _head(_SIGNED, width + 1) + value.to_bytes(width, "big", signed=True)


def _unsigned(value: int, width: int) -> bytes:
    return _head(_UNSIGNED, width + 1) + value.to_bytes(width, "big")


def _list(*elements: bytes) -> bytes:
    return _head(_LIST, len(elements)) + b"".join(elements)


def _checksum(octets: bytes) -> bytes:
    return int(_GXFCS16.countFCS16(octets, 0, len(octets))).to_bytes(2, "big")
