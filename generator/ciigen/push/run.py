"""Show a plan, ask, make it, and say how far it came when it cannot go on."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import typer

from ciigen.errors import CiigenError, UsageError
from ciigen.push.changes import Change, Plan, machine, show
from ciigen.push.rest import Rest, RestError

_SHOWN = 5


class PushError(CiigenError):
    """The push did not come to its end; the message says what is done and what is not."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a user wants it. ``dry``: show only; ``yes``: do not ask; ``as_json``: for machines."""

    dry: bool = False
    yes: bool = False
    as_json: bool = False


def run(rest: Rest, plan: Plan, manner: Manner) -> None:
    """Do what a plan says. Raises PushError if something is in the way, or fails; UsageError where nobody can be asked."""
    for note in plan.notes:
        typer.echo(note, err=True)
    if not manner.as_json:
        for line in show(plan):
            typer.echo(line)
    if plan.blocked:
        _tell(plan, manner, 0)
        raise PushError(f"{len(plan.blocked)} in the way (the lines with !): nothing was changed")
    if manner.dry or not plan.todo:
        _tell(plan, manner, 0)
        return
    if not (manner.yes or _agreed(plan)):
        _tell(plan, manner, 0)
        typer.echo("nothing was changed", err=True)
        return
    _tell(plan, manner, _make(rest, plan))


def _make(rest: Rest, plan: Plan) -> int:
    todo = plan.todo
    for number, change in enumerate(todo):
        try:
            for call in change.calls:
                rest.send(call)
        except RestError as error:
            raise PushError(_so_far(todo, number, error)) from error
        typer.echo(f"{number + 1}/{len(todo)} {change.mark} {change.kind} {change.name}", err=True)
    return len(todo)


def _so_far(todo: list[Change], failed: int, error: RestError) -> str:
    left = [f"{change.kind} {change.name}" for change in todo[failed:]]
    more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    return (
        f"{error}\n{failed} of {len(todo)} changes are made. Not made, the first perhaps in part: {', '.join(left[:_SHOWN])}{more}.\n"
        "The same command goes on where this one stopped."
    )


def _agreed(plan: Plan) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here: --yes makes the changes, --dry-run only shows them")
    return typer.confirm(f"Make these {len(plan.todo)} changes?", err=True)


def _tell(plan: Plan, manner: Manner, done: int) -> None:
    if manner.as_json:
        typer.echo(json.dumps(machine(plan, done), indent=1, ensure_ascii=False))
