"""The wrapper of DLMS over TCP and UDP: bytes → Frame (IEC 62056-47, 6.3.3; in newer editions IEC 62056-4-7).

    00 01 │ source wPort (2) │ destination wPort (2) │ length (2) │ APDU
    version   client 10, 01 …    logical device 01 …    of the APDU

``Frame.information`` is the APDU. The wPorts stay in ``Frame.raw``: they are no HDLC addresses, by which models are known.

There is no checksum: TCP has one. What is lost is a connection, and one may join in the middle of it, so a header counts as one
only if a known APDU begins behind it; and a header of the same two ports inside of what an announced length covers shows that
the length, or what is in between, was damaged. Then the search goes on one octet behind the beginning.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from ciibridge.framing.apdu import ApduFramer
from ciibridge.framing.stream import StreamFramer
from ciibridge.types import Frame, Problem

HEADER_OCTETS: Final = 8
#: The length has 16 bits; what is held between calls is never more.
LONGEST_FRAME: Final = HEADER_OCTETS + 0xFFFF
_HEADER: Final = struct.Struct(">HHHH")
_VERSION: Final = 1
#: Ports below 4000, and a first octet of an APDU: confirmed-service-error, data-notification, AARQ AARE RLRQ RLRE,
#: GET SET ACTION and event (and glo-, ded-), exception, access, the general ones.
_START: Final = re.compile(
    rb"\x00\x01(?:[\x00-\x3f].){2}(?!\x00\x00)..[\x0e\x0f\x60-\x63\xc0-\xe0]", re.DOTALL
)
_START_OCTETS: Final = HEADER_OCTETS + 1
_VERSION_OCTETS: Final = b"\x00\x01"
_UNCOVERED: Final = "a frame begins before the one before it has ended"


def wrapped(source: int, destination: int, apdu: bytes) -> bytes:
    """Write a frame: from one wPort to another. Raises ValueError for an APDU of more than 65,535 octets."""
    try:
        return _HEADER.pack(_VERSION, source, destination, len(apdu)) + apdu
    except struct.error:
        raise ValueError(f"{len(apdu)} octets do not fit into the wrapper") from None


def looks_like(octets: bytes) -> bool:
    """Tell whether a wrapper with a whole push in it, and nothing that is none, stands at the beginning of ``octets``."""
    framer = WrapperFramer()
    first = next(iter(framer.feed(octets)), None)
    if not isinstance(first, Frame) or first.offset:
        return False
    inside = ApduFramer()
    if [item.raw for item in inside.feed(first.information) if isinstance(item, Frame)] != [
        first.information
    ]:
        return False
    rest = octets[len(first.raw) :]
    return len(rest) < _START_OCTETS or _START.match(rest) is not None


class WrapperFramer(StreamFramer):
    """Cuts a stream of octets into APDUs by the wrapper's header."""

    pieces = LONGEST_FRAME

    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        while self._buffer:
            buffer = self._buffer
            if _START.match(buffer) is None:
                if not final and self._may_begin():
                    self._needed = _START_OCTETS
                    return
                self._skip(self._garbage(), found)
                continue
            end = HEADER_OCTETS + int.from_bytes(buffer[6:8], "big")
            covered = self._covered(end)
            if covered:
                self._report(_UNCOVERED, found)
                self._skip(covered, found)
            elif end <= len(buffer):
                octets = bytes(buffer[:end])
                self._take(Frame(octets[HEADER_OCTETS:], self._offset, octets, check="none"), end, found)
            elif final:
                self._report(f"the stream ends inside a frame of {end} octets", found)
                self._skip(self._garbage(), found)
            else:
                return

    def _report(self, message: str, found: list[Frame | Problem]) -> None:
        """Report a frame that is not all there, unless a report already tells why."""
        if not self._told:
            self._damage("incomplete", message, found)

    def _may_begin(self) -> bool:
        """Whether the buffer is the beginning of a header that is not all there."""
        size = len(self._buffer)
        return size < _START_OCTETS and self._buffer[:2] == _VERSION_OCTETS[:size]

    def _covered(self, end: int) -> int:
        """Find another header of the same ports, all of it inside the frame; 0: there is none."""
        found = self._buffer.find(self._buffer[:6], HEADER_OCTETS, end)
        return found if found > 0 and _START.match(self._buffer, found, end) else 0

    def _garbage(self) -> int:
        """Count the octets that begin no header."""
        following = self._buffer.find(_VERSION_OCTETS, 1)
        if following > 0:
            return following
        return len(self._buffer) - (len(self._buffer) > 1 and self._buffer[-1] == 0)
