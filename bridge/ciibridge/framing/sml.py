"""SML files from a stream of octets: bytes → Frame.

SML transport protocol version 1 (BSI TR-03109-1 annex IV b, part of SML 1.04), as German meters push it every few
seconds on the optical port:

    1B 1B 1B 1B | 01 01 01 01 | messages … | fill | 1B 1B 1B 1B | 1A  n  CRC
                  version 1     1B escaped    n 00                  n of fill, CRC 2 octets

There is no length: the file ends at the escape sequence that is followed by 1A. Inside, four octets 1B in a row are
escaped by four more. The CRC covers everything before it. It is CRC-16/X-25; some meters (Holley DTZ541 on RS-485)
compute CRC-16/Kermit instead, which is accepted and named in ``Frame.check``.

A file that is damaged is given up before the search goes on one octet behind its beginning, so the search always moves
forward, and a good file comes out even where a damaged one swallowed its beginning.
"""

from __future__ import annotations

from typing import Final

from ciibridge.framing.crc import checksum, kermit
from ciibridge.framing.stream import StreamFramer
from ciibridge.types import Frame, Problem

ESCAPE: Final = b"\x1b\x1b\x1b\x1b"
START: Final = ESCAPE + b"\x01\x01\x01\x01"
_END: Final = 0x1A
_SEQUENCE: Final = 8  # an escape sequence and the four octets that say what it is
#: Longest file accepted, escapes included. The longest seen has 504 octets; the lists of a concentrator are not for here.
LONGEST_FILE: Final = 16384
#: Octets of fill accepted: 0 to 3 fill up to a multiple of four, and DZG sends 4.
_MOST_FILL: Final = 4


def looks_like(octets: bytes) -> bool:
    """Whether an SML file begins in ``octets``."""
    return START in octets


class SmlFramer(StreamFramer):
    """Cuts a stream of octets into SML files."""

    pieces = LONGEST_FILE
    unit = "SML file"

    def __init__(self) -> None:
        super().__init__()
        self._walked = 0  # everything before this octet of the file that begins the buffer is understood; 0: none begins it

    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        while True:
            if not self._walked:
                begin = self._buffer.find(START)
                held = 0 if final else _held(self._buffer)
                self._skip(begin if begin >= 0 else len(self._buffer) - held, found)
                if begin < 0:
                    return
                self._walked = _SEQUENCE
            if not self._walk(found):
                if not final:
                    return
                size = len(self._buffer)
                self._give_up(
                    "incomplete", f"the stream ends inside a file, after {size} octets", size, found
                )

    def _walk(self, found: list[Frame | Problem]) -> bool:
        """Walk from escape to escape to the end of the file; False: more octets are needed."""
        buffer = self._buffer
        while True:
            at = buffer.find(ESCAPE, self._walked)
            end = at + _SEQUENCE
            if (end if at >= 0 else len(buffer)) > LONGEST_FILE:
                message = f"a file of more than {LONGEST_FILE} octets"
                self._give_up("too_long", message, LONGEST_FILE, found)
                return True
            if at < 0:
                self._walked = max(self._walked, len(buffer) - len(ESCAPE) + 1)
                return False
            if end > len(buffer):
                self._walked = at
                return False
            follows = bytes(buffer[at + len(ESCAPE) : end])
            if follows == ESCAPE:
                self._walked = end
            elif follows[0] == _END:
                self._close(end, found)
                return True
            elif buffer.startswith(START, at):
                self._give_up("incomplete", f"a new file begins inside a file, after {at} octets", at, found)
                return True
            else:  # five octets 1B or more: the last four count; anything else is up to the CRC
                self._walked = at + 1

    def _close(self, end: int, found: list[Frame | Problem]) -> None:
        """Judge the file of ``end`` octets at the beginning of the buffer."""
        raw = bytes(self._buffer[:end])
        check = _check(raw)
        content = raw[_SEQUENCE:-_SEQUENCE]
        fill = raw[-3]
        if check is None:
            self._give_up("bad_checksum", f"the CRC of a file of {end} octets is wrong", end, found)
        elif fill > _MOST_FILL or any(content[len(content) - fill :]):
            self._give_up("bad_length", f"a file announces {fill} octets of fill and has others", end, found)
        else:
            information = content[: len(content) - fill].replace(ESCAPE + ESCAPE, ESCAPE)
            self._take(Frame(information, self._offset, raw, check=check), end, found)

    def _give_up(self, code: str, message: str, octets: int, found: list[Frame | Problem]) -> None:
        """Report the file the buffer begins with, and look for the next one behind its first octet."""
        self._damage(code, message, found, octets)
        self._skip(1, found)

    def _consume(self, octets: int) -> None:
        super()._consume(octets)
        self._walked = 0


def _check(raw: bytes) -> str | None:
    """Name the checksum that fits; None: none does."""
    covered, crc = raw[:-2], raw[-2:]
    if checksum(covered) == crc:
        return "x-25"
    return "kermit" if kermit(covered) == crc else None


def _held(octets: bytearray) -> int:
    """Count the last octets that may be the beginning of START."""
    return next((size for size in range(len(START) - 1, 0, -1) if octets.endswith(START[:size])), 0)
