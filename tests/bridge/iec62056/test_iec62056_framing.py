"""Where telegrams begin and end: with and without BCC, in pieces, in garbage, damaged, with parity bits."""

from __future__ import annotations

import random

import pytest
from captures import Capture
from ciibridge.framing.iec62056 import LONGEST_OCTETS, Iec62056Framer, block_check
from ciibridge.framing.sniff import sniff
from ciibridge.types import PROBLEMS, Frame, Problem
from hypothesis import given, settings
from hypothesis import strategies as st
from iec62056_parts import (
    CAPTURES,
    CHECKED,
    IDENTIFICATION,
    LINES,
    PLAIN,
    TABLE,
    block,
    capture_names,
    frames,
    with_parity,
    words,
)

recordings = pytest.mark.parametrize("recording", CAPTURES, ids=capture_names)


def texts(found: list[Frame | Problem]) -> list[bytes]:
    return [item.information for item in found if isinstance(item, Frame)]


def test_a_bcc_by_hand() -> None:
    """R2 of the set F001, as smartmeter-datacollector sends it to a TD-3511: 01 52 32 02 46 30 30 31 03 16."""
    assert block_check(b"R2\x02F001\x03") == 0x16
    assert block_check(b"R2\x02F009\x03") == 0x1E
    assert block_check(b"B0\x03") == 0x71  # the break of the standard: 01 42 30 03 71


@recordings
def test_recordings(recording: Capture) -> None:
    assert words(frames(recording.data)) == TABLE[recording.name]["frames"]


@recordings
def test_recordings_in_pieces_and_with_parity_bits(recording: Capture) -> None:
    octets = recording.data
    whole = frames(octets)
    assert frames(octets, *range(1, len(octets))) == whole
    cuts = sorted(random.Random(recording.name).sample(range(1, len(octets)), 9))
    assert frames(octets, *cuts) == whole
    assert texts(frames(with_parity(octets))) == texts(whole)
    assert words(frames(with_parity(octets))) == words(whole)


@pytest.mark.parametrize(
    ("octets", "wanted"),
    [
        (CHECKED, ["bcc"]),
        (PLAIN, ["none"]),
        (PLAIN.replace(b"\r\n", b"\n"), ["none"]),
        (PLAIN[:-2], ["none"]),  # the last line end is missing
        (IDENTIFICATION + b"\r\n" + LINES + b"!\r\n", ["none"]),  # mode D: an empty line
        (IDENTIFICATION + b"\x02" + LINES + b"!\r\n", ["none"]),  # STX, and nothing behind the end
        (block(LINES + b"!\r\n"), ["bcc"]),  # answer to a command
        (block(b"1.8.0(000219.252*kWh)"), ["bcc"]),  # the same without end mark
        (b"/?!\r\n" + IDENTIFICATION + b"\x06050\r\n" + block(LINES + b"!\r\n"), ["bcc"]),  # echoes
        (bytes(70) + b"/?10000001!\r\n" + CHECKED + b"\x7f\x7f", ["bcc"]),  # waking, fill
        (CHECKED + b"\x01R2\x02F001\x03\x16" + block(LINES + b"!\r\n"), ["bcc", "bcc"]),
        (CHECKED + b"\x01B0\x03\x71", ["bcc"]),
        (PLAIN * 3, ["none"] * 3),
        (LINES + b"!\r\n", ["none"]),  # opens as readouts do
        (b"\x02" + LINES + b"!\r\n", ["incomplete"]),  # nothing proves it
        (b"1-0:21.8.0(1*kWh)\r\n2.8.0(2*kWh)\r\n!\r\n", ["noise"]),  # from the middle
        (CHECKED[:-1] + b"\x00", ["bad_checksum"]),
        (CHECKED[:-1], ["incomplete"]),
        (CHECKED[:60], ["incomplete"]),
        (PLAIN[:40] + PLAIN, ["incomplete", "none"]),
        (CHECKED[:-1] + b"\x00" + PLAIN, ["bad_checksum", "none"]),
        (CHECKED.replace(b"219", b"2/9") + CHECKED, ["bad_checksum", "bcc"]),
        (CHECKED.replace(b"kWh)", b"kWh!", 1) + CHECKED, ["bad_checksum", "bcc"]),  # no end inside a value
        (b"\xf0\x0f garbage" + CHECKED, ["noise", "bcc"]),
        (b"", []),
        (b"\r\n\0\x7f \x15", []),
    ],
)
def test_forms(octets: bytes, wanted: list[str]) -> None:
    assert words(frames(octets)) == wanted
    assert words(frames(octets, *range(1, len(octets)))) == wanted
    assert words(frames(with_parity(octets))) == wanted


