"""Which meters of which house: the options that every target and every ``push`` share, and the selection they make.

    --meter --operator --all --id        from the schema
    --from mqtt://broker                 from what is live there (``ciigen.live``)

Typer reads options from the signature of a function; ``SELECTION`` and ``LIVE`` are the parts that such a signature is put
together from.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import typer

from ciigen import configured
from ciigen.dialects import written
from ciigen.errors import UsageError, did_you_mean
from ciigen.live.broker import BrokerAddress, LiveError, parse_address, retained
from ciigen.live.meters import LiveMeter, read
from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, check_selection, options
from ciigen.topics import path

#: Environment variable with the password for the broker.
BROKER_PASSWORD: Final = "CIIGEN_MQTT_PASSWORD"  # noqa: S105  # a name
#: User of Home Assistant, where the configuration of the bridge says that there is one.
HOME_ASSISTANT: Final = "homeassistant"
#: How long a broker may take to send the retained messages, when it sends none at all.
_WAIT_S: Final = 5.0

SELECTION: Final[dict[str, Any]] = {
    "meter": Annotated[
        str | None, typer.Option("--meter", metavar="MODEL", help="Only what this model sends, e.g. lg-e450.")
    ],
    "operator": Annotated[
        str | None,
        typer.Option("--operator", metavar="DSO", help="Only what this operator's meters send, e.g. ekz."),
    ],
    "ids": Annotated[
        list[str] | None,
        typer.Option("--id", metavar="ID", help="Topic level of a meter, cii/v1/ID/…; may be repeated."),
    ],
    "lang": Annotated[str, typer.Option("--lang", metavar="LANG", help="Language of the labels.")],
    "everything": Annotated[bool, typer.Option("--all", help="Every quantity of the profile.")],
    "prefix": Annotated[
        str | None,
        typer.Option("--prefix", metavar="PREFIX", help="First level of the topics; default: cii."),
    ],
}
LIVE: Final[dict[str, Any]] = {
    "source": Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="What is live on this broker now, mqtt://[USER@]HOST[:PORT] or mqtts://…; "
            "--id chooses some of the meters.",
        ),
    ],
    "ca_file": Annotated[
        Path | None,
        typer.Option(
            "--ca-file", metavar="FILE", help="Certificate of the authority of the broker, with mqtts://."
        ),
    ],
    "password_file": Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            metavar="FILE",
            help=f"File with the password for the broker; else {BROKER_PASSWORD}, else you are asked.",
        ),
    ],
}
CONFIG: Final[dict[str, Any]] = {
    "config": Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Configuration of the bridge: its meters, prefix, user, dialects; what is given beside it goes before.",
        ),
    ],
}
DEFAULTS: Final[dict[str, Any]] = {"lang": "en"}


def selected(target: Target, resolved: Resolved, given: Mapping[str, Any]) -> tuple[Resolved, Selection]:
    """Make the selection that the options ``given`` ask for, and the schema with its prefix.

    Asks the broker of ``--from`` and tells on standard error what it had. Raises UsageError, or LiveError.
    """
    if config := given.get("config"):
        given = _with_config(configured.read(config), given)
    if prefix := given["prefix"]:
        if not re.fullmatch(resolved.levels["prefix"], prefix):
            raise UsageError(f"--prefix {prefix} is no prefix: it must match {resolved.levels['prefix']}")
        resolved = resolved.model_copy(update={"prefix": prefix})
    selection = Selection(
        ids=tuple(given["ids"] or Selection().ids),
        meter=given["meter"],
        operator=given["operator"],
        lang=given["lang"],
        everything=given["everything"],
        prefix=prefix or "",
        options=chosen(target, given),
    )
    check_selection(resolved, selection)
    _check_ids(resolved, selection.ids)
    if source := given.get("source"):
        return resolved, _live(resolved, selection, source, given)
    for option, value in (
        ("--ca-file", given.get("ca_file")),
        ("--password-file", given.get("password_file")),
    ):
        if value is not None:
            raise UsageError(f"{option} is for the broker of --from, which is not given")
    return resolved, selection


def _with_config(found: configured.Configured, given: Mapping[str, Any]) -> dict[str, Any]:
    """Complete what is given by what a configuration of the bridge says; raises UsageError for what it leaves open."""
    user = given.get(_parameter("user")) or found.user
    bridge_id = given.get(_parameter("bridge-id")) or found.bridge_id
    if user is None:
        raise UsageError(
            f"{found.path}: [mqtt] has no `username`, so the broker cannot tell who it is: add one, or --user"
        )
    if bridge_id is None:
        raise UsageError(
            f"{found.path}: [bridge] has no `id`, so it is the name of its machine: add one there, or name it with --bridge-id"
        )
    said = {
        "user": user,
        "bridge-id": bridge_id,
        "homeassistant": HOME_ASSISTANT if found.home_assistant else None,
        "discovery-prefix": found.discovery_prefix,
        "dialect": written(found.dialects) or None,
    }
    merged = {_parameter(name): given.get(_parameter(name)) or value for name, value in said.items()}
    ids = given["ids"] or (None if given.get("source") else list(found.levels()))
    return {**given, **merged, "ids": ids, "prefix": given["prefix"] or found.prefix}


def signed(function: Callable[..., None], annotations: Mapping[str, Any]) -> None:
    """Give a function that takes keywords the signature in which typer reads its options."""
    parameters = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=_default(name, annotation), annotation=annotation
        )
        for name, annotation in annotations.items()
    ]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks for
    function.__annotations__ = dict(annotations)


def own(target: Target) -> dict[str, Any]:
    """Give the options that only this target has, as parts of a signature."""
    return {
        _parameter(name): Annotated[
            bool if option.metavar is None else (str | None),
            typer.Option(f"--{name}", metavar=option.metavar, help=option.help),
        ]
        for name, option in options(target).items()
    }


def chosen(target: Target, given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Give those of ``own`` that were given, as ``Selection.options``."""
    return tuple(
        (name, "yes" if option.metavar is None else str(value))
        for name, option in options(target).items()
        if (value := given[_parameter(name)])
    )


