"""P1 telegrams in a stream: every way it can be cut, joined and damaged, and that the next good telegram comes out."""

from __future__ import annotations

import random

import pytest
from captures import Capture, capture
from ciibridge.framing.crc import crc_arc
from ciibridge.framing.p1 import LONGEST_OCTETS, P1Framer
from ciibridge.framing.stream import NOISE_REPORT_OCTETS
from ciibridge.simulate.telegram import Piece, cipher
from ciibridge.types import PROBLEMS, Frame, Problem
from hypothesis import given, settings
from hypothesis import strategies as st
from p1_parts import CAPTURES, codes, frame, frames, telegram

GOOD = telegram()
TELEGRAM = GOOD[:-2]
BELGIAN = "dsmr-p1/fluvius-v171.txt"
KEY = bytes(range(16))


def ciphered(text: bytes = TELEGRAM, counter: int = 1) -> bytes:
    """A telegram in general-glo-ciphering, by gurux-dlms."""
    return b"".join(p.octets for p in cipher([Piece(text)], b"XXX\0\0\0\0\1", counter, KEY, KEY[::-1]))


def test_crc_check_value() -> None:
    """The check value of CRC-16/ARC in every catalogue of CRCs."""
    assert crc_arc(b"123456789") == 0xBB3D
    assert crc_arc(b"") == 0


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_captures_give_one_telegram_or_what_is_damaged(one: Capture) -> None:
    found = frame(one.data)
    refused = one.facts["damaged"]
    assert len(codes(found)) == (1 if refused else 0)
    assert len(frames(found)) == (0 if refused else 1)
    if not refused:
        assert one.data.strip() in (frames(found)[0], frames(found)[0].strip())


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_chunks_do_not_matter(one: Capture) -> None:
    stream = b"\0noise" + one.data + b"more noise" + one.data
    whole = frame(stream)
    assert frame(stream, 1) == whole
    dice = random.Random(one.name)
    assert frame(stream, cuts=[dice.randrange(60) for _ in range(60)]) == whole


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_a_good_telegram_comes_out_behind_any_capture(one: Capture) -> None:
    good = capture(BELGIAN).data
    found = frame(one.data + b"\xfe" + good)
    assert frames(found)[-1] == good.rstrip()


@pytest.mark.parametrize("one", [c for c in CAPTURES if c.name.endswith(".txt")], ids=lambda one: one.name)
def test_a_good_telegram_comes_out_behind_a_cut_one(one: Capture) -> None:
    good = capture(BELGIAN).data
    for cut in range(5, len(one.data), 7):
        found = frame(one.data[:cut] + good)
        assert frames(found)[-1] == good.rstrip(), cut
        assert all(problem.offset < len(one.data) for problem in found if isinstance(problem, Problem))


def test_a_good_telegram_comes_out_behind_a_cut_ciphered_one() -> None:
    one, good = ciphered(), ciphered(counter=2)
    for cut in range(15, len(one) - 5):
        assert frames(frame(one[:cut] + good))[-1] == good, cut


def test_offsets_and_counters() -> None:
    framer = P1Framer()
    found = framer.feed(b"xyz" + GOOD + b"garbage!" + GOOD) + framer.finish()
    assert [(type(item).__name__, item.offset) for item in found] == [
        ("Problem", 0),
        ("Frame", 3),
        ("Problem", 3 + len(TELEGRAM)),
        ("Frame", 3 + len(GOOD) + 8),
    ]
    assert (framer.frames, framer.damaged, framer.skipped_octets) == (2, 0, 3 + 2 + 8)
    assert framer.pending_octets == 0


def test_a_damaged_octet_costs_one_telegram() -> None:
    damaged = bytearray(GOOD)
    damaged[30] ^= 1
    found = frame(GOOD + bytes(damaged) + GOOD)
    assert codes(found) == ["bad_checksum"]
    assert frames(found) == [TELEGRAM, TELEGRAM]


@pytest.mark.parametrize("ending", [b"!", b"!\r\n", b"!\r\n\r\n"])
def test_no_crc(ending: bytes) -> None:
    text = telegram(crc=False).removesuffix(b"!\r\n") + ending
    assert frames(frame(text)) == [telegram(crc=False).rstrip()]


