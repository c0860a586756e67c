"""Elements, values, messages: what stands in the octets, and that nothing else passes."""

from __future__ import annotations

from datetime import datetime

import pytest
from ciibridge.decode.sml import read
from ciibridge.decode.sml.tlv import LIST, OCTETS, parse
from ciibridge.decode.sml.values import seconds_index, time_of, value_of
from ciibridge.errors import DecodeError
from ciibridge.framing.crc import kermit
from ciibridge.types import PROBLEMS, Frame, MeterTime, Number, Obis, Problem, Reading, Register, Value
from hypothesis import given, settings
from hypothesis import strategies as st
from sml_parts import (
    ABSENT,
    ENERGY,
    POWER,
    SERVER,
    closing,
    entry,
    listed,
    message,
    octets,
    opening,
    signed,
    telegram,
    tl,
    unsigned,
    values,
)


def frame(*messages: bytes, offset: int = 0) -> Frame:
    return Frame(b"".join(messages), offset, b"")


def reading(*messages: bytes) -> Reading:
    (found,) = read(frame(*messages))
    assert isinstance(found, Reading)
    return found


def only(*messages: bytes) -> Register:
    (register,) = reading(*messages).registers
    return register


def codes(found: list[Reading | Problem]) -> list[str]:
    return [item.code if isinstance(item, Problem) else "reading" for item in found]


@given(st.integers(1, 8), st.data())
def test_every_width_of_integer(width: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, 256**width - 1))
    negative = data.draw(st.integers(-(256**width) // 2, 256**width // 2 - 1))
    assert value_of(parse(unsigned(number, width), 0)) == Number(number)
    assert value_of(parse(signed(negative, width), 0)) == Number(negative)


@pytest.mark.parametrize("size", [0, 1, 14, 15, 40, 253, 254, 300, 4000])
def test_lengths_of_one_octet_and_more(size: int) -> None:
    element = parse(octets(b"x" * size), 0)
    assert (element.type, element.octets) == (OCTETS, b"x" * size)


def test_a_list_of_many() -> None:
    element = parse(listed(*[ABSENT] * 40), 0)
    assert (element.type, len(element.elements)) == (LIST, 40)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "1101",  # type 1
        "6a0102030405060708 09",  # nine octets of integer
        "61",  # none
        "430102",  # boolean of two
        "0501",  # cut
        "77070100",  # cut in a list
        "ffff7f",  # a list longer than everything
        "8080808000",  # a TL field that does not end
        "80",
        "8000",  # shorter than its own TL field
        "71" * 20 + "01",  # too deep
    ],
)
def test_what_is_no_element_is_refused(wrong: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parse(bytes.fromhex(wrong), 0)
    assert caught.value.code == "bad_apdu"


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (octets(b"EMH"), "EMH"),
        (octets(SERVER), SERVER),
        (octets(b"\0"), b"\0"),
        (ABSENT, None),
        (b"\x42\x01", True),
        (b"\x42\x00", False),
        (listed(unsigned(1, 1), listed(unsigned(1, 1), unsigned(77, 4))), Number(77)),
        (
            listed(unsigned(1, 1), listed(unsigned(2, 1), unsigned(1700000000, 4))),
            MeterTime(datetime.fromisoformat("2023-11-14T22:13:20"), 0, None),
        ),
        (listed(unsigned(9, 1), ABSENT), None),
    ],
)
def test_values(encoded: bytes, value: Value) -> None:
    assert value_of(parse(encoded, 0)) == value


def test_only_a_timestamp_is_a_time_of_day() -> None:
    def time(choice: int, content: bytes) -> MeterTime | None:
        return time_of(parse(listed(unsigned(choice, 1), content), 0))

    local = listed(unsigned(1700000000, 4), signed(60, 2), signed(60, 2))
    assert time(3, local) == MeterTime(datetime.fromisoformat("2023-11-15T00:13:20"), 120, None)
    assert time(2, unsigned(1700000000, 4)) == MeterTime(
        datetime.fromisoformat("2023-11-14T22:13:20"), 0, None
    )
    assert time(1, unsigned(1700000000, 4)) is None  # a seconds index
    assert time(2, unsigned(40_000_000, 4)) is None  # 1971: a clock that was never set
    assert time(3, listed(unsigned(1700000000, 4), signed(30000, 2), signed(0, 2))) is None
    assert time_of(parse(unsigned(1700000000, 4), 0)) is None  # Holley: the number alone
    assert seconds_index(parse(unsigned(1700000000, 4), 0)) == 1700000000
    assert time_of(parse(ABSENT, 0)) is None


