"""COSEM data: every type, every way to be too short, too deep or too many."""

from __future__ import annotations

import struct

import pytest
from ciibridge.decode.dlms.axdr import DEEPEST, Data, read
from ciibridge.errors import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

#: Encoding (hex) → type name and value, from IEC 62056-6-2.
SCALARS = [
    ("00", "null-data", None),
    ("0300", "boolean", False),
    ("0301", "boolean", True),
    ("040cab40", "bit-string", "101010110100"),
    ("0400", "bit-string", ""),
    ("05fffffffe", "double-long", -2),
    ("06fffffffe", "double-long-unsigned", 4294967294),
    ("09060100010700ff", "octet-string", bytes.fromhex("0100010700ff")),
    ("0900", "octet-string", b""),
    ("0a034c475a", "visible-string", b"LGZ"),
    ("0c02c3bc", "utf8-string", "ü".encode()),
    ("0d42", "bcd", 0x42),
    ("0ffe", "integer", -2),
    ("10fffe", "long", -2),
    ("11fe", "unsigned", 254),
    ("12fffe", "long-unsigned", 65534),
    ("14fffffffffffffffe", "long64", -2),
    ("15fffffffffffffffe", "long64-unsigned", 2**64 - 2),
    ("161b", "enum", 27),
    ("1743 66 80 00", "float32", 230.5),
    ("1840 6c d0 00 00 00 00 00", "float64", 230.5),
    ("1907ea0504010b2714ff800000", "date-time", bytes.fromhex("07ea0504010b2714ff800000")),
    ("1a07ea050401", "date", bytes.fromhex("07ea050401")),
    ("1b0b2714ff", "time", bytes.fromhex("0b2714ff")),
    ("1cfe", "delta-integer", -2),
    ("1dfffe", "delta-long", -2),
    ("1efffffffe", "delta-double-long", -2),
    ("1ffe", "delta-unsigned", 254),
    ("20fffe", "delta-long-unsigned", 65534),
    ("21fffffffe", "delta-double-long-unsigned", 4294967294),
    ("ff", "dont-care", None),
]


def refused(text: str) -> DecodeError:
    with pytest.raises(DecodeError) as raised:
        read(bytes.fromhex(text))
    assert raised.value.code == "bad_apdu"
    return raised.value


@pytest.mark.parametrize(("text", "name", "value"), SCALARS, ids=[name for _, name, _ in SCALARS])
def test_each_type(text: str, name: str, value: object) -> None:
    octets = bytes.fromhex(text)
    assert read(octets) == Data(name, value, 0, len(octets))
    # Somewhere else, and with something behind it.
    assert read(b"\xaa\xbb" + octets + b"\xcc", 2) == Data(name, value, 2, 2 + len(octets))


@pytest.mark.parametrize(("text", "name"), [(text, name) for text, name, _ in SCALARS if len(text) > 2])
def test_each_type_cut_short(text: str, name: str) -> None:
    octets = bytes.fromhex(text)
    for length in range(1, len(octets)):
        assert refused(octets[:length].hex()).offset <= length


def test_nested() -> None:
    data = read(bytes.fromhex("020201021101110202020ffe161b"))
    assert data == Data(
        "structure",
        (
            Data("array", (Data("unsigned", 1, 4, 6), Data("unsigned", 2, 6, 8)), 2, 8),
            Data("structure", (Data("integer", -2, 10, 12), Data("enum", 27, 12, 14)), 8, 14),
        ),
        0,
        14,
    )
    assert [element.type for element in data.elements] == ["array", "structure"]
    assert data.elements[0].elements[0].elements == ()


@pytest.mark.parametrize(("length", "size"), [("7f", 127), ("8180", 128), ("820100", 256), ("83000100", 256)])
def test_lengths(length: str, size: int) -> None:
    data = read(bytes.fromhex("09" + length) + bytes(size))
    assert data.value == bytes(size)


@pytest.mark.parametrize("length", ["80", "850000000001", "ff"])
def test_impossible_lengths(length: str) -> None:
    assert "is no length" in str(refused("09" + length + "00" * 20))


@pytest.mark.parametrize("tag", [7, 8, 11, 14, 34, 0x7F, 0x80, 0xFE])
def test_tags_that_do_not_exist(tag: int) -> None:
    error = refused(f"0201{tag:02x}00000000")
    assert f"tag {tag:02X}" in str(error)
    assert error.offset == 2


def test_offset_of_what_is_wrong() -> None:
    assert refused("020211010905aabb").offset == 4
    assert refused("02031101").offset == 0  # three elements in two octets
    assert refused("0202110112").offset == 5
    assert refused("").offset == 0


def test_nesting_is_bounded() -> None:
    assert read(bytes.fromhex("0201" * DEEPEST + "00")).type == "structure"
    assert "nested deeper" in str(refused("0201" * (DEEPEST + 1) + "00"))
    assert "nested deeper" in str(refused("0201" * 5000 + "00"))
    assert "nested deeper" in str(refused("13" + "0201" * 5000 + "11" + "0101"))


def values(data: Data) -> object:
    return [values(element) for element in data.elements] if isinstance(data.value, tuple) else data.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1312060001 0002 0003", [1, 2, 3]),
        ("131200", []),
        ("130202 12 0f060001 ff 0002 fe", [[1, -1], [2, -2]]),
        ("13090502 aabb 01 cc", [b"\xaa\xbb", b"\xcc"]),
        ("1301 0003 110601 02 03 04 05 06", [[1, 2, 3], [4, 5, 6]]),
        ("130202 0201 11 01 0002 110601 02 03 04 05 06", [[[1], [2, 3]], [[4], [5, 6]]]),
    ],
)
def test_compact_array(text: str, expected: object) -> None:
    octets = bytes.fromhex(text)
    data = read(octets)
    assert data.type == "compact-array"
    assert data.end == len(octets)
    assert values(data) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1312030001 00", "inside a value"),  # an element is cut off by the length of the array
        ("1312090001", "compact-array of 9 octets"),
        ("13000100", "too many values"),  # elements without octets never fill it
        ("13070100", "tag 07"),
        ("1301 ffff 01 ffff 000100", "too many values"),
        ("130202 01 ff00 00 1150" + "00" * 0x50, "too many values"),
        ("13", "inside a value"),
        ("1302", "inside a value"),
    ],
)
def test_impossible_compact_arrays(text: str, said: str) -> None:
    assert said in str(refused(text))


def encode(value: object) -> bytes:
    """The inverse for a few types, written independently."""
    if isinstance(value, list):
        return b"\x02" + _length(len(value)) + b"".join(map(encode, value))
    if isinstance(value, bytes):
        return b"\x09" + _length(len(value)) + value
    return b"\x00" if value is None else b"\x14" + struct.pack(">q", value)


def _length(size: int) -> bytes:
    return bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=140)),
        lambda inner: st.lists(inner, max_size=5),
        max_leaves=30,
    )
)
@settings(max_examples=80, deadline=None)
def test_round_trip(value: object) -> None:
    octets = encode(value)
    data = read(octets)
    assert values(data) == value
    assert data.end == len(octets)


@given(
    st.binary(max_size=80),
    st.sampled_from([b"", b"\x02", b"\x01\x05", b"\x13", b"\x13\x02\x02", b"\x09\x82"]),
)
@settings(max_examples=200, deadline=None)
def test_any_octets_raise_nothing_else(octets: bytes, begin: bytes) -> None:
    try:
        code, offset = "", read(begin + octets).end
    except DecodeError as error:
        code, offset = error.code, error.offset
    assert code in ("", "bad_apdu")
    assert 0 <= offset <= len(begin + octets)
