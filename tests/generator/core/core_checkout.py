"""A copy of the checkout in which a test runs the real command in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core_schema import ROOT

#: What is written by hand and needed to build; generated/ is not copied.
_PARTS = ("schema", "generator", "bridge")
_FILES = ("pyproject.toml", "README.md", "LICENSE")
#: A process in which an import of the generated package ends the run, however it is tried.
_WITHOUT_CIIMODEL = """
import sys
class NoCiimodel:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ciimodel":
            raise AssertionError(f"{name} was imported")
sys.meta_path.insert(0, NoCiimodel())
from ciigen.cli import main
main()
"""


@dataclass(frozen=True)
class Checkout:
    """A folder with schema/ and generator/."""

    root: Path

    @classmethod
    def copy(cls, to: Path) -> Checkout:
        """Copy the hand-written parts of the real checkout."""
        for part in _PARTS:
            shutil.copytree(ROOT / part, to / part, ignore=shutil.ignore_patterns("__pycache__"))
        for file in _FILES:
            shutil.copy(ROOT / file, to / file)
        return cls(to)

    def ciigen(
        self, *arguments: str, seed: str = "0", without_ciimodel: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run the command of this copy, with its own generated package."""
        program = _WITHOUT_CIIMODEL if without_ciimodel else "from ciigen.cli import main; main()"
        path = os.pathsep.join(str(self.root / part) for part in ("generator", "generated/python"))
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed, "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )

    def files(self, *parts: str) -> dict[str, bytes]:
        """Every file below some folders by path, caches left out."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for part in parts
            for path in sorted((self.root / part).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
