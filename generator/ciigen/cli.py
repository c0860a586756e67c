"""The command ``ciigen``: build and check the tree, list what there is, and one command for each target.

Only ``build`` and ``check`` read ``schema/``; everything else starts from the resolved schema of the package. The
commands of the targets are made from their views, so that a new folder in ``targets/`` is a new command.

Exit status: 0 good, 1 findings, 2 wrong use. What a target prints goes to standard output and is exactly the file;
everything said to people goes to standard error.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from ciigen import __version__
from ciigen.errors import CiigenError, FindingsError, UsageError
from ciigen.installed import read_resolved
from ciigen.load import find_schema
from ciigen.options import CONFIG, LIVE, SELECTION, own, selected, signed
from ciigen.push import command as push
from ciigen.resolve import resolve_directory
from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View, discover, options, takes_config, takes_live
from ciigen.write import check_ours, collect, differences, headed, write

_SCHEMA = Annotated[
    Path | None,
    typer.Option("--schema", metavar="DIR", help="Folder schema/; default: found from here upwards."),
]
_OUT_TREE = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Where to write; default: generated/ beside schema/."),
]
_JSON = Annotated[bool, typer.Option("--json", help="For machines: JSON on standard output.")]

_OUT: Final[dict[str, Any]] = {
    "out": Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write files into DIR instead of printing one."),
    ],
}


class Listed(StrEnum):
    """What ``ciigen list`` can list."""

    TARGETS = "targets"
    QUANTITIES = "quantities"
    METERS = "meters"
    OPERATORS = "operators"


def build(schema: _SCHEMA = None, out: _OUT_TREE = None) -> None:
    """Write generated/ from schema/.

    Every file of every target; a file that no target yields is removed.

    Example: ciigen build
    """
    directory = find_schema(schema)
    if out is not None:
        check_ours(out)
    tree = out or directory.parent / "generated"
    files = _render(directory)
    changed = write(files, tree)
    for difference in changed:
        verb = {"missing": "new", "surplus": "removed", "differs": "changed"}[difference.problem]
        typer.echo(f"{verb:8}{tree / difference.path}", err=True)
    typer.echo(f"{len(files)} files in {tree}, {len(changed)} changed", err=True)


def check(schema: _SCHEMA = None, out: _OUT_TREE = None, json_: _JSON = False) -> None:
    """Check schema/, and that generated/ is what it yields.

    Exit status 1 if schema/ has findings, or if a file differs, is missing or is surplus.

    Example: ciigen check --json
    """
    directory = find_schema(schema)
    tree = out or directory.parent / "generated"
    try:
        files = _render(directory)
    except FindingsError as error:
        if json_:
            _echo_json({"findings": [asdict(finding) for finding in error.findings], "differences": []})
            raise typer.Exit(error.exit_status) from error
        raise
    found = differences(files, tree)
    if json_:
        _echo_json({"findings": [], "differences": [asdict(difference) for difference in found]})
    else:
        for difference in found:
            typer.echo(f"{tree.name}/{difference}")
        remedy = f"{len(found)} of {len(files)} files differ → run `ciigen build`"
        typer.echo(f"{tree}: {remedy if found else 'as schema/ yields it'}", err=True)
    if found:
        raise typer.Exit(1)


def list_(
    what: Annotated[Listed, typer.Argument(help="What to list.")] = Listed.TARGETS, json_: _JSON = False
) -> None:
    """List targets, quantities, meters or operators.

    Example: ciigen list meters
    """
    rows = _targets() if what is Listed.TARGETS else _ROWS[what](read_resolved())
    if json_:
        _echo_json(rows)
    elif sys.stdout.isatty():
        table = Table(*rows[0], box=None, header_style="bold")
        for row in rows:
            table.add_row(*row.values())
        Console().print(table)
    else:
        for row in rows:
            typer.echo("\t".join(row.values()))


def _render(schema: Path) -> dict[str, str]:
    return collect(discover().values(), resolve_directory(schema))


def _echo_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def _targets() -> list[dict[str, str]]:
    return [
        {
            "target": name,
            "files": _flags(target.views),
            "options": _flags(options(target)),
            "live": "--from" if takes_live(target) else "",
            "what": target.help,
        }
        for name, target in discover().items()
    ]


def _flags(names: Iterable[str]) -> str:
    return " ".join(f"--{name}" for name in names)


def _quantities(resolved: Resolved) -> list[dict[str, str]]:
    return [
        {"quantity": q.name, "obis": q.obis[0], "unit": q.unit or "", "kind": q.kind, "label": q.label["en"]}
        for q in resolved.quantities.values()
    ]


def _meters(resolved: Resolved) -> list[dict[str, str]]:
    return [
        {
            "meter": meter.id,
            "name": f"{meter.manufacturer} {meter.model}",
            "interfaces": " ".join(interface.id for interface in meter.interfaces),
            "lists": " ".join(pushed.id for pushed in meter.lists),
        }
        for meter in resolved.meters.values()
    ]


def _operators(resolved: Resolved) -> list[dict[str, str]]:
    return [
        {
            "operator": operator.id,
            "name": operator.full_name,
            "country": operator.country,
            "meters": " ".join(dict.fromkeys(entry.meter for entry in operator.meters)),
        }
        for operator in resolved.operators.values()
    ]


_ROWS: Final[dict[Listed, Callable[[Resolved], list[dict[str, str]]]]] = {
    Listed.QUANTITIES: _quantities,
    Listed.METERS: _meters,
    Listed.OPERATORS: _operators,
}


def _command(target: Target) -> Callable[..., None]:
    """Make the function behind ``ciigen <target>``; typer reads its options from the signature put together here."""

    def run(**given: Any) -> None:
        chosen = [view for name, view in target.views.items() if given[_parameter(name)]]
        resolved, selection = selected(target, read_resolved(), given)
        if given["out"]:
            _write_out(target, chosen, resolved, selection, given["out"])
        else:
            _print(target, chosen, resolved, selection)

    annotations: dict[str, Any] = {
        _parameter(name): Annotated[bool, typer.Option(f"--{name}", help=view.help)]
        for name, view in target.views.items()
    }
    annotations |= SELECTION | (LIVE if takes_live(target) else {})
    annotations |= CONFIG if takes_config(target) else {}
    annotations |= own(target)
    annotations |= _OUT
    signed(run, annotations)
    run.__doc__ = f"{target.help}\n\n{_example(target)}"
    return run


def _parameter(view: str) -> str:
    return f"view_{_word(view)}"


def _word(name: str) -> str:
    return name.replace("-", "_")


def _example(target: Target) -> str:
    views = list(target.views.items())
    if not views:
        return f"Example: ciigen {target.name} --out {target.name}"
    name, view = views[0]
    if takes_config(target):
        return f"Example: ciigen {target.name} --{name} --config ciibridge.toml > {view.path(Selection())}"
    file = f"smartmeter{view.extension}"
    example = f"Example: ciigen {target.name} --{name} --meter lg-e450 --lang de > {file}"
    return (
        f"{example}\n\nOr: ciigen {target.name} --{name} --from mqtt://broker"
        if takes_live(target)
        else example
    )


def _print(target: Target, chosen: list[View], resolved: Resolved, selection: Selection) -> None:
    if not target.views:
        raise UsageError(f"{target.name} is a tree of files: say where with --out DIR")
    if len(chosen) > 1:
        raise UsageError("standard output is one file: choose one view, or write them with --out DIR")
    view = chosen[0] if chosen else next(iter(target.views.values()))
    # as bytes: the file is UTF-8 whatever the locale of the terminal is
    typer.echo(headed(view.path(selection), view.render(resolved, selection)).encode(), nl=False)


def _write_out(
    target: Target, chosen: list[View], resolved: Resolved, selection: Selection, out: Path
) -> None:
    if target.views:
        views = chosen or [view for view in target.views.values() if not view.alternative]
        paths = [view.path(selection) for view in views]
        if twice := {path for path in paths if paths.count(path) > 1}:
            raise UsageError(f"two of these views are the same file {min(twice)}: choose one of them")
        files = {path: view.render(resolved, selection) for path, view in zip(paths, views, strict=True)}
    else:
        files = target.tree(resolved)
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(headed(name, text).encode())
        typer.echo(f"written {path}", err=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def application() -> typer.Typer:
    """Make the command line with all targets found now."""
    app = typer.Typer(name="ciigen", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

    @app.callback()
    def root(
        version: Annotated[
            bool,
            typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_version),
        ] = False,
    ) -> None:
        """From one schema of smart-meter topics to what openHAB, ioBroker and others read."""

    app.command("build")(build)
    app.command("check")(check)
    app.command("list")(list_)
    for name, target in discover().items():
        app.command(name, help=inspect.cleandoc(f"{target.help}\n\n{_example(target)}"))(_command(target))
    app.add_typer(push.application(), name="push")
    return app


def main() -> None:
    """Entry point of the console script."""
    try:
        application()()
    except CiigenError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_status)
