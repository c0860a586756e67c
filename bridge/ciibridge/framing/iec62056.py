r"""IEC 62056-21: cut a stream of octets into telegrams: bytes → Frame (IEC 62056-21:2002, 6.3 and 6.5).

    / X X X Z <identification> CR LF  [STX]  <data lines>  ! CR LF  [ETX BCC]        a readout, or a push (mode D)
                                       STX   <data set>    ! CR LF   ETX BCC         an answer to a command (mode C)
                                             |──── XOR of all these = BCC ────|

Where there is a BCC it must be right. Modes A and D may have none: such telegrams are taken as they are. Some meters open
with STX and never send ETX and BCC; then the octet behind the end tells, or the end of the stream.

The line is 7E1 by the standard. A port set to eight bits delivers the parity as bit 7: it is checked and taken off.

Around telegrams there is the rest of the conversation, which is nobody's fault: echoes of the request and of the
acknowledgement, and the NUL or DEL octets that wake a meter. A telegram may be cut off and the next one begin in the middle
of it: its whole identification line is believed. Data lines without identification are taken only if a BCC proves them,
or if they open with an identification number or the fault register, as readouts do: half a line, taken for a whole one,
would be another register (of ``1-0:21.8.0`` remains ``1.8.0``).
"""

from __future__ import annotations

import re
from functools import reduce
from operator import xor
from typing import Final, NamedTuple

from ciibridge.framing.stream import StreamFramer
from ciibridge.types import Frame, Problem

#: A readout with 15 billing periods has 10 kB; industrial meters with four tariffs and 36 periods have 60 kB.
LONGEST_OCTETS: Final = 131_072

STX: Final = 0x02
ETX: Final = 0x03
_IDENTIFICATION: Final = rb"/[A-Za-z]{3}[ \x22-\x27\x2a-\x2e\x30-\x7e]{1,40}\r{0,2}\n"
_IDENTIFIED: Final = re.compile(_IDENTIFICATION)
#: An address and what opens its value, behind STX.
_BLOCK: Final = rb"\x02[^()\x00-\x1f]{1,32}\("
#: Registers with which a readout opens: fault register, identification numbers.
_FIRST: Final = rb"(?:\d{1,3}-\d{1,3}:)?(?:F\.F|0\.0|C\.1|C\.90)(?:\.\d{1,3})?(?:\*255)?\([^()\r\n]{0,64}\)"
_BARE: Final = re.compile(_FIRST)
_START: Final = re.compile(_IDENTIFICATION + rb"|" + _BLOCK + rb"|(?<=[\r\n\0\x7f])" + _FIRST)
#: Octets that may become one of these when more arrive, and how many they are at most.
_HALF_START: Final = re.compile(
    rb"/[^\r\n()]{0,43}\r{0,2}\Z|\x02[^()\x00-\x1f]{0,32}\Z|(?<=[\r\n\0\x7f])[0-9FC][^\r\n]{0,94}\Z"
)
_HALF_BARE: Final = re.compile(rb"[0-9FC][^\r\n]{0,94}\Z")
_HALF_OCTETS: Final = 96
#: The end mark, behind which nothing of the telegram but a line end and ETX may follow; or the end of a block.
_END: Final = re.compile(rb"!(?=[\r\n\x03/\0\x7f])|!\Z|\x03")
_BEHIND_END: Final = re.compile(rb"[\r\n]*")
#: ETX; or, of a meter that never sends it, the next telegram or fill.
_BEHIND_STX: Final = b"\x03/\0\x7f"
_LINE_ENDS: Final = b"\r\n\0\x7f"
#: What a conversation leaves between telegrams: requests, acknowledgements, commands, and fill.
_TALK: Final = re.compile(
    rb"/\?[^!\r\n]{0,32}!|\x06[0-9A-Z]{3}|\x01[A-Z][0-9](?:\x02[^\x03]{0,64})?\x03.|[\x00\x06\x15\x7f\r\n ]+",
    re.DOTALL,
)
#: With parity, half of the octets have bit 7; without, but for a letter with an accent, none.
_WITH_PARITY: Final = 8

_LOW: Final = bytes(range(0x80))
_EVEN: Final = bytes(octet for octet in range(256) if octet.bit_count() % 2 == 0)
#: Strips the parity bit of octets whose parity is right, so that they can be searched; the others stay as they are.
_STRIPPED: Final = bytes(octet if octet.bit_count() % 2 else octet & 0x7F for octet in range(256))


