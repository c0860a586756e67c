"""The line of wired M-Bus records: octets → frames → header, security, records → Reading.

It listens: to a meter that is itself the master of the bus and sends unasked (SND_UD), or to the answers (RSP_UD) which
another master asks for.
"""

from __future__ import annotations

from ciibridge.decode.mbus import decode, header
from ciibridge.errors import SecurityError
from ciibridge.framing.mbus import MbusFramer
from ciibridge.lines.parts import FrameLine
from ciibridge.normalise import MeterSettings
from ciibridge.security import oms
from ciibridge.types import Apdu, Frame, Problem, Reading


class MbusLine(FrameLine):
    """M-Bus application telegrams, plain or encrypted."""

    def __init__(self, settings: MeterSettings) -> None:
        super().__init__(MbusFramer())
        self._key = settings.key

    def _read(self, frame: Frame, found: list[Reading | Problem]) -> None:
        if header.is_command(frame):
            return
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
