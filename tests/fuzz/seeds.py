"""The inputs that are kept: what was found once, and the good telegrams of the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fuzz.targets import good

FOLDER = Path(__file__).parent / "seeds"


def kept(target: str) -> Iterator[bytes]:
    """Inputs kept as data, a line of hexadecimal each; ``#`` begins a comment."""
    file = FOLDER / f"{target}.txt"
    if file.exists():
        for line in file.read_text(encoding="ascii").splitlines():
            if line and not line.startswith("#"):
                yield bytes.fromhex(line)


def seeds(target: str) -> Iterator[bytes]:
    """Everything a run begins with."""
    yield from kept(target)
    yield from good(target)