class _Cut(NamedTuple):
    """Where a telegram ends, counted from the beginning of the buffer."""

    end: int
    fault: Problem | None  # why it cannot be trusted
    check: str = "none"  # bcc: it has one, and it is right


def block_check(octets: bytes | bytearray) -> int:
    """Compute the BCC: XOR of the seven bits of all octets behind STX or SOH, ETX included (ISO 1155)."""
    return reduce(xor, octets, 0) & 0x7F


def without_parity(octets: bytes) -> bytes:
    """Take the parity bit off octets whose parity is right (8N1 set where 7E1 is spoken)."""
    return octets.translate(_STRIPPED)


class Iec62056Framer(StreamFramer):
    """Cuts a stream of octets into telegrams. The buffer is without parity bits.

    A ``Frame`` holds the telegram from its first octet to ``!`` or BCC, in seven bits; ``check`` is ``bcc`` or ``none``.
    """

    pieces = LONGEST_OCTETS
    unit = "telegram"

    def __init__(self) -> None:
        super().__init__()
        self._raw = bytearray()  # the buffer as it came
        self._line_begins = True  # with the first octet of the buffer
        self._seen = 0  # octets of the telegram in which its end was looked for

    def feed(self, data: bytes) -> list[Frame | Problem]:
        """Take the next octets, in pieces of any size; give the telegrams they complete and what was wrong."""
        self._raw += data
        return super().feed(data.translate(_STRIPPED))

    def finish(self) -> list[Frame | Problem]:
        """End the stream; give what is left. What comes after it is another stream."""
        found = super().finish()
        self._line_begins = True
        return found

    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        while self._buffer:
            start = self._start()
            if start is None:
                self._skip(len(self._buffer) if final else self._garbage(), found)
                return
            self._skip(start, found)
            cut = self._cut(final=final)
            if cut is None:
                return
            if cut.fault is None:
                self._good(cut, found)
            else:
                self._refuse(cut.end, cut.fault, found)

    def _start(self) -> int | None:
        """Find where a telegram begins."""
        if self._line_begins and _BARE.match(self._buffer):
            return 0
        start = _START.search(self._buffer)
        return start.start() if start else None

    def _garbage(self) -> int:
        """Count the octets that cannot become a beginning any more."""
        if self._line_begins and _HALF_BARE.match(self._buffer):
            return 0
        half = _HALF_START.search(self._buffer, max(0, len(self._buffer) - _HALF_OCTETS))
        return half.start() if half else len(self._buffer)

    def _cut(self, *, final: bool) -> _Cut | None:
        """Find the end of the telegram that begins the buffer; None: more octets are needed."""
        buffer = self._buffer
        identified = _IDENTIFIED.match(buffer)
        body = identified.end() if identified else 1
        end = self._end(max(body, self._seen - 1), final=final)
        again = _IDENTIFIED.search(
            buffer, max(body, self._seen - _HALF_OCTETS), len(buffer) if end is None else end.start()
        )
        if again is not None:
            return _Cut(
                again.start(), Problem("incomplete", "a telegram begins before the one before it has ended")
            )
        if end is not None:
            return self._checked(
                end, buffer.find(STX, 0, end.start()), identified=identified is not None, final=final
            )
        self._seen = len(buffer)
        if len(buffer) >= LONGEST_OCTETS:
            return _Cut(
                len(buffer),
                Problem("too_long", f"a telegram does not end within {LONGEST_OCTETS} octets"),
            )
        if final:
            message = f"the stream ends inside a telegram ({len(buffer)} octets)"
            return _Cut(len(buffer), Problem("incomplete", message))
        return None

    def _end(self, begin: int, *, final: bool) -> re.Match[bytes] | None:
        """Find the end mark, outside of parentheses: inside, an octet is damaged."""
        buffer = self._buffer
        for end in _END.finditer(buffer, begin):
            if end.end() == len(buffer) and not final and end.group() == b"!":
                return None
            if buffer.rfind(b"(", 0, end.start()) <= buffer.rfind(b")", 0, end.start()):
                return end
        return None

    def _checked(
        self,
        end: re.Match[bytes],
        stx: int,
        *,
        identified: bool,
        final: bool,
    ) -> _Cut | None:
        """Look for a BCC behind the end mark, and check it; ``stx``: where its octets begin, or -1."""
        buffer = self._buffer
        etx = end.start()
        if end.group() == b"!":
            behind = _BEHIND_END.match(buffer, end.end())
            etx = behind.end() if behind and stx >= 0 else -1
            if etx == len(buffer) and not final:
                return None
            if 0 <= etx < len(buffer) and buffer[etx] not in _BEHIND_STX:
                message = "a telegram that opens with STX does not end with ETX and BCC"
                return _Cut(end.end(), Problem("bad_checksum", message))
            if etx < 0 or etx >= len(buffer) or buffer[etx] != ETX:
                etx = -1
        if etx >= 0 and etx + 1 == len(buffer) and not final:
            return None
        if etx < 0:
            if stx == 0 and not identified:
                message = "data without identification and without BCC: the beginning is missing"
                return _Cut(end.end(), Problem("incomplete", message))
            return _Cut(end.end(), self._parity(end.end()))
        if etx + 1 == len(buffer):
            return _Cut(etx + 1, Problem("incomplete", "the stream ends before the BCC of a telegram"))
        sent, counted = buffer[etx + 1] & 0x7F, block_check(buffer[stx + 1 : etx + 1])
        if stx < 0 or sent != counted:
            message = (
                f"the BCC of a telegram of {etx - stx} octets is {sent:02X}, its text gives {counted:02X}"
            )
            return _Cut(etx + 2, Problem("bad_checksum", message))
        return _Cut(etx + 2, self._parity(etx), check="bcc")

    def _parity(self, size: int) -> Problem | None:
        """Check the parity bits, where there are some."""
        raw = bytes(self._raw[:size])
        if not _with_parity(raw) or not (wrong := len(raw.translate(None, _EVEN))):
            return None
        return Problem("bad_checksum", f"{wrong} of the {size} octets of a telegram have a wrong parity")

    def _good(self, cut: _Cut, found: list[Frame | Problem]) -> None:
        raw = self._arrived(cut.end)
        octets = bytes(self._buffer[: cut.end]) if _with_parity(raw) else raw
        self._take(Frame(octets, self._offset, raw, check=cut.check), cut.end, found)
        self._line_begins = True

    def _refuse(self, end: int, fault: Problem, found: list[Frame | Problem]) -> None:
        """Report a damaged telegram and skip it, but for another one that begins inside it."""
        self._damage(fault.code, fault.message, found)
        again = _IDENTIFIED.search(self._buffer, 1, end)
        self._skip(again.start() if again else end, found)

    def _consume(self, octets: int) -> None:
        self._line_begins = self._buffer[octets - 1] in _LINE_ENDS
        super()._consume(octets)
        del self._raw[:octets]
        self._seen = 0

    def _arrived(self, octets: int) -> bytes:
        return bytes(self._raw[:octets])

    def _harmless(self, noise: bytes) -> bool:
        """Tell whether it is but the rest of the conversation."""
        return not _TALK.sub(b"", noise.translate(_STRIPPED))


