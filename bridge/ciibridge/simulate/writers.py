"""One row a protocol: how a simulated meter writes the telegram of a list.

    dlms-hdlc     elements → APDU [→ ciphered] → HDLC frames               telegram, frames
    dlms-mbus     elements → APDU [→ ciphered] → segments in M-Bus frames   telegram, mbus_frames
    dlms-wrapper  elements → APDU [→ ciphered] → behind the header of TCP   telegram, wrapper
    dsmr-p1       lines → text [→ ciphered]                                 p1
    sml           entries → messages → file                                 sml
    mbus          records [→ ciphered] → M-Bus frame                        mbus
    iec62056-21   lines → readout                                           iec62056

Another protocol is a module beside this one and a row in ``WRITERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ciimodel.catalogue import PushList

from ciibridge.simulate import iec62056, mbus, p1, sml
from ciibridge.simulate.frames import frames
from ciibridge.simulate.identity import identification
from ciibridge.simulate.mbus_frames import segments
from ciibridge.simulate.telegram import Piece, body, notification
from ciibridge.simulate.wrapper import to_port

if TYPE_CHECKING:
    from ciibridge.simulate.meter import SimulatedMeter

_INVOKE_IDS: Final = 1 << 24


def _apdu(meter: SimulatedMeter, pushed: PushList, at: datetime) -> list[Piece]:
    elements = meter.elements(pushed, at)
    header_time = meter.clock(at)
    return meter.cipher(
        notification(meter.counter % _INVOKE_IDS, header_time, body(pushed.shape, elements, pushed.name))
    )


def _dlms_hdlc(meter: SimulatedMeter, pushed: PushList, at: datetime) -> bytes:
    if meter.wire is None:
        raise ValueError("the model has no facts of the wire")
    return frames(_apdu(meter, pushed, at), meter.wire)


def _dlms_mbus(meter: SimulatedMeter, pushed: PushList, at: datetime) -> bytes:
    return segments(b"".join(piece.octets for piece in _apdu(meter, pushed, at)))


def _dlms_wrapper(meter: SimulatedMeter, pushed: PushList, at: datetime) -> bytes:
    return to_port(b"".join(piece.octets for piece in _apdu(meter, pushed, at)))


def _p1(meter: SimulatedMeter, pushed: PushList, at: datetime) -> bytes:
    checksum = meter.wire is None or meter.wire.checksum
    text = p1.telegram(identification(meter.meter), meter.lines(pushed, at), checksum=checksum)
    return b"".join(piece.octets for piece in meter.cipher([Piece(text)]))


def _iec62056(meter: SimulatedMeter, pushed: PushList, at: datetime) -> bytes:
    return iec62056.readout(
        identification(meter.meter),
        iec62056.data_lines(meter, pushed, at),
        checked=meter.interface.mode == "poll",
    )


#: Protocol of an interface in the catalogue → how the telegram of a list is written.
WRITERS: Final[Mapping[str, Callable[[SimulatedMeter, PushList, datetime], bytes]]] = {
    "dlms-hdlc": _dlms_hdlc,
    "dlms-mbus": _dlms_mbus,
    "dlms-wrapper": _dlms_wrapper,
    "dsmr-p1": _p1,
    "sml": sml.telegram,
    "mbus": mbus.telegram,
    "iec62056-21": _iec62056,
}
