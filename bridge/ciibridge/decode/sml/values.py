"""Elements → the values of the line: exact numbers, text, octets, times.

SML_Time is a choice: seconds index 1, timestamp 2, local timestamp 3. A seconds index counts from some moment that only
the meter knows (mostly its first start), so it is never taken for the time of day. Holley's DTZ541 leaves the choice
out and sends the number of a seconds index alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ciibridge.decode.sml.tlv import BOOLEAN, LIST, OCTETS, Element
from ciibridge.types import MeterTime, Number, Obis, Value

_SECONDS_INDEX: Final = 1
_TIMESTAMP: Final = 2
_LOCAL_TIMESTAMP: Final = 3
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the local time of a MeterTime is naive
#: Timestamps before the year 2000 come from a clock that was never set, or are a seconds index under the wrong number.
_EARLIEST: Final = 946_684_800
_TIME_OF_VALUE: Final = 1  # choice SML_ListType
_OBIS_OCTETS: Final = 6


def value_of(element: Element) -> Value:
    """Give the value of an entry; None where it was left out."""
    number = element.integer
    if number is not None:
        return Number(number)
    if element.type == BOOLEAN:
        return element.octets != b"\0"
    if element.type == OCTETS:
        return _text(element.octets) if element.octets else None
    if element.type == LIST and [part.integer for part in element.elements[:1]] == [_TIME_OF_VALUE]:
        inner = element.elements[-1]
        seconds = seconds_index(inner)
        return time_of(inner) if seconds is None else Number(seconds)
    return None


def time_of(element: Element) -> MeterTime | None:
    """Give the time of day an SML_Time holds; None where it holds none."""
    if element.type != LIST or len(element.elements) != 2:
        return None
    choice, content = element.elements
    if choice.integer == _TIMESTAMP:
        return _meter_time(content.integer, 0)
    if choice.integer == _LOCAL_TIMESTAMP and content.type == LIST and len(content.elements) == 3:
        seconds, offset, season = (part.integer for part in content.elements)
        if offset is not None and season is not None:
            return _meter_time(seconds, offset + season)
    return None


def seconds_index(element: Element) -> int | None:
    """Give the seconds index an SML_Time holds, else None."""
    if element.type != LIST:
        return element.integer
    if len(element.elements) == 2 and element.elements[0].integer == _SECONDS_INDEX:
        return element.elements[1].integer
    return None


def obis_of(element: Element) -> Obis | None:
    """Read an OBIS code, all six groups; None: it is none."""
    octets = element.octets
    return Obis(*octets) if element.type == OCTETS and len(octets) == _OBIS_OCTETS else None


def _meter_time(seconds: int | None, deviation_min: int) -> MeterTime | None:
    """Make the time: the timestamp is UTC, the deviation what local time adds to it."""
    if seconds is None or not _EARLIEST <= seconds < 1 << 32 or abs(deviation_min) > 24 * 60:
        return None
    return MeterTime(_EPOCH + timedelta(seconds=seconds, minutes=deviation_min), deviation_min, None)


def _text(octets: bytes) -> str | bytes:
    """Take octets for a text where all of them are printable ASCII; identities of ten octets never are."""
    return octets.decode("ascii") if all(0x20 <= octet < 0x7F for octet in octets) else octets
