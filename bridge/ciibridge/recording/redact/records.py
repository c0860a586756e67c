"""Wired M-Bus telegrams: the address in the header, records that name, what the maker adds.

    fixed or long header   identification number     a record without a unit and with six digits or more, or a text
    0F …                   data of the maker: zeros  encrypted (mode 5): the address is in the initialisation vector

Requests and acknowledgements hold no name but when they select by secondary address: then they become zeros, as whatever else is
not understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ciibridge.decode.mbus import dif, header, records, values, vif
from ciibridge.errors import DecodeError, SecurityError
from ciibridge.framing.mbus import MbusFramer
from ciibridge.recording.redact.dlms import mbus_frame
from ciibridge.recording.redact.patch import Patch, RedactionError
from ciibridge.recording.redact.words import Words
from ciibridge.security import oms
from ciibridge.security.glo import Keys
from ciibridge.types import Frame, Number, Record

_ERROR: Final = 0x70
_LONGEST_ERROR: Final = 2
_IDENTIFICATION: Final = slice(1, 5)
_ADDRESS_OCTETS: Final = 8
_LEAST_SERIAL: Final = 100_000
#: Records without a unit that count or describe, and are no name.
_HARMLESS: Final = frozenset(
    (
        "date", "time", "start of tariff", "battery change", "heat cost allocation", "on time", "operating time", "error flags",
        "error mask", "device type", "manufacturer", "model", "hardware version", "firmware version", "software version",
        "access number", "reset counter", "cumulation counter", "digital output", "digital input",
    )
)  # fmt: skip
#: Records that name however few digits they have.
_NAMES: Final = frozenset(("fabrication number", "identification", "customer location", "customer"))
_BCD: Final = frozenset((0x9, 0xA, 0xB, 0xC, 0xE))


def rewrite(octets: bytes, words: Words, keys: Keys, test_keys: Keys) -> Iterator[Patch]:
    """Write the telegrams of ``octets`` anew. Raises RedactionError for one that cannot be."""
    framer = MbusFramer()
    for frame in (*framer.feed(octets), *framer.finish()):
        if not isinstance(frame, Frame):
            continue
        information = frame.information
        if not information or (information[0] == _ERROR and len(information) <= _LONGEST_ERROR):
            yield Patch(frame.offset, frame.raw)
        elif not header.is_command(frame):
            yield Patch(frame.offset, mbus_frame(frame, _telegram(frame, words, keys, test_keys)))


def _telegram(frame: Frame, words: Words, keys: Keys, test_keys: Keys) -> bytes:
    octets = frame.information
    try:
        head = header.read(frame)
        body = octets[head.body :]
        encrypted = oms.encrypted_octets(head.configuration, body)
        if encrypted:
            body = oms.decipher(body, encrypted, head.address, head.device.access, keys.key)
    except (DecodeError, SecurityError) as error:
        raise RedactionError(f"octet {frame.offset}: {error}; such a telegram cannot be redacted") from None
    front = bytearray(octets[: head.body])
    if head.ci in header.LONG | header.FIXED:
        front[_IDENTIFICATION] = _turned(words, bytes(front[_IDENTIFICATION]), head.turned)
    new = body if head.fixed else _records(bytes(front) + body, head.body, words, turned=head.turned)
    if encrypted:
        address = head.address[:2] + bytes(front[_IDENTIFICATION]) + head.address[6:]
        new = _sealed(new[:encrypted], address, head.device.access, test_keys) + new[encrypted:]
    return bytes(front) + new


def _turned(words: Words, number: bytes, turned: bool) -> bytes:  # noqa: FBT001 - the header's answer
    """Replace an identification number: eight digits, least significant octet first unless turned."""
    digits = (number if turned else number[::-1]).hex()
    new = bytes.fromhex(words.digits(digits)) if digits.isdecimal() else bytes(len(number))
    return new if turned else new[::-1]


def _records(octets: bytes, begin: int, words: Words, *, turned: bool) -> bytes:
    """Replace what names in the records from ``begin`` on."""
    try:
        found = records.read(octets, begin, turned=turned).records
    except DecodeError as error:
        raise RedactionError(f"records that are not understood cannot be redacted: {error}") from None
    new, position = bytearray(octets), begin
    for record in found:
        at = octets.index(record.raw, position)
        position = at + len(record.raw)
        if record.function == records.MANUFACTURER:
            new[at + 1 : position] = bytes(len(record.raw) - 1)
        elif _names(record):
            start = at + _data(record.raw)
            data = octets[start:position]
            new[start:position] = _replaced(data, record, words, turned=turned)
    return bytes(new[begin:])


def _names(record: Record) -> bool:
    if record.quantity in _HARMLESS or (
        record.unit is not None and not isinstance(record.value, str | bytes)
    ):
        return False
    if not isinstance(record.value, Number):
        return isinstance(record.value, str | bytes)
    return record.quantity in _NAMES or abs(record.value.mantissa) >= _LEAST_SERIAL


def _data(raw: bytes) -> int:
    """Find where the data of a record begin."""
    information = dif.read(raw, 0)
    start = vif.read(raw, information.end).end
    return values.variable(raw, start)[1] if information.coding == values.VARIABLE else start


def _replaced(data: bytes, record: Record, words: Words, *, turned: bool) -> bytes:
    plain = data if turned else data[::-1]
    if isinstance(record.value, Number):
        if record.raw[0] & 0x0F in _BCD:
            new = bytes.fromhex(words.digits(plain.hex()))
        else:
            new = words.number(str(record.value.mantissa)).to_bytes(len(plain), "big")
    else:
        new = words.replace(plain)
    return new if turned else new[::-1]


def _sealed(plain: bytes, address: bytes, access: int, test_keys: Keys) -> bytes:
    """Encrypt as mode 5 does, for the new address."""
    start = address + bytes((access,)) * _ADDRESS_OCTETS
    writer = Cipher(algorithms.AES(test_keys.key or b""), modes.CBC(start)).encryptor()
    return writer.update(plain) + writer.finalize()
