"""The line of wired M-Bus records: octets → frames → header, security, records → Reading.

It listens: to a meter that is itself the master of the bus and sends unasked (SND_UD), or to the answers (RSP_UD) which
another master asks for.
"""

from __future__ import annotations

from collections.abc import Iterable

from ciibridge.decode.mbus import decode, header
from ciibridge.errors import DecodeError, SecurityError
from ciibridge.framing.mbus import MbusFramer
from ciibridge.lines.parts import problem
from ciibridge.normalise import MeterSettings
from ciibridge.security import oms
from ciibridge.types import Apdu, Frame, Problem, Reading


class MbusLine:
    """M-Bus application telegrams, plain or encrypted."""

    def __init__(self, settings: MeterSettings) -> None:
        self._framer = MbusFramer()
        self._key = settings.key

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
        return self._frames(self._framer.feed(data))

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""
        return self._frames(self._framer.finish())

    def _frames(self, frames: Iterable[Frame | Problem]) -> list[Reading | Problem]:
        found: list[Reading | Problem] = []
        for frame in frames:
            if isinstance(frame, Problem):
                found.append(frame)
            elif not header.is_command(frame):
                try:
                    self._read(frame, found)
                except (SecurityError, DecodeError) as error:
                    found.append(problem(error, frame.offset))
        return found

    def _read(self, frame: Frame, found: list[Reading | Problem]) -> None:
        """Open and decode one telegram; raises SecurityError or DecodeError."""
        head = header.read(frame)
        body = frame.information[head.body :]
        encrypted = oms.encrypted_octets(head.configuration, body)
        if encrypted:
            body = oms.decipher(body, encrypted, head.address, head.device.access, self._key)
        elif self._key is not None:  # ADR 9
            raise SecurityError(
                "not_encrypted", "a key is configured, yet the telegram is plain; it is refused"
            )
        octets = frame.information[: head.body] + body
        found.append(decode(Apdu(octets, frame.offset, encrypted=bool(encrypted)), head))
