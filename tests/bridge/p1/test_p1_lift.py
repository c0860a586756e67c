"""Lifted P1 telegrams: what is read without reading lines is what the lines say, whatever the digits are."""

from __future__ import annotations

import dataclasses
import re
from functools import cache

import ciimodel
import pytest
from ciibridge.decode.ascii import p1
from ciibridge.decode.ascii.lift import LIFTS, TextBook
from ciibridge.decode.mould import LiftedReading, Mould
from ciibridge.errors import DecodeError
from ciibridge.framing.crc import crc_arc
from ciibridge.normalise.compiled import FormedSnapshot
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.types import Apdu, Frame, Problem, Snapshot
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from p1_parts import CAPTURES, NOW, frame, frames

CATALOGUE = ciimodel.load()
WANTED = MeterSettings(id="m", clock="meter")


@cache
def texts() -> tuple[bytes, ...]:
    """A plain telegram of each capture."""
    found = (next(iter(frames(frame(one.data))), b"") for one in CAPTURES if not one.facts["damaged"])
    return tuple(text for text in found if text.startswith(b"/") and b"\0" not in text)


def taught(text: bytes) -> TextBook:
    book = TextBook()
    for _ in range(2):
        book.decode(Apdu(text, 0))
    return book


def test_the_third_telegram_is_lifted() -> None:
    lifted = 0
    for text in texts():
        book = taught(text)
        reading, problems = book.decode(Apdu(text, 7))
        assert (reading, problems) == p1.decode(Apdu(text, 7))
        assert isinstance(reading, LiftedReading) == bool(book.lifts)
        lifted += bool(book.lifts)
    assert lifted > 15


@effort(max_examples=60)
@given(st.data())
def test_whatever_the_digits_are(data: st.DataObject) -> None:
    text = bytearray(data.draw(st.sampled_from(texts())))
    book = taught(bytes(text))
    digits = [found.start() for found in re.finditer(rb"\d", text)]
    for _ in range(4):
        for position in data.draw(st.lists(st.sampled_from(digits), max_size=12)):
            text[position] = data.draw(st.sampled_from(b"0123456789"))
        if data.draw(st.integers(0, 9)) == 0:
            text[data.draw(st.integers(10, len(text) - 1))] = data.draw(st.sampled_from(b" ._-+(*)x\n"))
        apdu = Apdu(bytes(text), 0)
        assert book.decode(apdu) == p1.decode(apdu)


def test_an_end_that_is_none_is_not_lifted() -> None:
    text = next(text for text in texts() if re.search(rb"\n![0-9A-F]{4}\s*\Z", text))
    book = taught(text)
    assert book.lifts
    apdu = Apdu(re.sub(rb"\n!.", b"\n! ", text), 0)
    (_, problems) = book.decode(apdu)
    assert [problem.code for problem in problems] == ["bad_line"]
    assert book.decode(apdu) == p1.decode(apdu)


def checked(text: bytes) -> bytes:
    body = text[: text.rindex(b"!") + 1]
    return body + f"{crc_arc(body):04X}\r\n".encode()


@effort(max_examples=25)
@given(st.data())
def test_octets_to_state_as_if_each_telegram_were_the_first(data: st.DataObject) -> None:
    text = bytearray(data.draw(st.sampled_from(texts())))
    one, judge = Pipeline(CATALOGUE, WANTED, "dsmr-p1"), Pipeline(CATALOGUE, WANTED, "dsmr-p1")
    messages = Messages(CATALOGUE, WANTED)
    numbers = [
        n
        for found in re.finditer(rb"\((\d+\.?\d*)\*", text)
        for n in range(*found.span(1))
        if text[n] != 0x2E
    ]
    for _ in range(5):
        for position in data.draw(st.lists(st.sampled_from(numbers), max_size=3)) if numbers else ():
            text[position] = data.draw(st.sampled_from(b"0123456789"))
        ours = one.feed(checked(text), NOW)
        # A pipeline whose lines know nothing: the readings are copies, which are no lifted ones.
        theirs: list[Snapshot | Problem] = []
        for item in frame(checked(text)):
            assert isinstance(item, Frame)
            reading, problems = p1.decode(Apdu(item.information, 0))
            theirs += [judge.report(problem, NOW) for problem in problems]
            theirs += judge.take(reading, NOW)
        mine = [messages.state(item) if isinstance(item, Snapshot) else item.code for item in ours]
        assert mine == [messages.state(item) if isinstance(item, Snapshot) else item.code for item in theirs]


def test_a_whole_telegram_costs_no_lookup_from_the_fourth_on() -> None:
    text = next(text for text in texts() if text.startswith(b"/ISK5\\2M550T"))
    pipeline = Pipeline(CATALOGUE, WANTED, "dsmr-p1")
    kinds = [type(item) for _ in range(5) for item in pipeline.feed(checked(text), NOW)]
    assert kinds == [Snapshot] * 3 + [FormedSnapshot] * 2


def test_the_lifts_remembered_are_few() -> None:
    text = texts()[0]
    book = TextBook()
    for number in range(60):
        for _ in range(2):
            book.decode(Apdu(text + b" " * number, 0))
    assert 0 < len(book.lifts) <= LIFTS


def test_a_lift_that_reads_something_else_is_dropped_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    text = next(text for text in texts() if text.startswith(b"/ISK5\\2M550T"))
    book = TextBook(recheck_every=3)
    for _ in range(2):
        book.decode(Apdu(text, 0))
    (lift,) = book.lifts
    clock, one, two, *slots = lift.mould.slots
    wrong = dataclasses.replace(lift, mould=Mould(lift.mould.model, (clock, two, one, *slots)))
    monkeypatch.setattr(book, "_lifts", [wrong])
    for _ in range(2):
        book.decode(Apdu(text, 0))
    with pytest.raises(DecodeError, match="line by line") as raised:
        book.decode(Apdu(text, 0))
    assert raised.value.code == "decoders_disagree"
    assert book.lifts == ()
    assert book.decode(Apdu(text, 0)) == p1.decode(Apdu(text, 0))
