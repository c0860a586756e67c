"""Captures of real meters: where they are, and what captures.json says of them.

They are other people's data and stay outside the project: CII_CAPTURES names the folder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CAPTURES = Path(os.environ.get("CII_CAPTURES", ROOT.parent / "shared" / "captures"))


@dataclass(frozen=True)
class Capture:
    """One telegram of a real meter and what captures.json says of it."""

    name: str
    facts: dict[str, Any]

    @property
    def data(self) -> bytes:
        """The octets as on the wire."""
        return (CAPTURES / self.name).read_bytes()

    @property
    def key(self) -> bytes | None:
        """The published encryption key."""
        return bytes.fromhex(self.facts["key"]) if self.facts["key"] else None

    @property
    def auth_key(self) -> bytes | None:
        """The published authentication key."""
        return bytes.fromhex(self.facts["auth_key"]) if self.facts["auth_key"] else None


def load_captures(family: str | None = None) -> list[Capture]:
    """All captures, or those of one family; also usable at collection time for parametrize."""
    index = CAPTURES / "captures.json"
    if not index.exists():
        return []
    entries = json.loads(index.read_text(encoding="utf-8"))
    return [Capture(e["file"], e) for e in entries if family in (None, e["family"])]


def capture(name: str) -> Capture:
    """One capture by its file name, e.g. ``dlms-hdlc/lg-e450-ch-vse2026.bin``."""
    return next(c for c in load_captures() if c.name == name)
