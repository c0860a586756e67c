"""``python tests/conformance``: finds the parts that it shares with the tests, and runs."""

from __future__ import annotations

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(_TESTS / folder) for folder in (".", "bridge/service", "line")]
    from run import main

    sys.exit(main())
