"""What single meters send against the standard, corrected where the telegram itself proves which meter it is.

DZG DVS74: a positive power from 327.68 to 655.35 W is sent as 53 xx xx, a signed number of two octets, although it is
meant unsigned (53 8B 28 is 356.24 W, not −299.12 W). Negative powers always have four octets, so shorter ones are
positive. Only serial numbers below 60000000 of this model are concerned, in two ranges; other models of DZG send short
negative numbers that mean what they say. Source: DZG, quoted in volkszaehler/libsml pull requests 66, 106 and 136;
capture dzg_dvs-7412.2_jmberg.
"""

from __future__ import annotations

from typing import Final

from ciibridge.decode.sml.tlv import INTEGER, Element
from ciibridge.types import Number, Obis, Value

_DZG: Final = bytes.fromhex("0a01445a47")  # electricity, maker DZG; the serial number follows
_SERVER_ID_OCTETS: Final = 10
_DVS74_SERIALS: Final = (range(42_000_000, 49_000_000), range(55_000_000, 59_000_000))
_NET_POWER: Final = Obis(1, 0, 16, 7, 0)
_NEGATIVE_OCTETS: Final = 4


def corrected(value: Value, obis: Obis, element: Element, server_id: bytes) -> Value:
    """Give ``value``, or what was meant where this meter is known to send something else."""
    if obis != _NET_POWER or element.type != INTEGER or len(element.octets) >= _NEGATIVE_OCTETS:
        return value
    if len(server_id) != _SERVER_ID_OCTETS or not server_id.startswith(_DZG):
        return value
    serial = int.from_bytes(server_id[len(_DZG) :], "big")
    if any(serial in serials for serials in _DVS74_SERIALS):
        return Number(int.from_bytes(element.octets, "big"))
    return value
