"""Looking for what keeps a bridge from working, before it is started or beside one that runs. It changes nothing.

    config ── machine (version, clock, state file, unit) ── broker (name, connection, certificate, login, rights) ── ports

Each look gives ``Check``: what was looked at, how it is, and what mends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How something is. A warning does not keep the bridge from working now."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One look. ``remedy`` is empty where there is nothing to mend. Neither a key nor a whole serial number is in it."""

    level: Level
    subject: str
    words: str
    remedy: str = ""
