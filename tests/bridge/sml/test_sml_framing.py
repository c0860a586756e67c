"""SML files: every way a stream can be cut, joined and damaged, and that the next good file comes out."""

from __future__ import annotations

import random

import pytest
from captures import Capture, load_captures
from ciibridge.framing.crc import checksum, kermit
from ciibridge.framing.sml import ESCAPE, LONGEST_FILE, START, SmlFramer, looks_like
from ciibridge.framing.stream import NOISE_REPORT_OCTETS
from ciibridge.types import PROBLEMS, Frame, Problem
from hypothesis import given, settings
from hypothesis import strategies as st
from sml_parts import sealed, telegram

GOOD = telegram()
CAPTURES = load_captures("sml")
#: Octets a stream of SML is made of, so that arbitrary streams come near to real ones.
PIECES = st.lists(
    st.sampled_from(
        [ESCAPE, START, b"\x1b", ESCAPE + b"\x1a\x00", b"\x1a\x01\x02\x03", b"\x01\x01", GOOD, GOOD[:50]]
    )
    | st.binary(max_size=12),
    max_size=24,
).map(b"".join)


def run(stream: bytes, *, cuts: list[int] | None = None) -> list[Frame | Problem]:
    framer = SmlFramer()
    found = []
    position = 0
    for size in cuts or []:
        found += framer.feed(stream[position : position + size])
        position += size
    found += framer.feed(stream[position:])
    found += framer.finish()
    assert framer.pending_octets == 0
    assert framer.frames == len(frames(found))
    assert framer.skipped_octets + sum(len(frame.raw) for frame in frames(found)) == len(stream)
    return found


def frames(found: list[Frame | Problem]) -> list[Frame]:
    return [item for item in found if isinstance(item, Frame)]


def codes(found: list[Frame | Problem]) -> list[str]:
    return [item.code for item in found if isinstance(item, Problem)]


def test_kermit_is_as_published() -> None:
    assert kermit(b"123456789") == bytes.fromhex("2189")


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_captures_come_out_whole(one: Capture) -> None:
    found = run(one.data)
    assert len(frames(found)) == one.facts["structure"]["messages"]
    for frame in frames(found):
        assert frame.raw == one.data[frame.offset : frame.offset + len(frame.raw)]
        assert frame.check == "x-25"
    assert set(codes(found)) <= {"noise", "incomplete", "bad_checksum"}


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_chunks_do_not_matter(one: Capture) -> None:
    whole = run(one.data)
    assert run(one.data, cuts=[1] * len(one.data)) == whole
    dice = random.Random(one.name)
    for _ in range(3):
        assert run(one.data, cuts=[dice.randrange(1, 90) for _ in range(80)]) == whole


@given(PIECES, st.lists(st.integers(0, 40), max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_stream_any_chunks(stream: bytes, cuts: list[int]) -> None:
    whole = run(stream)
    assert run(stream, cuts=cuts) == whole
    assert set(codes(whole)) <= set(PROBLEMS)
    offsets = [item.offset for item in whole]
    assert all(0 <= offset <= len(stream) for offset in offsets)


@given(st.binary(max_size=400), st.data())
@settings(max_examples=100, deadline=None)
def test_escaping_is_undone(content: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(content)))
    run_of_escapes = b"\x1b" * data.draw(st.integers(0, 13))
    content = content[:position] + run_of_escapes + content[position:] + b"\0"  # a message ends in 00
    (frame,) = run(sealed(content))
    assert frame.information == content


@pytest.mark.parametrize("fill", [0, 1, 2, 3, 4])
def test_fill_is_taken_off(fill: int) -> None:
    (frame,) = run(sealed(b"\x76\x11", fill=fill))
    assert frame.information == b"\x76\x11"


def test_fill_that_is_none_is_refused() -> None:
    covered = START + b"\x76\x11\x22\x33" + ESCAPE + b"\x1a\x02"
    assert codes(run(covered + checksum(covered))) == ["bad_length"]
    covered = START + bytes(8) + ESCAPE + b"\x1a\x05"
    assert codes(run(covered + checksum(covered))) == ["bad_length"]


def test_kermit_is_accepted_and_named() -> None:
    (frame,) = run(telegram(check=kermit))
    assert frame.check == "kermit"


@pytest.mark.parametrize("noise", [b"", b"\0", b"\x1b" * 3, b"\x1b" * 9, ESCAPE + b"\1\1\1", b"garbage" * 9])
def test_good_files_come_out_of_garbage(noise: bytes) -> None:
    found = run(noise + GOOD + noise + GOOD + noise)
    assert [frame.offset for frame in frames(found)] == [len(noise), 2 * len(noise) + len(GOOD)]
    assert codes(found) == ["noise"] * (3 if noise else 0)


@pytest.mark.parametrize("kept", range(1, len(GOOD)))
def test_the_file_after_one_cut_short_comes_out(kept: int) -> None:
    found = run(GOOD[:kept] + GOOD)
    assert [frame.offset for frame in frames(found)] == [kept]
    assert codes(found) in (["incomplete"], ["noise"], ["bad_checksum"])
    assert isinstance(found[0], Problem)
    assert found[0].offset == 0


@pytest.mark.parametrize("lost", range(len(GOOD)))
def test_an_octet_lost_costs_one_file(lost: int) -> None:
    found = run(GOOD + GOOD[:lost] + GOOD[lost + 1 :] + GOOD)
    assert [frame.offset for frame in frames(found)] == [0, 2 * len(GOOD) - 1]
    assert codes(found)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
@settings(deadline=None)
def test_a_flipped_bit_costs_one_file(position: int, bit: int) -> None:
    flipped = bytearray(GOOD)
    flipped[position] ^= 1 << bit
    found = run(bytes(flipped) + GOOD)
    assert [frame.offset for frame in frames(found)] == [len(GOOD)]
    assert codes(found)


def test_the_buffer_is_bounded() -> None:
    framer = SmlFramer()
    found = []
    for _ in range(3 * LONGEST_FILE // 64):
        found += framer.feed(START + bytes(56) if not found else bytes(64))
        assert framer.pending_octets <= LONGEST_FILE + 64
    found = run(START + bytes(3 * LONGEST_FILE) + GOOD)
    assert codes(found)[0] == "too_long"
    assert len(frames(found)) == 1


def test_a_wrong_line_does_not_stay_silent() -> None:
    framer = SmlFramer()
    found = framer.feed(b"\x55" * NOISE_REPORT_OCTETS)
    assert codes(found) == ["noise"]


def test_a_stream_made_to_be_slow_is_not() -> None:
    """Beginnings and ends as dense as can be: each is looked at once, not each pair."""
    found = run((START + ESCAPE + b"\x1a\0\0\0") * 2000 + GOOD)
    assert len(frames(found)) == 1


def test_looks_like() -> None:
    assert looks_like(b"xx" + GOOD)
    assert not looks_like(bytes.fromhex("7ea084ceff0313128b"))
    assert not looks_like(b"/ISK5\r\n")
    assert all(looks_like(one.data) for one in CAPTURES)
    assert not any(looks_like(one.data) for one in load_captures() if one.facts["family"] != "sml")