@pytest.mark.parametrize("line", ["1-3:0.2.8(42)", "1-3:0.2.8(50)", "0-0:96.1.4(50217)"])
def test_a_version_that_has_a_crc_must_have_it(line: str) -> None:
    assert codes(frame(telegram(line, crc=False))) == ["bad_checksum"]
    assert codes(frame(telegram(line))) == []


def test_a_cut_crc_is_not_no_crc() -> None:
    for digits in range(1, 4):
        assert codes(frame(TELEGRAM[:-digits])) == ["incomplete"]


def test_a_beginning_without_a_line_end_before_it() -> None:
    found = frame(GOOD[:40] + GOOD)
    assert (codes(found), frames(found)) == (["incomplete"], [TELEGRAM])
    without = telegram(crc=False)
    found = frame(without[:40] + without)
    assert (codes(found), frames(found)) == (["incomplete"], [without[:-2]])


def test_a_beginning_inside_a_value_of_a_good_telegram_is_a_value() -> None:
    odd = telegram("0-0:96.13.0(see /ABC5)")
    assert frames(frame(odd)) == [odd[:-2]]


def test_ciphered() -> None:
    one = ciphered()
    assert frames(frame(one + one)) == [one, one]
    assert frames(frame(b"\r\n" + one + b"\r\n" + one)) == [one, one]
    assert codes(frame(one[:-1])) == ["incomplete"]


def test_ciphered_with_an_impossible_length() -> None:
    wrong = b"\xdb\x08XXX\0\0\0\0\1\x84\0\0\0\x20"
    assert codes(frame(wrong + GOOD)) == ["bad_length"]
    assert frames(frame(wrong + GOOD)) == [TELEGRAM]


def test_ciphered_behind_a_plain_identification() -> None:
    body = b"\x30\0\0\0\1" + bytes(range(200))
    one = b"/KFM5KAIFA-METER\r\n\r\n\0\x81" + bytes([len(body)]) + body
    assert frames(frame(one + b"!1234\r\n" + GOOD)) == [one + b"!1234", TELEGRAM]
    assert frames(frame(one + b"!\r\n" + GOOD)) == [one + b"!", TELEGRAM]
    found = frame(one + b"x" + GOOD)
    assert (codes(found), frames(found)) == (["bad_length"], [TELEGRAM])


def test_what_never_ends_is_given_up() -> None:
    endless = b"/XXX5\r\n" + b"1-0:1.7.0(00.193*kW)\r\n" * (LONGEST_OCTETS // 20)
    framer = P1Framer()
    found = framer.feed(endless)
    assert codes(found)[0] == "too_long"
    assert framer.pending_octets < LONGEST_OCTETS
    assert frames(framer.feed(GOOD)) == [TELEGRAM]


def test_garbage_is_reported_once_a_piece() -> None:
    found = frame(b"\xff" * (2 * NOISE_REPORT_OCTETS + 10), 1)
    assert [(p.code, p.offset) for p in found if isinstance(p, Problem)] == [
        ("noise", 0),
        ("noise", NOISE_REPORT_OCTETS),
        ("noise", 2 * NOISE_REPORT_OCTETS),
    ]


def test_line_ends_between_telegrams_are_no_noise() -> None:
    assert codes(frame(b"\r\n\r\n\0" + GOOD + b"\r\n" + GOOD)) == []


PARTS = st.sampled_from(
    [GOOD, TELEGRAM, GOOD[:50], ciphered(), ciphered()[:60], b"/", b"!", b"\xdb\x08", b"\r\n"]
)


@given(st.lists(st.binary(max_size=40) | PARTS, max_size=12), st.integers(1, 70))
@settings(max_examples=150, deadline=None)
def test_any_octets_raise_nothing_and_chunks_do_not_matter(parts: list[bytes], piece: int) -> None:
    stream = b"".join(parts)
    found = frame(stream)
    assert frame(stream, piece) == found
    for item in found:
        assert 0 <= item.offset < max(len(stream), 1)
        if isinstance(item, Frame):
            assert stream[item.offset : item.offset + len(item.raw)] == item.raw
        else:
            assert item.code in PROBLEMS
    assert [item.offset for item in found] == sorted(item.offset for item in found)
