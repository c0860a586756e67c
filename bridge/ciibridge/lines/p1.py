"""The line of DSMR-P1: octets → telegrams → opened → Reading (P1 companion standard 5.0.2, eMUCS-P1 1.7.1).

Ciphered octets look the same whether they hold a P1 text or a DLMS push without a frame around it, as some adapters hand
it out: what they are shows when they are opened, and both are read.

In Poland only what follows the identification line is ciphered, and the system title is left out:

    /XXX5… CR LF CR LF │ 00 │ length │ security control, counter, ciphertext │ ! CRC of the plain telegram
"""

from __future__ import annotations

from typing import Final

from ciibridge.decode.ascii.lift import TextBook
from ciibridge.decode.dlms import LayoutBook
from ciibridge.decode.dlms import decode as decode_push
from ciibridge.framing.p1 import (
    P1Framer,
    begins_like_a_telegram,
    begins_like_lines,
    split_ciphered,
    text_fault,
)
from ciibridge.lines.parts import FrameLine
from ciibridge.normalise import MeterSettings
from ciibridge.security.gate import Gate
from ciibridge.security.glo import Keys, begins_like_a_push
from ciibridge.types import Apdu, Frame, Problem, Reading

_GENERAL_GLO_CIPHERING: Final = b"\xdb"


class P1Line(FrameLine):
    """DSMR-P1 telegrams, plain or ciphered."""

    def __init__(self, settings: MeterSettings) -> None:
        super().__init__(P1Framer())
        self.gate = Gate(
            Keys(settings.key, settings.auth_key, settings.system_title),
            _begins_well,
            require_authentication=settings.require_authentication,
        )
        self._book = LayoutBook()
        self._texts = TextBook()

    def _read(self, frame: Frame, found: list[Reading | Problem]) -> None:
        behind = split_ciphered(frame.information)
        octets = _GENERAL_GLO_CIPHERING + behind.ciphered if behind else frame.information
        admitted = plain = self.gate.admit(Apdu(octets, frame.offset))
        if begins_like_a_push(plain.data):
            found.append(decode_push(plain, self._book))
            self.gate.accept(admitted)
            return
        if behind:
            plain = behind.whole(plain)
        # The framer has checked a plain one; and a verified tag says more than a CRC.
        if plain.encrypted and not plain.authenticated and (fault := text_fault(plain.data)):
            found.append(Problem("bad_checksum", f"{fault} (in the opened telegram)", frame.offset))
            return
        reading, problems = self._texts.decode(plain)
        self.gate.accept(admitted)
        found += problems
        found.append(reading)


def _begins_well(plain: bytes) -> bool:
    return begins_like_a_telegram(plain) or begins_like_a_push(plain) or begins_like_lines(plain)
