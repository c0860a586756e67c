"""Shapes of a push body that no capture has, and what breaks them."""

from __future__ import annotations

import struct

import pytest
from ciibridge.decode.dlms.notification import parse
from ciibridge.decode.dlms.shapes import interpret
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, Number, Obis, Reading, Register
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER = bytes.fromhex("0f0000000100")
POWER = Obis(1, 0, 1, 7, 0)
GAS = Obis(0, 1, 24, 2, 1)
NULL = b"\x00"


def structure(*elements: bytes) -> bytes:
    return b"\x02" + bytes([len(elements)]) + b"".join(elements)


def array(*elements: bytes) -> bytes:
    return b"\x01" + structure(*elements)[1:]


def code(obis: Obis) -> bytes:
    return b"\x09\x06" + bytes(obis)


def number(value: int) -> bytes:
    return b"\x06" + value.to_bytes(4, "big")


def text(value: str, tag: int = 10) -> bytes:
    return bytes([tag, len(value)]) + value.encode()


def scaler_unit(scaler: int, unit: int) -> bytes:
    return structure(b"\x0f" + struct.pack(">b", scaler), bytes([0x16, unit]))


def entry(class_id: int, obis: Obis, attribute: int, *more: bytes) -> bytes:
    return structure(
        b"\x12" + class_id.to_bytes(2, "big"), code(obis), bytes([0x0F, attribute]), b"\x12\0\0", *more
    )


def read(body: bytes, header: bytes = HEADER) -> Reading:
    octets = header + body
    return interpret(parse(octets), Apdu(octets, 0))


def summary(reading: Reading) -> list[tuple[str, str, int | None]]:
    return [(str(r.obis), str(r.value), r.scaler) for r in reading.registers]


def test_push_list_with_other_attributes_than_2() -> None:
    """The 15-minute list of an E450 with sub-meters: identification, value, device type, scaler and unit."""
    client = Obis(0, 1, 24, 1, 0)
    setup = Obis(0, 8, 25, 9, 0)
    capture_time = bytes.fromhex("090c07ea0504010b2715ff800081")
    listed = [
        (40, setup, 1, code(setup)),
        (72, client, 6, number(12345678)),
        (4, GAS, 2, number(4711)),
        (72, client, 9, b"\x11\x03"),
        (4, GAS, 3, scaler_unit(-2, 13)),
        (4, GAS, 5, capture_time),
        (3, POWER, 2, number(5)),
        (3, POWER, 2, number(6)),
    ]
    objects = array(entry(40, setup, 2), *(entry(*what) for *what, _ in listed))
    reading = read(structure(objects, *(value for *_, value in listed)))
    assert (reading.shape, reading.list_object) == ("push-list", "0-8:25.9.0")
    assert [(str(r.obis), r.class_id, r.attribute, r.scaler, r.unit) for r in reading.registers] == [
        ("0-1:24.1.0", 72, 6, None, None),
        ("0-1:24.2.1", 4, 2, -2, 13),
        ("0-1:24.1.0", 72, 9, None, None),
        ("0-1:24.2.1", 4, 5, None, None),
        ("1-0:1.7.0", 3, 2, None, None),
        ("1-0:1.7.0", 3, 2, None, None),  # an object may come twice
    ]
    assert [str(r.value) for r in reading.registers[:3]] == ["12345678", "4711", "3"]
    assert "11, 39, 21" in str(reading.registers[3].value)


def test_push_list_that_does_not_list_itself() -> None:
    reading = read(structure(array(entry(3, POWER, 2), entry(3, GAS, 2)), number(1), number(2)))
    assert summary(reading) == [("1-0:1.7.0", "1", None), ("0-1:24.2.1", "2", None)]
    assert reading.list_object is None


@pytest.mark.parametrize("values", [0, 1, 4])
def test_push_list_that_does_not_fit_its_values(values: int) -> None:
    body = structure(array(*[entry(3, POWER, 2)] * 3), *[number(1)] * values)
    with pytest.raises(DecodeError, match="the push list names 3 objects"):
        read(body)


