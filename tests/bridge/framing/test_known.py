"""Pushes whose frames are known: what comes out is what the framer and the reassembler give, whatever comes how."""

from __future__ import annotations

from functools import cache

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
        assert pushes.take(octets * 3 + octets[:50], found) == b"\x7e" + octets[:50]
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


@given(PIECES)
def test_pieces_as_they_are_sent(pieces: list[bytes]) -> None:
    quick, judge = lines()
    for piece in (push(E450), *pieces):
        assert quick.feed(piece) == judge.feed(piece)
    assert quick.finish() == judge.finish()
    assert (quick.frames_ok, quick.frames_bad) == (judge.frames_ok, judge.frames_bad)
