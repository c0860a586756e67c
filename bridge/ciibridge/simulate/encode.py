"""Values → A-XDR, encoded by gurux-dlms (IEC 62056-6-2, Data), so that our decoder does not only meet our own encoder.

    06 │ 00 07 5E 7B          double-long-unsigned 482939
    09 │ 06 │ 01 00 01 07 00 FF   octet-string, here an OBIS code
    02 │ 04 │ …               structure of four elements

gurux cuts off what does not fit; here that is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gurux_dlms.enums import DataType, DateTimeSkips
from gurux_dlms.GXByteBuffer import GXByteBuffer
from gurux_dlms.GXDateTime import GXDateTime
from gurux_dlms.internal._GXCommon import _GXCommon

from ciibridge.types import Obis

#: A-XDR type name → gurux's type, and for integers bits and sign.
_INTEGERS: Final[dict[str, tuple[int, int, bool]]] = {
    "integer": (DataType.INT8, 8, True),
    "long": (DataType.INT16, 16, True),
    "double-long": (DataType.INT32, 32, True),
    "long64": (DataType.INT64, 64, True),
    "unsigned": (DataType.UINT8, 8, False),
    "long-unsigned": (DataType.UINT16, 16, False),
    "double-long-unsigned": (DataType.UINT32, 32, False),
    "long64-unsigned": (DataType.UINT64, 64, False),
    "enum": (DataType.ENUM, 8, False),
}
_OTHERS: Final[dict[str, int]] = {
    "null-data": DataType.NONE,
    "boolean": DataType.BOOLEAN,
    "octet-string": DataType.OCTET_STRING,
    "visible-string": DataType.STRING,
    "utf8-string": DataType.STRING_UTF8,
}
_HEADS: Final = {"array": 0x01, "structure": 0x02}

Plain = int | str | bytes | bool | None


def encode(type_name: str, value: Plain) -> bytes:
    """Encode one value with its tag. Raises ValueError when it does not fit the type, or the type is not known."""
    if type_name in _INTEGERS:
        number, bits, signed = _INTEGERS[type_name]
        least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        if not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{value!r} does not fit a {type_name} ({least} to {most})")
    elif type_name in _OTHERS:
        number = _OTHERS[type_name]
        if number == DataType.OCTET_STRING and isinstance(value, str):
            value = value.encode()
    else:
        raise ValueError(f"{type_name!r} is not a type this simulator sends")
    buffer = GXByteBuffer()
    _GXCommon.setData(None, buffer, number, value)
    return bytes(buffer.array())


def head(type_name: str, count: int) -> bytes:
    """Encode tag and count of an ``array`` or a ``structure``."""
    buffer = GXByteBuffer()
    buffer.setUInt8(_HEADS[type_name])
    _GXCommon.setObjectCount(count, buffer)
    return bytes(buffer.array())


def encode_obis(obis: Obis) -> bytes:
    """Encode a logical name: six octets as an octet-string."""
    return encode("octet-string", bytes(obis))


def encode_scaler_unit(scaler: int, unit: int) -> bytes:
    """Encode the scaler_unit of a register: ``02 02 0F <scaler> 16 <unit>``."""
    return structure([encode("integer", scaler), encode("enum", unit)])


def structure(elements: Sequence[bytes]) -> bytes:
    """Encode a structure of elements that are encoded already."""
    return head("structure", len(elements)) + b"".join(elements)


def date_time(local: datetime, *, deviation: bool) -> bytes:
    """Encode a COSEM date-time, twelve octets without a tag. ``local`` is aware, in the zone of the meter's clock.

    Without ``deviation`` it is 8000 (not specified) and the clock status 00, as the E450 sends it.
    """
    time = GXDateTime(local if deviation else local.replace(tzinfo=None))
    time.skip = DateTimeSkips.MILLISECOND
    time.dayOfWeek = local.isoweekday()  # else gurux leaves it out
    if not deviation:
        time.skip |= DateTimeSkips.DEVITATION
    buffer = GXByteBuffer()
    _GXCommon.setDateTime(None, buffer, time)
    return bytes(buffer.array())
