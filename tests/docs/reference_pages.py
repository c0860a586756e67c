"""Writes the pages of docs/reference from the programs themselves: ``make reference``.

The page about captures needs the captures (CII_CAPTURES).

Usage: python tests/docs/reference_pages.py [FOLDER]
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
from ciibridge.cli import main as ciibridge
from ciibridge.events import EVENTS
from ciibridge.types import PROBLEMS
from ciigen.cli import application
from typer.main import get_command

# as a script this file sees its own folder only; pytest knows these from pyproject.toml
sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "bridge" / "proof")]
import example_page
import shown_pages
import table

_HEADER = "<!-- made by `make reference`, do not edit -->\n"


@cache
def pages() -> Mapping[str, str]:
    """File name → text of each page."""
    return {
        "ciigen.md": _program("ciigen", get_command(application())),
        "ciibridge.md": _program("ciibridge", get_command(ciibridge)),
        "problems.md": _problems(),
        "events.md": _events(),
        "captures.md": f"{_HEADER}{table.page()}",
        "symptoms.md": f"{_HEADER}{shown_pages.symptoms()}",
        "examples.md": f"{_HEADER}{example_page.page(shown_pages.book())}",
        "what-you-see.md": f"{_HEADER}{shown_pages.what_you_see(shown_pages.book())}",
    }


def _program(name: str, group: Any) -> str:
    context = click.Context(group, info_name=name)
    parts = [_HEADER + f"# {name}\n", _prose(group.help)]
    for command in group.list_commands(context):
        # resolving imports the module of the command, which listing does not
        parts += _command(name, group.resolve_command(context, [command])[1])
    return "\n".join(parts).rstrip() + "\n"


def _command(program: str, command: Any) -> Iterator[str]:
    if hasattr(command, "list_commands"):  # commands of its own: ciigen push openhab
        yield f"## {program} {command.name}\n"
        yield _prose(command.help)
        context = click.Context(command, info_name=command.name)
        for inner in command.list_commands(context):
            yield from _command(f"{program} {command.name}", command.get_command(context, inner))
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    words = [_word(p) if p.required else f"[{_word(p)}]" for p in arguments]
    yield f"## {program} {command.name}\n"
    yield f"    {' '.join([program, command.name, *words, '[OPTIONS]' if options else ''])}".rstrip() + "\n"
    yield _prose(command.help)
    if command.epilog:
        yield _prose(command.epilog)
    rows = [(_word(p), getattr(p, "help", None) or "") for p in arguments]
    rows += [(_flags(p), p.help or "") for p in options if not getattr(p, "hidden", False)]
    if rows:
        yield "| option | meaning |\n| --- | --- |"
        for flags, meaning in rows:
            yield f"| `{flags}` | {' '.join(meaning.split()).replace('|', '&#124;')} |"
        yield ""


def _word(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _flags(option: Any) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.metavar or option.name.upper()}".strip()


def _prose(text: str | None) -> str:
    """Help as Markdown; what is indented there is an example."""
    lines = inspect.cleandoc((text or "").replace("\b\n", "")).splitlines()
    return "\n".join("    " + line if line.startswith("  ") else line for line in lines) + "\n"


def _problems() -> str:
    rows = "\n".join(f"| `{code}` | {hint} |" for code, hint in sorted(PROBLEMS.items()))
    return f"""{_HEADER}# Problem codes

What `ciibridge decode` prints on standard error, what stands in `diag.problems`, and what comes as an event on the topic
`error`. A code never changes its meaning.

| code | what to do |
| --- | --- |
{rows}
"""


def _events() -> str:
    rows = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in sorted(EVENTS.items()))
    return f"""{_HEADER}# Events of the log

What stands under `event` in a line of `ciibridge run --log-json`. A code never changes its meaning; `other` is a line of a library. The
fields beside it depend on the event: `meter` (shortened), `broker`, `code` of a [problem](problems.md), `reason`, counts.

| event | when |
| --- | --- |
{rows}
"""


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference")
    for file, text in pages().items():
        (folder / file).write_text(text, encoding="utf-8")
