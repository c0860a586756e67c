"""Errors of the generator; the class says who must act, and with which exit status a command ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar


class CiigenError(Exception):
    """Everything the generator says on purpose; its text is one or more lines for people, without a traceback."""

    exit_status: ClassVar[int] = 1


class UsageError(CiigenError):
    """The command line is wrong, or the command cannot work here; the message says what would work."""

    exit_status = 2


class TargetError(CiigenError):
    """A target breaks the rules of ``target.py``; the message names the target and the file."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give the remedy for an unknown name: the nearest known ones, else all of them (``did you mean lg-e450?``)."""
    names = sorted(set(known))
    folded = {name.casefold(): name for name in names}
    near = [folded[name] for name in get_close_matches(word.casefold(), folded, n=3, cutoff=0.6)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known are {', '.join(names)}" if names else "none is defined yet"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing wrong in ``schema/``: where, what, and what to do about it.

    ``file`` is relative to the folder that holds ``schema/``; ``line`` counts from 1; ``column`` is given (from 1) only
    where the text itself cannot be read; ``key`` is the path inside the file, e.g. ``quantities.power_import.unit``.
    """

    file: str
    line: int
    key: str
    message: str
    remedy: str
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        what = f"{self.key}: {self.message}" if self.key else self.message
        return f"{place}: {what} → {self.remedy}"


class FindingsError(CiigenError):
    """The schema has findings; the text is all of them, one a line, in the order of files and lines."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        super().__init__("\n".join(map(str, self.findings)))
