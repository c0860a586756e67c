"""integrations/: each folder for people tells five steps; its commands are understood by the programs, and the files it names are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Final

import click
import pytest
import typer
from captures import ROOT
from ciibridge.cli import main as ciibridge
from ciigen.cli import application
from typer.main import get_command

HOMES: Final = ROOT / "integrations"
#: What packages are built from: nobody installs by hand from there.
PACKAGING: Final = {"debian"}
FOLDERS: Final = sorted(path for path in HOMES.iterdir() if path.is_dir() and path.name not in PACKAGING)
#: What click raises, and the copy of click inside typer.
UsageError: Final = (click.UsageError, typer.BadParameter.__mro__[1])
PROGRAMS: Final = {"ciigen": get_command(application()), "ciibridge": get_command(ciibridge)}

each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)


def readme(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def commands(text: str) -> list[list[str]]:
    """Every call of our programs in the code of a page, as words."""
    code = re.findall(r"^ {4,}(.*)$", text, re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)
    found = []
    for line in code:
        for part in re.split(r"\s*(?:&&|\||>|;)\s*", line):
            called = re.match(r"(?:sudo (?:-u \w+ )?)?(?:/\S+/)?(ciigen|ciibridge) (.+)", part)
            if called:
                found.append([called[1], *shlex.split(called[2], comments=True)])
    return found


def parse(words: list[str]) -> None:
    """Read a call as the program itself does, without running it. Raises UsageError."""
    program, *rest = words
    command: Any = PROGRAMS[program]
    context = click.Context(command, info_name=program)
    while hasattr(command, "resolve_command"):
        _, command, rest = command.resolve_command(context, rest)
        context = click.Context(command, parent=context)
    values, left, _ = command.make_parser(context).parse_args(list(rest))
    assert not left, left
    missing = [p.name for p in command.params if p.required and values.get(p.name) is None]
    assert not missing, missing


@each_folder
def test_it_tells_five_steps(folder: Path) -> None:
    assert re.findall(r"^(\d)\. ", readme(folder), re.MULTILINE) == list("12345")


@each_folder
def test_its_commands_are_understood(folder: Path) -> None:
    for words in commands(readme(folder)):
        try:
            parse(words)
        except UsageError as error:
            pytest.fail(f"{' '.join(words)}: {error}")


def test_folders_have_commands() -> None:
    assert [folder.name for folder in FOLDERS if not commands(readme(folder))] == []


def test_a_wrong_command_is_seen() -> None:
    assert commands("    sudo -u x /opt/bin/ciibridge run --chek  # no such option\n") == [
        ["ciibridge", "run", "--chek"]
    ]
    with pytest.raises(UsageError):
        parse(["ciibridge", "run", "--chek"])
    with pytest.raises(UsageError):
        parse(["ciigen", "pushh"])


@each_folder
def test_its_table_names_exactly_its_files(folder: Path) -> None:
    named = set(re.findall(r"^\| `([^`]+)` \|", readme(folder), re.MULTILINE))
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {"README.md"}
    assert named == there


@each_folder
def test_paths_into_this_repository_exist(folder: Path) -> None:
    for path in re.findall(r"(?<![\w/])((?:integrations|generated|docs)/[\w./-]+)", readme(folder)):
        assert (ROOT / path).exists(), path
