"""What all framers share: noise is told once and never silently, and how the stream was cut makes no difference."""

from __future__ import annotations

import pytest
from ciibridge.framing.apdu import ApduFramer
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.iec62056 import Iec62056Framer
from ciibridge.framing.mbus import MbusFramer
from ciibridge.framing.p1 import P1Framer
from ciibridge.framing.sml import SmlFramer
from ciibridge.framing.stream import NOISE_REPORT_OCTETS, StreamFramer
from ciibridge.types import Frame, Problem
from hypothesis import given
from hypothesis import strategies as st

FRAMERS = (ApduFramer, HdlcFramer, Iec62056Framer, MbusFramer, P1Framer, SmlFramer)
#: Octets in which each kind of frame may seem to begin.
LIKELY = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                b"\x7e\xa0",
                b"\x7e\xa8\x0b\x02\x23",
                b"\x68\x0b\x0b\x68\x53",
                b"\x10\x5b\x01\x5c\x16",
                b"\xe5",
                b"\x1b" * 4 + b"\x01" * 4,
                b"\x1b" * 4 + b"\x1a\x00",
                b"/ABC5xyz\r\n\r\n",
                b"1-0:1.8.0(1*kWh)\r\n!",
                b"\x02F.F(0)\r\n!\r\n\x03",
                b"\x0f\x00\x00\x00\x01\x00\x02\x01\x06\x00\x00\x00\x01",
                b"\xdb\x08ABC",
                b"U" * NOISE_REPORT_OCTETS,
            ]
        ),
    ),
    max_size=12,
).map(b"".join)


@pytest.mark.parametrize("framer", FRAMERS)
def test_noise_is_told_in_pieces_and_at_its_end(framer: type[StreamFramer]) -> None:
    one = framer()
    found = one.feed(b"U" * (2 * NOISE_REPORT_OCTETS + 10)) + one.finish()
    assert [(item.code, item.offset) for item in found if isinstance(item, Problem)] == [
        ("noise", 0),
        ("noise", NOISE_REPORT_OCTETS),
        ("noise", 2 * NOISE_REPORT_OCTETS),
    ]
    assert one.skipped_octets == 2 * NOISE_REPORT_OCTETS + 10
    assert one.pending_octets == 0


@pytest.mark.parametrize("framer", FRAMERS)
@given(stream=LIKELY, size=st.integers(1, 50))
def test_how_a_stream_is_cut_makes_no_difference(
    framer: type[StreamFramer], stream: bytes, size: int
) -> None:
    whole, cut = framer(), framer()
    at_once = whole.feed(stream) + whole.finish()
    in_pieces = [
        item for begin in range(0, len(stream), size) for item in cut.feed(stream[begin : begin + size])
    ]
    in_pieces += cut.finish()
    assert in_pieces == at_once
    assert (cut.frames, cut.damaged, cut.skipped_octets) == (
        whole.frames,
        whole.damaged,
        whole.skipped_octets,
    )


class Letters(StreamFramer):
    """Frames are single letters; a B is a damaged frame of 3000 octets."""

    pieces = 0x1000
    unit = "letter"

    def _search(self, found: list[Frame | Problem], *, final: bool) -> None:
        while self._buffer:
            octet = bytes(self._buffer[:1])
            if octet == b"A":
                self._take(Frame(octet, self._offset, octet), 1, found)
                continue
            if octet == b"B":
                self._damage("bad_length", "this one is damaged", found, 3000)
            self._skip(1, found)


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", []),
        (b"x" * 2000, []),
        (b"x" * 5000, [("noise", 4096)]),
        (b"x" * 9000, [("noise", 4096), ("noise", 6144), ("noise", 8192)]),
    ],
)
def test_a_damaged_frame_is_not_noise_as_well(octets: bytes, told: list[tuple[str, int]]) -> None:
    framer = Letters()
    found = framer.feed(b"B" + octets) + framer.finish()
    assert [(item.code, item.offset) for item in found if isinstance(item, Problem)] == [
        ("bad_length", 0),
        *told,
    ]
    assert framer.damaged == 1


def test_before_the_first_frame_noise_is_normal() -> None:
    framer = Letters()
    found = framer.feed(b"xAxA")
    messages = [item.message for item in found if isinstance(item, Problem)]
    assert ["normal where listening begins" in message for message in messages] == [True, False]
    assert framer.frames == 2
