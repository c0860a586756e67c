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
#: A run of garbage is reported when it ends, or in pieces of this size when it does not end.
_NOISE_REPORT_OCTETS: Final = 2048
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


class MbusFramer:
    """Cuts a stream of octets into frames; never raises, and holds no more than one frame between calls.

    ``frames``, ``damaged`` and ``skipped_octets`` count for diagnosis.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.damaged = 0
        self.skipped_octets = 0
        self._buffer = bytearray()
        self._needed = 0  # octets the buffer must have before another look is worth it
        self._offset = 0  # of the buffer's first octet in the stream
        self._run = 0  # octets in a row, up to now, that belong to no good frame
        self._told = False  # a Problem already says why

    @property
    def pending_octets(self) -> int:
        """Octets held until more arrive, never more than one frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Problem]:
        """Take the next octets, in chunks of any size; give what they completed, in stream order."""
        self._buffer += data
        if len(self._buffer) < self._needed:
            return []
        return self._search(final=False)

    def finish(self) -> list[Frame | Problem]:
        """End the stream: report what is incomplete, and give the good frames which that covered."""
        found = self._search(final=True)
        self._end_run(self._offset, found)
        return found

    def _search(self, *, final: bool) -> list[Frame | Problem]:
        found: list[Frame | Problem] = []
        octets = bytes(self._buffer)
        position = 0
        self._needed = 0
        while position < len(octets):
            seen = self._look(octets, position)
            if isinstance(seen, _Missing):
                if not final:
                    self._needed = seen.size - position
                    break
                seen = _Damage("incomplete", "the stream ends inside a frame")
            if isinstance(seen, _Good):
                self._end_run(self._offset + position, found)
                self.frames += 1
                found.append(seen.frame)
                position = seen.end
                continue
            if isinstance(seen, _Damage) and not self._told:
                self._end_run(self._offset + position, found)
                self._told = True
                self.damaged += 1
                found.append(Problem(seen.code, seen.message, self._offset + position))
            self._skip(found, self._offset + position)
            position += 1
        del self._buffer[:position]
        self._offset += position
        return found

    def _look(self, octets: bytes, begin: int) -> _Good | _Missing | _Damage | None:
        first = octets[begin]
        if first == _LONG:
            return _long(octets, begin, self._offset)
        if self._run or first not in _STARTS:
            return None
        if first == _ACK:
            return _Good(begin + 1, Frame(b"", self._offset + begin, b"\xe5", control=_ACK))
        return _short(octets, begin, self._offset)

    def _skip(self, found: list[Frame | Problem], offset: int) -> None:
        self._run += 1
        self.skipped_octets += 1
        if self._run >= _NOISE_REPORT_OCTETS:
            start = offset + 1 - self._run
            found.append(Problem("noise", f"{self._run} octets that belong to no frame", start))
            self._run = 0
            # The rest of the run is reported in its turn, if it becomes as long again.
            self._told = True

    def _end_run(self, offset: int, found: list[Frame | Problem]) -> None:
        """End a run of garbage at ``offset`` of the stream."""
        run, told = self._run, self._told
        self._run, self._told = 0, False
        if run and not told:
            found.append(Problem("noise", f"{run} octets that belong to no frame", offset - run))


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
