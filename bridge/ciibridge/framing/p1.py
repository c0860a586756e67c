"""DSMR-P1: cut a stream of octets into telegrams: bytes → Frame (P1 companion standard 5.0.2, chapter 5; eMUCS-P1 1.7.1).

    plain       / X X X 5 <identification> CR LF CR LF  <data lines> CR LF  !  C C C C  CR LF
                |──────────────────── CRC-16 over all this ──────────────────|
    ciphered    DB 08 <system title: 8> <length> <security control> <counter: 4> <ciphertext> [<tag: 12>]
    ciphered,   / X X X 5 <identification> CR LF CR LF  00 <length> <security control> <counter: 4> <ciphertext>  ! C C C C
    no tag DB   (Poland: no system title, and a CRC that is not one of the octets on the wire)

Versions before 4 have no CRC, and some meters leave out the empty line or the last line end. A CRC that is there must be
right, and a telegram that states a version with CRC must have one. Telegrams without CRC are taken as they are.

A telegram may be cut off and the next one begin in the middle of it. As that shows only by its beginning, a beginning
inside a damaged telegram, or inside the ciphertext (where it stands by chance once in 10⁵ telegrams), is believed.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ciibridge.framing.crc import crc_arc
from ciibridge.framing.stream import StreamFramer
from ciibridge.types import Apdu, Frame, Problem

#: No meter sends more: a Belgian telegram with logs and four sub-meters has about 2,500 octets.
LONGEST_OCTETS: Final = 8192

_TEXT_START: Final = rb"/[A-Za-z]{3}[0-9]"
_CIPHERED_START: Final = rb"\xdb\x08[A-Za-z]{3}"
_TEXT: Final = re.compile(_TEXT_START)
_START: Final = re.compile(_TEXT_START + rb"|" + _CIPHERED_START)
_START_OCTETS: Final = 5  # that both kinds of start have
#: Starts to be believed where no text is: a whole identification line; a system title, its length and security control.
_SURE_TEXT_START: Final = re.compile(rb"/[A-Za-z]{3}[0-9][\x02\x20-\x7e]{0,80}\r\n")
_SURE_CIPHERED_START: Final = re.compile(
    _CIPHERED_START + rb".{5}(?:\x81.|\x82..)[\x20-\x22\x30-\x32]", re.DOTALL
)
_CIPHERED_BODY: Final = re.compile(rb"/[^\r\n]{4,80}\r\n\r\n\x00(?=[\x81\x82])")
_LINE_END: Final = b"\r\n"
_CRC: Final = re.compile(rb"[0-9A-Fa-f]{4}")
_DATA_LINE: Final = re.compile(rb"[\r\n]{0,2}\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3}[*(]")
_CRC_DIGITS: Final = 4
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
#: Version 4 and later of the Netherlands, any of Belgium: these telegrams have a CRC.
_VERSION_WITH_CRC: Final = re.compile(rb"[\r\n](?:1-3:0\.2\.8\([4-9]\d\)|0-0:96\.1\.4\(\d+\))")
_CIPHERED_HEADER: Final = 15  # DB 08, title, length in three octets, security control
_LEAST_CIPHERED: Final = 1 + 4 + 1  # security control, counter, something
_NOT_P1_SECURITY: Final = 0x4C  # suites that do not exist, and the broadcast key
_BLANK: Final = b"\r\n\0 "


class _Cut(NamedTuple):
    """Where a telegram ends, counted from the beginning of the buffer."""

    end: int
    fault: str = ""  # why it cannot be trusted
    checked: bool = False  # its CRC is right


class _Damage(NamedTuple):
    code: str
    message: str


_CUT_OFF: Final = _Damage("incomplete", "a telegram begins before the one before it has ended")


class P1Framer(StreamFramer):
    """Cuts a stream of octets into P1 telegrams.

    A ``Frame`` holds the telegram from ``/`` to the end of the CRC, or a ciphered one from its first octet to its last.
    """

    pieces = LONGEST_OCTETS
    unit = "telegram"

    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        while self._buffer:
            start = _START.search(self._buffer)
            if start is None:
                # The first octets of a beginning may be the last ones here.
                self._skip(len(self._buffer) if final else len(self._buffer) - _START_OCTETS + 1, found)
                return
            self._skip(start.start(), found)
            cut = self._cut(final=final)
            if cut is None:
                return
            if isinstance(cut, _Damage):
                self._damage(cut.code, cut.message, found)
                self._skip(1, found)
            elif cut.fault:
                self._damage("bad_checksum", cut.fault, found)
                self._skip(cut.end, found)
            else:
                octets = bytes(self._buffer[: cut.end])
                self._take(Frame(octets, self._offset, octets), cut.end, found)

    def _cut(self, *, final: bool) -> _Cut | _Damage | None:
        """Find the end of the telegram that begins the buffer; None: more octets are needed."""
        buffer = self._buffer
        ciphered = _announced(buffer)
        if isinstance(ciphered, _Damage):
            return ciphered
        cut = _text(buffer, final=final) if ciphered is None else _ciphered(buffer, ciphered, final=final)
        if cut is not None and cut.end > LONGEST_OCTETS:
            cut = None
        if cut is None:
            return self._unfinished(plain=ciphered is None, final=final)
        if not cut.checked and _restarts(buffer, cut.end, plain=ciphered is None):
            return _CUT_OFF
        if ciphered is not None and cut.fault:
            return _Damage("bad_length", cut.fault)
        return cut

    def _unfinished(self, *, plain: bool, final: bool) -> _Damage | None:
        buffer = self._buffer
        if plain and _SURE_CIPHERED_START.search(buffer):  # text never ends there
            return _CUT_OFF
        if len(buffer) >= LONGEST_OCTETS:
            return _Damage("too_long", f"a telegram does not end within {LONGEST_OCTETS} octets")
        if final:
            return _Damage("incomplete", f"the stream ends inside a telegram ({len(buffer)} octets)")
        return None

    def _harmless(self, noise: bytes) -> bool:
        """Tell whether it is but line ends and fill between telegrams."""
        return not noise.strip(_BLANK)


def _restarts(buffer: bytearray, end: int, *, plain: bool) -> bool:
    """Whether another telegram begins inside the one that seems to end at ``end``; of the same meter if ciphered."""
    if plain:
        return _START.search(buffer, 1, end) is not None
    same = buffer.startswith(b"\xdb") and buffer.find(buffer[:_START_OCTETS], 1, end) >= 0
    return same or _SURE_TEXT_START.search(buffer, 1, end) is not None


def begins_like_a_telegram(octets: bytes) -> bool:
    """Whether these octets are the beginning of a telegram in plain text."""
    return _TEXT.match(octets) is not None


def begins_like_lines(octets: bytes) -> bool:
    """Whether these octets are the beginning of data lines in plain text, without an identification line."""
    return _DATA_LINE.match(octets) is not None


class Behind(NamedTuple):
    """A telegram that is ciphered behind a plain identification line, as in Poland."""

    identification: bytes  # with its line ends
    ciphered: bytes  # from the length of the system title on
    end: bytes  # exclamation mark and CRC

    def whole(self, plain: Apdu) -> Apdu:
        """Put the opened lines between the ends that came in plain."""
        if begins_like_a_telegram(plain.data):
            return plain
        lines = plain.data if plain.data.endswith((b"\r", b"\n")) else plain.data + b"\r\n"
        return plain._replace(data=self.identification + lines + self.end)


def split_ciphered(octets: bytes) -> Behind | None:
    """Take a telegram apart that is ciphered behind a plain identification line; None: this one is not."""
    header = _CIPHERED_BODY.match(octets)
    if header is None:
        return None
    begin = header.end()
    announced = _announced(bytearray(octets))
    end = announced.end if isinstance(announced, _Announced) and announced.end else len(octets)
    return Behind(octets[: begin - 1], octets[begin - 1 : end], octets[end:])


def text_fault(octets: bytes) -> str:
    """Say why a whole telegram in plain text cannot be trusted: its end is missing, or its CRC; empty: it can.

    For what was ciphered: ``P1Framer`` has looked at plain telegrams already.
    """
    cut = _text(bytearray(octets), final=True)
    return "the telegram has no end" if cut is None else cut.fault


def _text(buffer: bytearray, *, final: bool) -> _Cut | None:
    """Find the end of a plain telegram: an exclamation mark at the beginning of a line, and four digits or nothing."""
    mark = _mark(buffer)
    if not mark:
        return None
    if _CRC.match(buffer, mark):
        return _checked(buffer, mark)
    digits = buffer[mark : mark + _CRC_DIGITS]
    whole = len(digits) == _CRC_DIGITS
    if not all(octet in _HEX for octet in digits) or (not digits and final):
        missing = _VERSION_WITH_CRC.search(buffer, 0, mark) is not None
        return _Cut(mark, "the telegram has no CRC, which its version demands" if missing else "")
    if not whole:  # fewer than four: more may come, and after the last octet the digits are cut off
        return None
    return _checked(buffer, mark)


def _mark(buffer: bytearray) -> int:
    """Find the octet behind the exclamation mark that begins a line; 0: there is none."""
    mark = buffer.find(b"!", 1)
    while mark > 0 and buffer[mark - 1] not in _LINE_END:
        mark = buffer.find(b"!", mark + 1)
    return mark + 1


def _checked(buffer: bytearray, mark: int) -> _Cut:
    """Compare the CRC behind the exclamation mark with the octets before it."""
    sent, counted = int(buffer[mark : mark + _CRC_DIGITS], 16), crc_arc(bytes(buffer[:mark]))
    fault = f"the CRC of a telegram of {mark} octets is {sent:04X}, its text gives {counted:04X}"
    return _Cut(mark + _CRC_DIGITS, "" if sent == counted else fault, checked=sent == counted)


class _Announced(NamedTuple):
    """A ciphered telegram: where its ciphered part ends, and whether an exclamation mark follows."""

    end: int
    marked: bool


def _announced(buffer: bytearray) -> _Announced | _Damage | None:
    """Read what a ciphered telegram announces; ``end`` 0: not all there yet; None: the telegram is plain."""
    header = None
    if buffer[0] == ord("/"):
        header = _CIPHERED_BODY.match(buffer)
        if header is None:
            return None
    at = header.end() if header else 10
    marked = header is not None
    width = 1 + (buffer[at] & 0x7F if at < len(buffer) and buffer[at] & 0x80 else 0)
    if width > 3:
        return _Damage("bad_length", "octets that look like a ciphered telegram announce no possible length")
    begin = at + width
    if len(buffer) <= begin:
        return _Announced(0, marked)
    size = int.from_bytes(buffer[at + 1 : begin], "big") if width > 1 else buffer[at]
    if not _LEAST_CIPHERED <= size <= LONGEST_OCTETS or buffer[begin] & _NOT_P1_SECURITY:
        return _Damage("bad_length", "octets that look like a ciphered telegram announce no possible length")
    return _Announced(begin + size, marked)


def _ciphered(buffer: bytearray, announced: _Announced, *, final: bool) -> _Cut | None:
    """Find the end of a ciphered telegram."""
    end, marked = announced
    if not end or len(buffer) < end:
        return None
    if not marked:
        return _Cut(end)
    digits = buffer[end + 1 : end + 1 + _CRC_DIGITS]
    if bytes(buffer[end : end + 1]) not in (b"", b"!"):
        return _Cut(end, "a ciphered telegram does not end where it announces")
    if len(digits) < _CRC_DIGITS and not final and all(octet in _HEX for octet in digits):
        return None
    has_crc = len(digits) == _CRC_DIGITS and all(octet in _HEX for octet in digits)
    return _Cut(min(end + 1 + (_CRC_DIGITS if has_crc else 0), len(buffer)))
