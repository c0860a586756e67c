"""An M-Bus with simulated devices on it: octets of the master in, octets of the devices out (EN 13757-2 and -3).

    SND_NKE ► ◄ E5     REQ_UD2 ► ◄ RSP_UD     SND_UD ► ◄ E5: selection (52, 56; enhanced), application reset (50), baud rate (B8 … BF)

    address   0 … 250 a device     253 the selected ones     254 everybody answers     255 nobody does

Answers of several devices collide: on the wire the bits of all are heard at once, which spoils a telegram, and leaves an
acknowledgement as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from typing import Final

from ciibridge.framing.mbus import MbusFramer
from ciibridge.simulate.mbus import RSP_UD, answer, secondary_address
from ciibridge.simulate.mbus_frames import ACKNOWLEDGEMENT, long_frame
from ciibridge.simulate.meter import SimulatedMeter
from ciibridge.types import Frame

_SELECTED: Final = 0xFD
_EVERYBODY: Final = 0xFE
_SND_NKE: Final = 0x40
_REQ_UD2: Final = 0x5B
_SND_UD: Final = 0x53
_FRAME_COUNT: Final = 0x20
_SELECT: Final = (0x52, 0x56)
_RESET: Final = 0x50
_ADDRESS_OCTETS: Final = 8
#: DIF and VIF of a fabrication number of eight digits.
_FABRICATION: Final = b"\x0c\x78"
_NUMBER_OCTETS: Final = 4
_TURNED: Final = 0x04  # bit of CI


class Device:
    """One device of the bus. A model with several lists needs as many telegrams for a readout."""

    def __init__(self, meter: SimulatedMeter, address: int, fabrication: str = "") -> None:
        """``fabrication``: its number of eight digits, if it knows enhanced selection."""
        self._meter = meter
        self._fabrication = fabrication
        self.address = address
        self._selected = False
        self._next = 0  # telegram of the readout
        self._bit: int | None = None  # frame count bit of the last request

    def said(self, frame: Frame, at: datetime) -> bytes:
        """Give the answer to a frame of the master; none where it is for others."""
        to = int(frame.destination, 16)
        control = frame.control & ~_FRAME_COUNT
        if frame.information[:1] and frame.information[0] in _SELECT and to == _SELECTED:
            self._selected = self._fits(frame.information)
            self._bit = None
            return ACKNOWLEDGEMENT if self._selected else b""
        mine = to in (self.address, _EVERYBODY) or (to == _SELECTED and self._selected)
        if not mine:
            return b""
        if control == _REQ_UD2:
            return self._respond(frame.control & _FRAME_COUNT, at)
        if control == _SND_NKE:
            self._bit = None
            self._selected = False
            return ACKNOWLEDGEMENT
        if control == _SND_UD:
            if frame.information[:1] == bytes((_RESET,)):
                self._next = 0
            return ACKNOWLEDGEMENT
        return b""

    def _respond(self, bit: int, at: datetime) -> bytes:
        """Give the next telegram, or the same once more where the frame count bit stayed."""
        if self._bit is not None and bit != self._bit:
            self._next += 1
        self._bit = bit
        lists = self._meter.lists
        place = self._next % len(lists)
        self._meter.counter += 1
        more = place < len(lists) - 1
        return long_frame(RSP_UD, self.address, answer(self._meter, [lists[place]], at, more=more))

    def _fits(self, information: bytes) -> bool:
        wanted, enhanced = information[1 : 1 + _ADDRESS_OCTETS], information[1 + _ADDRESS_OCTETS :]
        number, rest = secondary_address(self._meter)
        if information[0] & _TURNED:
            wanted = wanted[3::-1] + wanted[5:3:-1] + wanted[6:]
        if len(wanted) < _ADDRESS_OCTETS:
            return False
        if not _fits(wanted[:4], number) or (enhanced and not self._made_as(enhanced)):
            return False
        maker = wanted[4:6] in (b"\xff\xff", rest[:2])
        return maker and all(w in (0xFF, r) for w, r in zip(wanted[6:], rest[2:], strict=True))

    def _made_as(self, enhanced: bytes) -> bool:
        """Tell whether a fabrication number is ours; who does not know enhanced selection is not selected by it."""
        wanted = enhanced.removeprefix(_FABRICATION)
        return (
            bool(self._fabrication)
            and wanted != enhanced
            and len(wanted) == _NUMBER_OCTETS
            and _fits(wanted, bytes.fromhex(self._fabrication)[::-1])
        )


def _fits(wanted: bytes, number: bytes) -> bool:
    """Compare digits; F fits any."""
    return all(w in ("f", n) for w, n in zip(wanted.hex(), number.hex(), strict=True))


class Bus:
    """All devices of one line."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = tuple(devices)
        self._framer = MbusFramer()

    def feed(self, octets: bytes, at: datetime) -> bytes:
        """Take octets of the master; give what is heard on the line then, at ``at`` (aware)."""
        heard = b""
        for item in self._framer.feed(octets):
            if isinstance(item, Frame) and item.raw != ACKNOWLEDGEMENT:
                answers = [said for device in self._devices if (said := device.said(item, at))]
                heard += reduce(_collide, answers, b"")
        return heard


def _collide(left: bytes, right: bytes) -> bytes:
    """Hear two answers at once: a space of one of them covers the mark of the other."""
    if not left:
        return right
    size = max(len(left), len(right))
    both = zip(left.ljust(size, b"\xff"), right.ljust(size, b"\xff"), strict=True)
    return bytes(a & b for a, b in both)
