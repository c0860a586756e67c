"""A rate limit for problems: the first of a kind is told at once, then they are counted and told together.

A bad cable makes ten damaged frames a second, for years. Who reads the log or ``error`` needs the first one, and now and
then how many there were since.
"""

from __future__ import annotations

from dataclasses import dataclass

from ciibridge.types import Problem


@dataclass(slots=True)
class _Kind:
    last: Problem
    told_s: float
    count: int = 0  # since it was last told


class Complaints:
    """Problems of one meter by kind (code and quantity), each told at most once in ``every_s`` seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def note(self, problem: Problem, now_s: float) -> bool:
        """Count a problem; True if it is to be told now. ``now_s``: any steady clock."""
        key = (problem.code, problem.quantity)
        kind = self._kinds.get(key)
        if kind is None:
            self._kinds[key] = _Kind(problem, now_s)
            return True
        kind.last = problem
        kind.count += 1
        return False

    def due(self, now_s: float) -> list[tuple[Problem, int]]:
        """Return the problems that were only counted and are to be told now, with how often each came."""
        told = []
        for key, kind in list(self._kinds.items()):
            if now_s - kind.told_s < self._every_s:
                continue
            if kind.count:
                told.append((kind.last, kind.count))
                kind.told_s, kind.count = now_s, 0
            else:
                del self._kinds[key]  # a whole interval without it: the next one is news again
        return told
