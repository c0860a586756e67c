"""The line of DLMS/COSEM pushes: octets → frames → APDUs → opened → Reading (IEC 62056-5-3, IEC 62056-46)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ciibridge.decode.dlms import LayoutBook, decode
from ciibridge.errors import DecodeError, SecurityError
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.known import KnownPushes
from ciibridge.framing.reassembly import Reassembler
from ciibridge.lines.parts import Assembler, Framer, problem
from ciibridge.normalise import MeterSettings
from ciibridge.security.gate import Gate
from ciibridge.security.glo import Keys
from ciibridge.types import Apdu, Frame, Problem, Reading


class DlmsLine:
    """DLMS notifications, plain or ciphered; ``framer`` and ``assembler`` say in which frames they come."""

    def __init__(
        self, framer: Callable[[], Framer], assembler: Callable[[], Assembler], settings: MeterSettings
    ) -> None:
        self._framer = framer()
        self._assembler = assembler()
        self.gate = Gate(
            Keys(settings.key, settings.auth_key, settings.system_title),
            require_authentication=settings.require_authentication,
        )
        self._book = LayoutBook()

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
        found: list[Reading | Problem] = []
        self._frames(self._framer.feed(data), found)
        return found

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""
        found: list[Reading | Problem] = []
        self._frames(self._framer.finish(), found)
        self._apdus(self._assembler.finish(), found)
        return found

    def _frames(self, frames: Iterable[Frame | Problem], found: list[Reading | Problem]) -> None:
        for frame in frames:
            if isinstance(frame, Problem):
                found.append(frame)
            else:
                self._apdus(self._assembler.feed(frame), found)

    def _apdus(self, apdus: Iterable[Apdu | Problem], found: list[Reading | Problem]) -> None:
        for apdu in apdus:
            if isinstance(apdu, Problem):
                found.append(apdu)
                continue
            try:
                plain = self.gate.admit(apdu)
                found.append(decode(plain, self._book))
                self.gate.accept(plain)
            except (SecurityError, DecodeError) as error:
                found.append(problem(error, apdu.offset))


class HdlcLine(DlmsLine):
    """DLMS notifications in HDLC frames; pushes whose frames came before are not taken apart again."""

    def __init__(self, settings: MeterSettings) -> None:
        framer, assembler = HdlcFramer(), Reassembler()
        super().__init__(lambda: framer, lambda: assembler, settings)
        self._pushes = KnownPushes(framer, assembler)

    def feed(self, data: bytes) -> list[Reading | Problem]:
        """Take octets in pieces of any size; give what they completed, in order. Never raises."""
        found: list[Reading | Problem] = []
        while data:
            known: list[Apdu] = []
            data = self._pushes.take(data, known)
            self._apdus(known, found)
            if data:
                # No further than where another one may begin: then the framer may have nothing more to do.
                end = self._pushes.next_begin(data)
                self._taught(self._framer.feed(data[:end]), found)
                data = data[end:]
        return found

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""
        found: list[Reading | Problem] = []
        self._taught(self._framer.feed(self._pushes.give_up()), found)
        return found + super().finish()

    def _taught(self, frames: Iterable[Frame | Problem], found: list[Reading | Problem]) -> None:
        """Put frames together, and have those of a telegram learnt that came whole."""
        together: list[Frame] = []
        for frame in frames:
            if isinstance(frame, Problem):
                together = []
                found.append(frame)
                continue
            together.append(frame)
            apdus = self._assembler.feed(frame)
            if apdus:
                if len(apdus) == 1 and isinstance(apdus[0], Apdu):
                    self._pushes.learn(together, apdus[0])
                together = []
            self._apdus(apdus, found)
