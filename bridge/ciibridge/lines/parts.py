"""What lines have in common: the shape of a framer, and how an error becomes a problem."""

from __future__ import annotations

from typing import Protocol

from ciibridge.errors import ProtocolError
from ciibridge.types import Apdu, Frame, Problem


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


def problem(error: ProtocolError, begin: int) -> Problem:
    """Turn an error inside a telegram into a problem; ``begin``: where the telegram began in the stream."""
    where = f" (octet {error.offset} of the telegram)" if error.offset else ""
    return Problem(error.code, f"{error}{where}", begin)
