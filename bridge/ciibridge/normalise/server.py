"""The server id of a telegram: ten octets, and the number on the nameplate they stand for (DIN 43863-5).

    0A 01 44 5A 47 00 02 82 C0 B0        1 DZG 00 42123440
    │  │  └── DZG ──┘ │  └ number ┘
    │  └ medium       └ block of production, hex
    └ 0A, or 09 in older meters

Other forms (06 45 4D 48 …, text) are a maker's own and have no such number.
"""

from __future__ import annotations

from typing import Final

_OCTETS: Final = 10
_FIRST: Final = (0x09, 0x0A)
_MEDIA: Final = range(1, 10)


def server_text(octets: bytes) -> str:
    """Write a server id: text where it is text, else hex in lower case."""
    text = octets.decode("ascii", "replace")
    return text if text.isascii() and text.isprintable() else octets.hex()


def identification(octets: bytes) -> str | None:
    """Write the number on the nameplate; None: the server id does not hold one."""
    if len(octets) != _OCTETS or octets[0] not in _FIRST or octets[1] not in _MEDIA:
        return None
    maker = octets[2:5].decode("ascii", "replace")
    if not (maker.isascii() and maker.isalpha() and maker.isupper()):
        return None
    return f"{octets[1]} {maker} {octets[5]:02X} {int.from_bytes(octets[6:], 'big'):08}"
