"""What all framers share: a stream comes in pieces of any size, frames and problems come out in its order.

    feed(data) ─► buffer ─► _search: begins the buffer with …
                              a good frame     _take     its octets leave the buffer, the frame comes out
                              a damaged one    _damage   a Problem; its octets are then skipped as part of a run that is told
                              anything else    _skip     a run of noise: told when it ends, in pieces where it does not end

A framer says in ``_search`` how its frames begin and end, and nothing else. It moves forward with every turn, holds no more
than one frame between calls, and raises nothing; what is too long does not depend on how the stream was cut.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from ciibridge.types import Frame, Problem

#: A run of noise is reported when it ends, and a longer one in pieces of this size, or a line with wrong settings would stay
#: silent for ever.
NOISE_REPORT_OCTETS: Final = 2048
_JOINED: Final = " (normal where listening begins in the middle of a telegram)"


class StreamFramer(ABC):
    """Cuts a stream of octets into frames; ``frames``, ``damaged`` and ``skipped_octets`` count for diagnosis.

    ``pieces``: octets taken into the buffer at once, at least as many as the longest frame has. ``unit``: what messages call
    a frame, with its article.
    """

    pieces: ClassVar[int]
    unit: ClassVar[str] = "frame"

    def __init__(self) -> None:
        self.frames = 0
        self.damaged = 0
        self.skipped_octets = 0
        self._buffer = bytearray()
        self._needed = 0  # octets the buffer must have before another look is worth it
        self._offset = 0  # of the buffer's first octet in the stream
        self._noise = bytearray()  # octets in a row, up to now, that belong to no good frame
        self._told = False  # a Problem already says why
        self._excused = 0  # octets of a damaged frame that are still to come

    @property
    def pending_octets(self) -> int:
        """Octets held until more arrive, never more than one frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Problem]:
        """Take the next octets, in pieces of any size; give what they completed, in the order of the stream."""
        found: list[Frame | Problem] = []
        for begin in range(0, len(data), self.pieces):
            self._buffer += data[begin : begin + self.pieces]
            if len(self._buffer) >= self._needed:
                self._needed = 0
                self._search(found, final=False)
        return found

    def finish(self) -> list[Frame | Problem]:
        """End the stream: report what is incomplete, and give the good frames which that covered."""
        found: list[Frame | Problem] = []
        self._needed = 0
        self._search(found, final=True)
        self._end_run(found, final=True)
        return found

    @abstractmethod
    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        """Take out of the buffer all that can be told now; ``final``: nothing follows, so that is everything."""

    @property
    def _running(self) -> bool:
        """Whether the octets before the buffer belong to no good frame."""
        return self._told or bool(self._noise)

    def _take(self, frame: Frame, octets: int, found: list[Frame | Problem]) -> None:
        """Give the good frame of so many octets with which the buffer begins."""
        self._end_run(found)
        self.frames += 1
        found.append(frame)
        self._consume(octets)

    def _damage(self, code: str, message: str, found: list[Frame | Problem], octets: int = 0) -> None:
        """Report the frame with which the buffer begins; what is skipped of its ``octets`` needs no further report."""
        self._end_run(found)
        self._told = True
        self._excused = octets
        self.damaged += 1
        found.append(Problem(code, message, self._offset))

    def _skip(self, octets: int, found: list[Frame | Problem]) -> None:
        """Skip so many octets that belong to no good frame."""
        while octets > 0:
            piece = self._arrived(min(octets, NOISE_REPORT_OCTETS - len(self._noise)))
            self._noise += piece
            octets -= len(piece)
            self._consume(len(piece))
            if len(self._noise) >= NOISE_REPORT_OCTETS:
                excused = max(0, self._excused - len(self._noise))
                self._end_run(found)
                self._told, self._excused = excused > 0, excused

    def _end_run(self, found: list[Frame | Problem], *, final: bool = False) -> None:
        if not self._running:
            return
        noise, told = bytes(self._noise), self._told
        self._noise, self._told, self._excused = bytearray(), False, 0
        if not noise or self._harmless(noise):
            return
        self.skipped_octets += len(noise)
        if not told:
            note = "" if final or self.frames or self.damaged else _JOINED
            message = f"{len(noise)} octets that belong to no {self.unit}{note}"
            found.append(Problem("noise", message, self._offset - len(noise)))

    def _consume(self, octets: int) -> None:
        """Let go of the first octets of the buffer."""
        del self._buffer[:octets]
        self._offset += octets

    def _arrived(self, octets: int) -> bytes:
        """Give the first octets of the buffer as they came over the line."""
        return bytes(self._buffer[:octets])

    def _harmless(self, noise: bytes) -> bool:  # noqa: ARG002 - for those whose lines carry more than frames
        """Whether it is normal that such octets stand between frames."""
        return False
