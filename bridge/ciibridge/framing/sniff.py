"""Which protocol a recording speaks.

What proves itself comes first: a start sequence of eight octets, a frame whose checksum is right, a wrapper whose length is that
of the APDU in it, or lines that only one protocol writes (IEC 62056-21 and DSMR-P1 open alike). Otherwise it is the protocol whose beginning comes first in the octets:

    7E Ax           dlms-hdlc   flag and frame format type 3
    68 L L 68       dlms-mbus   header of a long frame, CI of a segment (damaged behind it)
    / X X X digit   dsmr-p1     identification line
    DB 08 X X X     dsmr-p1     ciphered without a frame around it: system title. What it holds shows when it is opened
    0F, C2, E0 …    dlms-apdu   an APDU without a frame: last, as its beginning may stand in a frame that is cut

A line that is configured does not need this: its model says what it speaks. Another protocol is another row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ciibridge.framing import apdu, iec62056, mbus, mbus_transport, sml, wrapper

#: Protocol of an interface in the catalogue, and how it is proved. What may hold another one stands first.
PROOFS: Final[tuple[tuple[str, Callable[[bytes], bool]], ...]] = (
    ("sml", sml.looks_like),
    ("dlms-mbus", mbus_transport.looks_like),
    ("mbus", mbus.looks_like),
    ("iec62056-21", iec62056.looks_like),
    ("dlms-wrapper", wrapper.looks_like),
    ("dlms-apdu", apdu.looks_like),
)
#: Protocol, and how its telegrams begin.
SIGNATURES: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    ("dlms-hdlc", re.compile(rb"\x7e[\xa0-\xaf]")),
    ("dlms-mbus", re.compile(rb"\x68(.)\1\x68[\x53\x73].[\x00-\x1f]", re.DOTALL)),
    ("dsmr-p1", re.compile(rb"/[A-Za-z]{3}[0-9]|\xdb\x08[A-Za-z]{3}")),
)


def sniff(octets: bytes) -> str | None:
    """Name the protocol of a recording; None: no beginning of any telegram is in it."""
    for protocol, proved in PROOFS:
        if proved(octets):
            return protocol
    beginnings = [
        (found.start(), rank, protocol)
        for rank, (protocol, pattern) in enumerate(SIGNATURES)
        if (found := pattern.search(octets))
    ]
    if beginnings:
        return min(beginnings)[2]
    return "dlms-apdu" if apdu.begins_in(octets) else None
