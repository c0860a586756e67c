"""The header of an M-Bus application telegram (EN 13757-7; fixed data: EN 13757-3 of 2004, annex).

    CI | identification number | manufacturer | version | device type | access | status | configuration    72 76 5B
         4 octets BCD            2              1         1             1        1        2
    CI | access | status | configuration                                                                  7A 5A
    CI                                                                                                    78
    CI | identification number | access | status | …                                                      73 77

A CI whose bit 2 is set, 76 and 77, has its numbers most significant octet first. The manufacturer is the FLAG id, five
bits a letter. The configuration word of old devices is a signature of any value: only what announces a known mode of
encryption, and is long enough for it, is taken as encrypted.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ciibridge.errors import DecodeError
from ciibridge.types import Device, Frame

LONG: Final = frozenset((0x72, 0x76, 0x5B))
SHORT: Final = frozenset((0x7A, 0x5A))
NONE: Final = frozenset((0x78,))
FIXED: Final = frozenset((0x73, 0x77))
_TURNED: Final = frozenset((0x76, 0x77))
_ERROR: Final = 0x70
_FIRST_APPLICATION: Final = 0x20  # below are segments of the transport layer
_DLMS: Final = ': it is part of a DLMS telegram, set protocol = "dlms-mbus"'
_LONG_OCTETS: Final = 12
_SHORT_OCTETS: Final = 4
_FIXED_OCTETS: Final = 6
#: SND_UD: sent by the master of the bus, without and with the frame count bit.
_SND_UD: Final = frozenset((0x53, 0x73))
#: What a master says to slaves: reset, data for the slave, selection, synchronisation, baud rates. No readings.
_COMMANDS: Final = frozenset((0x50, 0x51, 0x52, 0x54, 0x55, 0x56, *range(0xB8, 0xC0)))

#: Application errors: the octet behind CI 70 (EN 13757-3, 8.3).
_ERRORS: Final = {
    0: "unspecified error",
    1: "application not selected or not there",
    2: "the buffer is too long",
    3: "too many records",
    4: "premature end of a record",
    5: "too many DIFE",
    6: "too many VIFE",
    8: "application busy",
    9: "too many readouts",
    0x10: "access denied",
    0x11: "application or block unknown",
}


class Header(NamedTuple):
    """A header, taken apart; ``body`` is where what follows it begins in the information of the frame."""

    ci: int
    device: Device
    address: bytes  # manufacturer, identification number, version, type as in an initialisation vector
    configuration: int
    body: int

    @property
    def fixed(self) -> bool:
        """Two counters in fixed places instead of records."""
        return self.ci in FIXED

    @property
    def turned(self) -> bool:
        """Numbers come most significant octet first."""
        return self.ci in _TURNED


def is_command(frame: Frame) -> bool:
    """Tell whether a frame is the master's, and nothing to a listener: a request, a command, an acknowledgement."""
    return not frame.information or (frame.control in _SND_UD and frame.information[0] in _COMMANDS)


def read(frame: Frame) -> Header:
    """Take the header of a frame apart.

    Raises ``DecodeError``: device_error where the device answers with an error, unknown_format for a CI that announces
    no readings, bad_apdu where the header does not end.
    """
    octets = frame.information
    ci = octets[0]
    if ci == _ERROR:
        code = octets[1] if len(octets) > 1 else 0
        what = _ERRORS.get(code, f"error {code:02X}")
        raise DecodeError("device_error", f"the device at address {int(frame.destination, 16)}: {what}")
    sizes = {LONG: _LONG_OCTETS, SHORT: _SHORT_OCTETS, NONE: 0, FIXED: _FIXED_OCTETS}
    size = next((size for known, size in sizes.items() if ci in known), None)
    if size is None:
        remedy = _DLMS if ci < _FIRST_APPLICATION else ""
        raise DecodeError("unknown_format", f"an M-Bus frame with CI {ci:02X} is no reading{remedy}")
    fields = octets[1 : 1 + size]
    if len(fields) < size:
        raise DecodeError("bad_apdu", "the header of an M-Bus telegram is cut off", offset=len(octets))
    primary = int(frame.destination, 16)
    master = frame.control in _SND_UD
    if ci in LONG:
        return _long(ci, fields, primary, master=master)
    if ci in FIXED:
        number = fields[:4] if ci in _TURNED else fields[3::-1]
        device = Device(number.hex().upper(), 0, 0, primary, fields[5], fields[4], master)
        return Header(ci, device, b"", 0, 1 + size)
    access, status = fields[:2] if fields else (0, 0)
    configuration = int.from_bytes(fields[2:], "little")
    return Header(ci, Device("", 0, 0, primary, status, access, master), b"", configuration, 1 + size)


def _long(ci: int, fields: bytes, primary: int, *, master: bool) -> Header:
    number, maker, version, kind = fields[0:4], fields[4:6], fields[6], fields[7]
    configuration = fields[10:12]
    if ci in _TURNED:
        number, maker, configuration = number[::-1], maker[::-1], configuration[::-1]
    flag = flag_id(int.from_bytes(maker, "little"))
    device = Device(
        f"{flag}{number[::-1].hex().upper()}", kind, version, primary, fields[9], fields[8], master
    )
    address = maker + number + bytes((version, kind))
    return Header(ci, device, address, int.from_bytes(configuration, "little"), 1 + _LONG_OCTETS)


def flag_id(word: int) -> str:
    """Write the three letters of a manufacturer; ``?`` for what is none."""
    letters = (word >> 10 & 31, word >> 5 & 31, word & 31)
    return "".join(chr(64 + n) if 1 <= n <= 26 else "?" for n in letters)