def _parameter(option: str) -> str:
    return f"option_{option.replace('-', '_')}"


def _default(name: str, annotation: Any) -> Any:
    """Give what an option is when it is not given; a text that may not be absent must be."""
    kind = get_args(annotation)[0]
    if kind is bool:
        return False
    return DEFAULTS.get(name, inspect.Parameter.empty if kind is str else None)


def secret(what: str, file: Path | None, option: str, variable: str) -> str | None:
    """Give what stands in ``file`` (the ``option`` of the command line), else in the environment; None where in neither."""
    if file is None:
        return os.environ.get(variable)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {file}: the {what} cannot be read ({error})") from error


def _live(resolved: Resolved, selection: Selection, source: str, given: Mapping[str, Any]) -> Selection:
    for option, value in (
        ("--meter", selection.meter),
        ("--operator", selection.operator),
        ("--all", selection.everything),
    ):
        if value:
            raise UsageError(f"--from says what each meter is and sends: leave {option} away")
    address = _address(source, given)
    topic = path(resolved, resolved.topics["meta"], "+")
    found = read(resolved, retained(address, topic, at_most_s=_WAIT_S))
    for note in found.notes:
        typer.echo(note, err=True)
    if not found.meters:
        raise LiveError(
            f"{address.url} has no meter on {topic} → does the bridge run, and does it publish there? "
            "topics that begin otherwise need --prefix"
        )
    meters = _wanted(found.meters, given["ids"] or (), address)
    ids = tuple(meter.id for meter in meters)
    typer.echo(
        f"{address.url}: {len(meters)} meter{'s' if len(meters) > 1 else ''} live: {', '.join(ids)}", err=True
    )
    return Selection(
        ids=ids,
        lang=selection.lang,
        live=meters,
        source=address.url,
        prefix=selection.prefix,
        options=selection.options,
    )


def _address(source: str, given: Mapping[str, Any]) -> BrokerAddress:
    password = secret("password", given.get("password_file"), "--password-file", BROKER_PASSWORD)
    address = parse_address(source, password=password, ca_file=given.get("ca_file"))
    if address.user is not None and password is None and sys.stdin.isatty():
        asked: str = typer.prompt(
            f"Password of {address.user} at {address.url}", hide_input=True, err=True, default=""
        )
        return parse_address(source, password=asked or None, ca_file=given.get("ca_file"))
    return address


def _wanted(
    meters: tuple[LiveMeter, ...], ids: Sequence[str], address: BrokerAddress
) -> tuple[LiveMeter, ...]:
    by_id = {meter.id: meter for meter in meters}
    for level in ids:
        if level not in by_id:
            raise UsageError(f"--id {level} is not live on {address.url}: {did_you_mean(level, by_id)}")
    return tuple(by_id[level] for level in ids) if ids else meters


def _check_ids(resolved: Resolved, ids: Sequence[str]) -> None:
    pattern = resolved.levels["meter"]
    for index, level in enumerate(ids):
        if not re.fullmatch(pattern, level):
            raise UsageError(f"--id {level} is no topic level: it must match {pattern}")
        if level in ids[:index]:
            raise UsageError(f"--id {level} is given twice: each meter has its own")
