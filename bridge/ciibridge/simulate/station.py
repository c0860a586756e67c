"""The meter's end of an HDLC connection: octets of a client in, octets of the meter out (IEC 62056-46, secondary station).

    SNRM ─► UA      I ─► I, in segments fetched with RR      DISC ─► UA      anything before SNRM ─► DM

What the connection carries is answered by an ``Application``. Frames are made as those of pushes are, with gurux's checksum.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol

from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.simulate.frames import frame
from ciibridge.types import Frame

#: Address of logical device 1 as on the wire.
LOGICAL_DEVICE: Final = b"\x03"
_CALL: Final = b"/?!"
_SNRM: Final = 0x93
_DISC: Final = 0x53
_UA: Final = 0x73
_DM: Final = 0x1F
_RR: Final = 0x11
_POLL: Final = 0x10
_LLC_REPLY: Final = bytes.fromhex("e6e700")
_LLC_SEND: Final = bytes.fromhex("e6e600")
#: Of a UA: both sides send at most 128 octets in a frame, one frame at a time.
_PARAMETERS: Final = bytes.fromhex("8180120501800601800704000000010804000000 01")
_INFORMATION_OCTETS: Final = 128


class Application(Protocol):
    """What answers the APDUs of a client."""

    def connected(self, client: int) -> None:
        """Take note that a client has connected, or has gone (0)."""

    def answer(self, apdu: bytes, at: datetime) -> bytes:
        """Answer one APDU at ``at`` (aware)."""


class Station:
    r"""One meter on the line. ``server`` is its address as on the wire, e.g. 03.

    ``identification``: what it answers to a call (mode E of IEC 62056-21), e.g. ``/LGZ5\2E450``; it goes over to HDLC with
    or without one.
    """

    def __init__(
        self,
        application: Application,
        server: bytes,
        information_octets: int = _INFORMATION_OCTETS,
        *,
        identification: str | None = None,
    ) -> None:
        self._application = application
        self._server = server
        self._size = information_octets
        self._framer = HdlcFramer()
        self._identification = identification
        self._client = b""
        self._sent = self._received = 0
        self._request = b""
        self._waiting: list[bytes] = []  # segments of the answer that the client has not fetched
        self._last = b""

    def feed(self, octets: bytes, at: datetime) -> bytes:
        """Take octets of the line; give what the meter says to them at ``at`` (aware)."""
        if self._identification is not None and _CALL in octets:
            return f"{self._identification}\r\n".encode()
        said = b""
        for item in self._framer.feed(octets):
            if isinstance(item, Frame) and item.destination == self._server.hex():
                said += self._take(item, at)
        return said

    def _take(self, item: Frame, at: datetime) -> bytes:
        control = item.control
        source = bytes.fromhex(item.source)
        if control == _SNRM:
            self._begin(source)
            return self._say(_UA, _PARAMETERS)
        if source != self._client:
            return frame(source + self._server, _DM, b"")
        if control == _DISC:
            answer = self._say(_UA)
            self._client = b""
            self._application.connected(0)
            return answer
        if control & 1:  # RR: go on
            return self._more() if control >> 5 == self._sent else self._last
        if control >> 1 & 7 != self._received:  # it came before: our answer was lost
            return self._last
        self._received = (self._received + 1) % 8
        self._request += item.information
        if item.segmented:
            return self._say(self._received << 5 | _RR)
        request, self._request = self._request.removeprefix(_LLC_SEND), b""
        answer = _LLC_REPLY + self._application.answer(request, at)
        self._waiting = [answer[begin : begin + self._size] for begin in range(0, len(answer), self._size)]
        return self._more()

    def _begin(self, client: bytes) -> None:
        self._client = client
        self._sent = self._received = 0
        self._request, self._waiting = b"", []
        self._application.connected(client[0] >> 1)

    def _more(self) -> bytes:
        """Send the next segment; RR when there is none."""
        if not self._waiting:
            return self._say(self._received << 5 | _RR)
        segment = self._waiting.pop(0)
        control = self._received << 5 | _POLL | self._sent << 1
        self._sent = (self._sent + 1) % 8
        self._last = self._say(control, segment, more=bool(self._waiting))
        return self._last

    def _say(self, control: int, information: bytes = b"", *, more: bool = False) -> bytes:
        return frame(self._client + self._server, control, information, more=more)
