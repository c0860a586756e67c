"""Pushes that come in the same frames each time: octets → Apdu, without taking the frames apart (HDLC, IEC 62056-46).

    7E A0 84 CE FF 03 13 HCS │ E6 E7 00 E0 40 00 01 00 00 6D │ data … │ FCS │ 7E │ 7E A0 …
    └──────────────────── head: as it was ──────────────────┘ └ new ─┘ └ checked ┘

Addresses, lengths, header checks and the headers of blocks are as constant as the OBIS codes of a push. Where all heads stand
where they stood, and every frame check is right, the framer and the ``Reassembler`` would give what stands between: that is
given. In every other case, and while one of them is in the middle of something, they are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ciibridge.framing.crc import all_intact
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.reassembly import Reassembler, payload
from ciibridge.types import Apdu, Frame

#: Pushes remembered. A meter has one to four lists, and some of them differ in length from time to time.
_MOST: Final = 8
_FLAGS: Final = b"\x7e\x7e"
#: Octets by which the beginning of a push is looked for: flag, format and length, addresses.
_SIGN: Final = 6

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class KnownPush:
    """The frames of a push, from its first flag to its last frame check; places count from the flag."""

    size: int
    heads: tuple[tuple[int, bytes], ...]  # where, and which octets
    frames: tuple[_Span, ...]  # behind the flag, to the end of the frame check
    pieces: tuple[_Span, ...]  # of the APDU
    destination: str
    source: str
    transfer: str

    def data(self, octets: bytes, begin: int) -> bytes | None:
        """Give the APDU of the push that begins at ``begin``; None: another one, damaged, or not all there."""
        end = begin + self.size
        if end > len(octets):
            return None
        for at, head in self.heads:
            if not octets.startswith(head, begin + at):
                return None
        push = octets[begin:end]
        if not all_intact(push, self.frames):
            return None
        return b"".join([push[first:last] for first, last in self.pieces])

    def may_become(self, octets: bytes) -> bool:
        """Whether ``octets`` may be the beginning of this push, behind flags: so far the heads fit, and some are missing."""
        begin = 0
        while octets.startswith(_FLAGS, begin):
            begin += 1
        if not 0 < len(octets) - begin < self.size:
            return False
        return all(
            head.startswith(octets[begin + at : begin + at + len(head)])
            for at, head in self.heads
            if begin + at < len(octets)
        )


class KnownPushes:
    """The pushes of one line, for its framer and its reassembler.

    What may become a known push is held here until it is whole, never more octets than one has.
    """

    def __init__(self, framer: HdlcFramer, assembler: Reassembler) -> None:
        self._framer = framer
        self._assembler = assembler
        self._known: tuple[KnownPush, ...] = ()
        self._held = b""

    def take(self, data: bytes, found: list[Apdu]) -> bytes:
        """Take known pushes off the beginning of the octets that came; give what is left, which the framer must be fed."""
        if not self._known:
            return data
        octets, self._held = self._held + data, b""
        flag = self._framer.release()
        if flag is None:
            return octets
        octets = flag + octets
        begin = 0
        while (apdu := self._first(octets, begin)) is not None:
            found.append(apdu[0])
            begin = apdu[1]
        rest = octets[begin:] if begin else octets
        if any(known.may_become(rest) for known in self._known):
            self._held = rest
            return b""
        return rest

    def give_up(self) -> bytes:
        """Give what is held, which the framer must be fed: nothing follows it."""
        held, self._held = self._held, b""
        return held

    def next_begin(self, octets: bytes) -> int:
        """Find where in ``octets``, behind where they begin, a known push may begin."""
        behind = max(1, len(octets) - len(octets.lstrip(_FLAGS)))
        found = (octets.find(known.heads[0][1][:_SIGN], behind) for known in self._known)
        return min((begin for begin in found if begin > 0), default=len(octets))

    def _first(self, octets: bytes, begin: int) -> tuple[Apdu, int] | None:
        """Find the known push that comes next, and where it ends."""
        skipped = begin
        while octets.startswith(_FLAGS, skipped):
            skipped += 1
        for known in self._known:
            data = known.data(octets, skipped)
            if data is not None:
                if not self._assembler.ready(known.destination, known.source):
                    return None
                offset = self._framer.passed(skipped - begin, known.size, len(known.frames))
                return Apdu(
                    data, offset, known.destination, known.source, known.transfer
                ), skipped + known.size
        return None

    def learn(self, frames: Sequence[Frame], apdu: Apdu) -> None:
        """Remember the frames that gave ``apdu``, if they followed each other without anything between."""
        known = _learn(frames, apdu)
        if known is not None and known not in self._known:
            self._known = (*self._known[1 - _MOST :], known)


def _learn(frames: Sequence[Frame], apdu: Apdu) -> KnownPush | None:
    begin = frames[0].offset
    heads: list[tuple[int, bytes]] = []
    spans: list[_Span] = []
    pieces: list[_Span] = []
    data = b""
    end = 0  # behind the frame check of the frame before
    for frame in frames:
        at = frame.offset - begin
        body = frame.raw[:-1]  # without the closing flag
        piece = payload(frame.information)
        if (
            piece is None
            or at not in (end, end + 1)
            or (frame.destination, frame.source)
            != (
                apdu.destination,
                apdu.source,
            )
        ):
            return None
        # At ``end`` there may be the closing flag of the frame before.
        heads.append((end, b"\x7e" * (at - end) + body[: len(body) - 2 - len(piece)]))
        end = at + len(body)
        spans.append((at + 1, end))
        pieces.append((end - 2 - len(piece), end - 2))
        data += piece
    if data != apdu.data:
        return None
    return KnownPush(
        end, tuple(heads), tuple(spans), tuple(pieces), apdu.destination, apdu.source, apdu.transfer
    )
