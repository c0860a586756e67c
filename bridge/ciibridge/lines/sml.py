"""The line of SML: octets → files → Reading (SML 1.04, BSI TR-03109-1)."""

from __future__ import annotations

from collections.abc import Iterable

from ciibridge.decode import sml
from ciibridge.framing.sml import SmlFramer
from ciibridge.normalise import MeterSettings
from ciibridge.types import Frame, Problem, Reading


class SmlLine:
    """SML files, as German meters push them: nothing is ciphered, nothing to remember."""

    def __init__(self, _settings: MeterSettings) -> None:
        self._framer = SmlFramer()

    @property
    def frames_ok(self) -> int:
        """Count the good files."""
        return self._framer.frames

    @property
    def frames_bad(self) -> int:
        """Count the damaged files."""
        return self._framer.damaged

    def feed(self, data: bytes) -> list[Reading | Problem]:
        """Take octets in pieces of any size; give what they completed, in order. Never raises."""
        return _read(self._framer.feed(data))

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""
        return _read(self._framer.finish())


def _read(files: Iterable[Frame | Problem]) -> list[Reading | Problem]:
    found: list[Reading | Problem] = []
    for file in files:
        found += [file] if isinstance(file, Problem) else sml.read(file)
    return found
