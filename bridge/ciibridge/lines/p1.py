"""The line of DSMR-P1: octets → telegrams → opened → Reading (P1 companion standard 5.0.2, eMUCS-P1 1.7.1)."""

from __future__ import annotations

from ciibridge.decode.ascii import p1
from ciibridge.errors import SecurityError
from ciibridge.framing.p1 import P1Framer, begins_like_a_telegram, lacks_system_title, text_fault
from ciibridge.lines.parts import FrameLine
from ciibridge.normalise import MeterSettings
from ciibridge.security.gate import Gate
from ciibridge.security.glo import Keys
from ciibridge.types import Apdu, Frame, Problem, Reading


class P1Line(FrameLine):
    """DSMR-P1 telegrams, plain or ciphered."""

    def __init__(self, settings: MeterSettings) -> None:
        super().__init__(P1Framer())
        self._gate = Gate(Keys(settings.key, settings.auth_key), begins_like_a_telegram)

    def _read(self, frame: Frame, found: list[Reading | Problem]) -> None:
        apdu = Apdu(frame.information, frame.offset)
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
