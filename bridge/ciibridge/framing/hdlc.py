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

from dataclasses import dataclass
from typing import Final, NamedTuple

from ciibridge.framing.crc import intact
from ciibridge.types import Frame, Problem

FLAG: Final = 0x7E
_FORMAT_TYPE_3: Final = 0xA0
_SEGMENTED: Final = 0x08
_SHORTEST: Final = 7  # format 2, addresses 1 + 1, control 1, FCS 2
_LONGEST_HEADER: Final = 13  # format 2, addresses 4 + 4, control 1, HCS 2
_LONGEST: Final = 0x7FF
#: Headers remembered. A push has one to a dozen; they come again with every push, checksum included.
_HEADERS: Final = 64
#: A run of garbage is reported when it ends. One longer than any frame is reported in pieces of this size, or a line
#: with wrong settings would stay silent for ever.
NOISE_REPORT_OCTETS: Final = 2048


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


@dataclass(slots=True)
class _Run:
    """Octets in a row that belong to no good frame."""

    start: int
    told: bool  # a Problem already says why
    octets: int = 0


class HdlcFramer:
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
        self._run: _Run | None = None
        self._headers: dict[bytes, _Header] = {}  # octets up to the information, of headers that were good
        self._header_size = 0  # of the last one

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
        self._end_run(found, final=True)
        return found

    def _search(self, *, final: bool) -> list[Frame | Problem]:
        found: list[Frame | Problem] = []
        octets = bytes(self._buffer)
        position = 0
        self._needed = 0
        while True:
            flag = octets.find(FLAG, position)
            if flag < 0:
                flag = len(octets)
            if flag > position:
                self._skip(position, flag, found)
            position = flag
            if flag == len(octets):
                break
            begin = flag + 1
            header = self._headers.get(octets[begin : begin + self._header_size]) or self._look(octets, begin)
            if isinstance(header, _Header):
                end = begin + header.end
                if end <= len(octets):
                    frame = octets[begin:end]
                    if intact(frame):
                        self._end_run(found)
                        self.frames += 1
                        found.append(_frame(frame, header, self._offset + flag))
                        position = end  # where the closing flag stands, which may open the next frame
                        continue
                    self._damage(found, flag, _bad_frame_check(len(frame)), announced=len(frame))
                elif not final:
                    self._needed = end - flag
                    break
                else:
                    self._damage(found, flag, _cut_off(header.end), announced=len(octets) - flag)
            elif isinstance(header, _Missing):
                if not final:
                    self._needed = header.size - flag
                    break
                if self._run is None and header.inside_frame:
                    self._damage(found, flag, _CUT_OFF_IN_HEADER)
            elif isinstance(header, _Damage) and self._run is None:
                # Inside a run, 7E Ax is most likely the garbage itself.
                self._damage(found, flag, header)
            position = flag + 1
        del self._buffer[:position]
        self._offset += position
        return found

    def _look(self, octets: bytes, begin: int) -> _Header | _Missing | _Damage | None:
        """Look behind a flag, and remember a good header: it need not be checked again when the same octets come again."""
        header = _header(octets, begin)
        if isinstance(header, _Header) and header.information + 2 < header.end:
            if len(self._headers) >= _HEADERS:
                self._headers.clear()
            self._header_size = header.information
            self._headers[octets[begin : begin + header.information]] = header
        return header

    def _skip(self, begin: int, end: int, found: list[Frame | Problem]) -> None:
        """Octets between two flags that belong to no frame."""
        if self._run is None:
            self._run = _Run(self._offset + begin, told=False)
        run = self._run
        run.octets += end - begin
        self.skipped_octets += end - begin
        while run.octets >= NOISE_REPORT_OCTETS:
            found.append(_noise(run.start, NOISE_REPORT_OCTETS))
            run.octets -= NOISE_REPORT_OCTETS
            run.told = True

    def _damage(
        self, found: list[Frame | Problem], flag: int, damage: _Damage, *, announced: int = 0
    ) -> None:
        """Report a frame that is lost; its octets are skipped as part of a run that needs no further report."""
        if self._run is None or not self._run.told:
            self._end_run(found)
            self._run = _Run(self._offset + flag, told=True)
        self._run.octets -= announced
        self.damaged += 1
        found.append(Problem(damage.code, damage.message, self._offset + flag))

    def _end_run(self, found: list[Frame | Problem], *, final: bool = False) -> None:
        run, self._run = self._run, None
        if run is not None and not run.told:
            joining = not final and not self.frames and not self.damaged
            found.append(_noise(run.start, run.octets, _JOINED if joining else ""))


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


def _noise(start: int, octets: int, note: str = "") -> Problem:
    return Problem("noise", f"{octets} octets that belong to no frame{note}", start)


def _bad_frame_check(octets: int) -> _Damage:
    return _Damage("bad_checksum", f"the frame check (FCS) of a frame of {octets} octets is wrong")


def _cut_off(octets: int) -> _Damage:
    return _Damage("incomplete", f"the stream ends inside a frame of {octets} octets")


_JOINED: Final = " (normal where listening begins in the middle of a telegram)"
_CUT_OFF_IN_HEADER: Final = _Damage("incomplete", "the stream ends inside the header of a frame")
