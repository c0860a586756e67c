"""Put the files of the targets on disk, or say how the disk differs from them.

Place in the line: load → validate → resolve → render → **write**. There is no record of what was written last time:
``generated/`` belongs to the targets as a whole, so a file in it that no target returns is stale, whichever target
once wrote it. Two targets may share a folder as long as no file comes from both.

The line "generated …, do not edit" is put on top here, once, in the comment syntax of the format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Final

from ciigen.errors import TargetError, UsageError
from ciigen.resolved import Resolved
from ciigen.target import Target, folder

HEADER: Final = "generated from schema/ by ciigen, do not edit"

#: Extension → comment around the header. Formats that are not here (.json, .csv, …) have no comments.
COMMENTS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(
        (".py", ".pyi", ".yaml", ".yml", ".toml", ".conf", ".sh", ".map", ".env", ".acl"), ("# ", "")
    ),
    **dict.fromkeys(
        (".things", ".items", ".sitemap", ".persist", ".rules", ".js", ".mjs", ".ts"), ("// ", "")
    ),
    **dict.fromkeys((".md", ".html", ".xml", ".svg"), ("<!-- ", " -->")),
    ".css": ("/* ", " */"),
    ".ini": ("; ", ""),
    ".config": ("%% ", ""),  # Erlang terms
    ".sql": ("-- ", ""),
}
#: What must stay the first line of a file; the header then is the second.
_FIRST_LINES: Final = ("<?xml", "<!DOCTYPE", "<!doctype", "#!")
#: What the folders are for whoever opens ``generated/`` without knowing where it comes from.
_CONTENTS: Final = "README.md"
#: A file that a tree written by ``build`` always has; by it a folder given with --out is known to be ours.
_OURS: Final = "python/ciimodel/resolved.json"
_SHOWN_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as the targets would write it; ``line`` counts from 1 and is 0 for a whole file."""

    path: str
    problem: str  # missing | surplus | differs
    line: int = 0
    found: str = ""
    expected: str = ""

    def __str__(self) -> str:
        if self.problem == "differs":
            return f"{self.path}:{self.line}: differs: found {self.found!r}, expected {self.expected!r}"
        reason = {"missing": "the schema yields it, it is not there", "surplus": "no target yields it"}
        return f"{self.path}: {self.problem}: {reason[self.problem]}"


def headed(path: str, text: str) -> str:
    """``text`` with the header line on top if the format of ``path`` has comments; done twice it changes nothing."""
    comment = COMMENTS.get(PurePosixPath(path).suffix)
    if comment is None:
        return text
    header = f"{comment[0]}{HEADER}{comment[1]}\n"
    first, rest = "", text
    if text.startswith(_FIRST_LINES):
        first, _, rest = text.partition("\n")
        first += "\n"
    return text if rest.startswith(header) else first + header + rest


def collect(targets: Iterable[Target], resolved: Resolved) -> dict[str, str]:
    """Every file of every target, and their table of contents: path relative to ``generated/`` → text, sorted.

    Raises TargetError if two targets yield one file, or a path or text breaks the rules of ``target.py``.
    """
    files: dict[str, str] = {}
    targets = list(targets)
    for target in targets:
        for inner, text in target.tree(resolved).items():
            path = f"{folder(target)}/{inner}"
            if path in files:
                raise TargetError(f"target {target.name}: {path} also comes from another target")
            _check(target, path, text)
            files[path] = headed(path, text)
    files[_CONTENTS] = headed(_CONTENTS, _contents(targets))
    return dict(sorted(files.items()))


def differences(files: Mapping[str, str], out: Path) -> list[Difference]:
    """Give what ``write`` would change in ``out``, sorted by path, with the first line that differs."""
    present = _present(out)
    found = [Difference(path, "surplus") for path in present if path not in files]
    for path, text in files.items():
        if path not in present:
            found.append(Difference(path, "missing"))
        elif (old := (out / path).read_bytes()) != text.encode():
            found.append(_first_difference(path, old.decode(errors="replace"), text))
    return sorted(found, key=lambda difference: difference.path)


def write(files: Mapping[str, str], out: Path) -> list[Difference]:
    """Make ``out`` hold exactly ``files``; gives what was changed. Files that are right are not touched."""
    changed = differences(files, out)
    for difference in changed:
        path = out / difference.path
        if difference.problem == "surplus":
            path.unlink()
            _remove_empty(path.parent, out)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[difference.path].encode())
    return changed


def check_ours(out: Path) -> None:
    """Raise UsageError if ``out`` holds something that ``write`` did not put there: surplus files are deleted."""
    if out.is_dir() and any(out.iterdir()) and not (out / _OURS).is_file():
        raise UsageError(
            f"{out} is not empty and was not written by ciigen build, which deletes what it does not know: "
            "give a new or empty directory"
        )


def _contents(targets: Iterable[Target]) -> str:
    rows = "".join(
        f"| [{folder(target)}/]({folder(target)}/) | {target.help} | `ciigen {target.name}` |\n"
        for target in targets
    )
    return f"""# Files made from the schema

Nothing here is written by hand: `ciigen build` makes it all from [schema/](../schema/README.md), and `ciigen check` says whether it still is
what the schema says. Take what you need as it is; the command beside it makes the same for your own meters.

| Folder | What it is | Made for your home by |
| --- | --- | --- |
{rows}"""


def _check(target: Target, path: str, text: str) -> None:
    parts = path.split("/")
    if not all(parts) or ".." in parts or "." in parts or "\\" in path:
        raise TargetError(f"target {target.name}: {path!r} is no path below generated/{folder(target)}/")
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        raise TargetError(f"target {target.name}: {path} must end with exactly one line feed")
    if "\r" in text:
        raise TargetError(f"target {target.name}: {path} has a carriage return; lines end with a line feed")


def _present(out: Path) -> set[str]:
    # generated/python is importable, so Python leaves its caches there; they are nobody's files
    return {
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _first_difference(path: str, old: str, new: str) -> Difference:
    # split, not splitlines: a difference in line ends or in the last line feed is one as well
    for number, (found, expected) in enumerate(zip_longest(old.split("\n"), new.split("\n")), 1):
        if found != expected:
            return Difference(path, "differs", number, _cut(found), _cut(expected))
    raise AssertionError(f"{path}: bytes differ and lines do not")


def _cut(line: str | None) -> str:
    if line is None:
        return "(end of file)"
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"


def _remove_empty(directory: Path, out: Path) -> None:
    while directory != out and not any(directory.iterdir()):
        directory.rmdir()
        directory = directory.parent
