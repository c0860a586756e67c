"""CRC-16/X-25 against its published check value and against the definition, bit by bit."""

from __future__ import annotations

from ciibridge.framing.crc import checksum, crc_arc, intact
from hypothesis import given
from hypothesis import strategies as st


def by_definition(octets: bytes) -> bytes:
    """x^16 + x^12 + x^5 + 1, reflected, initial value and final xor FFFF; least significant octet first."""
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")


def test_published_check_value() -> None:
    assert checksum(b"123456789") == bytes.fromhex("6e90")  # 0x906E


def test_header_of_a_real_frame() -> None:
    assert checksum(bytes.fromhex("a084ceff0313")) == bytes.fromhex("128b")  # lg-e450-ch-vse2026


@given(st.binary(max_size=40))
def test_definition(octets: bytes) -> None:
    assert checksum(octets) == by_definition(octets)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 7), st.data())
def test_intact_until_a_bit_flips(octets: bytes, bit: int, data: st.DataObject) -> None:
    checked = octets + checksum(octets)
    position = data.draw(st.integers(0, len(checked) - 1))
    assert intact(checked)
    flipped = bytearray(checked)
    flipped[position] ^= 1 << bit
    assert not intact(bytes(flipped))


def arc_by_definition(octets: bytes) -> int:
    """x^16 + x^15 + x^2 + 1, reflected, initial value 0, no final xor."""
    register = 0
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def test_published_check_value_of_arc() -> None:
    assert crc_arc(b"123456789") == 0xBB3D


@given(
    st.one_of(st.binary(max_size=40), st.integers(0, 9000).map(bytes), st.binary(min_size=100, max_size=1000))
)
def test_definition_of_arc(octets: bytes) -> None:
    assert crc_arc(octets) == arc_by_definition(octets)
    assert crc_arc(octets + b"\x80") == arc_by_definition(octets + b"\x80")
