"""Layouts: what is fixed in a telegram, when one is trusted, and that the book stays small."""

from __future__ import annotations

import pytest
from captures import capture
from ciibridge.decode.dlms import LayoutBook, decode, layout
from ciibridge.decode.dlms.layout import learn
from ciibridge.decode.dlms.notification import parse
from ciibridge.decode.dlms.reference import Opinion
from ciibridge.decode.dlms.shapes import interpret
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu
from test_telegrams import READABLE, Capture, apdus

E450 = "dlms-hdlc/lg-e450-ch-vse2026.bin"
SINGLE = bytes.fromhex("0f0000000100020106")


def single(value: int) -> bytes:
    return SINGLE + value.to_bytes(4, "big")


def fits(octets: bytes, other: bytes) -> bool:
    return learn(octets, parse(octets)).fits(len(other), int.from_bytes(other, "big"))


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
def test_exactly_the_values_are_free(one: Capture) -> None:
    """Change each octet of a telegram: if it still fits the layout, it is a reading with the same registers."""
    apdu = next(apdus(one))
    known = learn(apdu.data, parse(apdu.data))
    reading = decode(apdu, LayoutBook())
    shape = [(r.obis, r.type, r.scaler, r.unit, r.class_id, r.attribute) for r in reading.registers]
    free = 0
    for position in range(len(apdu.data)):
        octets = bytearray(apdu.data)
        octets[position] ^= 0x01
        if not known.fits(len(octets), int.from_bytes(octets, "big")):
            continue
        free += 1
        other = layout_of(bytes(octets))
        assert other[0] == shape
        assert other[1] == reading.types
    assert 0 < free < len(apdu.data)


def layout_of(octets: bytes) -> tuple[list[object], tuple[str, ...]]:
    reading = interpret(parse(octets), Apdu(octets, 0))
    return [
        (r.obis, r.type, r.scaler, r.unit, r.class_id, r.attribute) for r in reading.registers
    ], reading.types


def test_what_is_fixed() -> None:
    octets = next(apdus(capture(E450))).data
    mask = learn(octets, parse(octets)).mask.to_bytes(len(octets), "big")
    assert mask[:18] == bytes.fromhex("ff00000000ff" + "00" * 12)  # tag, invoke id, length, date-time
    objects = parse(octets).body.elements[0]
    assert mask[18 : objects.end] == b"\xff" * (objects.end - 18)  # the push object list
    assert mask[-3:] == b"\xff\0\0"  # long-unsigned: tag and value
    triplets = next(apdus(capture("dlms-hdlc/aidon-no-list1-7d-in-body.bin"))).data
    mask = learn(triplets, parse(triplets)).mask.to_bytes(len(triplets), "big")
    assert mask[-11:] == bytes.fromhex("ff 00000000 ff ff ffff ffff")  # value free, scaler and unit fixed


def test_tagged_date_time_and_events_are_free_too() -> None:
    tagged = next(apdus(capture("dlms-hdlc/kaifa-ma304-no-list1.bin"))).data
    other = next(apdus(capture("dlms-hdlc/kaifa-no-list1-7e-in-body.bin"))).data
    assert fits(tagged, other)
    event = bytes.fromhex("c2010c07ea0504010b2714ff80000000030100010700ff02060000001c")
    assert fits(event, event.replace(bytes.fromhex("0b2714"), bytes.fromhex("0b2715")))
    assert not fits(event, event.replace(bytes.fromhex("010001"), bytes.fromhex("010002")))


@pytest.mark.parametrize(
    ("body", "other"),
    [
        ("0201 0403a0", "0201 040340"),  # bits
        ("0201 131204 00010002", "0201 131204 00030004"),  # elements of a compact-array
        ("0201 130904 01aa01bb", "0201 130904 01cc01dd"),
        ("0201 0a03616263", "0201 0a03646566"),
        ("0201 0301", "0201 0300"),
    ],
)
def test_free_values(body: str, other: str) -> None:
    assert fits(SINGLE[:6] + bytes.fromhex(body), SINGLE[:6] + bytes.fromhex(other))


@pytest.mark.parametrize(
    ("body", "other"),
    [
        ("0201 0403a0", "0201 0402a0"),
        ("0201 130904 01aa01bb", "0201 130904 03aa01bb"),
        ("0202 09060100010700ff 1101", "0202 09060100020700ff 1101"),
        ("0201 1101", "0201 0f01"),
        ("0202 1101 1102", "0102 1101 1102"),
        ("0201 00", "0202 00 00"),
    ],
)
def test_fixed_structure(body: str, other: str) -> None:
    assert not fits(SINGLE[:6] + bytes.fromhex(body), SINGLE[:6] + bytes.fromhex(other))


def test_the_reference_is_asked_once_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(layout, "judge", lambda octets, body: asked.append(octets) or Opinion(agrees=True))
    book = LayoutBook(recheck_every=10)
    for value in range(9):
        decode(Apdu(single(value), 0), book)
    assert asked == [single(0)]
    for value in range(9, 25):
        decode(Apdu(single(value), 0), book)
    assert asked == [single(0), single(9), single(19)]
    assert [known.telegrams for known in book.layouts] == [25]


def test_a_disagreement_drops_the_telegram_and_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    opinion = Opinion(agrees=False, differs="body.1: double-long-unsigned 5 at offset 8, the reference has 6")
    book = LayoutBook(recheck_every=2)
    decode(Apdu(single(5), 0), book)
    monkeypatch.setattr(layout, "judge", lambda octets, body: opinion)
    with pytest.raises(DecodeError, match="the reference has 6") as raised:
        decode(Apdu(single(5), 0), book)
    assert raised.value.code == "decoders_disagree"
    assert book.layouts == ()
    for _ in range(3):  # and it is not learnt from the next either
        with pytest.raises(DecodeError):
            decode(Apdu(single(5), 0), book)
    assert book.layouts == ()


def test_what_the_reference_cannot_read_stands_alone_and_says_so() -> None:
    book = LayoutBook()
    reading = decode(Apdu(SINGLE[:6] + bytes.fromhex("02021cfe1101"), 0), book)
    assert [str(value) for value in reading.values] == ["-2", "1"]
    [known] = book.layouts
    assert "Invalid data type" in known.unable


def test_the_book_is_bounded() -> None:
    book = LayoutBook(layouts=4)
    for count in range(1, 10):
        decode(Apdu(SINGLE[:6] + b"\x02" + bytes([count]) + b"\x11\x05" * count, 0), book)
    assert [known.size for known in book.layouts] == [20, 22, 24, 26]
