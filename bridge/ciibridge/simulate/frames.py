"""APDU → frames on the line, as the meter model cuts them (IEC 62056-46, IEC 62056-5-3).

    7E │ A0 len │ destination │ source │ control │ HCS │ information │ FCS │ 7E       len counts all between the flags
    7E │ A8 len │ …                                                                  segmented: more frames follow

    information of the first frame   E6 E7 00 │ APDU or its beginning        LLC
    of a block                       E0 │ 40 or C0 (last) │ number (2) │ acknowledged (2) │ length │ part of the APDU

An APDU that fits one frame goes in one frame, whatever the model does with a long one. CRC-16/X-25 is gurux's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ciimodel.catalogue import Hdlc, Wire
from gurux_dlms._GXFCS16 import _GXFCS16

from ciibridge.simulate.telegram import Piece

_FLAG: Final = b"\x7e"
_LLC: Final = bytes.fromhex("e6e700")
_FORMAT: Final = 0xA000
_SEGMENTED: Final = 0x0800
_FINAL: Final = 0x10  # poll/final bit of the control octet; segments before the last do not have it
_LONGEST_FRAME: Final = 0x7FF
_BLOCK_HEADER: Final = 7  # with a length of one octet
_STREAMING: Final = 0x40
_LAST_BLOCK: Final = 0x80


def frames(apdu: Sequence[Piece], wire: Wire) -> bytes:
    """Cut an APDU and frame it. Raises ValueError when the model has no HDLC address or the APDU is too long for it."""
    if not wire.hdlc:
        raise ValueError("the model has no HDLC addresses")
    link = wire.hdlc[0]
    llc = _LLC if wire.llc else b""
    octets = b"".join(piece.octets for piece in apdu)
    if wire.transfer == "single" or len(llc) + len(octets) <= link.information_octets:
        return _frame(link, llc + octets)
    if wire.transfer == "segmented":
        information = llc + octets
        size = link.information_octets
        parts = [information[at : at + size] for at in range(0, len(information), size)]
        return b"".join(_frame(link, part, more=part is not parts[-1]) for part in parts)
    return b"".join(_frame(link, information) for information in _blocks(apdu, link, llc))


def frame(addresses: bytes, control: int, information: bytes, *, more: bool = False) -> bytes:
    """Make one frame. ``addresses``: destination and source; ``more``: segments follow. Raises ValueError: too long."""
    length = 2 + len(addresses) + 1 + 2 + (len(information) + 2 if information else 0)
    if length > _LONGEST_FRAME:
        raise ValueError(f"{length} octets do not fit one HDLC frame (at most {_LONGEST_FRAME})")
    header = (
        (_FORMAT | (_SEGMENTED if more else 0) | length).to_bytes(2, "big") + addresses + bytes([control])
    )
    checked = header + _checksum(header)
    if information:
        checked += information
        checked += _checksum(checked)
    return _FLAG + checked + _FLAG


def _frame(link: Hdlc, information: bytes, *, more: bool = False) -> bytes:
    addresses = bytes.fromhex(link.destination) + bytes.fromhex(link.source)
    control = int(link.control, 16) & ~_FINAL if more else int(link.control, 16)
    return frame(addresses, control, information, more=more)


def _checksum(octets: bytes) -> bytes:
    return int(_GXFCS16.countFCS16(octets, 0, len(octets))).to_bytes(2, "big")


def _blocks(apdu: Sequence[Piece], link: Hdlc, llc: bytes) -> Iterator[bytes]:
    """Information fields of the blocks of a general-block-transfer."""
    room = link.information_octets - _BLOCK_HEADER
    blocks = list(_filled(apdu, room - len(llc), room))
    for number, block in enumerate(blocks, start=1):
        control = _STREAMING | _LAST_BLOCK if number == len(blocks) else _STREAMING
        header = bytes([0xE0, control]) + number.to_bytes(2, "big") + bytes(2) + bytes([len(block)])
        yield (llc if number == 1 else b"") + header + block


def _filled(apdu: Sequence[Piece], first: int, following: int) -> Iterator[bytes]:
    """Fill blocks with pieces: ``first`` octets in the first block, ``following`` in the others."""
    block, room = b"", first
    for piece in apdu:
        octets = piece.octets
        while len(octets) > room - len(block):
            cut = 0 if block and piece.whole and len(octets) <= following else room - len(block)
            yield block + octets[:cut]
            block, room, octets = b"", following, octets[cut:]
        block += octets
    yield block
