"""Data information block: what kind of octets follow, and which value of the device they are (EN 13757-3, 6.3).

    DIF    E S FF DDDD    E: a DIFE follows   S: bit 0 of the storage number   FF: function   DDDD: coding of the data
    DIFE   E U TT SSSS    U: one bit of the subunit   TT: two of the tariff   SSSS: four of the storage number
                          at most ten, the first has the lowest bits

Storage 0 is the present value, others are older ones; tariff 0 the total. DIF with DDDD = F is no data but a command.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from ciibridge.errors import DecodeError

EXTENSION: Final = 0x80
_MOST_DIFE: Final = 10
#: DIF that are commands: manufacturer's data to the end, the same and more records follow, nothing (idle filler).
MANUFACTURER: Final = 0x0F
MORE_FOLLOW: Final = 0x1F
FILLER: Final = 0x2F


class Function(StrEnum):
    """Which value of the period of the storage number."""

    INSTANTANEOUS = "instantaneous"
    MAXIMUM = "maximum"
    MINIMUM = "minimum"
    ERROR = "error"  # the value during an error state


_FUNCTIONS: Final = tuple(Function)


class Dif(NamedTuple):
    """A data information block, taken apart."""

    coding: int  # DDDD
    function: Function
    storage: int
    tariff: int
    subunit: int
    end: int  # index behind it


def read(octets: bytes, begin: int) -> Dif:
    """Read the block at ``begin``; raises ``DecodeError`` (bad_apdu) where it does not end."""
    first = octets[begin]
    storage = first >> 6 & 1
    tariff = subunit = 0
    end = begin + 1
    more = first & EXTENSION
    count = 0
    while more:
        if end == len(octets) or count == _MOST_DIFE:
            raise DecodeError("bad_apdu", "a data information block does not end", offset=begin)
        octet = octets[end]
        storage |= (octet & 0x0F) << 1 + 4 * count
        tariff |= (octet >> 4 & 3) << 2 * count
        subunit |= (octet >> 6 & 1) << count
        more = octet & EXTENSION
        end += 1
        count += 1
    return Dif(first & 0x0F, _FUNCTIONS[first >> 4 & 3], storage, tariff, subunit, end)
