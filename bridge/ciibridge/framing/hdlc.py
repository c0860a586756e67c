"""HDLC frames from a stream of octets: bytes → Frame.

Frame format type 3 (IEC 62056-46, ISO/IEC 13239 annex H.4), as meters push it:

    7E | A  S  length | destination | source | control | HCS | information … | FCS | 7E
         4b 1b 11 bit   1-4 octets    1-4      1         2     length - header   2
         └──────────────────────── length counts from here to the FCS ─────────┘

``length`` alone says where a frame ends: there is no octet stuffing, so 7E and 7D occur inside. HCS and FCS are
CRC-16/X-25 from the format field on. A frame without information has no HCS. One flag may close a frame and open the
next. S is the segmentation bit.

The header check is verified before the announced length is believed. After any damage the search goes on one octet
behind the flag that failed, so a good frame comes out even where a damaged one announced a length that covers it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ciibridge.framing.crc import intact
from ciibridge.framing.stream import StreamFramer
from ciibridge.types import Frame, Problem

FLAG: Final = 0x7E
_FORMAT_TYPE_3: Final = 0xA0
_SEGMENTED: Final = 0x08
_SHORTEST: Final = 7  # format 2, addresses 1 + 1, control 1, FCS 2
_LONGEST_HEADER: Final = 13  # format 2, addresses 4 + 4, control 1, HCS 2
_LONGEST: Final = 0x7FF
#: Headers remembered. A push has one to a dozen; they come again with every push, checksum included.
_HEADERS: Final = 64


class _Header(NamedTuple):
    """A header that may be believed; places are counted from the octet behind the flag."""

    information: int
    end: int  # behind the FCS
    destination: str
    source: str
    segmented: bool
    control: int


class _Missing(NamedTuple):
    """Nothing can be said before the buffer has this many octets."""

    size: int
    inside_frame: bool = True  # False: only a flag is there, which may just as well be a closing one


class _Damage(NamedTuple):
    """A flag and a format field, but no header."""

    code: str
    message: str


class HdlcFramer(StreamFramer):
    """Cuts a stream of octets into frames."""

    pieces = 0x1000

    def __init__(self) -> None:
        super().__init__()
        self._headers: dict[bytes, _Header] = {}  # octets up to the information, of headers that were good
        self._header_size = 0  # of the last one

    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        buffer = self._buffer
        while buffer:
            flag = buffer.find(FLAG)
            if flag:
                self._skip(flag if flag > 0 else len(buffer), found)
                continue
            header = self._known() or self._look()
            if isinstance(header, _Missing):
                if not final:
                    self._needed = header.size
                    return
                header = _CUT_OFF_IN_HEADER if header.inside_frame else None
            if isinstance(header, _Header):
                end = 1 + header.end
                frame = bytes(buffer[1:end])
                if len(frame) == header.end and intact(frame):
                    # The closing flag stays: it may open the next frame.
                    self._take(_frame(frame, header, self._offset), end, found)
                    continue
                if len(frame) < header.end and not final:
                    self._needed = end
                    return
                damage = _bad_frame_check(len(frame)) if len(frame) == header.end else _cut_off(header.end)
                self._damage(damage.code, damage.message, found, len(frame))
            elif isinstance(header, _Damage) and not self._running:
                # Inside a run, 7E Ax is most likely the garbage itself.
                self._damage(header.code, header.message, found)
            self._consume(1)

    def release(self) -> bytes | None:
        """Give back what is held, where that is at most the flag behind a good frame; None: in the middle of something."""
        if self._running or len(self._buffer) > 1:
            return None
        held = bytes(self._buffer)
        self._buffer.clear()
        self._needed = 0
        return held

    def passed(self, flags: int, octets: int, frames: int) -> int:
        """Count good frames that somebody else took, behind some flags; gives where they began in the stream."""
        begin = self._offset + flags
        self._offset = begin + octets
        self.frames += frames
        return begin

    def _known(self) -> _Header | None:
        """Find a header that was good before: it need not be checked again when the same octets come again."""
        return self._headers.get(bytes(self._buffer[1 : 1 + self._header_size]))

    def _look(self) -> _Header | _Missing | _Damage | None:
        """Look behind the flag that begins the buffer, and remember a good header."""
        octets = bytes(self._buffer[: 1 + _LONGEST_HEADER])
        header = _header(octets, 1)
        if isinstance(header, _Header) and header.information + 2 < header.end:
            if len(self._headers) >= _HEADERS:
                self._headers.clear()
            self._header_size = header.information
            self._headers[octets[1 : 1 + header.information]] = header
        return header


def _header(octets: bytes, begin: int) -> _Header | _Missing | _Damage | None:
    """Look at what begins behind a flag: a header, or why not; None: not the beginning of a frame."""
    available = len(octets) - begin
    if available < 1:
        return _Missing(begin + 1, inside_frame=False)
    if octets[begin] & 0xF0 != _FORMAT_TYPE_3:
        return None
    if available < 2:
        return _Missing(begin + 2)
    length = (octets[begin] << 8 | octets[begin + 1]) & _LONGEST
    if length < _SHORTEST:
        return _Damage("bad_length", f"the frame announces {length} octets, fewer than a header has")
    if available < (enough := min(length, _LONGEST_HEADER)):
        return _Missing(begin + enough)
    header = octets[begin : begin + enough]
    source = _behind_address(header, 2)
    control = _behind_address(header, source) if source else 0
    if not control:
        return _Damage("bad_checksum", "the frame has an address that does not end")
    behind = control + 3
    if behind != length:  # else control and FCS only: no information, hence no HCS
        if behind + 2 > length:
            return _Damage("bad_length", f"the frame announces {length} octets, fewer than its header has")
        if not intact(header[:behind]):
            return _Damage("bad_checksum", "the header check (HCS) of a frame is wrong")
    return _Header(
        information=min(behind, length - 2),
        end=length,
        destination=header[2:source].hex(),
        source=header[source:control].hex(),
        segmented=bool(header[0] & _SEGMENTED),
        control=header[control],
    )


def _behind_address(header: bytes, position: int) -> int:
    """Index behind an address: its last octet is the one whose lowest bit is set; 0: longer than four octets."""
    for last in range(position, min(position + 4, len(header))):
        if header[last] & 1:
            return last + 1
    return 0


def _frame(octets: bytes, header: _Header, offset: int) -> Frame:
    # ``raw`` has a flag at both ends, also where two frames share one or the closing one is still to come.
    return Frame(
        octets[header.information : -2],
        offset,
        b"\x7e" + octets + b"\x7e",
        header.destination,
        header.source,
        header.segmented,
        header.control,
    )


def _bad_frame_check(octets: int) -> _Damage:
    return _Damage("bad_checksum", f"the frame check (FCS) of a frame of {octets} octets is wrong")


def _cut_off(octets: int) -> _Damage:
    return _Damage("incomplete", f"the stream ends inside a frame of {octets} octets")


_CUT_OFF_IN_HEADER: Final = _Damage("incomplete", "the stream ends inside the header of a frame")