def test_pairs_with_nulls_everywhere() -> None:
    body = structure(NULL, code(POWER), number(1), NULL, NULL, NULL, NULL, code(GAS), NULL, NULL)
    reading = read(body)
    assert reading.shape == "pairs"
    assert reading.registers == (
        Register(POWER, Number(1), "double-long-unsigned"),
        Register(GAS, None, "null-data"),
    )
    assert reading.values == ()


def test_name_and_clock_before_the_pairs() -> None:
    clock = bytes.fromhex("090c07ea0504010b2715ff800081")
    for lead in ([text("Kamstrup_V0001"), clock], [clock, text("Kamstrup_V0001")]):
        reading = read(structure(*lead, code(POWER), number(1)))
        assert reading.list_name == "Kamstrup_V0001"
        assert [str(r.obis) for r in reading.registers] == ["0-0:1.0.0", "1-0:1.7.0"]
        assert (reading.values, reading.types) == ((), ())


def test_elements_without_a_code_beside_pairs_are_handed_on() -> None:
    reading = read(structure(number(9), code(POWER), number(1), text("12345678"), b"\x01\x01\x11\x05"))
    assert summary(reading) == [("1-0:1.7.0", "1", None)]
    assert reading.values == (Number(9), "12345678", None)
    assert reading.types == ("double-long-unsigned", "visible-string", "array")
    assert reading.list_name is None


def test_triplets_flat_nested_and_mixed() -> None:
    flat = [code(POWER), number(2301), scaler_unit(-1, 35)]
    nested = structure(code(GAS), number(2301), scaler_unit(-2, 13))
    for body in (
        structure(*flat, nested),
        array(nested, structure(*flat)),
        structure(code(POWER), number(1), nested),
    ):
        reading = read(body)
        assert reading.shape == "triplets"
        assert {str(r.obis): r.scaler for r in reading.registers}["0-1:24.2.1"] == -2
        assert len(reading.registers) == 2
    assert [(r.scaler, r.unit) for r in read(structure(*flat)).registers] == [(-1, 35)]


def test_two_fields_of_a_triplet_are_enough() -> None:
    reading = read(array(structure(code(POWER), number(5))))
    assert (reading.shape, summary(reading)) == ("triplets", [("1-0:1.7.0", "5", None)])


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (structure(code(POWER)), 8),
        (structure(code(POWER), number(1), code(GAS)), 21),
        (structure(structure(code(POWER))), 8),
    ],
)
def test_a_code_without_value(body: bytes, offset: int) -> None:
    with pytest.raises(DecodeError, match="has no value") as raised:
        read(body)
    assert (raised.value.code, raised.value.offset) == ("bad_apdu", offset)


@pytest.mark.parametrize("body", [number(5), structure(number(5)), array(number(5))])
def test_one_value_only(body: bytes) -> None:
    reading = read(body)
    assert (reading.shape, reading.values) == ("positional", (Number(5),))


def test_positional_keeps_places() -> None:
    reading = read(structure(NULL, number(5), structure(number(1)), text("1KFM"), b"\x03\x01"))
    assert reading.values == (None, Number(5), None, "1KFM", True)
    assert reading.types == ("null-data", "double-long-unsigned", "structure", "visible-string", "boolean")


def test_empty_body() -> None:
    assert read(structure()).shape == "positional"
    assert read(NULL).values == (None,)


def compact(*rows: tuple[Obis, int, int, int]) -> bytes:
    """A compact-array of structures {OBIS, double-long-unsigned, {scaler, unit}}."""
    content = b"".join(
        b"\x06" + bytes(obis) + struct.pack(">IbB", value, scaler, unit) for obis, value, scaler, unit in rows
    )
    return bytes.fromhex("13 0203 09 06 0202 0f16") + bytes([len(content)]) + content


