"""The checks of frames: CRC-16/X-25 of HDLC (ISO/IEC 13239, IEC 62056-46) and SML, CRC-16/ARC of DSMR-P1 telegrams.

X-25 runs at the speed of C: ``binascii.crc_hqx`` computes the same polynomial (0x1021) most significant bit first.
X-25 is its mirror image, so the octets are mirrored with one ``bytes.translate`` and the CRC over them is the mirror
image of ours. On the wire the mirrored CRC follows least significant octet first, which continues the mirrored bit
stream: over octets and CRC together the register always ends at the same value, whatever they are.

ARC has another polynomial, least significant bit first: P = x¹⁶ + x¹⁵ + x² + 1 = (x + 1) · Q with Q = x¹⁵ + x + 1. Squaring
a polynomial over GF(2) doubles its exponents, so Q to the power 2ᵏ is again a trinomial, and with it a telegram of 1,000
octets, as one large integer, is halved again and again by two shifts and two XORs: at the speed of C, too. What is left, 15
octets, goes through a table. That gives the remainder for Q; the one for x + 1 is the parity of all bits.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterable
from typing import Final

_MIRROR: Final = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
#: What the register holds after good octets and their CRC (0xF0B8 in X-25's own bit order).
_RESIDUE: Final = 0x1D0F


def intact(octets: bytes) -> bool:
    """Whether ``octets`` end in the CRC of what stands before it."""
    return crc_hqx(octets.translate(_MIRROR), 0xFFFF) == _RESIDUE


def all_intact(octets: bytes, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether all these parts of ``octets``, from here to there, end in the CRC of what stands before it."""
    mirrored = octets.translate(_MIRROR)
    return all(crc_hqx(mirrored[begin:end], 0xFFFF) == _RESIDUE for begin, end in spans)


def checksum(octets: bytes) -> bytes:
    """Compute the two octets which follow ``octets`` on the wire, least significant first."""
    return (crc_hqx(octets.translate(_MIRROR), 0xFFFF) ^ 0xFFFF).to_bytes(2, "big").translate(_MIRROR)


def crc_arc(octets: bytes) -> int:
    """Compute CRC-16/ARC of ``octets`` (P1 companion standard 5.0.2, 5.2)."""
    rest = int.from_bytes(octets.translate(_MIRROR), "big")
    parity = rest.bit_count()
    for mask, size, power in _FOLDS:
        while high := rest >> size:
            rest = rest & mask ^ high ^ high << power
    register = 0
    for octet in rest.to_bytes(_LAST_OCTETS, "big").translate(_MIRROR):
        register = _ARC[(register ^ octet) & 0xFF] ^ register >> 8
    return register ^ _TRINOMIAL if (register.bit_count() ^ parity) & 1 else register


def _arc_entry(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (0xA001 if octet & 1 else 0)
    return octet


_ARC: Final = tuple(_arc_entry(octet) for octet in range(256))
#: Q, least significant bit first.
_TRINOMIAL: Final = 0xC001
_LAST_OCTETS: Final = 15
#: The powers of Q, x^size = x^power + 1, that halve 4,000 octets down to the last 15; more octets take more turns. Mask, its
#: bits, power.
_FOLDS: Final = tuple(
    ((1 << 15 * power) - 1, 15 * power, power) for power in (1024, 512, 256, 128, 64, 32, 16, 8)
)


def kermit(octets: bytes) -> bytes:
    """Compute CRC-16/Kermit as some SML meters send it instead: most significant octet first.

    The same polynomial from an initial value of 0, and not inverted. Source: volkszaehler/libsml issue 75 (Holley DTZ541);
    the order of the octets from the telegrams in spacemanspiff2007/SmlLib issue 22.
    """
    return crc_hqx(octets.translate(_MIRROR), 0).to_bytes(2, "big").translate(_MIRROR)[::-1]