def test_a_readout_without_stx_is_there_at_its_last_line_end() -> None:
    """Mode D has nothing behind it: it must not wait for the next telegram."""
    assert words(Iec62056Framer().feed(PLAIN)) == ["none"]
    assert words(Iec62056Framer().feed(CHECKED)) == ["bcc"]


def test_parity_is_checked() -> None:
    octets = bytearray(with_parity(PLAIN))
    octets[60] ^= 0x04
    (problem,) = frames(bytes(octets))
    assert isinstance(problem, Problem)
    assert (problem.code, problem.offset) == ("bad_checksum", 0)
    assert "1 of the" in problem.message


def test_a_letter_with_an_accent_is_no_parity_bit() -> None:
    octets = PLAIN.replace(b"F.F(00)", "C.90(Zähler)".encode("latin-1"))
    (frame,) = frames(octets)
    assert isinstance(frame, Frame)
    assert frame.information == octets[:-2]


def test_every_octet_damaged_once_gives_the_next_telegram() -> None:
    """Nothing of a damaged telegram with BCC is taken, and the good one behind it always is."""
    for place in range(len(CHECKED)):
        for mask in (0x01, 0x12, 0x60):
            octets = bytearray(CHECKED)
            octets[place] ^= mask
            found = frames(bytes(octets) + CHECKED)
            assert texts(found)[-1] == CHECKED, (place, mask)
            for text in texts(found)[:-1]:
                # Not under the BCC: the identification line, and STX, without which there is no BCC to check.
                assert place <= len(IDENTIFICATION), (place, mask)
                assert LINES[LINES.index(b"0.0.0") :] in text, (place, mask)


def test_bounded() -> None:
    framer = Iec62056Framer()
    found = framer.feed(IDENTIFICATION + b"\x02")
    for _ in range(3 * LONGEST_OCTETS // 1024):
        found += framer.feed(b"1.8.0(0)\r\n" * 102 + b"    ")
        assert framer.pending_octets <= LONGEST_OCTETS + 1024
    assert words(found)[:1] == ["too_long"]
    assert set(words(found)[1:]) <= {"noise"}
    assert texts(framer.feed(CHECKED)) == [CHECKED]


def test_counters() -> None:
    framer = Iec62056Framer()
    framer.feed(b"garbage\r\n" + CHECKED + CHECKED[:-1] + b"\x00" + PLAIN)
    assert (framer.frames, framer.damaged) == (2, 1)
    assert framer.skipped_octets >= 9


_PIECES = st.one_of(
    st.sampled_from([CHECKED, PLAIN, IDENTIFICATION, LINES, b"\x02", b"\x03", b"!", b"/", b"\r\n", b"/?!\r\n"]),
    st.binary(max_size=20),
    st.text("0123456789.:-*()/!\r\n\x02\x03FC", max_size=20).map(str.encode),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_PIECES, max_size=8), st.data())
def test_any_octets_in_any_pieces(pieces: list[bytes], data: st.DataObject) -> None:
    octets = b"".join(pieces)
    whole = frames(octets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=6)))
    assert frames(octets, *cuts) == whole
    assert frames(octets, *range(1, len(octets))) == whole
    assert {item.code for item in whole if isinstance(item, Problem)} <= set(PROBLEMS)
    for item in whole:
        if isinstance(item, Frame):
            assert octets[item.offset : item.offset + len(item.raw)] == item.raw


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60).filter(lambda octets: not octets.strip(b"\r\n")[-40:].count(b"/")))
def test_a_telegram_behind_garbage_comes_out(garbage: bytes) -> None:
    assert texts(frames(garbage + b"\r\n" + CHECKED))[-1:] == [CHECKED]


def test_told_from_p1() -> None:
    p1 = b"/LGZ5E360\r\n\r\n0-0:1.0.0(260504093922S)\r\n1-0:1.8.0(000219.252*kWh)\r\n!\r\n"
    assert sniff(p1) == "dsmr-p1"
    assert sniff(PLAIN) == sniff(CHECKED) == sniff(with_parity(PLAIN)) == "iec62056-21"
    assert sniff(b"\xff\xff" + PLAIN[30:] + PLAIN) == "iec62056-21"
    assert sniff(IDENTIFICATION + b"1-0:1.8.0*255(000219.252*kWh)\r\n!\r\n") == "iec62056-21"
    assert sniff(block(LINES + b"!\r\n")) == "iec62056-21"
