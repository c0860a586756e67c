"""The checks of frames: CRC-16/X-25 of HDLC (ISO/IEC 13239, IEC 62056-46) and SML, CRC-16/ARC of DSMR-P1 telegrams.

X-25 runs at the speed of C: ``binascii.crc_hqx`` computes the same polynomial (0x1021) most significant bit first.
X-25 is its mirror image, so the octets are mirrored with one ``bytes.translate`` and the CRC over them is the mirror
image of ours. On the wire the mirrored CRC follows least significant octet first, which continues the mirrored bit
stream: over octets and CRC together the register always ends at the same value, whatever they are.

ARC has another polynomial (x¹⁶ + x¹⁵ + x² + 1, least significant bit first, begins with 0) and needs a table; a P1
telegram of 1,000 octets comes every second at most.
"""

from __future__ import annotations

from binascii import crc_hqx
from typing import Final

_MIRROR: Final = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
#: What the register holds after good octets and their CRC (0xF0B8 in X-25's own bit order).
_RESIDUE: Final = 0x1D0F


def intact(octets: bytes) -> bool:
    """Whether ``octets`` end in the CRC of what stands before it."""
    return crc_hqx(octets.translate(_MIRROR), 0xFFFF) == _RESIDUE


def checksum(octets: bytes) -> bytes:
    """Compute the two octets which follow ``octets`` on the wire, least significant first."""
    return (crc_hqx(octets.translate(_MIRROR), 0xFFFF) ^ 0xFFFF).to_bytes(2, "big").translate(_MIRROR)


def crc_arc(octets: bytes) -> int:
    """Compute CRC-16/ARC of ``octets`` (P1 companion standard 5.0.2, 5.2)."""
    register = 0
    for octet in octets:
        register = _ARC[(register ^ octet) & 0xFF] ^ register >> 8
    return register


def _arc_entry(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (0xA001 if octet & 1 else 0)
    return octet


_ARC: Final = tuple(_arc_entry(octet) for octet in range(256))


def kermit(octets: bytes) -> bytes:
    """Compute CRC-16/Kermit as some SML meters send it instead: most significant octet first.

    The same polynomial from an initial value of 0, and not inverted. Source: volkszaehler/libsml issue 75 (Holley DTZ541);
    the order of the octets from the telegrams in spacemanspiff2007/SmlLib issue 22.
    """
    return crc_hqx(octets.translate(_MIRROR), 0).to_bytes(2, "big").translate(_MIRROR)[::-1]
