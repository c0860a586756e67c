"""Without the captures of real meters most of the proof is missing: say so, and stop."""

from __future__ import annotations

import pytest
from captures import CAPTURES


def pytest_sessionstart(session: pytest.Session) -> None:
    """Captures are not part of the project; without them most of the proof is missing, so say it and stop."""
    if not (CAPTURES / "captures.json").exists():
        raise pytest.UsageError(
            f"captures of real meters not found in {CAPTURES}: set CII_CAPTURES to the folder with captures.json"
        )
