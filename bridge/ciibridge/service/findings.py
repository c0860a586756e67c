"""What is wrong with a configuration file: all of it at once, each with line, key and remedy.

tomllib tells no line numbers for what it has read, so ``key_lines`` finds them again in the text. It reads only headers
and the beginnings of lines, which is enough to point somebody to the right place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeVar

from ciibridge.normalise.identity import topic_level

T = TypeVar("T")
Key = tuple[str | int, ...]

_HEADER: Final = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT: Final = re.compile(r"^\s*\"?([A-Za-z0-9_-]+)\"?\s*=")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. ``key`` is a path such as ("meter", 0, "model"); no value of it is ever in ``message``."""

    key: Key
    message: str
    remedy: str


def key_lines(text: str) -> dict[Key, int]:
    """Key path → line, counted from 1, of a TOML text with tables and arrays of tables on one level."""
    lines: dict[Key, int] = {}
    table: Key = ()
    arrays: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            name = header[2]
            if header[1] == "[[":
                arrays[name] = arrays.get(name, -1) + 1
                table = (name, arrays[name])
            else:
                table = tuple(name.split("."))
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, assignment[1]), number)
    return lines


def write_key(key: Key) -> str:
    """Write a key path as people read it; array items are counted from 1: ``meter[2].model``."""
    text = ""
    for part in key:
        text += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def report(file: str, findings: Iterable[Finding], lines: Mapping[Key, int]) -> str:
    """Write all findings in the order of the file, one a line: file:line: key: message. Remedy."""
    rows = []
    for finding in findings:
        key = finding.key
        while key and key not in lines:  # a missing key has the line of its table
            key = key[:-1]
        line = lines.get(key, 0)
        where = f"{file}:{line}" if line else file
        name = f"{write_key(finding.key)}: " if finding.key else ""
        rows.append((line, f"{where}: {name}{finding.message}. {finding.remedy}"))
    return "\n".join(text for _, text in sorted(rows, key=lambda row: row[0]))


def choose(value: str, known: Iterable[str]) -> str:
    """Write the remedy for a word that is none of ``known``: the closest ones, else all."""
    words = sorted(known)
    close = get_close_matches(value.lower(), words, n=2)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Write one of: {', '.join(words)}."


class Findings:
    """Collects what is wrong while a configuration is checked."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    def fault(self, at: Key, message: str, remedy: str) -> None:
        """Note a fault of the key ``at``."""
        self.all.append(Finding(at, message, remedy))

    def known(self, at: Key, name: str, value: str | None, known: Mapping[str, T]) -> T | None:
        """Look a word up; one that is not there is a fault of ``at``.``name``, none at all is not."""
        if value is None or value in known:
            return known.get(value or "")
        self.fault((*at, name), f"{value!r} is not in the schema", choose(value, known))
        return None

    def match(self, at: Key, values: Iterable[str], pattern: re.Pattern[str], words: str) -> None:
        """Compare words with what is possible, in ``words``."""
        for value in values:
            if not pattern.fullmatch(value):
                self.fault(at, f"{value!r} is not possible", f"Write {words}.")

    def level(self, at: Key, pattern: str, value: str) -> None:
        """Refuse what cannot be a level of a topic."""
        if not re.fullmatch(pattern, value):
            proposal = topic_level(value) or "home"
            self.fault(
                at,
                f"{value!r} cannot be a part of a topic (a-z, 0-9, _, -, at most 64)",
                f"Write e.g. {proposal!r}.",
            )
