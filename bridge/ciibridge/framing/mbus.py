"""M-Bus frames from a stream of octets: bytes → Frame (EN 13757-2, IEC 60870-5-1 format class FT1.2).

    E5                                                  acknowledgement
    10 | C  A | checksum | 16                           short frame
    68 | L  L | 68 | C  A  CI  data … | checksum | 16   long frame; with L = 3 it is a control frame
                     └────── L octets ─────┘            checksum: sum of these, modulo 256

``Frame.information`` begins with CI; ``control`` is C, ``destination`` is A. A short frame and an acknowledgement have no
information.

No length below 3 is possible, but a meter that sends segments of 257 octets writes the length modulo 256, 01 01
(capture sagemcom-at-257-byte-segments-stream-no-key). So L below 3 means L + 256.

There is no octet stuffing: 68 and 16 occur inside. The announced length is bounded, so it is waited for; after any
damage the search goes on one octet behind the start that failed, and a good frame comes out even where a damaged one
announced a length that covers it. Only where no damage is being skipped do E5 and 10 begin a frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ciibridge.framing.stream import StreamFramer
from ciibridge.types import Frame, Problem

_LONG: Final = 0x68
_SHORT: Final = 0x10
_ACK: Final = 0xE5
_STOP: Final = 0x16
_STARTS: Final = frozenset((_LONG, _SHORT, _ACK))
_SHORT_OCTETS: Final = 5
_HEADER_OCTETS: Final = 4  # 68 L L 68
_OVERHEAD: Final = _HEADER_OCTETS + 2  # and checksum, stop
_LEAST: Final = 3  # C A CI
#: Octets of the longest frame: what is held between calls is never more.
LONGEST_FRAME: Final = 0x100 + _LEAST - 1 + _OVERHEAD
#: Bit 6 of C: the frame comes from the master. Short frames come from nobody else.
_FROM_MASTER: Final = 0x40
#: C of long frames: answers of slaves (RSP_UD, with their two flags), and what masters send (SND_NKE, SND_UD …).
_KNOWN_C: Final = frozenset((0x08, 0x18, 0x28, 0x38, 0x40, 0x44, 0x46, 0x53, 0x73))


class _Good(NamedTuple):
    end: int
    frame: Frame


class _Missing(NamedTuple):
    """Nothing can be said before the buffer has this many octets."""

    size: int


class _Damage(NamedTuple):
    code: str
    message: str


def long_frames(octets: bytes) -> Iterator[Frame]:
    """Find every whole and good long frame in ``octets``, whatever is before and behind it."""
    begin = octets.find(_LONG)
    while begin >= 0:
        found = _long(octets, begin, 0)
        behind = begin + 1
        if isinstance(found, _Good) and found.frame.control in _KNOWN_C:
            yield found.frame
            behind = found.end
        begin = octets.find(_LONG, behind)


def looks_like(octets: bytes) -> bool:
    """Tell whether M-Bus frames stand in ``octets``; ``mbus_transport.looks_like`` tells if they hold DLMS."""
    return next(long_frames(octets), None) is not None


class MbusFramer(StreamFramer):
    """Cuts a stream of octets into frames."""

    pieces = LONGEST_FRAME

    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        while self._buffer:
            seen = self._look()
            if isinstance(seen, _Missing):
                if not final:
                    self._needed = seen.size
                    return
                seen = _Damage("incomplete", "the stream ends inside a frame")
            if isinstance(seen, _Good):
                self._take(seen.frame, seen.end, found)
                continue
            if isinstance(seen, _Damage) and not self._told:
                self._damage(seen.code, seen.message, found)
            self._skip(self._garbage(), found)

    def _look(self) -> _Good | _Missing | _Damage | None:
        first = self._buffer[0]
        octets = bytes(self._buffer[:LONGEST_FRAME])
        if first == _LONG:
            return _long(octets, 0, self._offset)
        if self._noise or first not in _STARTS:
            return None
        if first == _ACK:
            return _Good(1, Frame(b"", self._offset, b"\xe5", control=_ACK))
        return _short(octets, 0, self._offset)

    def _garbage(self) -> int:
        """Count the octets that begin no frame: once there is one, only a long frame ends them."""
        following = self._buffer.find(_LONG, 1)
        return following if following > 0 else len(self._buffer)


def _long(octets: bytes, begin: int, offset: int) -> _Good | _Missing | _Damage | None:
    """Look at what 68 begins: a frame, or why not; None: only an octet of garbage."""
    header = octets[begin : begin + _HEADER_OCTETS]
    if len(header) < _HEADER_OCTETS:
        return _Missing(begin + _HEADER_OCTETS)
    length, again, start = header[1:]
    if start != _LONG:
        return None
    if length != again:
        return _Damage("bad_length", f"the two lengths of a frame differ: {length} and {again}")
    if length < _LEAST:
        length += 0x100
    end = begin + length + _OVERHEAD
    if end > len(octets):
        return _Missing(end)
    body = octets[begin + _HEADER_OCTETS : end - 2]
    if octets[end - 1] != _STOP:
        return _Damage("bad_length", f"no stop octet ends a frame of {length} octets")
    if sum(body) & 0xFF != octets[end - 2]:
        return _Damage("bad_checksum", f"the checksum of a frame of {length} octets is wrong")
    frame = Frame(body[2:], offset + begin, octets[begin:end], destination=f"{body[1]:02x}", control=body[0])
    return _Good(end, frame)


def _short(octets: bytes, begin: int, offset: int) -> _Good | _Missing | None:
    end = begin + _SHORT_OCTETS
    raw = octets[begin:end]
    if len(raw) > 1 and raw[1] & 0xC0 != _FROM_MASTER:
        return None
    if len(raw) < _SHORT_OCTETS:
        return _Missing(end)
    _, control, address, checksum, stop = raw
    if stop != _STOP or (control + address) & 0xFF != checksum:
        return None
    return _Good(end, Frame(b"", offset + begin, raw, destination=f"{address:02x}", control=control))
