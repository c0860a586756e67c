"""gurux-dlms as the reference decoder: an APDU body read a second time by somebody else's code.

The body goes through the notification path of gurux' own client (its public entry), behind a header of ours that is always
in the standard's form, because gurux refuses the tagged date-time of Kaifa and old Kamstrup firmware.

gurux-dlms takes 0.1 s and 16 MB to import, so it is imported with the first telegram and not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.clock import meter_time

_HEADER: Final = b"\x0f\x00\x00\x00\x00\x00"  # data-notification without date-time
_TEXTS: Final = (axdr.VISIBLE_STRING, axdr.UTF8_STRING)
_FIRST_YEAR: Final = 1900  # gurux takes an earlier one for not specified
_TIMES: Final = (axdr.DATE_TIME, axdr.DATE, axdr.TIME)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the reference says of a body: it agrees, it differs somewhere, or it cannot read it."""

    agrees: bool
    differs: str = ""  # where, and what both read; no serial number, because strings are not shown
    unable: str = ""


def judge(octets: bytes, body: Data) -> Opinion:
    """Read ``octets`` from ``body.offset`` on with gurux-dlms and compare with our walk of the same octets."""
    gurux = _gurux()
    notification = gurux.GXReplyData()
    client = gurux.GXDLMSClient(useLogicalNameReferencing=True)
    client.interfaceType = gurux.enums.InterfaceType.PDU
    try:
        client.getData(
            gurux.GXByteBuffer(_HEADER + octets[body.offset : body.end]), gurux.GXReplyData(), notification
        )
    except Exception as error:  # noqa: BLE001  gurux raises whatever comes up; all of it means "cannot read"
        return Opinion(agrees=False, unable=f"{type(error).__name__}: {error}")
    if _arrays_in_compact_array(body):
        return Opinion(
            agrees=False, unable="it nests the elements of an array inside a compact-array differently"
        )
    differs = _difference(body, notification.value, "body")
    return Opinion(agrees=not differs, differs=differs)


def _gurux() -> Any:
    import gurux_dlms  # noqa: PLC0415  see above
    import gurux_dlms.enums  # noqa: PLC0415

    return gurux_dlms


def _difference(ours: Data, theirs: Any, path: str) -> str:
    """Find the first place where the two differ, or nothing."""
    if isinstance(ours.value, tuple):
        # gurux gives None for a list without elements.
        others = list(theirs) if isinstance(theirs, list) else [] if theirs is None else None
        if others is None or len(others) != len(ours.value):
            count = "no list" if others is None else f"{len(others)} elements"
            return f"{path}: {ours.type} of {len(ours.value)} elements, the reference has {count}"
        for number, (element, other) in enumerate(zip(ours.value, others, strict=True), start=1):
            if difference := _difference(element, other, f"{path}.{number}"):
                return difference
        return ""
    if _same(ours, theirs):
        return ""
    if isinstance(ours.value, (bytes, str)):
        return f"{path}: the {ours.type} at offset {ours.offset} differs"
    return f"{path}: {ours.type} {ours.value} at offset {ours.offset}, the reference has {theirs}"


def _same(ours: Data, theirs: Any) -> bool:
    value = ours.value
    if ours.type in _TEXTS and isinstance(value, bytes):
        # gurux decodes text: octets up to trailing NULs, or their hexadecimal form where they are no ASCII.
        plain = theirs.encode() == value.rstrip(b"\0") if isinstance(theirs, str) else theirs is None
        return plain or str(theirs).replace(" ", "").lower() == value.hex()
    if ours.type in _TIMES and isinstance(value, bytes):
        return _same_time(ours.type, value, theirs)
    if isinstance(value, bytes):
        return isinstance(theirs, (bytes, bytearray)) and bytes(theirs) == value
    if isinstance(value, str):
        return str(theirs) == value
    return bool(theirs == value) or (value != value and theirs != theirs)  # noqa: PLR0124  NaN


def _same_time(kind: str, octets: bytes, theirs: Any) -> bool:
    """Compare times that are specified in full: gurux makes up the fields of others."""
    if kind != axdr.DATE_TIME:
        return theirs is not None
    ours = meter_time(octets)
    if ours is None or ours.local.year < _FIRST_YEAR:
        return True
    local: datetime = theirs.value.replace(tzinfo=None, microsecond=0)
    return local == ours.local.replace(microsecond=0)


def _arrays_in_compact_array(data: Data, *, inside: bool = False) -> bool:
    inside = inside or data.type == axdr.COMPACT_ARRAY
    if inside and data.type == axdr.ARRAY:
        return True
    return any(_arrays_in_compact_array(element, inside=inside) for element in data.elements)
