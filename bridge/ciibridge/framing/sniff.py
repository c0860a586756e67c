"""Which protocol a recording speaks: the one whose beginning comes first in its octets.

    7E Ax           dlms-hdlc   flag and frame format type 3
    / X X X digit   dsmr-p1     identification line
    DB 08 X X X     dsmr-p1     ciphered without a frame around it: system title

A line that is configured does not need this: its model says what it speaks. Another protocol is another row.
"""

from __future__ import annotations

import re
from typing import Final

#: Protocol of an interface in the catalogue, and how its telegrams begin. What may hold another one stands first.
SIGNATURES: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    ("dlms-hdlc", re.compile(rb"\x7e[\xa0-\xaf]")),
    ("dsmr-p1", re.compile(rb"/[A-Za-z]{3}[0-9]|\xdb\x08[A-Za-z]{3}")),
)


def sniff(octets: bytes) -> str | None:
    """Name the protocol of a recording; None: no beginning of any telegram is in it."""
    beginnings = [
        (found.start(), rank, protocol)
        for rank, (protocol, pattern) in enumerate(SIGNATURES)
        if (found := pattern.search(octets))
    ]
    return min(beginnings)[2] if beginnings else None
