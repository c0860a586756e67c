"""APDUs to a meter and back over an HDLC connection (IEC 62056-46).

    7E | A  S  length | server | client | control | HCS | E6 E6 00 | APDU or a part of it | FCS | 7E

    control   93 SNRM  73 UA  53 DISC  1F DM  97 FRMR     I: N(R) P N(S) 0     RR: N(R) P 0001     RNR: N(R) P 0101

The window is one frame each way, whatever more a meter offers: each frame is confirmed before the next, and one that is
lost or damaged is sent again. Segments of a long answer are fetched with RR. gurux-dlms could frame too, but its reader
calls itself for each octet of noise and never sends a frame again (ADR 13).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from ciibridge.dialogue import DialogueError, Listen, Part, Pause, Send
from ciibridge.dialogue.dlms.access import Access
from ciibridge.framing.crc import checksum
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.types import Frame

_SNRM: Final = 0x93
_UA: Final = 0x73
_DISC: Final = 0x53
_DM: Final = 0x1F
_FRMR: Final = 0x97
_RR: Final = 0x11
_RNR: Final = 0x15
_FINAL: Final = 0x10
_SEGMENTED: Final = 0x08
_LLC_SEND: Final = b"\xe6\xe6\x00"
_LLC_REPLY: Final = b"\xe6\xe7\x00"
_INFORMATION_OCTETS: Final = 128  # largest information field unless the meter says otherwise in its UA
_PARAMETERS: Final = b"\x81\x80"  # opens the parameters of a UA
_MAX_RECEIVE: Final = 0x06  # the meter receives at most so many octets in a frame
#: A frame is sent so often before the meter counts as silent.
_TRIES: Final = 3
_BUSY_S: Final = 0.5
#: Times a meter may say "not ready" or nothing but RR before it is given up.
_PATIENCE: Final = 20
#: Longest answer: a load profile of 60 days with 15 columns has some 500 kB, and comes in blocks far below this.
_LONGEST: Final = 1 << 20
_REPLY_S: Final = 1.5  # silence within an answer that means it is over; slow radio bridges pause


def address(value: int, octets: int) -> bytes:
    """Write one part of an HDLC address: seven bits an octet, the lowest bit of the last octet set by the caller."""
    return bytes((value >> 7 * place & 0x7F) << 1 for place in reversed(range(octets)))


def server_address(access: Access) -> bytes:
    """Write the address of the meter: 1, 2 or 4 octets."""
    octets = access.address_octets
    if not octets:
        large = max(access.server, access.physical or 0) > 0x7F
        octets = 4 if large else 1 if access.physical is None else 2
    if octets == 1:
        parts = address(access.server, 1)
    else:
        parts = address(access.server, octets // 2) + address(access.physical or 0, octets // 2)
    return parts[:-1] + bytes([parts[-1] | 1])


class ApduLink(Protocol):
    """Carries APDUs to one meter and back."""

    def open(self) -> Part[None]:
        """Connect. Raises DialogueError."""
        ...

    def exchange(self, apdu: bytes) -> Part[bytes]:
        """Send an APDU; give the answer. Raises DialogueError."""
        ...

    def close(self) -> Part[None]:
        """Disconnect."""
        ...


class HdlcLink:
    """An HDLC connection in normal response mode, as the primary station."""

    def __init__(self, access: Access) -> None:
        self._server = server_address(access)
        self._client = bytes([access.client << 1 | 1])
        self._timeout_s = access.timeout_s
        self._send_octets = _INFORMATION_OCTETS
        self._sent = self._received = 0  # N(S) of our next frame, and of the meter's

    def open(self) -> Part[None]:
        """Connect: SNRM, and UA with the meter's limits."""
        self._sent = self._received = 0
        frame = (yield from self._ask(self._frame(_SNRM)))[-1]
        if frame.control != _UA:
            what = "DM" if frame.control == _DM else f"{frame.control:02X}"
            raise DialogueError(
                "not_associated", f"the meter answers {what} to SNRM: it lets nobody connect now"
            )
        self._send_octets = _negotiated(frame.information)

    def exchange(self, apdu: bytes) -> Part[bytes]:
        """Send an APDU in as many frames as it needs, and put the answer together."""
        octets, size = _LLC_SEND + apdu, self._send_octets
        parts = [octets[at : at + size] for at in range(0, len(octets), size)]
        for part in parts[:-1]:
            yield from self._ask(self._information(part, more=True))
        frames = yield from self._ask(self._information(parts[-1], more=False))
        answer = b""
        for _ in range(_PATIENCE + _LONGEST // _INFORMATION_OCTETS):
            whole = False
            for frame in frames:
                self._check(frame)
                if frame.control & 1 or frame.control >> 1 & 7 != self._received:
                    continue  # RR, or a frame that came before
                self._received = (self._received + 1) % 8
                answer += frame.information
                whole = not frame.segmented
            if whole:
                return answer.removeprefix(_LLC_REPLY)
            if len(answer) > _LONGEST:
                raise DialogueError("bad_apdu", f"the answer is longer than {_LONGEST} octets")
            if frames[-1].control & 0x0F == _RNR & 0x0F:
                yield Pause(_BUSY_S)
            frames = yield from self._ask(self._frame(_RR | self._received << 5))
        raise DialogueError(
            "no_answer", "the meter confirms the request again and again, and does not answer it"
        )

    def close(self) -> Part[None]:
        """Disconnect: DISC, one try."""
        yield Send(self._frame(_DISC))
        yield Listen(self._timeout_s, _REPLY_S, self._enough)

    def _information(self, part: bytes, *, more: bool) -> bytes:
        control = self._received << 5 | _FINAL | self._sent << 1
        self._sent = (self._sent + 1) % 8
        return self._frame(control, part, more=more)

    def _frame(self, control: int, information: bytes = b"", *, more: bool = False) -> bytes:
        return hdlc_frame(self._server, self._client, control, information, more=more)

    def _check(self, frame: Frame) -> None:
        if frame.control in (_DM, _FRMR):
            what = "DM, it has hung up" if frame.control == _DM else "FRMR, it lost the thread"
            raise DialogueError("hung_up", f"the meter answers {what}")

    def _ask(self, octets: bytes) -> Part[list[Frame]]:
        """Send a frame until an answer comes; its last frame has the final bit."""
        damaged = False
        for _ in range(_TRIES):
            yield Send(octets)
            heard = yield Listen(self._timeout_s, _REPLY_S, self._enough)
            frames = list(self._ours(heard))
            if frames and frames[-1].control & _FINAL:
                return frames
            damaged = damaged or bool(heard)
        raise DialogueError(
            "no_answer",
            f"the meter {'answers damaged octets' if damaged else 'does not answer'}, although asked {_TRIES} times",
        )

    def _ours(self, octets: bytes) -> Iterator[Frame]:
        """Frames for this client; an optical head that echoes, and pushes for others, are passed over."""
        for frame in HdlcFramer().feed(octets):
            if isinstance(frame, Frame) and bytes.fromhex(frame.destination) == self._client:
                yield frame
                if frame.control & _FINAL:
                    return

    def _enough(self, octets: bytes) -> bool:
        return any(frame.control & _FINAL for frame in self._ours(octets))


def hdlc_frame(
    destination: bytes, source: bytes, control: int, information: bytes = b"", *, more: bool = False
) -> bytes:
    """Write a frame of type 3 between its flags. ``more``: segments follow."""
    length = 2 + len(destination) + len(source) + 1 + 2 + (len(information) + 2 if information else 0)
    head = bytes([0xA0 | (_SEGMENTED if more else 0) | length >> 8, length & 0xFF])
    checked = head + destination + source + bytes([control])
    checked += checksum(checked)
    if information:
        checked += information
        checked += checksum(checked)
    return b"\x7e" + checked + b"\x7e"


def _negotiated(parameters: bytes) -> int:
    """Read from a UA how long a frame the meter takes (ISO/IEC 13239, 5.5.3.2.2); what is odd is left at the usual."""
    if not parameters.startswith(_PARAMETERS):
        return _INFORMATION_OCTETS
    position = 3
    while position + 2 <= len(parameters):
        name, size = parameters[position : position + 2]
        value = int.from_bytes(parameters[position + 2 : position + 2 + size], "big")
        if name == _MAX_RECEIVE and value >= 32:
            return min(value, _INFORMATION_OCTETS)
        position += 2 + size
    return _INFORMATION_OCTETS