def test_triplets_in_arrays_and_compact_arrays() -> None:
    rows = ((POWER, 28, 0, 27), (GAS, 1234, -3, 13))
    wanted = [("1-0:1.7.0", "28", 0), ("0-1:24.2.1", "1234", -3)]
    inside = array(*(structure(code(o), number(v), scaler_unit(s, u)) for o, v, s, u in rows))
    for body in (
        compact(*rows),
        structure(text("list"), compact(*rows)),
        inside,
        structure(number(7), inside),
    ):
        reading = read(body)
        assert (summary(reading), reading.shape) == (wanted, "triplets")
    assert read(structure(text("list"), compact(*rows))).list_name == "list"


def test_pairs_in_a_structure_of_their_own() -> None:
    reading = read(structure(text("list"), structure(code(POWER), number(1), code(GAS), number(2))))
    assert summary(reading) == [("1-0:1.7.0", "1", None), ("0-1:24.2.1", "2", None)]


def test_push_list_beside_a_structure_of_its_values() -> None:
    objects = array(entry(3, POWER, 2), entry(4, GAS, 2), entry(3, POWER._replace(c=2), 2))
    reading = read(structure(objects, structure(number(1), number(2), number(3))))
    assert [value for _, value, _ in summary(reading)] == ["1", "2", "3"]
    assert reading.shape == "push-list"


def test_the_same_object_twice() -> None:
    reading = read(
        structure(array(entry(3, POWER, 2), entry(3, POWER, 2), entry(3, POWER, 2)), *[number(1)] * 3)
    )
    assert len(reading.registers) == 3


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (bytes.fromhex("14ffffffffffffff38"), "-200"),
        (bytes.fromhex("15ffffffffffffffff"), "18446744073709551615"),
        (bytes.fromhex("1743660000"), "230"),
        (bytes.fromhex("18406ccccccccccccd"), "230.4"),
        (b"\x09\x03abc", "abc"),
        (b"\x0a\x03abc", "abc"),
        (b"\x0c\x04abc\x00", "abc"),
        (b"\x03\x01", "True"),
        (NULL, "None"),
    ],
)
def test_types_of_values(encoded: bytes, value: str) -> None:
    [register] = read(structure(code(POWER), encoded)).registers
    assert str(register.value) == value


def test_event() -> None:
    header = bytes.fromhex("c20000080000010000ff02")
    reading = read(bytes.fromhex("090c07ea0504010b2715ff800081"), header)
    [register] = reading.registers
    assert (str(register.obis), register.class_id, register.attribute) == ("0-0:1.0.0", 8, 2)
    assert "11, 39, 21" in str(register.value)
    # An event whose value names its own objects.
    reading = read(structure(code(POWER), number(1)), bytes.fromhex("c20000070000630100ff02"))
    assert summary(reading) == [("1-0:1.7.0", "1", None)]


element = st.one_of(
    st.just(NULL),
    st.integers(0, 2**32 - 1).map(number),
    st.sampled_from([code(POWER), code(GAS), scaler_unit(-1, 35), text("abc"), array(entry(3, POWER, 2))]),
    st.binary(min_size=12, max_size=12).map(lambda octets: b"\x09\x0c" + octets),
)
elements = st.recursive(element, lambda inner: st.lists(inner, max_size=6).map(lambda some: structure(*some)))


@given(st.lists(elements, max_size=12), st.sampled_from([structure, array]))
@settings(max_examples=80, deadline=None)
def test_any_body_raises_nothing_else(some: list[bytes], form: object) -> None:
    body = structure(*some) if form is structure else array(*some)
    try:
        code, reading = "", read(body)
    except DecodeError as error:
        code, reading = error.code, read(structure())
    assert code in ("", "bad_apdu")
    assert len(reading.values) == len(reading.types)
    if reading.shape == "positional":
        assert not reading.registers
