"""DLMS APDUs that stand bare in a stream: bytes → Frame (IEC 62056-5-3).

Adapters that do the framing themselves (over MQTT, UDP or a serial line) hand them out like this, and so do logs:

    0F │ invoke id (4) │ 00, 0C or 09 0C │ date-time │ COSEM data                  data-notification
    C2 │ 00 or 01 0C date-time │ class, logical name, attribute │ COSEM data      event-notification
    DB, DC │ 08 │ system title │ length │ …                                       general-glo-, general-ded-ciphering
    DD, DF │ fields with a length each …                                          general-ciphering, general-signing
    E0 │ control │ number (2) │ acknowledged (2) │ length │ …                     general-block-transfer

The LLC header E6 E7 00 may stand before each. There is no checksum: an APDU ends where its own lengths say, and one that
breaks the standard, or in which another one begins, is damaged. Then the search goes on one octet behind its beginning.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ciibridge.errors import FramingError
from ciibridge.framing.extent import Extent, length
from ciibridge.framing.stream import StreamFramer
from ciibridge.types import Frame, Problem

#: What is held between calls is never more; the field for a PDU size in COSEM has 16 bits.
LONGEST_OCTETS: Final = 0x10000
_DATE_TIME: Final = rb"\x0c[\x07\xff].{11}"
_LLC: Final = rb"(?:\xe6[\xe6\xe7]\x00)?"
_NOTIFICATION: Final = rb"\x0f.{4}(?:\x00|(?:\x09)?" + _DATE_TIME + rb")(?=[\x01\x02\x13])"
_EVENT: Final = rb"\xc2(?:\x00|\x01" + _DATE_TIME + rb")\x00.[\x00-\x0f].{4}\xff."
_TITLE: Final = rb"\x08[A-Za-z]{3}.{5}"
_CIPHERED: Final = rb"[\xdb\xdc]" + _TITLE
_FIELDS: Final = rb"[\xdd\xdf](?=(?:\x00|\x04.{4}|\x08.{8})" + _TITLE + rb")"
_BLOCK: Final = rb"\xe0.\x00[^\x00].{2}"
#: A beginning; what it matches ends where the length, the fields or the data begin.
_START: Final = re.compile(
    _LLC + rb"(?:" + rb"|".join((_NOTIFICATION, _EVENT, _CIPHERED, _FIELDS, _BLOCK)) + rb")", re.DOTALL
)
#: Octets that decide whether a beginning is one.
_START_OCTETS: Final = 32
_FIRST: Final = re.compile(rb"[\x0f\xc2\xdb\xdc\xdd\xdf\xe0\xe6]")
#: A beginning to be believed inside another APDU: with a date-time of this century, or a system title.
_SURE_START: Final = re.compile(
    rb"\x0f.{4}(?:\x09)?\x0c\x07[\xe0-\xff].{10}[\x01\x02]|" + _CIPHERED, re.DOTALL
)
_LLC_FIRST: Final = 0xE6
_LLC_OCTETS: Final = 3
_PLAIN_TAGS: Final = (0x0F, 0xC2)
_CIPHERED_TAGS: Final = (0xDB, 0xDC)
_LONG_FIELDS: Final = {
    0xDD: 5,
    0xDF: 7,
}  # octet-strings; in general-ciphering key-info and the content follow


class _Found(NamedTuple):
    """The APDU that begins the buffer: where it ends, or why it is none; neither: more octets are needed."""

    end: int = 0
    code: str = ""
    message: str = ""


def looks_like(octets: bytes) -> bool:
    """Tell whether a whole APDU, and nothing that is none, stands at the beginning of ``octets``.

    Not for general-glo-ciphering: P1 telegrams are ciphered so too, and only the plaintext tells them apart.
    """
    if octets[:1] == b"\xdb":
        return False
    framer = ApduFramer()
    first = next(iter(framer.feed(octets)), None)
    if not isinstance(first, Frame) or first.offset:
        return False
    rest = octets[len(first.raw) :]
    return not rest or _START.match(rest) is not None


def begins_in(octets: bytes) -> bool:
    """Tell whether an APDU begins somewhere in ``octets``."""
    return _SURE_START.search(octets) is not None or _START.match(octets) is not None


class ApduFramer(StreamFramer):
    """Cuts a stream of octets into APDUs."""

    pieces = LONGEST_OCTETS
    unit = "APDU"

    def __init__(self) -> None:
        super().__init__()
        self._extent: Extent | None = None  # of the data in the APDU that begins the buffer

    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        while self._buffer:
            start = _START.match(self._buffer)
            if start is None:
                first = _FIRST.match(self._buffer)
                if first and len(self._buffer) < _START_OCTETS and not final:
                    return
                following = _FIRST.search(self._buffer, 1)
                self._skip(following.start() if following else len(self._buffer), found)
                continue
            seen = self._look(start, final=final)
            if seen.code:
                self._damage(seen.code, seen.message, found)
                self._skip(1, found)
            elif seen.end:
                octets = bytes(self._buffer[: seen.end])
                self._take(Frame(octets, self._offset, octets), seen.end, found)
            else:
                return

    def _look(self, start: re.Match[bytes], *, final: bool) -> _Found:
        buffer = self._buffer
        try:
            end = self._end(start)
        except FramingError as error:
            where = self._offset + error.offset
            return _Found(code=error.code, message=f"{error} (octet {where} of the stream)")
        if end and end <= len(buffer):
            if _restarts(buffer, start, end):
                return _Found(code="incomplete", message="an APDU begins before the one before it has ended")
            return _Found(end)
        if end > LONGEST_OCTETS or len(buffer) >= LONGEST_OCTETS:
            return _Found(code="too_long", message=f"an APDU does not end within {LONGEST_OCTETS} octets")
        if final:
            return _Found(code="incomplete", message=f"the stream ends inside an APDU ({len(buffer)} octets)")
        return _Found()

    def _end(self, start: re.Match[bytes]) -> int:
        """Find where the APDU ends; it may be beyond what is there, and 0 is not known yet. Raises FramingError."""
        octets, at = self._buffer, start.end()
        tag = octets[_LLC_OCTETS if octets[0] == _LLC_FIRST else 0]
        if tag in _LONG_FIELDS:
            return _fields(octets, at, tag)
        if tag in _PLAIN_TAGS:
            extent = self._extent = self._extent or Extent(at)
            whole = extent.advance(octets)
            return extent.position if whole or extent.position > LONGEST_OCTETS else 0
        announced = length(octets, at)
        return 0 if announced is None else sum(announced)

    def _consume(self, octets: int) -> None:
        super()._consume(octets)
        self._extent = None


def _restarts(buffer: bytearray, start: re.Match[bytes], end: int) -> bool:
    """Whether another APDU begins inside the one that seems to end at ``end``.

    What the other kinds hold may well be an APDU, or the first part of one.
    """
    tag = buffer[_LLC_OCTETS if buffer[0] == _LLC_FIRST else 0]
    if tag in _CIPHERED_TAGS:
        return buffer.find(start.group(), start.end(), end) >= 0
    inside = _SURE_START.search(buffer, start.end()) if tag in _PLAIN_TAGS else None
    return inside is not None and inside.start() < end


def _fields(octets: bytearray, at: int, tag: int) -> int:
    """Find the end of general-ciphering or general-signing: octet-strings, and key-info before the last of one."""
    announced: tuple[int, int] | None
    for _ in range(_LONG_FIELDS[tag]):
        if (announced := length(octets, at)) is None:
            return 0
        at = sum(announced)
    if tag == 0xDF:
        return at
    # key-info OPTIONAL: identified key (00, one octet), wrapped key (01, one octet and a string), agreed key (02, two)
    here = octets[at : at + 2]
    if len(here) < 1 + (here[:1] == b"\x01"):
        return 0
    strings = 1
    at += 1
    if here[0]:
        at += 1 + (here[1] != 2)
        strings += here[1]
    for _ in range(strings):
        if (announced := length(octets, at)) is None:
            return 0
        at = sum(announced)
    return at
