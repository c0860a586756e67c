"""The line of IEC 62056-21: octets → telegrams → Reading. Nothing is ciphered.

It takes the answers to our own questions as well as what a meter pushes (mode D), or what another reader asks for.
"""

from __future__ import annotations

from ciibridge.decode.ascii import iec62056
from ciibridge.framing.iec62056 import Iec62056Framer
from ciibridge.lines.parts import FrameLine
from ciibridge.normalise import MeterSettings
from ciibridge.types import Apdu, Frame, Problem, Reading


class Iec62056Line(FrameLine):
    """Text telegrams of meters with an optical or a current loop interface."""

    def __init__(self, _settings: MeterSettings) -> None:
        super().__init__(Iec62056Framer())

    def _read(self, frame: Frame, found: list[Reading | Problem]) -> None:
        reading, problems = iec62056.decode(Apdu(frame.information, frame.offset))
        found += problems
        found.append(reading)
