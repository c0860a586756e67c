"""Questions on a terminal, each of which an option answers: with ``--yes`` nothing is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import typer

from ciibridge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Ask:
    """Asks, unless nothing is to be asked."""

    yes: bool

    def text(self, option: str, question: str, default: str | None, *, secret: bool = False) -> str:
        """Ask for a text; without questions the default. Raises ConfigError where there is none."""
        if not self.yes:
            return str(
                typer.prompt(question, default=default, hide_input=secret, show_default=not secret)
            ).strip()
        if default is None:
            raise ConfigError(f"{option} is needed, as --yes asks nothing")
        return default

    def choice(
        self,
        option: str,
        question: str,
        choices: Sequence[tuple[str, str]],
        default: str | None,
        *,
        others: bool = False,
    ) -> str:
        """Let choose among (answer, explanation), by number or by name; ``others``: or say something else.

        Raises ConfigError without a default.
        """
        if not self.yes:
            typer.echo(f"\n{question}")
            for number, (answer, explanation) in enumerate(choices, start=1):
                typer.echo(f"  {number:>2}  {answer:<24} {explanation}".rstrip())
        names = [answer for answer, _ in choices]
        while True:
            given = self.text(option, "Number or name" if names else "Name", default)
            if given.isdecimal() and 0 < int(given) <= len(names):
                return names[int(given) - 1]
            if given in names or self.yes or (others and given and not given.isdecimal()):
                return given
            typer.echo(f"  {given!r} is none of them")

    def sure(self, question: str) -> bool:
        """Ask for a yes; without questions it is a no."""
        return not self.yes and typer.confirm(question, default=False)
