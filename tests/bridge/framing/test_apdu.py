"""Bare APDUs in a stream: recordings, synthetic ones in every cut, and everything that can be wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import ciimodel
import pytest
from captures import Capture, load_captures
from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.notification import parse
from ciibridge.errors import DecodeError
from ciibridge.framing.apdu import LONGEST_OCTETS, ApduFramer
from ciibridge.framing.extent import Extent
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.mbus import MbusFramer
from ciibridge.framing.mbus_transport import MbusTransport
from ciibridge.framing.reassembly import Reassembler
from ciibridge.framing.sniff import sniff
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.types import Apdu, Frame, Problem, Snapshot
from hypothesis import given
from hypothesis import strategies as st

NOW: Final = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
BARE: Final = load_captures("dlms-apdu")
PUSH: Final = bytes.fromhex(
    "0f000000010c07ea0504010b2714ff8000800202090601000107 00ff060000001c".replace(" ", "")
)
TIMELESS: Final = bytes.fromhex("0f000000020002020906010001070 0ff060000001d".replace(" ", ""))
TAGGED: Final = bytes.fromhex(
    "0f00000003090c07ea0504010b2714ff80008002020906010001070 0ff060000001e".replace(" ", "")
)
EVENT: Final = bytes.fromhex("c200000301000107 00ff02060000001f".replace(" ", ""))
TIMED_EVENT: Final = bytes.fromhex(
    "c2010c07ea0504010b2714ff800080000301000107 00ff0206000000 20".replace(" ", "")
)
CIPHERED: Final = bytes.fromhex("db084c475a67730011220a20000000010102030405")
DEDICATED: Final = b"\xdc" + CIPHERED[1:]
#: general-ciphering with an identified key, and general-signing with a signature of two octets.
GENERAL: Final = bytes.fromhex(
    "dd0800000000000000 01084c475a6773001122 00 00 00 01 00 00 0a20000000010102030405".replace(" ", "")
)
SIGNED: Final = bytes.fromhex(
    "df0800000000000000 01084c475a6773001122 00 00 00 03 0f0001 02 aabb".replace(" ", "")
)
EVERY: Final = (
    PUSH,
    TIMELESS,
    TAGGED,
    EVENT,
    TIMED_EVENT,
    CIPHERED,
    DEDICATED,
    SIGNED,
    b"\xe6\xe7\x00" + PUSH,
)
WHOLE: Final = {one.hex()[:8]: one for one in EVERY}


def block(number: int, data: bytes, *, last: bool = False) -> bytes:
    return bytes([0xE0, 0xC0 if last else 0x40, 0, number, 0, 0, len(data)]) + data


def cut(octets: bytes, piece: int = 1 << 20) -> list[Frame | Problem]:
    framer = ApduFramer()
    found = []
    for begin in range(0, len(octets), piece):
        found += framer.feed(octets[begin : begin + piece])
    return found + framer.finish()


def run(octets: bytes, protocol: str = "dlms-apdu", **settings: object) -> list[Snapshot | Problem]:
    made = MeterSettings(id="home", clock="meter", **settings)  # type: ignore[arg-type]
    pipeline = Pipeline(ciimodel.load(), made, protocol)
    return pipeline.feed(octets, NOW) + pipeline.finish()


def codes(found: list[Snapshot | Problem]) -> list[str]:
    told = [item.code for item in found if isinstance(item, Problem)]
    return [code for code in told if code != "model_unknown"]  # synthetic telegrams are nobody's


def frames(found: list[Frame | Problem]) -> list[bytes]:
    return [item.information for item in found if isinstance(item, Frame)]


@pytest.mark.parametrize("one", BARE, ids=lambda one: one.name)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_captures(one: Capture, piece: int) -> None:
    assert sniff(one.data) == "dlms-apdu"
    assert cut(one.data, piece) == [Frame(one.data, 0, one.data)]
    assert sniff(one.data[:-3]) == "dlms-apdu"
    [problem] = cut(one.data[:-3], piece)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.offset) == ("incomplete", 0)


@pytest.mark.parametrize("one", BARE, ids=lambda one: one.name)
def test_captures_between_garbage(one: Capture) -> None:
    found = cut(b"\0\0" + one.data + one.data + b"\x11" * 9 + one.data[:90] + one.data)
    assert frames(found) == [one.data] * 3
    problems = [item for item in found if isinstance(item, Problem)]
    assert [p.offset for p in problems] == [0, 2 + 2 * len(one.data), 11 + 2 * len(one.data)]


def apdus(one: Capture) -> list[Apdu]:
    framer = HdlcFramer() if one.facts["family"] == "dlms-hdlc" else MbusFramer()
    assembler = Reassembler() if one.facts["family"] == "dlms-hdlc" else MbusTransport()
    items = framer.feed(one.data) + framer.finish()
    found = [apdu for frame in items if isinstance(frame, Frame) for apdu in assembler.feed(frame)]
    return [item for item in found if isinstance(item, Apdu)]


@pytest.mark.parametrize(
    "one", [*load_captures("dlms-hdlc"), *load_captures("dlms-mbus")], ids=lambda one: one.name
)
def test_what_other_framings_carried(one: Capture) -> None:
    whole = [apdu.data for apdu in apdus(one)]
    assert frames(cut(b"".join(whole))) == whole
    if not whole:
        return
    # What is ciphered may be a P1 telegram: it goes through that line, which reads both.
    protocol = sniff(whole[0])
    assert protocol == ("dsmr-p1" if whole[0][0] == 0xDB else "dlms-apdu")
    if one.key or whole[0][0] != 0xDB:
        found = run(whole[0], protocol, key=one.key, auth_key=one.auth_key)
        assert any(isinstance(item, Snapshot) for item in found) or codes(found) == ["unknown_layout"]
        assert run(whole[0], key=one.key, auth_key=one.auth_key) == found
    else:
        assert codes(run(whole[0], protocol)) == codes(run(whole[0])) == ["key_missing"]


@pytest.mark.parametrize("one", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
def test_every_kind(one: bytes, piece: int) -> None:
    framer = ApduFramer()
    found = [f for begin in range(0, len(one), piece) for f in framer.feed(one[begin : begin + piece])]
    assert found == [Frame(one, 0, one)]  # there with its last octet
    assert (framer.finish(), framer.pending_octets) == ([], 0)


def test_general_ciphering_wants_its_key_and_signing_is_refused_by_name() -> None:
    found = run(GENERAL + SIGNED + PUSH)
    assert codes(found) == ["key_missing", "unsupported_security"]
    assert isinstance(found[1], Problem)
    assert "general-signing" in found[1].message
    assert isinstance(found[-1], Snapshot)


@pytest.mark.parametrize(
    ("octets", "watts"), [(EVENT, "31"), (TIMED_EVENT, "32"), (TAGGED, "30"), (TIMELESS, "29")]
)
def test_values(octets: bytes, watts: str) -> None:
    [snapshot] = [item for item in run(octets) if isinstance(item, Snapshot)]
    assert str(snapshot.values["power_import"].number) == watts


def test_blocks() -> None:
    first, second, third = PUSH[:9], PUSH[9:20], PUSH[20:]
    good = block(1, first) + block(2, second) + block(3, third, last=True)
    assert sniff(good) == "dlms-apdu"
    assert codes(run(good)) == []
    assert isinstance(run(good)[-1], Snapshot)
    lost = block(1, first) + block(3, third, last=True)
    assert codes(run(lost + good)) == ["block_lost"]
    repeated = block(1, first) + block(2, second) + block(2, second) + block(3, third, last=True)
    assert codes(run(repeated + good)) == ["block_order"]
    assert isinstance(run(repeated + good)[-1], Snapshot)


@pytest.mark.parametrize(
    ("octets", "code", "where"),
    [
        (
            PUSH[:20] + b"\x07" + PUSH[21:],
            "bad_apdu",
            "tag 07 is no COSEM data type (octet 23 of the stream)",
        ),
        (
            PUSH[:18] + b"\x02\x02\x09\x87" + PUSH[22:],
            "bad_apdu",
            "87 is no length here (octet 24 of the stream)",
        ),
        (PUSH[:18] + b"\x02\x01" * 20, "bad_apdu", "nested deeper than 16 levels"),
        (PUSH[:20], "incomplete", "begins before the one before it has ended"),
        (PUSH[:20] + PUSH, "incomplete", "begins before the one before it has ended"),
    ],
)
def test_damage_names_its_octet(octets: bytes, code: str, where: str) -> None:
    found = cut(b"\x55" * 3 + octets + PUSH)
    noise, problem = found[:2]
    assert isinstance(noise, Problem)
    assert isinstance(problem, Problem)
    assert (noise.code, noise.offset) == ("noise", 0)
    assert (problem.code, problem.offset, where in problem.message) == (code, 3, True)
    assert frames(found)[-1] == PUSH


def test_an_apdu_cut_off_by_the_next() -> None:
    cut_short = PUSH[:18] + bytes.fromhex("02030a28") + b"x" * 12
    found = cut(cut_short + TAGGED + PUSH)
    assert next(item.code for item in found if isinstance(item, Problem)) == "incomplete"
    assert frames(found) == [TAGGED, PUSH]


def test_too_long() -> None:
    endless = PUSH[:18] + bytes.fromhex("0202") + b"\x09\x83\x02\x00\x00"
    found = cut(endless + bytes(100) + PUSH)
    assert isinstance(found[0], Problem)
    assert (found[0].code, frames(found)) == ("too_long", [PUSH])


@given(st.lists(st.binary(max_size=60) | st.sampled_from(EVERY), max_size=8))
def test_any_octets_raise_nothing_and_fill_no_memory(chunks: list[bytes]) -> None:
    framer = ApduFramer()
    for chunk in chunks:
        framer.feed(chunk)
        assert framer.pending_octets <= LONGEST_OCTETS
    framer.finish()
    run(b"".join(chunks))


@pytest.mark.parametrize("one", BARE, ids=lambda one: one.name)
def test_the_extent_of_a_value_is_what_the_decoder_reads(one: Capture) -> None:
    body = parse(one.data).body
    extent = Extent(body.offset)
    steps = [extent.advance(one.data[:size]) for size in range(body.offset, len(one.data) + 1)]
    assert (steps.index(True), extent.position) == (len(steps) - 1, body.end)


VALUES: Final = st.recursive(
    st.sampled_from(
        [
            bytes([tag]) + bytes(size)
            for tag, size in (
                (0, 0),
                (3, 1),
                (5, 4),
                (13, 1),
                (20, 8),
                (25, 12),
                (26, 5),
                (27, 4),
                (29, 2),
                (33, 4),
            )
        ]
    )
    | st.binary(max_size=20).map(lambda text: bytes([9, len(text)]) + text)
    | st.integers(0, 20).map(lambda bits: bytes([4, bits]) + bytes((bits + 7) // 8))
    | st.sampled_from(
        [bytes.fromhex("130211120406010203040506"), bytes.fromhex("13 01 0002 11 04 01020304")]
    ),
    lambda inner: st.lists(inner, max_size=5).map(lambda some: bytes([2, len(some)]) + b"".join(some)),
)


@given(VALUES | st.binary(min_size=1, max_size=20))
def test_extent_and_decoder_agree(octets: bytes) -> None:
    try:
        end = axdr.read(octets).end
    except DecodeError:
        return
    extent = Extent(0)
    assert extent.advance(octets)
    assert extent.position == end
