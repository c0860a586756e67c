"""Whether octets look like a wrong speed: what a UART makes of a signal that is too slow or too fast for it. Pure.

    heard too fast      one bit of the meter is many of ours: octets are runs of equal bits, 00 F8 E0 FF 80 …
    any wrong setting   the driver counts framing and parity errors and breaks
    no structure        a burst that follows a pause begins with the beginning of a telegram, or it is none

A telegram that listening began in the middle of is none of these: it ends at the next pause.
"""

from __future__ import annotations

from typing import Final

#: Octets of one or two runs of equal bits, e.g. 00, FF, E0, 07: what a slow signal yields.
_RUNS: Final = frozenset(
    octet for octet in range(256) if sum(octet >> bit & 1 != octet >> bit + 1 & 1 for bit in range(7)) <= 1
)
#: Octets that are enough to judge by their form; a shorter telegram may be a row of zeros.
_ENOUGH_RUNS: Final = 48
_MOSTLY: Final = 0.9
#: A burst after a pause without a beginning in its first octets.
ENOUGH_OF_A_BURST: Final = 48
#: Octets without any beginning, pauses or not: more than any telegram has.
LONGEST_HALF: Final = 2500
#: Line errors that cannot be single disturbances, and their share of the octets.
_ENOUGH_ERRORS: Final = 8
_ERROR_SHARE: Final = 0.05


def too_fast(octets: bytes) -> bool:
    """Tell whether nearly all octets are runs of equal bits: the line is slower than we listen."""
    if len(octets) < _ENOUGH_RUNS:
        return False
    return sum(octet in _RUNS for octet in octets) >= _MOSTLY * len(octets)


def bad_line(errors: int, octets: int) -> bool:
    """Tell whether the driver counted too many framing and parity errors and breaks for these settings to be right."""
    return errors >= _ENOUGH_ERRORS and errors >= _ERROR_SHARE * octets
