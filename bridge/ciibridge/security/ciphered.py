"""The ciphered APDUs and where everything stands in them (IEC 62056-5-3, 5.3.8 and 8.3; ASN.1 in clause 8). Octets → parts.

    DB │ title │ content                     general-glo-ciphering: the key of all clients
    DC │ title │ content                     general-ded-ciphering: that of one association
    DD │ transaction-id │ title │ recipient's title │ date-time │ other information │ key-info │ content
                                             general-ciphering

    title, content and the fields of DD are strings: length, octets. A title is 8 octets long, or left out (length 00).
    key-info   00                            none: a key that both sides know
               01 │ 00 │ 00 or 01            identified: the unicast or the broadcast key of the meter
               01 │ 01 │ 00 │ key            wrapped in the master key, which no operator hands out
               01 │ 02 │ parameters │ key    agreed with the certificates of both sides
    content    SC │ invocation counter (4) │ text │ tag (12), when SC has the bit for authentication

SC, the security control octet: bits 0-3 security suite, bit 4 authentication, bit 5 encryption, bit 6 broadcast key,
bit 7 compression.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ciibridge.errors import SecurityError
from ciibridge.security.keys import TITLE_OCTETS
from ciibridge.types import Apdu

# Bits of the security control octet beside the suite. Plain integers: an IntFlag costs more than the deciphering.
SUITE: Final = 0x0F
AUTHENTICATED: Final = 0x10
ENCRYPTED: Final = 0x20
_COMPRESSED: Final = 0x80
#: Octets of the encryption key for each security suite.
SUITES: Final = {0: 16, 1: 16, 2: 32}

_GENERAL_GLO_CIPHERING: Final = 0xDB
_GENERAL_DED_CIPHERING: Final = 0xDC
_GENERAL_CIPHERING: Final = 0xDD
#: Ciphered APDUs that no customer interface has been seen to send.
_UNSUPPORTED: Final = {
    **dict.fromkeys((*range(0xC8, 0xD0), 0xD8), "service-specific glo-ciphering"),
    **dict.fromkeys(range(0xD0, 0xD8), "service-specific ded-ciphering"),
    0xDF: "general-signing (a digital signature)",
}
_CIPHERED: Final = frozenset(
    (*_UNSUPPORTED, _GENERAL_GLO_CIPHERING, _GENERAL_DED_CIPHERING, _GENERAL_CIPHERING)
)
_HEADER_OCTETS: Final = 5  # SC and IC
_TAG_OCTETS: Final = 12
#: Strings of general-ciphering before key-info, the second of which is the title.
_FIELDS: Final = 5
_KEY_IDS: Final = (0, 1)  # unicast, broadcast
#: Choices of key-info that cannot be opened, and why.
_NO_KEY: Final = {
    1: "its key comes wrapped in the meter's master key, which operators keep to themselves",
    2: "its key is agreed between two certificates (ECDH)",
}


class Ciphered(NamedTuple):
    """The parts of a ciphered APDU."""

    title: bytes  # b"" where it is left out
    control: int
    counter: bytes
    text: bytes  # ciphertext, or plaintext where it is authenticated only
    tag: bytes
    title_at: int = 2  # where the title begins
    bound: bytes = (
        b""  # what the tag proves beside the text: the fields of general-ciphering, with their lengths
    )

    @property
    def maker(self) -> str:
        """The manufacturer's three letters of the system title; the rest is the serial number and nobody's business."""
        letters = self.title[:3]
        return letters.decode("ascii") if letters.isalnum() else "?"


def is_ciphered(apdu: Apdu) -> bool:
    """Whether the APDU must be opened before it can be decoded."""
    return bool(apdu.data) and apdu.data[0] in _CIPHERED


def parse(octets: bytes) -> Ciphered:
    """Take a ciphered APDU apart. Raises ``SecurityError``: bad_apdu, unsupported_security."""
    if what := _UNSUPPORTED.get(octets[0]):
        raise SecurityError("unsupported_security", f"{what}, APDU tag {octets[0]:02X}, is not supported")
    if octets[0] == _GENERAL_CIPHERING:
        return _general(octets)
    if len(octets) < 2 or octets[1] not in (0, TITLE_OCTETS):
        raise SecurityError("bad_apdu", "the system title must have 8 octets", offset=1)
    at = 2 + octets[1]
    return _content(octets, at, octets[2:at], 2, b"")


def _general(octets: bytes) -> Ciphered:
    at, fields = 1, []
    for _ in range(_FIELDS):
        begin, end = _string(octets, at)
        if end > len(octets):
            raise SecurityError("bad_apdu", "a field of general-ciphering is not all there", offset=at)
        fields.append((begin, end))
        at = end
    title_at, behind = fields[1]
    title = octets[title_at:behind]
    if len(title) not in (0, TITLE_OCTETS):
        raise SecurityError("bad_apdu", "the system title must have 8 octets", offset=title_at - 1)
    return _content(octets, _key_info(octets, at), title, title_at, octets[1:at])


def _key_info(octets: bytes, at: int) -> int:
    """Find the end of key-info; raises SecurityError unless it names a key that both sides know."""
    if octets[at : at + 1] == b"\0":
        return at + 1
    info = octets[at : at + 3]
    if len(info) < 3 or info[0] != 1 or info[1] > 2:
        raise SecurityError("bad_apdu", "the field for the key of general-ciphering is none", offset=at)
    if why := _NO_KEY.get(info[1]):
        raise SecurityError("unsupported_security", f"general-ciphering cannot be opened: {why}", offset=at)
    if info[2] not in _KEY_IDS:
        message = f"general-ciphering names the key {info[2]}, which the standard does not know"
        raise SecurityError("unsupported_security", message, offset=at)
    return at + 3


def _content(octets: bytes, at: int, title: bytes, title_at: int, bound: bytes) -> Ciphered:
    begin, end = _string(octets, at)
    body = octets[begin:]
    length = end - begin
    if length != len(body):
        message = f"the ciphered part announces {length} octets and has {len(body)}"
        raise SecurityError("bad_apdu", message, offset=at)
    if length < _HEADER_OCTETS:
        raise SecurityError("bad_apdu", "the ciphered part is shorter than its header", offset=begin)
    control = body[0]
    if control & SUITE not in SUITES:
        raise SecurityError(
            "unsupported_security", f"security suite {control & SUITE} is not supported", offset=begin
        )
    if control & _COMPRESSED:
        raise SecurityError(
            "unsupported_security", "compressed telegrams (ITU-T V.44) are not supported", offset=begin
        )
    tag_at = length - (_TAG_OCTETS if control & AUTHENTICATED else 0)
    if tag_at < _HEADER_OCTETS:
        raise SecurityError("bad_apdu", "the ciphered part is too short for its tag", offset=begin)
    return Ciphered(
        title, control, body[1:_HEADER_OCTETS], body[_HEADER_OCTETS:tag_at], body[tag_at:], title_at, bound
    )


def _string(octets: bytes, at: int) -> tuple[int, int]:
    """Read the length of a string: where it begins and ends, perhaps behind what is there. No length: nowhere (bad_apdu)."""
    if at >= len(octets):
        raise SecurityError("bad_apdu", "the ciphered APDU ends where a length is due", offset=at)
    length, begin = octets[at], at + 1
    if length & 0x80:
        width = length & 0x7F
        if not 1 <= width <= 4:
            raise SecurityError("bad_apdu", f"{length:02X} is no length here", offset=at)
        length = int.from_bytes(octets[begin : begin + width], "big")
        begin += width
    return begin, begin + length
