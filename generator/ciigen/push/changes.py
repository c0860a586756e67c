"""A plan as data: which object changes how, and the calls that do it. Pure; ``run`` sends them, ``show`` prints them.

+ item SmartMeter_Power_Net
~ item SmartMeter_Power_Import: label 'Power' → 'Power import'
- item SmartMeter_Old
= item SmartMeter_Energy_Import: label is yours
! thing mqtt:topic:house: is defined in a file …
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Mark(StrEnum):
    """What happens to an object."""

    NEW = "+"
    CHANGED = "~"
    REMOVED = "-"
    SAME = "="
    BLOCKED = "!"  # it cannot be changed, or is not ours: the details say why and what to do


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``path`` is below the URL of the server; ``body`` is JSON, None: none."""

    method: str
    path: str
    body: object = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one object; ``details`` are for people, ``calls`` make it, in order."""

    mark: Mark
    kind: str
    name: str
    details: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()

    def __str__(self) -> str:
        more = f": {'; '.join(self.details)}" if self.details else ""
        return f"{self.mark} {self.kind} {self.name}{more}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes in the order in which they are to be made, and what else a user should know."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    @property
    def blocked(self) -> list[Change]:
        """What stands in the way; nothing is done while something does."""
        return [change for change in self.changes if change.mark is Mark.BLOCKED]

    @property
    def todo(self) -> list[Change]:
        """What has calls."""
        return [change for change in self.changes if change.calls]


_COUNTED: Final = {
    Mark.NEW: "new",
    Mark.CHANGED: "changed",
    Mark.REMOVED: "removed",
    Mark.SAME: "as they are",
    Mark.BLOCKED: "in the way",
}


def show(plan: Plan) -> Iterator[str]:
    """Give the lines for people; what stays as it is is counted, unless there is something to say of it."""
    for change in plan.changes:
        if change.mark is not Mark.SAME or change.details:
            yield str(change)
    counts = Counter(change.mark for change in plan.changes)
    yield (
        ", ".join(f"{counts[mark]} {word}" for mark, word in _COUNTED.items() if counts[mark])
        or "nothing to do"
    )


def machine(plan: Plan, done: int) -> dict[str, object]:
    """Give the plan for ``--json``; ``done`` is the number of changes that were made."""
    return {
        "changes": [
            {"mark": str(c.mark), "kind": c.kind, "name": c.name, "details": list(c.details)}
            for c in plan.changes
        ],
        "notes": list(plan.notes),
        "todo": len(plan.todo),
        "done": done,
    }


def described(fields: Iterable[tuple[str, object, object]]) -> tuple[str, ...]:
    """``(label, old, new)`` → ``label 'old' → 'new'``; an empty one is not shown."""
    found = []
    for name, old, new in fields:
        if not old:
            found.append(f"{name} {_shown(new)}")
        elif not new:
            found.append(f"{name} {_shown(old)} goes")
        else:
            found.append(f"{name} {_shown(old)} → {_shown(new)}")
    return tuple(found)


def _shown(value: object) -> str:
    return (
        " ".join(sorted(map(str, value)))
        if isinstance(value, frozenset | set | list | tuple)
        else repr(value)
    )
