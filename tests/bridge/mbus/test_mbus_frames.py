"""M-Bus frames and the transport layer of DLMS: cut, put together, damaged, lost."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from captures import capture, load_captures
from ciibridge.framing import mbus_transport
from ciibridge.framing.mbus import LONGEST_FRAME, MbusFramer, looks_like
from ciibridge.framing.mbus_transport import SENDERS, MbusTransport
from ciibridge.types import Apdu, Frame, Problem
from hypothesis import given
from hypothesis import strategies as st

MBUS = [*load_captures("dlms-mbus"), *load_captures("mbus")]
WHOLE = [c for c in MBUS if c.name != "dlms-mbus/sagemcom-at-bytes-lost.bin"]


def long_frame(body: bytes) -> bytes:
    length = bytes((len(body) & 0xFF,))
    return b"\x68" + length * 2 + b"\x68" + body + bytes((sum(body) & 0xFF, 0x16))


def segment(ci: int, data: bytes, saps: bytes = b"\x01\x67", address: int = 0xFF) -> bytes:
    return long_frame(bytes((0x53, address, ci)) + saps + data)


def cut(data: bytes, piece: int = 1 << 20) -> list[Frame | Problem]:
    framer = MbusFramer()
    found: list[Frame | Problem] = []
    for begin in range(0, len(data), piece):
        found += framer.feed(data[begin : begin + piece])
        assert framer.pending_octets < LONGEST_FRAME
    return found + framer.finish()


def joined(data: bytes) -> list[Apdu | Problem]:
    transport = MbusTransport()
    found: list[Apdu | Problem] = []
    for item in cut(data):
        found += [item] if isinstance(item, Problem) else transport.feed(item)
    return found + transport.finish()


def shown(found: list[Apdu | Problem] | list[Frame | Problem]) -> list[str | bytes]:
    return [
        i.code if isinstance(i, Problem) else i.data if isinstance(i, Apdu) else i.information for i in found
    ]


@pytest.mark.parametrize("one", WHOLE, ids=lambda c: c.name)
def test_every_capture_is_cut_without_rest(one: object) -> None:
    data = one.data  # type: ignore[attr-defined]
    frames = [f for f in cut(data) if isinstance(f, Frame)]
    assert b"".join(f.raw for f in frames) == data
    stated = one.facts["structure"]["frames"]  # type: ignore[attr-defined]
    assert len(frames) == (stated if isinstance(stated, int) else len(stated))
    assert looks_like(data)
    assert looks_like(b"\x00\x68" + data)
    assert mbus_transport.looks_like(data) is one.name.startswith("dlms-mbus/")  # type: ignore[attr-defined]


def test_other_families_do_not_look_like_it() -> None:
    others = [c for c in load_captures() if c.facts["family"] not in ("mbus", "dlms-mbus")]
    assert len(others) > 100
    assert [c.name for c in others if looks_like(c.data)] == []


@pytest.mark.parametrize("one", MBUS, ids=lambda c: c.name)
def test_any_cut_of_the_stream_gives_the_same(one: object) -> None:
    data = one.data  # type: ignore[attr-defined]
    whole = cut(data)
    assert cut(data, 1) == whole
    rng = random.Random(one.name)  # type: ignore[attr-defined]
    framer = MbusFramer()
    found: list[Frame | Problem] = []
    marks = sorted({0, len(data), *(rng.randrange(len(data)) for _ in range(5))})
    for begin, end in pairwise(marks):
        found += framer.feed(data[begin:end])
    assert found + framer.finish() == whole


def test_short_frames_and_acknowledgements() -> None:
    data = b"\xe5" + bytes.fromhex("105b015c16") + b"\xe5" + long_frame(b"\x53\x01\x50")
    found = cut(data)
    assert [(f.control, f.destination, f.information, f.offset) for f in found if isinstance(f, Frame)] == [
        (0xE5, "", b"", 0),
        (0x5B, "01", b"", 1),
        (0xE5, "", b"", 6),
        (0x53, "01", b"\x50", 7),
    ]
    assert len(found) == 4
    assert shown(cut(bytes.fromhex("105b015d16"))) == ["noise"]


@pytest.mark.parametrize("octets", [253, 254, 255, 256, 257, 258])
def test_a_length_that_does_not_fit_an_octet(octets: int) -> None:
    body = b"\x53\xff\x10\x01\x67" + bytes(octets - 5)
    (frame,) = cut(long_frame(body))
    assert isinstance(frame, Frame)
    assert len(frame.information) == octets - 2


GOOD = long_frame(b"\x08\x05\x72" + bytes(range(0x60, 0x90)))


@pytest.mark.parametrize(
    ("damaged", "code"),
    [
        (GOOD[:-2] + b"\x00\x16", "bad_checksum"),
        (GOOD[:-1] + b"\x17", "bad_length"),
        (GOOD[:2] + b"\x0c" + GOOD[3:], "bad_length"),
        (GOOD[:20] + GOOD[21:], "bad_length"),
        (GOOD[:20], "bad_length"),
        (bytes(range(0x20, 0x60)), "noise"),
    ],
)
def test_damage_is_reported_and_the_next_frame_comes_out(damaged: bytes, code: str) -> None:
    found = cut(GOOD + damaged + GOOD + GOOD)
    problems = [p for p in found if isinstance(p, Problem)]
    assert [(p.code, p.offset) for p in problems] == [(code, len(GOOD))]
    assert [f.raw for f in found if isinstance(f, Frame)] == [GOOD] * 3


def test_every_truncation_is_told() -> None:
    for size in range(1, len(GOOD)):
        (problem,) = cut(GOOD[:size])
        assert isinstance(problem, Problem)
        assert (problem.code, problem.offset) == ("incomplete", 0)


def test_a_long_stream_of_noise_does_not_stay_silent() -> None:
    framer = MbusFramer()
    found = [item for _ in range(100) for item in framer.feed(b"\x55" * 100)]
    assert [(p.code, p.offset) for p in found if isinstance(p, Problem)] == [
        ("noise", n * 2048) for n in range(4)
    ]
    framer.finish()
    assert framer.skipped_octets == 10_000
    assert framer.pending_octets == 0


@given(st.binary(max_size=600), st.lists(st.integers(1, 40), max_size=20))
def test_arbitrary_octets_raise_nothing_and_hide_no_frame(noise: bytes, sizes: list[int]) -> None:
    framer = MbusFramer()
    transport = MbusTransport()
    found: list[Frame | Problem] = []
    # A start in the noise may wait for the longest of frames before it is given up.
    data = noise + b"\x00" * LONGEST_FRAME + GOOD
    for size in [*sizes, len(data)]:
        found += framer.feed(data[:size])
        data = data[size:]
    assert framer.pending_octets < LONGEST_FRAME
    assert found[-1:]
    assert isinstance(found[-1], Frame)
    assert found[-1].raw == GOOD
    for item in found:
        if isinstance(item, Frame):
            transport.feed(item)
    transport.finish()


def test_segments_are_put_together() -> None:
    assert shown(joined(segment(0x10, b"one"))) == [b"one"]
    assert shown(joined(segment(0x00, b"one") + segment(0x11, b"two"))) == [b"onetwo"]
    parts = b"".join(segment(n, bytes((65 + n,))) for n in range(15)) + segment(0x1F, b"P")
    (apdu,) = joined(parts)
    assert isinstance(apdu, Apdu)
    assert (apdu.data, apdu.transfer, apdu.offset) == (b"ABCDEFGHIJKLMNOP", "segmented", 0)


A, B, C = segment(0, b"a"), segment(1, b"b"), segment(0x12, b"c")


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (A + C, ["block_lost"]),  # the middle is lost
        (B + C, ["block_lost"]),  # the beginning
        (A + B, ["block_lost"]),  # the end
        (A + B + B + C, ["block_order"]),  # one comes twice
        (A + C + B, ["block_lost", "block_lost"]),  # the last comes too early
        (long_frame(b"\x08\x05\x72\x00"), ["unknown_format"]),
        (long_frame(b"\x53\xff\x00\x01\x67"), ["bad_length"]),
        (b"\xe5" + bytes.fromhex("105b015c16"), []),
    ],
)
def test_a_lost_segment_costs_its_own_telegram_only(stream: bytes, expected: list[str]) -> None:
    found = shown(joined(A + B + C + stream + A + B + C))
    assert found == [b"abc", *expected, b"abc"]


def test_senders_do_not_mix() -> None:
    other = segment(0, b"x", address=1), segment(0x11, b"y", address=1)
    assert shown(joined(A + other[0] + B + other[1] + C)) == [b"xy", b"abc"]
    crowd = b"".join(segment(0, b"x", address=n) for n in range(SENDERS + 1))
    assert shown(joined(crowd)) == ["block_lost"] + ["incomplete"] * SENDERS


def test_257_octets_a_segment() -> None:
    one = capture("dlms-mbus/sagemcom-at-257-byte-segments-stream-no-key.bin")
    apdus = joined(one.data)
    assert [(a.offset, a.transfer) for a in apdus if isinstance(a, Apdu)] == [
        (n * 282, "segmented") for n in range(10)
    ]
    assert len(apdus) == 10
