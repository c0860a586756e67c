"""The line of DSMR-P1: octets → telegrams → opened → Reading (P1 companion standard 5.0.2, eMUCS-P1 1.7.1)."""

from __future__ import annotations

from collections.abc import Iterable

from ciibridge.decode.ascii import p1
from ciibridge.errors import DecodeError, SecurityError
from ciibridge.framing.p1 import P1Framer, begins_like_a_telegram, lacks_system_title, text_fault
from ciibridge.lines.parts import problem
from ciibridge.normalise import MeterSettings
from ciibridge.security.gate import Gate
from ciibridge.security.glo import Keys
from ciibridge.types import Apdu, Frame, Problem, Reading


class P1Line:
    """DSMR-P1 telegrams, plain or ciphered."""

    def __init__(self, settings: MeterSettings) -> None:
        self._framer = P1Framer()
        self._gate = Gate(Keys(settings.key, settings.auth_key), begins_like_a_telegram)

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
                self._read(Apdu(frame.information, frame.offset), found)
            except (SecurityError, DecodeError) as error:
                found.append(problem(error, frame.offset))
        return found

    def _read(self, apdu: Apdu, found: list[Reading | Problem]) -> None:
        """Open and decode one telegram; raises SecurityError or DecodeError."""
        if lacks_system_title(apdu.data):
            if not self._gate.has_key:
                raise SecurityError("key_missing", "the meter encrypts and no key is configured")
            raise SecurityError(
                "unsupported_security", "a ciphered telegram without system title: no key opens it"
            )
        plain = self._gate.admit(apdu)
        # The framer has checked a plain one; and a verified tag says more than a CRC.
        if plain.encrypted and not plain.authenticated and (fault := text_fault(plain.data)):
            found.append(Problem("bad_checksum", f"{fault} (in the opened telegram)", apdu.offset))
            return
        reading, problems = p1.decode(plain)
        found += problems
        found.append(reading)
