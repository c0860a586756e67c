"""SML made by hand: elements, messages and files, so that every octet of a test is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ciibridge.framing.crc import checksum
from ciibridge.framing.sml import ESCAPE, START

ABSENT = b"\x01"
SERVER = bytes.fromhex("0a01454d480000bc614e")  # 1 EMH 00 12345678: nobody's
POWER = bytes.fromhex("0100100700ff")
ENERGY = bytes.fromhex("0100010800ff")
SERVER_ID = bytes.fromhex("0100600100ff")

Check = Callable[[bytes], bytes]


def tl(kind: int, length: int) -> bytes:
    """A type-length field; ``length`` as it is to stand there."""
    nibbles = [length & 0x0F]
    while length := length >> 4:
        nibbles.append(length & 0x0F)
    nibbles.reverse()
    octets = bytearray(0x80 | nibble for nibble in nibbles)
    octets[-1] &= 0x7F
    octets[0] |= kind << 4
    return bytes(octets)


def octets(content: bytes) -> bytes:
    """An octet string."""
    size = 1
    while len(tl(0, len(content) + size)) > size:
        size += 1
    return tl(0, len(content) + size) + content


def signed(value: int, width: int) -> bytes:
    return tl(5, width + 1) + value.to_bytes(width, "big", signed=True)


def unsigned(value: int, width: int) -> bytes:
    return tl(6, width + 1) + value.to_bytes(width, "big")


def listed(*elements: bytes) -> bytes:
    return tl(7, len(elements)) + b"".join(elements)


def entry(
    code: bytes,
    value: bytes,
    *,
    unit: int | None = None,
    scaler: int | None = None,
    captured: bytes = ABSENT,
    status: bytes = ABSENT,
) -> bytes:
    """One entry of a value list."""
    return listed(
        octets(code),
        status,
        captured,
        ABSENT if unit is None else unsigned(unit, 1),
        ABSENT if scaler is None else signed(scaler, 1),
        value,
        ABSENT,
    )


def message(tag: int, content: bytes, *, check: Check = checksum, crc: bytes | None = None) -> bytes:
    """One message with its CRC."""
    covered = tl(7, 6) + octets(b"\x01") + unsigned(0, 1) + unsigned(0, 1) + listed(unsigned(tag, 2), content)
    return covered + (crc or b"\x63" + check(covered)) + b"\0"


def opening(*, check: Check = checksum) -> bytes:
    return message(
        0x0101, listed(ABSENT, ABSENT, octets(b"\x01"), octets(SERVER), ABSENT, ABSENT), check=check
    )


def closing(*, check: Check = checksum) -> bytes:
    return message(0x0201, listed(ABSENT), check=check)


def values(
    *entries: bytes, server: bytes = SERVER, time: bytes = ABSENT, name: bytes = b"", check: Check = checksum
) -> bytes:
    """A GetList response."""
    content = listed(ABSENT, octets(server), octets(name), time, listed(*entries), ABSENT, ABSENT)
    return message(0x0701, content, check=check)


def sealed(content: bytes, *, check: Check = checksum, fill: int | None = None) -> bytes:
    """A file around ``content``: escaped, filled up, with its CRC."""
    octets_of_fill = -len(content) % 4 if fill is None else fill
    escaped = content.replace(ESCAPE, ESCAPE + ESCAPE)
    covered = START + escaped + bytes(octets_of_fill) + ESCAPE + bytes([0x1A, octets_of_fill])
    return covered + check(covered)


def file(*messages: bytes, check: Check = checksum) -> bytes:
    return sealed(b"".join(messages), check=check)


def telegram(entries: Iterable[bytes] = (), *, check: Check = checksum) -> bytes:
    """A whole file as a meter pushes it."""
    usual = (entry(ENERGY, unsigned(123456, 5), unit=30, scaler=-1), entry(POWER, signed(-230, 2), unit=27))
    return file(
        opening(check=check),
        values(*(tuple(entries) or usual), check=check),
        closing(check=check),
        check=check,
    )
