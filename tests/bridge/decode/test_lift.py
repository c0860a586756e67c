"""Lifted telegrams: what is read without a walk is what the walk reads, for every capture and whatever the numbers are."""

from __future__ import annotations

import dataclasses

import pytest
from captures import capture
from ciibridge.decode.dlms import LayoutBook, decode, layout
from ciibridge.decode.dlms.lift import Lift, learn
from ciibridge.decode.dlms.notification import parse
from ciibridge.decode.dlms.shapes import interpret
from ciibridge.decode.mould import Mould
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, Number, Obis, Reading, Register
from hypothesis import given
from hypothesis import strategies as st
from test_telegrams import READABLE, Capture, apdus

E450 = "dlms-hdlc/lg-e450-ch-vse2026.bin"
#: Sends scalers as values, so one number changes two registers.
WALKED = "energomera.bin"


def is_lifted(reading: Reading) -> bool:
    """Positional pushes get their OBIS codes from the catalogue, later in the line: they are walked each time."""
    return reading.shape != "positional"


def walked(octets: bytes) -> Reading:
    return interpret(parse(octets), Apdu(octets, 0))


def taught(octets: bytes) -> LayoutBook:
    book = LayoutBook()
    for _ in range(2):
        decode(Apdu(octets, 0), book)
    return book


def free(lift: Lift) -> list[int]:
    mask = lift.mask.to_bytes(lift.size, "big")
    return [position for position, octet in enumerate(mask) if not octet]


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
def test_the_second_time_a_telegram_is_lifted(one: Capture) -> None:
    apdu = next(apdus(one))
    book = taught(apdu.data)
    assert bool(book.lifts) == (is_lifted(walked(apdu.data)) and not one.name.endswith(WALKED))
    again = decode(apdu, book)
    assert again == dataclasses.replace(walked(apdu.data), apdu=apdu)
    assert bool(again.layout) == bool(book.lifts)


@given(st.data())
def test_whatever_the_numbers_are(data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(READABLE))
    octets = bytearray(next(apdus(one)).data)
    book = taught(bytes(octets))
    for lift in book.lifts:
        positions = free(lift)
        for position, octet in zip(
            positions, data.draw(st.binary(min_size=len(positions), max_size=len(positions))), strict=True
        ):
            octets[position] = octet
    for lift in book.lifts:
        apdu = Apdu(bytes(octets), 0)
        assert lift.fits(len(octets), int.from_bytes(octets, "big"))
        assert book.lift(apdu) in (walked(bytes(octets)), None)
        assert decode(apdu, book) == walked(bytes(octets))


def test_a_text_that_changes_is_walked_then_lifted_too() -> None:
    octets = next(apdus(capture(E450))).data
    other = octets.replace(b"LGZ1", b"LGZ2")
    assert other != octets
    book = taught(octets)
    assert book.lift(Apdu(other, 0)) is None
    for _ in range(2):
        assert decode(Apdu(other, 0), book) == walked(other)
    assert book.lift(Apdu(other, 0)) == walked(other)
    assert book.lift(Apdu(octets, 0)) == walked(octets)


def test_the_lifts_remembered_are_few() -> None:
    octets = next(apdus(capture(E450))).data
    book = LayoutBook()
    for number in range(3000):
        decode(Apdu(octets.replace(b"LGZ1", f"LG{number % 100:02}".encode()), 0), book)
    assert 0 < len(book.lifts) <= layout.LIFTS


def test_a_lift_that_reads_something_else_is_dropped_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = next(apdus(capture(E450))).data
    book = LayoutBook(recheck_every=4)
    for _ in range(2):
        decode(Apdu(octets, 0), book)
    (lift,) = book.lifts
    *slots, one, two = lift.mould.slots
    wrong = dataclasses.replace(lift, mould=Mould(lift.mould.model, (*slots, two, one)))
    monkeypatch.setattr(book, "_lifts", [wrong])
    for _ in range(3):
        decode(Apdu(octets, 0), book)
    with pytest.raises(DecodeError, match="walked again") as raised:
        decode(Apdu(octets, 0), book)
    assert raised.value.code == "decoders_disagree"
    assert book.lifts == ()
    assert decode(Apdu(octets, 0), book) == walked(octets)


def test_two_registers_that_change_together_are_no_lift() -> None:
    octets = bytes.fromhex("0f000000000002020906010001080 0ff0600000001".replace(" ", ""))
    notification = parse(octets)
    reading = walked(octets)
    assert reading.registers == (Register(Obis(1, 0, 1, 8, 0), Number(1), "double-long-unsigned"),)
    assert learn(octets, notification, reading) is not None
    doubled = dataclasses.replace(reading, registers=(*reading.registers, *reading.registers))
    assert learn(octets, notification, doubled) is None
