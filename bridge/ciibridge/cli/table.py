"""Tables for people: columns of one width each, coloured where a terminal shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import typer


def align(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    colour: Callable[[int, int], str | None] = lambda _row, _column: None,
) -> str:
    """Align columns; the last one ends where it ends. ``colour``: name of the colour of a cell, by row and column from 0."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True)).rstrip()]
    for number, row in enumerate(rows):
        cells = [
            typer.style(cell, fg=colour(number, column)) + " " * (width - len(cell))
            if colour(number, column)
            else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
