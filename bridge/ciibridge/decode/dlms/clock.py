"""COSEM date-time → MeterTime (IEC 62056-6-2, 4.1.6.1).

    year | month | day | weekday | hour | minute | second | 1/100 s | deviation | status
    2      1       1     1         1      1        1        1         2           1

FF (FFFF, for the deviation 8000) in a field means: not specified. The deviation is local time to UTC in minutes, so it is
negative east of Greenwich; ``MeterTime`` turns it round. Bits of the status: 0 invalid, 1 doubtful, 7 daylight saving.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Final

from ciibridge.types import MeterTime

OCTETS: Final = 12
_DATE_TIME: Final = struct.Struct(">HBBBBBBBhB")
_NOT_SPECIFIED: Final = 0xFF
_NO_DEVIATION: Final = -0x8000
#: Offsets east of Greenwich in use on this earth, in minutes.
_EAST: Final = range(-12 * 60, 14 * 60 + 1)


def meter_time(octets: bytes) -> MeterTime | None:
    """Read the time, or None where it is not specified down to the minute, or not one a calendar knows.

    A meter without a valid clock still sends good registers, so this is no error. Seconds and fractions that are not
    specified count as 0.
    """
    if len(octets) != OCTETS:
        return None
    year, month, day, _weekday, hour, minute, second, hundredths, deviation, status = _DATE_TIME.unpack(
        octets
    )
    try:
        local = datetime(  # noqa: DTZ001  wall clock as sent; the zone may be known or not
            year,
            month,
            day,
            hour,
            minute,
            0 if second == _NOT_SPECIFIED else second,
            hundredths * 10_000 if hundredths < 100 else 0,
        )
    except ValueError:
        return None
    east = None if deviation == _NO_DEVIATION or -deviation not in _EAST else -deviation
    return MeterTime(local, east, status)
