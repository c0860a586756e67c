"""The meter's end of a TCP connection: APDUs of a client in, those of the meter out (IEC 62056-47).

    00 01 │ source wPort │ destination wPort │ length │ APDU

The header is gurux-dlms's, as the other octets of simulated meters are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from gurux_dlms.GXByteBuffer import GXByteBuffer

from ciibridge.framing.wrapper import WrapperFramer
from ciibridge.simulate.station import Application
from ciibridge.types import Frame

_VERSION: Final = 1
_MANAGEMENT: Final = 1  # wPort of logical device 1, and of the client that takes pushes
_SERVER: Final = slice(4, 6)
_CLIENT: Final = slice(2, 4)


def to_port(apdu: bytes, *, source: int = _MANAGEMENT, destination: int = _MANAGEMENT) -> bytes:
    """Put an APDU behind its header."""
    octets = GXByteBuffer()
    for field in (_VERSION, source, destination, len(apdu)):
        octets.setUInt16(field)
    octets.set(apdu)
    return bytes(octets.array())


class Station:
    """One meter, at logical device 1."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._framer = WrapperFramer()
        self._client = 0

    def feed(self, octets: bytes, at: datetime) -> bytes:
        """Take octets of the line; give what the meter says to them at ``at`` (aware)."""
        return b"".join(self._take(item, at) for item in self._framer.feed(octets) if isinstance(item, Frame))

    def _take(self, item: Frame, at: datetime) -> bytes:
        client = int.from_bytes(item.raw[_CLIENT], "big")
        if int.from_bytes(item.raw[_SERVER], "big") != _MANAGEMENT:
            return b""
        if client != self._client:
            self._client = client
            self._application.connected(client)
        answer = self._application.answer(item.information, at)
        return to_port(answer, source=_MANAGEMENT, destination=client)
