"""The table of the parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from chaos import faults, surroundings
from chaos.faults import Options, Outcome

Part = Callable[[Path, Options, Callable[[str], None]], Awaitable[Outcome]]

#: What happens between meters and broker; their short form is a test.
FAULTS: dict[str, Part] = {
    "broker": faults.broker,
    "bridge": faults.bridge,
    "ports": faults.ports,
    "cuts": faults.cuts,
}
#: What happens to the machine; some need root, or libfaketime.
SURROUNDINGS: dict[str, Part] = {
    "full": surroundings.full,
    "readonly": surroundings.readonly,
    "corrupt": surroundings.corrupt,
    "clock": surroundings.clock,
    "summertime": surroundings.summertime,
    "memory": surroundings.memory,
}
PARTS = FAULTS | SURROUNDINGS
#: How often in the long form.
COUNTS = {"broker": 200, "bridge": 200, "ports": 200, "cuts": 50, "corrupt": 20, "clock": 3, "summertime": 2}
