"""HDLC frames: every way a stream can be cut, joined and damaged, and that the next good frame comes out."""

from __future__ import annotations

import random

import pytest
from captures import Capture, capture, load_captures
from ciibridge.framing.crc import checksum
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.stream import NOISE_REPORT_OCTETS
from ciibridge.types import PROBLEMS, Frame, Problem
from hypothesis import given, settings
from hypothesis import strategies as st

CAPTURES = load_captures("dlms-hdlc")
E450 = "dlms-hdlc/lg-e450-ch-vse2026.bin"
KAIFA = "dlms-hdlc/kaifa-ma304-no-list1.bin"
#: Captures whose damage is in a frame: no frame comes out, and one Problem with this code.
BAD_FRAMES = {
    "dlms-hdlc/aidon-se-missampled.bin": "bad_checksum",
    "dlms-hdlc/kamstrup-omnipower-no-bad-fcs.bin": "bad_checksum",
    "dlms-hdlc/lg-zmf100-embriq-no-swapped-tag.bin": "bad_checksum",
}
LONGEST_FRAME = 2047 + 2


def run(stream: bytes, *, cuts: list[int] | None = None) -> list[Frame | Problem]:
    """Everything a stream yields, fed in pieces of the given sizes and the rest at once."""
    framer = HdlcFramer()
    found = []
    position = 0
    for size in cuts or []:
        found += framer.feed(stream[position : position + size])
        position += size
    found += framer.feed(stream[position:])
    return found + framer.finish()


def frames(found: list[Frame | Problem]) -> list[Frame]:
    return [item for item in found if isinstance(item, Frame)]


def problems(found: list[Frame | Problem]) -> list[Problem]:
    return [item for item in found if isinstance(item, Problem)]


def codes(found: list[Frame | Problem]) -> list[str]:
    return [problem.code for problem in problems(found)]


def build(
    information: bytes,
    *,
    destination: str = "cf",
    source: str = "03",
    control: int = 0x13,
    segmented: bool = False,
) -> bytes:
    """A frame without its flags, as the standard says."""
    addresses = bytes.fromhex(destination + source)
    length = 2 + len(addresses) + 1 + (2 + len(information) if information else 0) + 2
    header = (0xA000 | (0x800 if segmented else 0) | length).to_bytes(2, "big") + addresses + bytes([control])
    body = header + checksum(header) + information if information else header
    return body + checksum(body)


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_captures(one: Capture) -> None:
    found = run(one.data)
    bad = BAD_FRAMES.get(one.name)
    assert len(frames(found)) == (0 if bad else one.facts["structure"]["frames"])
    noise = ["noise"] if "four stray bytes" in (one.facts["note"] or "") else []
    assert codes(found) == ([bad] if bad else noise)


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_chunks_do_not_matter(one: Capture) -> None:
    whole = run(one.data)
    assert run(one.data, cuts=[1] * len(one.data)) == whole
    dice = random.Random(one.name)
    assert run(one.data, cuts=[dice.randrange(40) for _ in range(60)]) == whole


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_a_good_telegram_comes_out_behind_any_capture(one: Capture) -> None:
    good = capture(E450).data
    found = run(one.data + good)
    assert [frame.information for frame in frames(found)[-4:]] == [
        frame.information for frame in frames(run(good))
    ]


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_raw_is_a_frame_again(one: Capture) -> None:
    found = frames(run(one.data))
    again = frames(run(b"".join(frame.raw for frame in found)))
    assert [frame.information for frame in again] == [frame.information for frame in found]


def test_offset_addresses_and_segmentation_bit() -> None:
    first, second, third = frames(
        run(capture("dlms-hdlc/iskra-550-registers-scaler-unit-segmented.bin").data)
    )
    assert (first.destination, first.source, first.control) == ("cf", "0223", 0x03)
    assert (first.offset, second.offset, third.offset) == (0, 166, 332)
    assert (first.segmented, second.segmented, third.segmented) == (True, True, False)


@pytest.mark.parametrize("destination", ["03", "ceff", "020413", "02040613"])
@pytest.mark.parametrize("source", ["21", "0223", "02040613"])
def test_addresses_of_one_to_four_octets(destination: str, source: str) -> None:
    [frame] = frames(run(b"~" + build(b"abc", destination=destination, source=source) + b"~"))
    assert (frame.destination, frame.source, frame.information) == (destination, source, b"abc")


