"""Telegrams from frames: segments, blocks, LLC headers, and what is lost where one of them is missing."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from captures import Capture, capture, load_captures
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.reassembly import ADDRESS_PAIRS, LONGEST_APDU, Reassembler
from ciibridge.types import PROBLEMS, Apdu, Frame, Problem
from hypothesis import given, settings
from hypothesis import strategies as st

CAPTURES = load_captures("dlms-hdlc")
LLC = b"\xe6\xe7\x00"
PUSH = b"\x0f\x00\x00\x00\x00\x00\x02\x01\x11\x2a"
TRANSFERS = {None: "single", "HDLC segmentation": "segmented", "general-block-transfer": "blocks"}
#: Captures from which not all pushes come out, and the problems instead (those of damaged frames not counted).
INCOMPLETE = {
    "dlms-hdlc/aidon-se-missampled.bin": (0, []),
    "dlms-hdlc/kamstrup-omnipower-no-bad-fcs.bin": (0, []),
    "dlms-hdlc/lg-zmf100-embriq-no-swapped-tag.bin": (0, []),
    "dlms-hdlc/iskra-ie5-hr-first-segment-only.bin": (0, ["incomplete"]),
    "dlms-hdlc/lg-e450-ch-romande-energie-gbt-incomplete.bin": (0, ["incomplete"]),
    "dlms-hdlc/lg-e450-ch-2021-blocks-out-of-order.bin": (0, ["block_order", "block_lost"]),
    "dlms-hdlc/lg-e450-ch-2021-two-pushes.bin": (1, ["block_lost"]),
}


def frames_of(one: Capture) -> list[Frame]:
    framer = HdlcFramer()
    return [item for item in framer.feed(one.data) + framer.finish() if isinstance(item, Frame)]


def frame(
    information: bytes, *, offset: int = 0, segmented: bool = False, source: str = "03", control: int = 0x13
) -> Frame:
    return Frame(information, offset, b"", "cf", source, segmented, control)


def block(number: int, data: bytes, *, last: bool = False, llc: bool = False) -> Frame:
    header = bytes([0xE0, 0xC0 if last else 0x40]) + number.to_bytes(2, "big") + b"\0\0"
    length = bytes([len(data)]) if len(data) < 0x80 else b"\x82" + len(data).to_bytes(2, "big")
    return frame((LLC if llc else b"") + header + length + data, offset=number)


def run(frames: Iterable[Frame]) -> list[Apdu | Problem]:
    reassembler = Reassembler()
    found: list[Apdu | Problem] = []
    for one in frames:
        found += reassembler.feed(one)
    return found + reassembler.finish()


def apdus(found: list[Apdu | Problem]) -> list[bytes]:
    return [item.data for item in found if isinstance(item, Apdu)]


def codes(found: list[Apdu | Problem]) -> list[str]:
    return [item.code for item in found if isinstance(item, Problem)]


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_captures(one: Capture) -> None:
    structure = one.facts["structure"]
    found = run(frames_of(one))
    pushes, problems = INCOMPLETE.get(one.name, (structure["pushes"], []))
    assert len(apdus(found)) == pushes
    assert codes(found) == problems
    for apdu in found:
        if isinstance(apdu, Apdu):
            assert apdu.transfer == TRANSFERS[structure["reassembly"]]
            assert apdu.data[0] == (0xDB if structure["ciphered"] else 0x0F)


@pytest.mark.parametrize("one", CAPTURES, ids=lambda one: one.name)
def test_a_good_telegram_comes_out_behind_any_capture(one: Capture) -> None:
    good = frames_of(capture("dlms-hdlc/lg-e450-ch-vse2026.bin"))
    assert apdus(run([*frames_of(one), *good]))[-1:] == apdus(run(good))


def test_the_push_given_up_is_not_the_one_delivered() -> None:
    found = run(frames_of(capture("dlms-hdlc/lg-e450-ch-2021-two-pushes.bin")))
    lost, apdu = found
    assert isinstance(lost, Problem)
    assert isinstance(apdu, Apdu)
    assert lost.offset == 0
    assert apdu.data[:5] == bytes.fromhex("0f0000cbc6")  # the invoke id of the second
    assert apdu.offset == 0x105


@pytest.mark.parametrize("lost", range(4))
def test_each_block_lost(lost: int) -> None:
    """Whatever block is lost, its telegram is dropped with one Problem, and the next is whole."""
    good = frames_of(capture("dlms-hdlc/lg-e450-ch-vse2026.bin"))
    found = run([*good[:lost], *good[lost + 1 :], *good])
    assert apdus(found) == apdus(run(good))
    assert codes(found) == ["block_lost"]


@pytest.mark.parametrize("lost", [0, 4])
def test_first_or_last_segment_lost(lost: int) -> None:
    """Segments have no numbers: the first is missed for its LLC header, the last when the next telegram begins."""
    good = frames_of(capture("dlms-hdlc/iskra-am550-ch-2020-segmented.bin"))
    found = run([*good, *good[:lost], *good[lost + 1 :], *good])
    assert apdus(found) == apdus(run([*good, *good]))
    assert codes(found) == ["block_lost"]


def test_listening_begins_between_segments() -> None:
    good = frames_of(capture("dlms-hdlc/iskra-550-registers-scaler-unit-segmented.bin"))
    found = run([*good[1:], *good])
    assert apdus(found) == apdus(run(good))
    assert codes(found) == ["block_lost"]


@pytest.mark.parametrize(
    ("numbers", "problems", "whole"),
    [
        ("1 2 3*", [], 1),
        ("1 1 2 3*", ["block_lost"], 1),
        ("1 2 2 3*", ["block_order"], 0),
        ("1 3 2 4*", ["block_lost"], 0),
        ("2 3*", ["block_lost"], 0),
        ("1 2 1 2 3*", ["block_lost"], 1),
        ("1 2 3* 1 2 3*", [], 2),
        ("1 2 4* 1 2 3*", ["block_lost"], 1),
        ("1 2", ["incomplete"], 0),
        ("1*", [], 1),
    ],
)
def test_order_of_blocks(numbers: str, problems: list[str], whole: int) -> None:
    sent = [block(int(name.rstrip("*")), name.encode(), last=name.endswith("*")) for name in numbers.split()]
    found = run(sent)
    assert codes(found) == problems
    assert len(apdus(found)) == whole


def test_llc_in_every_block_or_in_none() -> None:
    for llc in (True, False):
        sent = [block(1, PUSH[:4], llc=llc), block(2, PUSH[4:], last=True, llc=llc)]
        assert run(sent) == [Apdu(PUSH, 1, "cf", "03", "blocks")]


@pytest.mark.parametrize("header", [LLC, b"\xe6\xe6\x00", b""])
def test_llc_headers(header: bytes) -> None:
    assert apdus(run([frame(header + PUSH)] * 2)) == [PUSH, PUSH]


@pytest.mark.parametrize("size", [1, 0x7F, 0x80, 0xFF, 0x100, 1800])
def test_block_lengths_of_one_to_three_octets(size: int) -> None:
    data = bytes(size)
    assert apdus(run([block(1, data), block(2, PUSH, last=True)])) == [data + PUSH]


@pytest.mark.parametrize(
    "information",
    ["e0", "e040", "e0c000010000", "e0c00001000003", "e0c00001000081", "e0c0000100008201", "e0c00001000080"],
)
def test_blocks_that_end_too_early(information: str) -> None:
    found = run([frame(bytes.fromhex(information)), frame(LLC + PUSH)])
    assert apdus(found) == [PUSH]
    assert set(codes(found)) <= {"bad_length", "block_lost"}
    assert codes(found)


def test_blocks_in_segments() -> None:
    whole = LLC + block(1, PUSH[:5]).information
    sent = [
        frame(whole[:9], segmented=True),
        frame(whole[9:]),
        frame(LLC + block(2, PUSH[5:], last=True).information),
    ]
    assert apdus(run(sent)) == [PUSH]


def test_senders_do_not_disturb_each_other() -> None:
    one, two = (
        [frame(LLC + PUSH[:4], segmented=True, source=source), frame(PUSH[4:], source=source)]
        for source in ("03", "05")
    )
    found = run([one[0], two[0], one[1], two[1]])
    assert [(item.data, item.source) for item in found if isinstance(item, Apdu)] == [
        (PUSH, "03"),
        (PUSH, "05"),
    ]


def test_link_frames_are_not_telegrams() -> None:
    for control in (0x93, 0x73, 0x53, 0x1F, 0x11, 0x97):  # SNRM, UA, DISC, DM, RR, FRMR
        assert run([frame(LLC + PUSH, control=control)]) == []
    for control in (0x03, 0x13, 0x10, 0x32):  # UI, I
        assert apdus(run([frame(LLC + PUSH, control=control)])) == [PUSH]


def test_empty_frames_are_ignored() -> None:
    assert run([frame(b""), frame(LLC), frame(LLC + PUSH)]) == [Apdu(PUSH, 0, "cf", "03")]


def test_too_long_in_blocks() -> None:
    data = bytes(2000)
    good = [block(1, PUSH, last=True)]
    found = run([*(block(number, data) for number in range(1, 60)), *good])
    assert codes(found) == ["too_long"]
    assert apdus(found) == [PUSH]


def test_too_long_in_segments() -> None:
    segments = [frame(LLC + bytes(2000), segmented=True)] + [frame(bytes(2000), segmented=True)] * 60
    found = run([*segments, frame(b"end"), frame(LLC + PUSH)])
    assert codes(found) == ["too_long"]
    assert apdus(found) == [PUSH]


def test_many_senders_fill_no_memory() -> None:
    reassembler = Reassembler()
    problems = []
    for number in range(100):
        problems += reassembler.feed(frame(LLC + bytes(2000), segmented=True, source=f"{number:02x}"))
    assert len(problems) == 100 - ADDRESS_PAIRS
    assert len(reassembler.finish()) == ADDRESS_PAIRS
    assert reassembler.finish() == []


@given(
    st.lists(
        st.builds(
            frame,
            st.one_of(
                st.binary(max_size=12),
                st.binary(max_size=8).map(lambda rest: LLC + rest),
                st.binary(max_size=8).map(lambda rest: b"\xe0" + rest),
                st.tuples(st.integers(1, 3), st.booleans()).map(
                    lambda what: block(what[0], PUSH, last=what[1]).information
                ),
            ),
            segmented=st.booleans(),
            source=st.sampled_from(["03", "05"]),
            control=st.sampled_from([0x13, 0x03, 0x10, 0x93]),
        ),
        max_size=30,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_frames_raise_nothing_and_a_good_one_comes_out(sent: list[Frame]) -> None:
    found = run([*sent, frame(LLC + PUSH)])
    assert apdus(found)[-1] == PUSH
    assert all(problem.code in PROBLEMS for problem in found if isinstance(problem, Problem))
    assert all(len(data) <= LONGEST_APDU for data in apdus(found))
