"""Elements of a push list → APDU: data-notification, plain or ciphered (IEC 62056-5-3).

    0F │ invoke id (4) │ 0C │ date-time (12) │ body            data-notification
    DB │ 08 │ system title (8) │ length │ 20 or 30 │ counter (4) │ ciphertext [│ tag (12)]   general-glo-ciphering
    DD │ transaction-id │ titles │ … │ length │ the same                                     general-ciphering

    push-list    structure { array { {class, OBIS, attribute, 0} … }, value, value … }   the array is the first value
    pairs        structure { [list name,] [clock,] OBIS, value, OBIS, value … }
    triplets     structure { {OBIS, value, {scaler, unit}} … }   texts without the last
    positional   structure { value, value … }

Values are encoded by gurux-dlms, and so is the ciphering.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.CountType import CountType
from gurux_dlms.enums import Security
from gurux_dlms.GXByteBuffer import GXByteBuffer
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.objects.enums import SecuritySuite

from ciibridge.simulate.encode import Plain, encode, encode_obis, encode_scaler_unit, head, structure
from ciibridge.types import Obis

_DATA_NOTIFICATION: Final = 0x0F
_GENERAL_GLO_CIPHERING: Final = 0xDB
_GENERAL_CIPHERING: Final = 0xDD
#: key-info: present, identified, the unicast key.
_IDENTIFIED: Final = b"\1\0\0"
_CLIENT_TITLE: Final = b"CII\0\0\0\0\1"
_SUITES: Final = {16: SecuritySuite.SUITE_0, 32: SecuritySuite.SUITE_2}
_PUSH_SETUP_CLASS: Final = 40
_OBJECT_LIST: Final = 2  # attribute of the push setup
_CLOCK: Final = Obis(0, 0, 1, 0, 0)


class ScalerUnit(NamedTuple):
    """Power of ten and DLMS unit."""

    scaler: int
    unit: int


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a push list with the value it has now; ``obis`` None: a value without meaning for us."""

    obis: Obis | None
    class_id: int
    attribute: int
    type: str  # A-XDR type name; "scaler-unit" for a value that is one
    value: Plain | ScalerUnit
    scaler_unit: ScalerUnit | None = None  # what a self-describing telegram says of the value

    def encoded(self) -> bytes:
        """Encode the value with its tag."""
        if isinstance(self.value, ScalerUnit):
            return encode_scaler_unit(*self.value)
        return encode(self.type, self.value)

    def is_object_list(self) -> bool:
        """Whether the value is the list of capture objects itself."""
        return self.class_id == _PUSH_SETUP_CLASS and self.attribute == _OBJECT_LIST


class Piece(NamedTuple):
    """Octets of an APDU. ``whole``: the meter does not cut it in two when it fills blocks."""

    octets: bytes
    whole: bool = True


def notification(invoke_id: int, time: bytes, body: Sequence[Piece]) -> list[Piece]:
    """Put the header before a body: ``invoke_id`` (32 bit) and ``time`` (COSEM date-time, twelve octets)."""
    header = bytes([_DATA_NOTIFICATION]) + invoke_id.to_bytes(4, "big") + bytes([len(time)]) + time
    return [Piece(header), *body]


def body(shape: str, elements: Sequence[Element], name: str | None) -> list[Piece]:
    """Build the body of a telegram; ``name`` is the list identifier. ``shape`` as in ``PushList.shape``."""
    return _SHAPES[shape](elements, name)


def _value(element: Element) -> Piece:
    """Values of fixed length stay whole, strings are cut where the block is full (captures of E450 and E570)."""
    return Piece(element.encoded(), whole=not isinstance(element.value, str | bytes))


def capture_object(class_id: int, obis: Obis, attribute: int) -> bytes:
    """Encode an entry of a push object list, or of the capture objects of a profile."""
    fields = encode("integer", attribute), encode("long-unsigned", 0)
    return structure([encode("long-unsigned", class_id), encode_obis(obis), *fields])


def _code(element: Element) -> Obis:
    if element.obis is None:
        raise ValueError("an element without an OBIS code stands only in a positional list")
    return element.obis


