"""Captures, telegrams and the line of IEC 62056-21, for its tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import ciimodel
from captures import Capture, load_captures
from ciibridge.framing.iec62056 import Iec62056Framer
from ciibridge.normalise import MeterSettings
from ciibridge.pipeline import Pipeline
from ciibridge.types import Frame, Problem, Snapshot

NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)
CAPTURES = load_captures("iec62056-21")
TABLE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "iec62056_captures.json").read_text(encoding="utf-8")
)
IDENTIFICATION = b"/LGZ4ZMF100AC.M23\r\n"
LINES = b"F.F(00)\r\n0.0.0(10000001)\r\n1.8.0(000219.252*kWh)\r\n2.8.0(000001.000*kWh)\r\n"
PLAIN = IDENTIFICATION + LINES + b"!\r\n"  # modes A and D


def block(data: bytes) -> bytes:
    """Data with STX, ETX and BCC around it; the BCC computed in the test's own way."""
    return b"\x02" + data + b"\x03" + bytes([reduce(xor, data + b"\x03")])


CHECKED = IDENTIFICATION + block(LINES + b"!\r\n")  # mode C


def mended(octets: bytes) -> bytes:
    """The same with the BCC that its text gives."""
    stx = octets.index(b"\x02")
    etx = octets.index(b"\x03", stx)
    return octets[: stx + 1] + block(octets[stx + 1 : etx])[1:] + octets[etx + 2 :]


def with_parity(octets: bytes) -> bytes:
    """As a port set to eight bits delivers 7E1."""
    return bytes(octet | (octet.bit_count() % 2) << 7 for octet in octets)


def frames(octets: bytes, *cuts: int) -> list[Frame | Problem]:
    """Through a framer in pieces that end at ``cuts``."""
    framer = Iec62056Framer()
    found: list[Frame | Problem] = []
    for begin, end in zip((0, *cuts), (*cuts, len(octets)), strict=True):
        found += framer.feed(octets[begin:end])
    return found + framer.finish()


def words(found: list[Frame | Problem]) -> list[str]:
    """The check of each frame, the code of each problem."""
    return [item.check if isinstance(item, Frame) else item.code for item in found]


def run(octets: bytes, *, piece: int = 0, **settings: Any) -> list[Snapshot | Problem]:
    """Through the whole line."""
    pipeline = Pipeline(ciimodel.load(), MeterSettings(**({"clock": "meter"} | settings)), "iec62056-21")
    size = piece or max(1, len(octets))
    found: list[Snapshot | Problem] = []
    for begin in range(0, len(octets), size):
        found += pipeline.feed(octets[begin : begin + size], NOW)
    return found + pipeline.finish()


def snapshots(found: list[Snapshot | Problem]) -> list[Snapshot]:
    return [item for item in found if isinstance(item, Snapshot)]


def codes(found: list[Snapshot | Problem]) -> list[str]:
    return [item.code for item in found if isinstance(item, Problem)]


def capture_names(recording: Capture) -> str:
    return recording.name.split("/")[1]
