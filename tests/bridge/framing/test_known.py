"""Pushes whose frames are known: what comes out is what the framer and the reassembler give, whatever comes how."""

from __future__ import annotations

from functools import cache

import pytest
from captures import capture
from ciibridge.framing.crc import checksum
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.known import KnownPushes
from ciibridge.framing.reassembly import Reassembler
from ciibridge.lines.dlms import DlmsLine, HdlcLine
from ciibridge.normalise import MeterSettings
from ciibridge.types import Apdu, Frame, Problem, Reading
from hypothesis import given
from hypothesis import strategies as st

E450 = "dlms-hdlc/lg-e450-ch-vse2026.bin"
KAIFA = "dlms-hdlc/kaifa-ma304-no-list2.bin"


@cache
def push(name: str) -> bytes:
    """The first push of a capture, from its first flag to its last."""
    data = capture(name).data
    framer, assembler = HdlcFramer(), Reassembler()
    begin = None
    for frame in framer.feed(data):
        assert isinstance(frame, Frame)
        begin = frame.offset if begin is None else begin
        if assembler.feed(frame):
            return data[begin : frame.offset + len(frame.raw)]
    raise AssertionError(name)


def altered(octets: bytes, value: int) -> bytes:
    """The push with another last octet in each frame's information, and the frame checks that belong to it."""
    made = b""
    for frame in HdlcFramer().feed(octets):
        assert isinstance(frame, Frame)
        body = frame.raw[1:-4] + bytes((value,))
        made += b"\x7e" + body + checksum(body) + b"\x7e"
    return made


def lines() -> tuple[HdlcLine, DlmsLine]:
    return HdlcLine(MeterSettings()), DlmsLine(HdlcFramer, Reassembler, MeterSettings())


def test_the_second_push_is_known() -> None:
    for name in (E450, KAIFA):
        octets = push(name)
        framer, assembler = HdlcFramer(), Reassembler()
        pushes = KnownPushes(framer, assembler)
        frames = [frame for frame in framer.feed(octets) if isinstance(frame, Frame)]
        (apdu,) = [apdu for frame in frames for apdu in assembler.feed(frame)]
        assert isinstance(apdu, Apdu)
        pushes.learn(frames, apdu)
        found: list[Apdu] = []
        assert pushes.take(octets * 3 + octets[:50], found) == b""
        assert pushes.give_up() == b"\x7e" + octets[:50]
        assert [one.data for one in found] == [apdu.data] * 3
        assert [one.offset for one in found] == [len(octets) * (n + 1) for n in range(3)]
        assert framer.frames == 4 * len(frames)


PIECES = st.lists(
    st.one_of(
        st.sampled_from([E450, KAIFA]).map(push),
        st.integers(0, 255).map(lambda value: altered(push(E450), value)),
        st.integers(0, 400).map(lambda size: push(E450)[:size]),
        st.integers(0, 400).map(lambda size: push(E450)[size:]),
        st.tuples(st.integers(0, 500), st.integers(1, 255)).map(
            lambda change: bytes(
                octet ^ (change[1] if n == change[0] else 0) for n, octet in enumerate(push(E450))
            )
        ),
        st.sampled_from([b"\x7e", b"\x7e\x7e\x7e", b"noise", b"\x7e\xa0"]),
    ),
    min_size=2,
    max_size=8,
)


@given(PIECES, st.sampled_from([1, 100, 504, 505, 2000, 100_000]))
def test_nothing_differs(pieces: list[bytes], size: int) -> None:
    stream = push(E450) + b"".join(pieces)
    quick, judge = lines()
    ours: list[Reading | Problem] = []
    theirs: list[Reading | Problem] = []
    for begin in range(0, len(stream), size):
        ours += quick.feed(stream[begin : begin + size])
        theirs += judge.feed(stream[begin : begin + size])
    assert ours + quick.finish() == theirs + judge.finish()
    assert (quick.frames_ok, quick.frames_bad) == (judge.frames_ok, judge.frames_bad)


def test_what_may_become_a_push_is_held_and_given_up() -> None:
    quick, judge = lines()
    octets = push(E450)
    assert quick.feed(octets) == judge.feed(octets)
    for size in (1, 3, 200, len(octets) - 5):
        assert quick.feed(octets[:size]) == []
        (reading,) = quick.feed(octets[size:] + b"\x7e")
        (judged,) = judge.feed(octets + b"\x7e")
        assert isinstance(reading, Reading)
        assert reading == judged
    assert quick.feed(octets[:300]) == []
    judge.feed(octets[:300])
    assert quick.finish() == judge.finish()
    assert (quick.frames_ok, quick.frames_bad) == (judge.frames_ok, judge.frames_bad)


def test_a_line_that_begins_in_the_middle_comes_to_know_its_pushes(monkeypatch: pytest.MonkeyPatch) -> None:
    quick, _ = lines()
    octets = push(E450)
    stream = octets[250:] + octets * 40
    asked: list[int] = []
    feed = HdlcFramer.feed
    monkeypatch.setattr(HdlcFramer, "feed", lambda self, data: asked.append(len(data)) or feed(self, data))
    found = [
        item for begin in range(0, len(stream), 1777) for item in quick.feed(stream[begin : begin + 1777])
    ]
    assert sum(isinstance(item, Reading) for item in found) == 40
    assert sum(asked) < 5 * len(octets)
