"""Whole telegrams from frames: Frame → Apdu.

What may stand in an information field, outside in:

    LLC header        E6 E7 00 (from the meter) or E6 E6 00; in every frame, in the first of a telegram, or nowhere
    HDLC segments     frames with the segmentation bit, until one without; the octets are joined (IEC 62056-46)
    general-block-    E0 | control | block number | number acknowledged | length | data …      (IEC 62056-5-3)
    transfer               │ bit 7 last block, bit 6 streaming, bits 0-5 window
                             ... 2 octets each, length 1 to 3 octets (A-XDR)

Segments have no number: a lost one shows only when the next telegram begins. Blocks do: a gap, a repetition and a wrong
order cost the telegram they belong to, and no other. A repeated block is not forgiven even when it is identical: no meter
repeats one unasked, so it comes from a second reader or a bad recording (capture lg-e450-ch-2021-blocks-out-of-order).
A new block 1 always begins anew (capture lg-e450-ch-2021-two-pushes: a push given up for the next one).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ciibridge.types import Apdu, Frame, Problem

#: Longest telegram accepted. The longest push seen has 579 octets; the field for a PDU size in COSEM has 16 bits.
LONGEST_APDU: Final = 0x10000
#: Address pairs followed at once. A customer interface has one; more come from a shared bus or from noise.
ADDRESS_PAIRS: Final = 8
_LLC: Final = (b"\xe6\xe7\x00", b"\xe6\xe6\x00")
GENERAL_BLOCK_TRANSFER: Final = 0xE0
_LAST_BLOCK: Final = 0x80
_LONG_LENGTHS: Final = (0x81, 0x82)  # followed by one or two octets
_BLOCK_HEADER: Final = 6  # tag 1, control 1, numbers 2 + 2
#: First octet of what may come without LLC header: general-block-transfer, data-notification, event-notification,
#: general-glo-, general-ded- and general-ciphering, general-signing.
_TAGS: Final = frozenset((0xE0, 0x0F, 0xC2, 0xDB, 0xDC, 0xDD, 0xDF))


class Reassembler:
    """Puts frames together to telegrams, separately for each pair of addresses; never raises."""

    def __init__(self) -> None:
        self._conversations: dict[tuple[str, str], _Conversation] = {}

    def feed(self, frame: Frame) -> list[Apdu | Problem]:
        """Take one frame; give the telegram it completes, and what went wrong on the way before it."""
        # UI and I frames carry telegrams; the others set up links, and a listener has no part in that.
        if not frame.information or not (frame.control & 0xEF == 0x03 or frame.control & 1 == 0):
            return []
        found: list[Apdu | Problem] = []
        pair = (frame.destination, frame.source)
        conversation = self._conversations.get(pair)
        if conversation is None:
            if len(self._conversations) >= ADDRESS_PAIRS:
                oldest = self._conversations.pop(next(iter(self._conversations)))
                oldest.give_up("block_lost", "too many senders at once: one is given up", found)
            conversation = self._conversations[pair] = _Conversation()
        conversation.take(frame, found)
        return found

    def ready(self, destination: str, source: str) -> bool:
        """Whether these two are known to write LLC headers, and are not in the middle of a telegram."""
        known = self._conversations.get((destination, source))
        return (
            known is not None
            and known.llc
            and known.segments is None
            and known.blocks is None
            and not known.skipping
        )

    def finish(self) -> list[Apdu | Problem]:
        """End the stream: report the telegrams that are incomplete."""
        found: list[Apdu | Problem] = []
        for conversation in self._conversations.values():
            conversation.give_up("incomplete", "the stream ends inside a telegram", found)
        self._conversations.clear()
        return found


@dataclass(slots=True)
class _Parts:
    """Octets of one telegram gathered so far."""

    offset: int
    octets: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, octets: bytes) -> None:
        self.octets.append(octets)
        self.size += len(octets)

    def join(self) -> bytes:
        return b"".join(self.octets)


@dataclass(slots=True)
class _Conversation:
    """What one address pair is in the middle of."""

    llc: bool = False  # has been seen: from then on, what begins without it lacks its beginning
    segments: _Parts | None = None
    blocks: _Parts | None = None
    next_block: int = 1
    skipping: bool = (
        False  # a Problem has been reported; what still comes of the lost telegram is dropped silently
    )

    def take(self, frame: Frame, found: list[Apdu | Problem]) -> None:
        """LLC header and HDLC segmentation."""
        octets = frame.information
        begins = octets[:3] in _LLC
        if begins:
            octets = octets[3:]
            self.llc = True
            if self.segments is not None:
                found.append(_lost("the end of a telegram in segments is missing", self.segments.offset))
                self.segments = None
        parts = self.segments
        if parts is None:
            # Blocks after the first may lack the LLC header: E450 and E570 leave it out.
            known = begins or octets[0] == GENERAL_BLOCK_TRANSFER or (not self.llc and octets[0] in _TAGS)
            if not known:
                if not self.skipping:
                    found.append(_lost("a segment without the beginning of its telegram", frame.offset))
                self.skipping = frame.segmented
                return
            if not frame.segmented:
                self._take_pdu(octets, frame, frame.offset, "single", found)
                return
            parts = self.segments = _Parts(frame.offset)
        parts.add(octets)
        if parts.size > LONGEST_APDU:
            self.segments = None
            self.skipping = frame.segmented
            found.append(_too_long(parts.offset))
        elif not frame.segmented:
            self.segments = None
            self._take_pdu(parts.join(), frame, parts.offset, "segmented", found)

    def give_up(self, code: str, message: str, found: list[Apdu | Problem]) -> None:
        """Drop what is open, and say so once."""
        offsets = [parts.offset for parts in (self.blocks, self.segments) if parts is not None]
        self.segments = self.blocks = None
        if offsets:
            found.append(Problem(code, message, min(offsets)))

    def _take_pdu(
        self, octets: bytes, frame: Frame, offset: int, transfer: str, found: list[Apdu | Problem]
    ) -> None:
        """Take a whole telegram, or a block of one."""
        if not octets:
            return
        if octets[0] == GENERAL_BLOCK_TRANSFER:
            self._take_block(octets, frame, offset, found)
            return
        self.skipping = False
        if self.blocks is not None:
            found.append(_lost(_BLOCKS_END, self.blocks.offset))
            self.blocks = None
        found.append(Apdu(octets, offset, frame.destination, frame.source, transfer))

    def _take_block(self, octets: bytes, frame: Frame, offset: int, found: list[Apdu | Problem]) -> None:
        """general-block-transfer: the next block, the first of a new telegram, or one that should not come."""
        last = len(octets) > 1 and bool(octets[1] & _LAST_BLOCK)
        number = int.from_bytes(octets[2:4], "big")
        blocks = self.blocks
        if number == 1:
            if blocks is not None:
                found.append(_lost(_BLOCKS_END, blocks.offset))
            blocks = _Parts(offset)
            self.next_block = 1
        # Until the block has proved good, its telegram counts as lost.
        skipping, self.skipping = self.skipping, not last
        self.blocks = None
        data = _block_data(octets)
        if blocks is None:
            if not skipping:
                found.append(_lost(f"block {number} of a telegram without its block 1", offset))
        elif number > self.next_block:
            found.append(_lost(f"block {number} where block {self.next_block} is due", offset))
        elif number < self.next_block:
            message = f"block {number} where block {self.next_block} is due"
            found.append(Problem("block_order", message, offset))
        elif data is None:
            found.append(Problem("bad_length", "a block announces more or less data than it has", offset))
        elif blocks.size + len(data) > LONGEST_APDU:
            found.append(_too_long(blocks.offset))
        else:
            self.skipping = False
            blocks.add(data)
            if last:
                found.append(Apdu(blocks.join(), blocks.offset, frame.destination, frame.source, "blocks"))
            else:
                self.blocks = blocks
                self.next_block = number + 1


def payload(information: bytes) -> bytes | None:
    """Cut the part of an APDU out of an information field that has one; None: a block with a wrong length."""
    octets = information[3:] if information[:3] in _LLC else information
    return _block_data(octets) if octets[:1] == b"\xe0" else octets


def _block_data(octets: bytes) -> bytes | None:
    """Cut out the data of a block; None where its length is not exactly what is there."""
    if len(octets) <= _BLOCK_HEADER:
        return None
    length = octets[_BLOCK_HEADER]
    begin = _BLOCK_HEADER + 1
    if length > 0x7F:
        behind = begin + (length & 0x7F)
        length = int.from_bytes(octets[begin:behind], "big") if length in _LONG_LENGTHS else -1
        begin = behind
    return octets[begin:] if length == len(octets) - begin else None


_BLOCKS_END: Final = "the end of a telegram in blocks is missing"


def _lost(message: str, offset: int) -> Problem:
    return Problem("block_lost", message, offset)


def _too_long(offset: int) -> Problem:
    return Problem("too_long", f"a telegram exceeds {LONGEST_APDU} octets; the rest of it is skipped", offset)
