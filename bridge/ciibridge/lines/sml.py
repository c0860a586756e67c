"""The line of SML: octets → files → Reading (SML 1.04, BSI TR-03109-1)."""

from __future__ import annotations

from ciibridge.decode import sml
from ciibridge.framing.sml import SmlFramer
from ciibridge.lines.parts import FrameLine
from ciibridge.normalise import MeterSettings
from ciibridge.types import Frame, Problem, Reading


class SmlLine(FrameLine):
    """SML files, as German meters push them: nothing is ciphered, nothing to remember."""

    def __init__(self, _settings: MeterSettings) -> None:
        super().__init__(SmlFramer())

    def _read(self, frame: Frame, found: list[Reading | Problem]) -> None:
        found += sml.read(frame)
