"""The file of a recording: what is written is read again, in chunks of any size, and what is damaged is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from ciibridge.errors import ConfigError
from ciibridge.recording.container import Header, Piece, Reader, time_of, write_piece
from ciibridge.recording.forms import read_recording
from ciimodel.catalogue import Link
from hypothesis import given
from hypothesis import strategies as st

STARTED = datetime(2026, 5, 4, 9, 39, 20, 112000, tzinfo=UTC)
LINE = Link(baudrate=2400, bytesize=8, parity="even", stopbits=1)
HEADER = Header(STARTED, LINE, "dlms-hdlc", "ciibridge 0.1.0", {"values": "kept"})
PIECES = [Piece(0.0, b"\x7e\xa0"), Piece(0.25, b"/ISK5"), Piece(0.25, b"")]


def container(*pieces: Piece, header: Header = HEADER) -> bytes:
    return header.write() + b"".join(write_piece(piece) for piece in pieces)


def test_it_can_be_opened_by_a_person() -> None:
    first, second, *_ = container(*PIECES).decode().splitlines()
    assert json.loads(first) == {
        "ciibridge_recording": 1,
        "started": "2026-05-04T09:39:20.112Z",
        "software": "ciibridge 0.1.0",
        "line": {"baudrate": 2400, "bytesize": 8, "parity": "even", "stopbits": 1},
        "protocol": "dlms-hdlc",
        "redacted": {"values": "kept"},
    }
    assert json.loads(second) == {"t": 0.0, "hex": "7ea0"}


def test_what_is_written_is_read() -> None:
    recording = read_recording(container(*PIECES), "x")
    assert recording.header == HEADER
    assert list(recording.pieces) == PIECES
    assert recording.octets == b"\x7e\xa0/ISK5"
    assert time_of(HEADER, PIECES[1]).isoformat() == "2026-05-04T09:39:20.362000+00:00"


@given(
    st.lists(st.tuples(st.floats(0, 1e5, allow_nan=False), st.binary(max_size=50)), max_size=10),
    st.integers(1, 40),
)
def test_chunks_of_any_size(pieces: list[tuple[float, bytes]], size: int) -> None:
    written = [Piece(round(at_s, 6), octets) for at_s, octets in sorted(pieces)]
    data = container(*written)
    reader = Reader("x")
    read = [piece for begin in range(0, len(data), size) for piece in reader.feed(data[begin : begin + size])]
    assert read + reader.finish() == written


def test_a_cut_last_line_end_is_no_damage() -> None:
    assert list(read_recording(container(*PIECES).rstrip(b"\n"), "x").pieces) == PIECES


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (b"nonsense\n", "x:2: the recording is damaged: the line is no JSON"),
        (b"[]\n", "x:2: the recording is damaged: the line is no JSON object"),
        (
            b'{"t": 1, "hex": "7e"}\n{"t": 0.5, "hex": "7e"}\n',
            "x:3: the recording is damaged: the line t: write seconds",
        ),
        (b'{"t": "now", "hex": "7e"}\n', "x:2: the recording is damaged: the line t: write seconds"),
        (b'{"t": true, "hex": "7e"}\n', "x:2: the recording is damaged: the line t: write seconds"),
        (b'{"t": 0, "hex": "7"}\n', "x:2: the recording is damaged: the line hex: not an even number"),
        (b'{"t": 0, "hex": "zz"}\n', "x:2: the recording is damaged: the line hex: not an even number"),
    ],
)
def test_a_damaged_line_is_named(lines: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_recording(HEADER.write() + lines, "x")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ('{"ciibridge_recording":2,"started":"2026-05-04T09:39:20Z"}', "of version 2"),
        ('{"ciibridge_recording":1}', "started: write a time"),
        (
            '{"ciibridge_recording":1,"started":"2026-05-04T09:39:20Z","line":{"baudrate":"fast"}}',
            "line.baudrate",
        ),
    ],
)
def test_a_damaged_head_is_named(first: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_recording(first.encode(), "x")


@given(st.binary(max_size=300))
def test_no_octets_upset_it(data: bytes) -> None:
    for content in (data, HEADER.write() + data):
        try:
            read_recording(content, "x")
        except ConfigError:
            continue


def test_other_forms_of_recordings() -> None:
    assert read_recording(b"\x7e\xa0\x8b", "x").octets == b"\x7e\xa0\x8b"
    assert read_recording(b"7E A0 8B # a comment\n", "x").octets == b"\x7e\xa0\x8b"
    assert read_recording(b"", "x").octets == b""
    assert read_recording(b"7E", "x").header is None
