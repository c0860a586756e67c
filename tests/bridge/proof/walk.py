"""Every capture through the straight line as ``ciibridge decode`` sends it: protocol seen from the octets, no options but the key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import ciimodel
from captures import Capture, capture, load_captures
from ciibridge.framing.sniff import sniff
from ciibridge.pipeline import LINES, ClockPolicy, MeterSettings, Pipeline
from ciibridge.types import Problem, Snapshot
from ruamel.yaml import YAML

NOW: Final = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
CAPTURES: Final = load_captures()
#: Capture → what is to be said of it beyond "decodes and agrees"; the comment on top of the file names the keys.
OUTCOMES: Final[dict[str, dict[str, Any]]] = YAML(typ="safe").load(Path(__file__).with_name("outcomes.yaml"))
#: Capture → models of the catalogue it is recognised as: one, or several that it cannot be told from.
MODELS: Final[dict[str, list[str]]] = YAML(typ="safe").load(Path(__file__).with_name("models.yaml"))
#: Captures that do not say their model, or cannot be read: the model they are of, or why it has no file.
COVERED: Final[dict[str, dict[str, str]]] = YAML(typ="safe").load(Path(__file__).with_name("covered.yaml"))
#: Outcomes without a telegram. ``decoded`` is what a capture has that is not in the file, or has no outcome there.
REFUSED: Final = ("key_missing", "damaged", "error_answer", "not_understood")
DECODED: Final = "decoded"
#: Family → the good capture that must come out behind a bad one.
GOOD: Final = {
    "dlms-apdu": "dlms-apdu/sagemcom-t210d-at-decrypted.bin",
    "dlms-hdlc": "dlms-hdlc/lg-e450-ch-vse2026.bin",
    "dlms-mbus": "dlms-mbus/kaifa-ma309-pl-stoen-encrypted.bin",
    "dsmr-p1": "dsmr-p1/fluvius-v171.txt",
    "iec62056-21": "iec62056-21/iskra-mt174-full-readout-stx-bcc.txt",
    "mbus": "mbus/siemens-water.bin",
    "sml": "sml/itron_openway-3.hz.bin",
}


@dataclass(frozen=True)
class Walk:
    """What came out of one capture."""

    protocol: str | None
    snapshots: tuple[Snapshot, ...]
    problems: tuple[Problem, ...]

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]


def outcome_of(one: Capture) -> str:
    """What the table says becomes of a capture."""
    return str(row(one).get("outcome", DECODED))


def row(one: Capture) -> dict[str, Any]:
    return OUTCOMES.get(one.name, {})


def settings(key: bytes | None, auth_key: bytes | None = None) -> MeterSettings:
    return MeterSettings(key=key, auth_key=auth_key, clock=ClockPolicy.METER)


def walk(data: bytes, key: bytes | None = None, auth_key: bytes | None = None, piece: int = 1 << 20) -> Walk:
    """Feed octets in pieces; the protocol is that of the whole, as for a recording."""
    protocol = sniff(data)
    pipeline = Pipeline(ciimodel.load(), settings(key, auth_key), protocol or next(iter(LINES)))
    found: list[Snapshot | Problem] = []
    for begin in range(0, len(data), piece):
        found += pipeline.feed(data[begin : begin + piece], NOW)
    found += pipeline.finish()
    return Walk(
        protocol,
        tuple(item for item in found if isinstance(item, Snapshot)),
        tuple(item for item in found if isinstance(item, Problem)),
    )


@cache
def walked(name: str) -> Walk:
    """What comes out of a capture with the keys that were published with it."""
    one = capture(name)
    return walk(one.data, one.key, one.auth_key)
