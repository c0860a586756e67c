"""DLMS telegrams from M-Bus frames: Frame → Apdu (EN 13757-3, transport layer; IDIS customer interface).

    CI | STSAP | DTSAP | data …      no LLC header: the two service access points stand in its place
    │
    000 F NNNN    NNNN number of the segment, from 0; F: the last one (00 … 0F, 11; a single segment is 10)

A telegram may be a block of a general-block-transfer; then ``reassembly`` puts the blocks together.

Segments are numbered, so a lost one shows with the next, and costs the telegram it belongs to and no other. Sixteen
is the most a telegram can have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ciibridge.framing.mbus import long_frames
from ciibridge.framing.reassembly import GENERAL_BLOCK_TRANSFER, Reassembler
from ciibridge.types import Apdu, Frame, Problem

#: Senders followed at once. A customer interface has one; more come from a shared bus or from noise.
SENDERS: Final = 8
_HEADER_OCTETS: Final = 3  # CI, STSAP, DTSAP
_NUMBER: Final = 0x0F
_LAST: Final = 0x10
_NOT_TRANSPORT: Final = 0xE0


def looks_like(octets: bytes) -> bool:
    """Tell whether M-Bus frames with segments of DLMS telegrams stand in ``octets``."""
    return any(_is_segment(frame) for frame in long_frames(octets))


def _is_segment(frame: Frame) -> bool:
    return not frame.information[0] & _NOT_TRANSPORT and len(frame.information) > _HEADER_OCTETS


@dataclass(slots=True)
class _Telegram:
    """Segments of one telegram gathered so far; ``lost``: reported, what still comes of it is dropped."""

    offset: int
    parts: list[bytes] = field(default_factory=list)
    lost: bool = False

    def lose(self) -> None:
        """Forget what is there; what still comes of it is dropped."""
        self.lost = True
        self.parts.clear()


class MbusTransport:
    """Puts segments together to telegrams, separately for each sender; never raises."""

    def __init__(self) -> None:
        self._open: dict[bytes, _Telegram] = {}
        self._blocks = Reassembler()

    def feed(self, frame: Frame) -> list[Apdu | Problem]:
        """Take one frame; give the telegram it completes, and what went wrong on the way before it."""
        octets = frame.information
        if not octets:  # short frames and acknowledgements carry nothing
            return []
        found: list[Apdu | Problem] = []
        if octets[0] & _NOT_TRANSPORT:
            message = f"an M-Bus frame with CI {octets[0]:02X} holds no DLMS telegram"
            return [Problem("unknown_format", message, frame.offset, hint=_HINT)]
        if len(octets) <= _HEADER_OCTETS:
            return [Problem("bad_length", "a segment has no data", frame.offset)]
        sender = bytes.fromhex(frame.destination) + octets[1:_HEADER_OCTETS]
        number, last = octets[0] & _NUMBER, bool(octets[0] & _LAST)
        telegram = self._telegram(sender, number, frame, found)
        if not telegram.lost:
            telegram.parts.append(octets[_HEADER_OCTETS:])
        if last:
            del self._open[sender]
            if not telegram.lost:
                self._whole(b"".join(telegram.parts), number, frame, telegram.offset, found)
        return found

    def finish(self) -> list[Apdu | Problem]:
        """End the stream: report the telegrams that are incomplete."""
        waiting = [telegram for telegram in self._open.values() if not telegram.lost]
        self._open.clear()
        found: list[Apdu | Problem] = [
            Problem("incomplete", "the stream ends inside a telegram", one.offset) for one in waiting
        ]
        return found + self._blocks.finish()

    def _whole(
        self, octets: bytes, number: int, frame: Frame, offset: int, found: list[Apdu | Problem]
    ) -> None:
        """Give a telegram, or hand on a block of one; ``number`` of its last segment."""
        if octets[0] == GENERAL_BLOCK_TRANSFER:
            access_points = frame.information[1:_HEADER_OCTETS].hex()
            block = Frame(octets, offset, b"", destination=frame.destination, source=access_points)
            found += [_without_address(item) for item in self._blocks.feed(block)]
        else:
            transfer = "single" if number == 0 else "segmented"
            found.append(Apdu(octets, offset, transfer=transfer))

    def _telegram(self, sender: bytes, number: int, frame: Frame, found: list[Apdu | Problem]) -> _Telegram:
        """Find the telegram this segment belongs to, or begin one; report what is lost."""
        telegram = self._open.get(sender)
        if telegram is not None and number != 0:
            due = len(telegram.parts)
            if not telegram.lost and number != due:
                code = "block_lost" if number > due else "block_order"
                message = f"segment {number} where segment {due} is due"
                found.append(Problem(code, message, frame.offset))
                telegram.lose()
            return telegram
        if telegram is None:
            self._make_room(found)
        elif not telegram.lost:
            found.append(Problem("block_lost", "the end of a telegram is missing", telegram.offset))
        telegram = self._open[sender] = _Telegram(frame.offset)
        if number != 0:
            message = f"segment {number} of a telegram without its segment 0"
            found.append(Problem("block_lost", message, frame.offset))
            telegram.lose()
        return telegram

    def _make_room(self, found: list[Apdu | Problem]) -> None:
        if len(self._open) >= SENDERS:
            oldest = self._open.pop(next(iter(self._open)))
            if not oldest.lost:
                message = "too many senders at once: one is given up"
                found.append(Problem("block_lost", message, oldest.offset))


def _without_address(item: Apdu | Problem) -> Apdu | Problem:
    """Addresses of HDLC tell models apart; those of a bus do not."""
    return item._replace(destination="", source="") if isinstance(item, Apdu) else item


_HINT: Final = 'It may be a meter that sends M-Bus records: set protocol = "mbus".'