def _with_parity(raw: bytes) -> bool:
    """Whether these octets came with a parity bit."""
    return len(raw.translate(None, _LOW)) * _WITH_PARITY > len(raw)


# -- telling it from DSMR-P1, which opens with the same line -------------------------------------------------------------

_ADDRESS: Final = rb"(?:[0-9]{1,3}-[0-9]{1,3}:)?[0-9CFLP]{1,3}(?:\.[0-9CFLP]{1,3}){1,2}"
#: What P1 never has: STX before a value, an address without A-B, or with F.
_OWN: Final = re.compile(
    rb"\x02" + _ADDRESS + rb"(?:[*&][0-9]{1,3})?\("
    rb"|[\r\n][0-9CFLP]{1,3}(?:\.[0-9CFLP]{1,3}){1,2}(?:[*&][0-9]{1,3})?\("
    rb"|[\r\n]" + _ADDRESS + rb"[*&][0-9]{1,3}\("
)
#: What P1 always has from version 4 on: a CRC behind the end mark.
_CRC: Final = re.compile(rb"[\r\n]![0-9A-F]{4}(?:[\r\n]|\Z)")


def looks_like(octets: bytes) -> bool:
    """Whether these octets hold a telegram of IEC 62056-21, and not one of DSMR-P1."""
    octets = octets.translate(_STRIPPED)
    framer = Iec62056Framer()
    frames = [item for item in framer.feed(octets) + framer.finish() if isinstance(item, Frame)]
    if any(frame.check == "bcc" for frame in frames):
        return True
    text = frames[0].information if frames else octets
    begun = _START.search(octets) or _BARE.match(octets)
    return begun is not None and _OWN.search(text) is not None and _CRC.search(octets) is None