def _push_list(elements: Sequence[Element], _: str | None) -> list[Piece]:
    pieces = [Piece(head("structure", len(elements)))]
    for element in elements:
        if element.is_object_list():
            pieces.append(Piece(head("array", len(elements))))
            pieces += [
                Piece(capture_object(captured.class_id, _code(captured), captured.attribute))
                for captured in elements
            ]
        else:
            pieces.append(_value(element))
    return pieces


def _pairs(elements: Sequence[Element], name: str | None) -> list[Piece]:
    pieces = [Piece(encode("visible-string", name))] if name else []
    for number, element in enumerate(elements):
        if number or element.obis != _CLOCK:  # a clock at the head stands bare
            pieces.append(Piece(encode_obis(_code(element))))
        pieces.append(_value(element))
    return [Piece(head("structure", len(pieces))), *pieces]


def _triplets(elements: Sequence[Element], name: str | None) -> list[Piece]:
    pieces = [Piece(encode("visible-string", name))] if name else []
    for element in elements:
        parts = [encode_obis(_code(element)), element.encoded()]
        if element.scaler_unit:
            parts.append(encode_scaler_unit(*element.scaler_unit))
        pieces.append(Piece(structure(parts)))
    return [Piece(head("structure", len(pieces))), *pieces]


def _positional(elements: Sequence[Element], name: str | None) -> list[Piece]:
    pieces = [Piece(encode("visible-string", name))] if name else []
    pieces += [_value(element) for element in elements]
    return [Piece(head("structure", len(pieces))), *pieces]


_SHAPES: Final[dict[str, Callable[[Sequence[Element], str | None], list[Piece]]]] = {
    "push-list": _push_list,
    "pairs": _pairs,
    "triplets": _triplets,
    "positional": _positional,
}


def cipher(
    apdu: Sequence[Piece],
    system_title: bytes,
    counter: int,
    key: bytes,
    auth_key: bytes | None,
    *,
    general: bool = False,
) -> list[Piece]:
    """Cipher an APDU (AES-GCM): with ``auth_key`` security 30 and a tag of twelve octets, else 20.

    The suite is that of the length of the key: 0, or 2 with 32 octets. ``general``: as general-ciphering with the unicast key,
    whose fields the tag binds like a longer authentication key.
    """
    plain = b"".join(piece.octets for piece in apdu)
    fields = _fields(counter, system_title) if general else b""
    bound = (auth_key or bytes(len(key))) + fields
    octets = _global(plain, system_title, counter, key, bound, tagged=auth_key is not None)
    if general:
        octets = bytes([_GENERAL_CIPHERING]) + fields + _IDENTIFIED + octets[2 + len(system_title) :]
    return [Piece(octets, whole=False)]


def _fields(counter: int, system_title: bytes) -> bytes:
    """Write transaction-id, both system titles, no date-time and no other information."""
    strings = counter.to_bytes(8, "big"), system_title, _CLIENT_TITLE, b"", b""
    return b"".join(bytes([len(string)]) + string for string in strings)


def _global(
    plain: bytes, system_title: bytes, counter: int, key: bytes, bound: bytes, *, tagged: bool
) -> bytes:
    """Make a general-glo-ciphering whose tag also proves ``bound``."""
    settings = AesGcmParameter(_GENERAL_GLO_CIPHERING, system_title, key, bound)
    settings.security = Security.AUTHENTICATION_ENCRYPTION
    settings.securitySuite = suite = _SUITES[len(key)]
    settings.invocationCounter = counter
    if tagged:
        return bytes(GXDLMSChippering.encryptAesGcm(settings, plain))
    # gurux 1.0.203 fails on encryption alone (an attribute it never sets). Its ciphertext does not depend on the
    # authentication key, so it is taken from there, and only the header is ours.
    settings.type_ = CountType.DATA
    content = GXByteBuffer()
    content.setUInt8(Security.ENCRYPTION | suite)
    content.setUInt32(counter)
    content.set(GXDLMSChippering.encryptAesGcm(settings, plain))
    packet = GXByteBuffer()
    packet.setUInt8(_GENERAL_GLO_CIPHERING)
    for part in (system_title, content.array()):
        _GXCommon.setObjectCount(len(part), packet)
        packet.set(part)
    return bytes(packet.array())
