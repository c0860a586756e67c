"""M-Bus frames of a simulated meter (EN 13757-2), and DLMS telegrams cut into segments for them (EN 13757-3).

68 │ L L │ 68 │ C A CI data … │ checksum │ 16         long frame
10 │ C A │ checksum │ 16                              short frame
E5                                                    acknowledgement

CI of a segment   000 F NNNN   number from 0, F: the last one      STSAP 01, DTSAP 67 follow it
"""

from __future__ import annotations

from typing import Final

ACKNOWLEDGEMENT: Final = b"\xe5"
SND_UD: Final = 0x53
BROADCAST: Final = 0xFF
_SERVICE_ACCESS_POINTS: Final = b"\x01\x67"
#: Data of one segment: the longest frame that Kaifa and Sagemcom send has L = 250.
_SEGMENT_OCTETS: Final = 250 - 3 - len(_SERVICE_ACCESS_POINTS)
_LAST: Final = 0x10
_MOST_SEGMENTS: Final = 16
_LONGEST: Final = 0xFF


def long_frame(control: int, address: int, information: bytes) -> bytes:
    """Frame ``information``, which begins with CI. Raises ValueError when it does not fit."""
    body = bytes((control, address)) + information
    if len(body) > _LONGEST:
        raise ValueError(f"{len(body)} octets do not fit one M-Bus frame (at most {_LONGEST})")
    return bytes((0x68, len(body), len(body), 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))


def segments(apdu: bytes) -> bytes:
    """Cut a DLMS telegram and frame it, as a meter that is master of the bus. Raises ValueError when it is too long."""
    parts = [apdu[at : at + _SEGMENT_OCTETS] for at in range(0, len(apdu), _SEGMENT_OCTETS)]
    if len(parts) > _MOST_SEGMENTS:
        raise ValueError(f"{len(apdu)} octets do not fit {_MOST_SEGMENTS} segments")
    return b"".join(
        long_frame(
            SND_UD,
            BROADCAST,
            bytes((number | (_LAST if number == len(parts) - 1 else 0),)) + _SERVICE_ACCESS_POINTS + part,
        )
        for number, part in enumerate(parts)
    )