def test_frames_without_information_have_no_header_check() -> None:
    found = run(b"~" + build(b"", control=0x93) + b"~" + build(b"x") + b"~")
    assert [(frame.control, frame.information) for frame in frames(found)] == [(0x93, b""), (0x13, b"x")]
    assert not problems(found)


def test_a_frame_is_there_before_its_closing_flag() -> None:
    framer = HdlcFramer()
    frame = b"~" + build(b"longer than any header")
    arrived = [len(framer.feed(bytes([octet]))) for octet in frame]
    assert arrived == [0] * (len(frame) - 1) + [1]  # with the last octet of the frame check
    assert len(framer.feed(b"~" + build(b"abc"))) == 1
    assert framer.feed(b"~") == []
    assert len(framer.feed(build(b"def") + b"~")) == 1  # one flag between two frames
    assert framer.finish() == []


@pytest.mark.parametrize("between", [b"~", b"~~", b"~~~~~~"])
def test_flags_between_frames_are_not_noise(between: bytes) -> None:
    found = run(b"~" + build(b"abc") + between + build(b"def") + b"~~")
    assert [frame.information for frame in frames(found)] == [b"abc", b"def"]
    assert not problems(found)


def test_flags_and_escapes_inside_a_frame() -> None:
    information = b"\x7e\xa0\x7d\x7e\x7e\xa0\x05~" * 9
    [frame] = frames(run(b"~" + build(information) + b"~"))
    assert frame.information == information


