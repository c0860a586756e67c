"""A small schema that a test may break, and the loop from there to findings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ciigen.errors import Finding
from ciigen.load import load
from ciigen.resolve import resolve_directory
from ciigen.resolved import Resolved
from ciigen.validate import validate

ROOT = Path(__file__).resolve().parents[3]
MINI = Path(__file__).parent / "mini"


@dataclass(frozen=True)
class Schema:
    """A copy of the small schema that a test may edit."""

    root: Path

    def read(self, file: str) -> str:
        """The text of a file."""
        return (self.root / file).read_text(encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        """Replace or add a file."""
        path = self.root / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace the only occurrence of a piece of text."""
        text = self.read(file)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        self.write(file, text.replace(old, new))

    def line(self, file: str, part: str) -> int:
        """The line, from 1, of the first occurrence of a piece of text."""
        text = self.read(file)
        return text[: text.index(part)].count("\n") + 1

    def findings(self) -> list[Finding]:
        """Everything that is wrong with it."""
        return validate(load(self.root))

    def resolved(self) -> Resolved:
        """What it says."""
        return resolve_directory(self.root)
