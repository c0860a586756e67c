"""CRC-16/X-25, the check of HDLC frames (ISO/IEC 13239, IEC 62056-46) and of SML, at the speed of C.

``binascii.crc_hqx`` computes the same polynomial (0x1021) most significant bit first. X-25 is its mirror image, so the
octets are mirrored with one ``bytes.translate`` and the CRC over them is the mirror image of ours. On the wire the
mirrored CRC follows least significant octet first, which continues the mirrored bit stream: over octets and CRC
together the register always ends at the same value, whatever they are.
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


def kermit(octets: bytes) -> bytes:
    """Compute CRC-16/Kermit as some SML meters send it instead: most significant octet first.

    The same polynomial from an initial value of 0, and not inverted. Source: volkszaehler/libsml issue 75 (Holley DTZ541);
    the order of the octets from the telegrams in spacemanspiff2007/SmlLib issue 22.
    """
    return crc_hqx(octets.translate(_MIRROR), 0).to_bytes(2, "big").translate(_MIRROR)[::-1]
