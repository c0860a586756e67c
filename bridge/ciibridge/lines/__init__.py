"""One line a protocol: framing, security and decoding put together, octets in, readings out.

    dlms   DLMS/COSEM pushes, in HDLC or in M-Bus frames, in the wrapper of TCP, or bare APDUs
    p1     DSMR-P1 telegrams
    iec62056   IEC 62056-21 readouts and pushes
    mbus   wired M-Bus records
    sml    SML files

Pure, as its parts are. Another protocol is a module here and a row in ``LINES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from ciibridge.framing.apdu import ApduFramer
from ciibridge.framing.mbus import MbusFramer
from ciibridge.framing.mbus_transport import MbusTransport
from ciibridge.framing.reassembly import Reassembler
from ciibridge.framing.wrapper import WrapperFramer
from ciibridge.lines.dlms import DlmsLine, HdlcLine
from ciibridge.lines.iec62056 import Iec62056Line
from ciibridge.lines.mbus import MbusLine
from ciibridge.lines.p1 import P1Line
from ciibridge.lines.sml import SmlLine
from ciibridge.normalise import MeterSettings
from ciibridge.types import Problem, Reading

__all__ = ["LINES", "Line"]


class Line(Protocol):
    """Framing, security and decoding of one protocol."""

    @property
    def frames_ok(self) -> int:
        """Count the good frames."""

    @property
    def frames_bad(self) -> int:
        """Count the damaged frames."""

    def feed(self, data: bytes) -> list[Reading | Problem]:
        """Take octets in pieces of any size; give what they completed, in order. Never raises."""

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""


#: Protocol of an interface in the catalogue → its line.
LINES: Final[Mapping[str, Callable[[MeterSettings], Line]]] = {
    "dlms-hdlc": HdlcLine,
    "dlms-mbus": partial(DlmsLine, MbusFramer, MbusTransport),
    "dlms-wrapper": partial(DlmsLine, WrapperFramer, Reassembler),
    "dlms-apdu": partial(DlmsLine, ApduFramer, Reassembler),
    "dsmr-p1": P1Line,
    "iec62056-21": Iec62056Line,
    "mbus": MbusLine,
    "sml": SmlLine,
}
