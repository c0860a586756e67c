"""What lines have in common: the shape of a framer, a line whose frames are whole telegrams, and errors as problems."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from ciibridge.errors import ProtocolError
from ciibridge.security.gate import Gate
from ciibridge.types import Apdu, Frame, Problem, Reading


class Framer(Protocol):
    """Octets → frames; ``frames`` and ``damaged`` count."""

    frames: int
    damaged: int

    def feed(self, data: bytes) -> list[Frame | Problem]:
        """Take the next octets; give what they completed."""

    def finish(self) -> list[Frame | Problem]:
        """End the stream; give what is left."""


class Assembler(Protocol):
    """Frames → whole telegrams."""

    def feed(self, frame: Frame) -> list[Apdu | Problem]:
        """Take the next frame; give what it completed."""

    def finish(self) -> list[Apdu | Problem]:
        """End the stream; give what is left."""


@runtime_checkable
class Guarded(Protocol):
    """A line whose telegrams prove who sent them, and that they are new."""

    gate: Gate


def problem(error: ProtocolError, begin: int) -> Problem:
    """Turn an error inside a telegram into a problem; ``begin``: where the telegram began in the stream."""
    where = f" (octet {error.offset} of the telegram)" if error.offset else ""
    return Problem(error.code, f"{error}{where}", begin)


class FrameLine(ABC):
    """A line in which each frame is a whole telegram."""

    def __init__(self, framer: Framer) -> None:
        self._framer = framer

    @property
    def frames_ok(self) -> int:
        """Count the good frames."""
        return self._framer.frames

    @property
    def frames_bad(self) -> int:
        """Count the damaged frames."""
        return self._framer.damaged

    def feed(self, data: bytes) -> list[Reading | Problem]:
        """Take octets in pieces of any size; give what they completed, in order. Never raises."""
        return self._telegrams(self._framer.feed(data))

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""
        return self._telegrams(self._framer.finish())

    def _telegrams(self, frames: Iterable[Frame | Problem]) -> list[Reading | Problem]:
        found: list[Reading | Problem] = []
        for frame in frames:
            if isinstance(frame, Problem):
                found.append(frame)
                continue
            try:
                self._read(frame, found)
            except ProtocolError as error:
                found.append(problem(error, frame.offset))
        return found

    @abstractmethod
    def _read(self, frame: Frame, found: list[Reading | Problem]) -> None:
        """Open and decode one telegram; raises ProtocolError."""
