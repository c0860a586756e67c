"""The two APDUs a meter pushes: data-notification and event-notification (IEC 62056-5-3, 7.3.12 and 8.3).

    0F | long-invoke-id-and-priority | length | date-time | body             data-notification
         4 octets                      00, 0C   12          COSEM data

    C2 | 00 or 01, 0C, date-time | class | logical name | attribute | value  event-notification
                                   2       6              1           COSEM data

Kaifa and old Kamstrup firmware put the tag of an octet-string before the length of the date-time (09 0C; captures
kaifa-ma304-no-list1, kamstrup-no-2017-tagged-datetime). Both forms are read.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.clock import OCTETS, meter_time
from ciibridge.errors import DecodeError
from ciibridge.types import MeterTime, Obis

_DATA_NOTIFICATION: Final = 0x0F
_EVENT_NOTIFICATION: Final = 0xC2
_DATE_TIME: Final = 5  # behind tag and long-invoke-id-and-priority
_ATTRIBUTE_OCTETS: Final = 9


class Attribute(NamedTuple):
    """The COSEM attribute an event is about."""

    class_id: int
    obis: Obis
    attribute: int


class Notification(NamedTuple):
    """A push, taken apart."""

    date_time: bytes  # twelve octets as sent, or none
    time: MeterTime | None
    body: Data
    attribute: Attribute | None = None  # event-notification only


def parse(octets: bytes) -> Notification:
    """Take an APDU apart.

    Raises ``DecodeError``: unknown_format for an APDU that is no push, bad_apdu for one that breaks the standard.
    """
    tag = octets[0] if octets else None
    if tag == _DATA_NOTIFICATION:
        date_time, begin = _date_time(octets, _DATE_TIME)
        attribute = None
    elif tag == _EVENT_NOTIFICATION:
        present = octets[1:2] == b"\x01"
        date_time, begin = _date_time(octets, 2 if present else 1)
        attribute = _attribute(octets, begin)
        begin += _ATTRIBUTE_OCTETS
    else:
        kind = "an empty APDU" if tag is None else f"an APDU with tag {tag:02X}"
        raise DecodeError("unknown_format", f"{kind} is no push of a meter")
    body = axdr.read(octets, begin)
    if body.end != len(octets):
        raise DecodeError("bad_apdu", f"{len(octets) - body.end} octets follow the body", offset=body.end)
    return Notification(date_time, meter_time(date_time), body, attribute)


def _date_time(octets: bytes, begin: int) -> tuple[bytes, int]:
    """Read the date-time whose length stands at ``begin``, and the index behind it."""
    if octets[begin : begin + 2] == b"\x09\x0c":
        begin += 1
    size = octets[begin] if begin < len(octets) else -1
    end = begin + 1 + size
    if size not in (0, OCTETS) or end > len(octets):
        raise DecodeError(
            "bad_apdu", "the date-time of the notification has neither 0 nor 12 octets", offset=begin
        )
    return octets[begin + 1 : end], end


def _attribute(octets: bytes, begin: int) -> Attribute:
    fields = octets[begin : begin + _ATTRIBUTE_OCTETS]
    if len(fields) != _ATTRIBUTE_OCTETS:
        raise DecodeError("bad_apdu", "the event ends before its attribute", offset=begin)
    return Attribute(int.from_bytes(fields[:2], "big"), Obis(*fields[2:8]), fields[8])
