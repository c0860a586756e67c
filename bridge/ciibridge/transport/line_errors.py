"""What a serial driver of Linux counted: framing and parity errors, breaks (ioctl TIOCGICOUNT, linux/serial.h).

    struct serial_icounter_struct: cts dsr rng dcd rx tx frame overrun parity brk buf_overrun, nine reserved; int each

A wrong speed or parity shows there before a single frame could have come. Drivers that do not count, pseudo-terminals and
other systems say nothing, which is not "no errors" but 0 all the same.
"""

from __future__ import annotations

import fcntl
import struct
from typing import Final

_TIOCGICOUNT: Final = 0x545D
_COUNTERS: Final = struct.Struct("20i")
_FRAME, _PARITY, _BREAK = 6, 8, 9


def line_errors(handle: int) -> int:
    """Tell how many errors of the line the driver has counted since the machine started; 0 where nobody counts."""
    counters = bytearray(_COUNTERS.size)
    try:
        fcntl.ioctl(handle, _TIOCGICOUNT, counters)
    except OSError:  # this driver does not count: nothing is known, and nothing is wrong
        return 0
    counted = _COUNTERS.unpack(counters)
    return int(counted[_FRAME] + counted[_PARITY] + counted[_BREAK])