@given(before=st.binary(max_size=60), between=st.binary(max_size=60), after=st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_garbage_before_between_and_after(before: bytes, between: bytes, after: bytes) -> None:
    one, two = build(b"first telegram"), build(b"second telegram")
    stream = before + b"~" + one + b"~" + between + b"~" + two + b"~" + after
    found = run(stream)
    assert [frame.information for frame in frames(found)] == [b"first telegram", b"second telegram"]
    assert run(stream, cuts=[1] * len(stream)) == found


@given(
    position=st.integers(0, 503),
    remove=st.integers(0, 80),
    insert=st.binary(max_size=80),
    flip=st.integers(0, 255),
    cuts=st.lists(st.integers(0, 90), max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_whatever_happens_to_a_telegram_the_next_comes_out(
    position: int, remove: int, insert: bytes, flip: int, cuts: list[int]
) -> None:
    good = capture(E450).data
    damaged = bytearray(good)
    damaged[position] ^= flip
    damaged[position : position + remove] = insert
    stream = bytes(damaged) + good
    found = run(stream, cuts=cuts)
    assert [frame.information for frame in frames(found)[-4:]] == [
        frame.information for frame in frames(run(good))
    ]
    assert found == run(stream)
    assert all(problem.code in PROBLEMS and 0 <= problem.offset < len(stream) for problem in problems(found))


def test_a_bad_frame_that_swallows_good_ones() -> None:
    """490 octets are announced and 40 come: the telegrams behind stand inside the announced length."""
    cut_off = capture("dlms-hdlc/kamstrup-omnipower-ch-encrypted-no-key.bin").data[:40]
    good = capture("dlms-hdlc/kaifa-ma304-no-stream-16-frames.bin").data
    framer = HdlcFramer()
    found = framer.feed(cut_off + good)
    assert len(frames(found)) == 16  # without waiting for the end of the stream
    assert codes(found) == ["bad_checksum"]
    # At the end of the stream also what is still covered.
    found = run(cut_off + capture(KAIFA).data)
    assert codes(found) == ["incomplete"]
    assert [frame.information for frame in frames(found)] == [
        frame.information for frame in frames(run(capture(KAIFA).data))
    ]


def test_the_header_check_comes_before_the_announced_length() -> None:
    bad_header = bytearray(b"~" + build(bytes(2000)))
    bad_header[1] ^= 0x04  # another length, and the header check no longer fits
    framer = HdlcFramer()
    found = framer.feed(bytes(bad_header[:20]) + b"~" + build(b"abc") + b"~")
    assert codes(found) == ["bad_checksum"]
    assert [frame.information for frame in frames(found)] == [b"abc"]


def test_truncated_stream() -> None:
    stream = capture(E450).data
    whole = frames(run(stream))
    for length in range(1, len(stream)):
        found = run(stream[:length])
        complete = [frame for frame in whole if frame.offset + len(frame.raw) - 1 <= length]
        assert frames(found) == complete
        covered = complete[-1].offset + len(complete[-1].raw) - 1 if complete else 0
        rest = stream[covered:length].lstrip(b"~")
        assert codes(found) == (["incomplete"] if rest else []), length


def test_noise_is_reported_once_a_run_and_counted() -> None:
    framer = HdlcFramer()
    noise = bytes(range(0x80, 0xA0)) * 3
    frame = b"~" + build(b"abc") + b"~"
    found = framer.feed(noise + frame + noise + frame)
    assert codes(found) == ["noise", "noise"]
    assert [problem.offset for problem in problems(found)] == [0, len(noise) + len(frame)]
    assert "96 octets" in problems(found)[0].message
    assert "middle of a telegram" in problems(found)[0].message  # joining a running stream is normal
    assert "middle of a telegram" not in problems(found)[1].message
    assert (framer.frames, framer.damaged, framer.skipped_octets) == (2, 0, 192)


def test_a_bad_frame_in_noise_is_reported_behind_the_noise() -> None:
    bad = bytearray(b"~" + build(b"abcdef") + b"~")
    bad[-4] ^= 1
    found = run(b"noise" + bytes(bad) + b"noise" + b"~" + build(b"abc") + b"~")
    assert codes(found) == ["noise", "bad_checksum"]
    assert [problem.offset for problem in problems(found)] == [0, 5]
    assert len(frames(found)) == 1


def test_bad_frames_are_not_noise_as_well() -> None:
    bad = bytearray(b"~" + build(bytes(200)) + b"~")
    bad[100] ^= 1
    assert codes(run(bytes(bad) * 20)) == ["bad_checksum"] * 20


def test_a_line_of_nothing_but_noise_does_not_stay_silent() -> None:
    framer = HdlcFramer()
    dice = random.Random(7)
    found = []
    for _ in range(100):
        found += framer.feed(dice.randbytes(100))
    assert len(found) == 10_000 // NOISE_REPORT_OCTETS
    assert set(codes(found)) == {"noise"}


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (b"~\xa0\x06\x03\x03\x13\x00\x00", "bad_length"),  # shorter than any header
        (b"~\xa0\x0a" + build(b"", destination="02040613", source="02040613")[2:] + b"\0" * 9, "bad_length"),
        (
            b"~\xa0\x20\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02",
            "bad_checksum",
        ),  # an address without end
        (b"~\xa0\x07\x03\x03\x13\x00\x00", "bad_checksum"),
        (b"~\xa0", "incomplete"),
        (b"~\xa0\x20\x03", "incomplete"),
    ],
)
def test_impossible_headers(stream: bytes, code: str) -> None:
    assert codes(run(stream)) == [code]
    found = run(stream + b"~" + build(b"abc") + b"~")
    assert [frame.information for frame in frames(found)] == [b"abc"]


@given(
    st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"~\xa7\xff", b"~", b"\xa0", build(b"ok")])))
)
@settings(max_examples=80, deadline=None)
def test_any_octets_raise_nothing_and_fill_no_memory(chunks: list[bytes]) -> None:
    framer = HdlcFramer()
    found = []
    for chunk in chunks:
        found += framer.feed(chunk)
        assert framer.pending_octets <= LONGEST_FRAME
    found += framer.finish()
    assert found == run(b"".join(chunks))
    assert framer.pending_octets == 0


def test_buffer_is_bounded() -> None:
    """The longest frame there is, announced by a good header again and again, and never completed."""
    framer = HdlcFramer()
    begin = b"~" + build(bytes(2036))[:60]
    for _ in range(500):
        framer.feed(begin)
        assert framer.pending_octets <= LONGEST_FRAME
    framer.feed(bytes(1_000_000))
    assert framer.pending_octets <= LONGEST_FRAME