def test_an_entry_becomes_a_register() -> None:
    at = listed(unsigned(2, 1), unsigned(1700000000, 4))
    line = entry(ENERGY, unsigned(123, 7), unit=30, scaler=-1, captured=at, status=unsigned(0x182, 2))
    assert only(opening(), values(line), closing()) == Register(
        Obis(1, 0, 1, 8, 0),
        Number(123),
        type="unsigned",
        scaler=-1,
        unit=30,
        captured=MeterTime(datetime.fromisoformat("2023-11-14T22:13:20"), 0, None),
        status=0x182,
        octets=7,
    )


def test_a_scaler_left_out_is_one() -> None:
    assert only(values(entry(POWER, signed(5, 1), unit=27))).scaler == 0
    assert only(values(entry(POWER, signed(5, 1)))).scaler is None
    assert only(values(entry(POWER, octets(b"text"), unit=27))).scaler is None


def test_a_reading_says_who_and_what() -> None:
    at = listed(unsigned(2, 1), unsigned(1700000000, 4))
    found = reading(values(entry(POWER, signed(5, 1)), time=at, name=bytes.fromhex("0100620affff")))
    assert (found.shape, found.server_id, found.list_object) == ("sml", SERVER, "1-0:98.10.255")
    assert found.time == MeterTime(datetime.fromisoformat("2023-11-14T22:13:20"), 0, None)
    anonymous = reading(
        values(entry(POWER, signed(5, 1)), server=b"", time=listed(unsigned(1, 1), unsigned(9, 4)))
    )
    assert (anonymous.server_id, anonymous.list_object, anonymous.time) == (None, None, None)


def test_each_value_list_is_a_reading() -> None:
    first, second = values(entry(POWER, signed(5, 1))), values(entry(ENERGY, unsigned(6, 1)))
    assert codes(read(frame(opening(), first, second, closing()))) == ["reading", "reading"]


def test_a_wrong_crc_costs_one_message() -> None:
    bad = values(entry(POWER, signed(5, 1)))[:-2] + b"\xff\0"
    good = values(entry(ENERGY, unsigned(6, 1)))
    found = read(frame(opening(), bad, good, closing(), offset=1000))
    assert codes(found) == ["bad_checksum", "reading"]
    assert found[0] == Problem(
        "bad_checksum", f"the CRC of an SML message is wrong (octet {len(opening())} of the SML file)", 1000
    )


def test_kermit_and_a_short_crc_are_accepted() -> None:
    assert only(values(entry(POWER, signed(5, 1)), check=kermit)).value == Number(5)
    for tag in range(0x10000):  # some message whose CRC begins with a zero octet
        whole = message(tag, ABSENT)
        if whole[-3] == 0:
            short = whole[:-4] + b"\x62" + whole[-2:]
            assert codes(read(frame(short, values()))) == ["reading"]
            return
    pytest.fail("no CRC begins with a zero octet")


@pytest.mark.parametrize(
    ("octets_of_file", "code"),
    [
        (opening() + closing(), "unknown_format"),
        (b"", "unknown_format"),
        (message(0xFF01, listed(ABSENT, octets(b"\x81"), ABSENT, ABSENT)), "unknown_format"),
        (message(0x0701, ABSENT), "bad_apdu"),
        (message(0x0701, listed(*[ABSENT] * 7)), "bad_apdu"),
        (values(listed(octets(POWER), ABSENT)), "bad_apdu"),
        (values(entry(b"\1\0\1\x08\0", signed(5, 1))), "bad_apdu"),
        (listed(ABSENT, ABSENT), "bad_apdu"),
        (listed(*[ABSENT] * 6), "bad_apdu"),
        (values()[:-5], "bad_apdu"),
        (b"\xff" * 9, "bad_apdu"),
    ],
)
def test_what_is_no_value_list_says_so(octets_of_file: bytes, code: str) -> None:
    assert codes(read(frame(octets_of_file))) == [code]


def test_fill_inside_is_no_message() -> None:
    assert codes(read(frame(opening(), b"\0\0\0", values(), bytes(4)))) == ["reading"]


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_octets(content: bytes) -> None:
    for item in read(frame(content)):
        assert isinstance(item, Problem)
        assert item.code in PROBLEMS


@given(
    st.recursive(
        st.binary(max_size=9).map(octets), lambda inner: st.lists(inner, max_size=8).map(lambda e: listed(*e))
    )
)
@settings(max_examples=100, deadline=None)
def test_any_tree_in_a_good_message(content: bytes) -> None:
    for item in read(frame(message(0x0701, content), values(content))):
        assert isinstance(item, Reading) or item.code in PROBLEMS


def test_type_length_fields_of_the_parts() -> None:
    assert (tl(0, 2), tl(0, 0x34), tl(7, 0x123)) == (b"\x02", b"\x83\x04", b"\xf1\x82\x03")
    assert telegram().startswith(bytes.fromhex("1b1b1b1b01010101760201"))
