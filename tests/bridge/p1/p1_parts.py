"""What the tests of DSMR-P1 share: streams through framer and pipeline, telegrams with a right CRC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import ciimodel
from captures import Capture, load_captures
from ciibridge.framing.crc import crc_arc
from ciibridge.framing.p1 import P1Framer
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.types import Frame, Problem, Snapshot

NOW: Final = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
CAPTURES: Final = load_captures("dsmr-p1")
LINES: Final = ("0-0:1.0.0(260504113921S)", "1-0:1.8.0(000123.456*kWh)", "1-0:1.7.0(00.193*kW)")


def telegram(*lines: str, identification: str = "XXX5SIM", crc: bool = True) -> bytes:
    """A telegram of these lines with a right CRC, or none."""
    text = f"/{identification}\r\n\r\n{''.join(line + chr(13) + chr(10) for line in lines or LINES)}!".encode(
        "latin-1"
    )
    return text + (f"{crc_arc(text):04X}".encode() if crc else b"") + b"\r\n"


def frame(stream: bytes, piece: int = 1 << 20, cuts: list[int] | None = None) -> list[Frame | Problem]:
    """Everything the framer gives for a stream in pieces."""
    framer = P1Framer()
    found = []
    position = 0
    for size in cuts or []:
        found += framer.feed(stream[position : position + size])
        position += size
    for begin in range(position, len(stream), piece):
        found += framer.feed(stream[begin : begin + piece])
    return found + framer.finish()


def settings(recording: Capture, **more: Any) -> MeterSettings:
    return MeterSettings(**({"key": recording.key, "auth_key": recording.auth_key, "clock": "meter"} | more))


def run(stream: bytes, chosen: MeterSettings | None = None, piece: int = 1 << 20) -> list[Snapshot | Problem]:
    """Everything the whole line gives for a stream in pieces."""
    pipeline = Pipeline(ciimodel.load(), chosen or MeterSettings(clock="meter"), "dsmr-p1")
    found: list[Snapshot | Problem] = []
    for begin in range(0, len(stream), piece):
        found += pipeline.feed(stream[begin : begin + piece], NOW)
    return found + pipeline.finish()


def frames(found: list[Frame | Problem]) -> list[bytes]:
    return [item.information for item in found if isinstance(item, Frame)]


def snapshots(found: list[Snapshot | Problem]) -> list[Snapshot]:
    return [item for item in found if isinstance(item, Snapshot)]


def codes(found: list[Any]) -> list[str]:
    return [item.code for item in found if isinstance(item, Problem)]
