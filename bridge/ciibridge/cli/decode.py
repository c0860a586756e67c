"""``ciibridge decode``: a recording to JSON, one line a telegram, offline.

The protocol is seen from the octets (``framing.sniff``). What is printed is, to the octet, what ``run`` with
``clock = "meter"`` publishes under ``state``. Problems go to standard error, a JSON object a line.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import ciimodel
import orjson
import typer

from ciibridge.cli import main
from ciibridge.cli.inputs import (
    WRONG_USE,
    AuthKeyFileOption,
    AuthKeyOption,
    KeyFileOption,
    KeyOption,
    SystemTitleOption,
    read_file,
    read_keys,
)
from ciibridge.errors import ConfigError
from ciibridge.framing.sniff import sniff
from ciibridge.pipeline import LINES, ClockPolicy, MeterSettings, Pipeline
from ciibridge.publish.listing import Listing
from ciibridge.publish.messages import Messages
from ciibridge.recording.container import time_of
from ciibridge.recording.forms import Recording
from ciibridge.types import PROBLEMS, Problem, Snapshot

_CHUNK: Final = 1 << 16


@main.command(epilog="Example: ciibridge decode telegram.bin --key 000102030405060708090A0B0C0D0E0F --obis")
def decode(
    file: Annotated[
        Path,
        typer.Argument(
            help="Recording: of `ciibridge record`, octets as received, or a text of hexadecimal digits; - is standard input."
        ),
    ],
    *,
    key: KeyOption = None,
    auth_key: AuthKeyOption = None,
    key_file: KeyFileOption = None,
    auth_key_file: AuthKeyFileOption = None,
    system_title: SystemTitleOption = None,
    obis: Annotated[
        bool, typer.Option("--obis", help="Print OBIS codes and texts as they are in the telegram.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="Meter model, when it is not recognised.")] = None,
    operator: Annotated[
        str | None, typer.Option(help="Network operator, to choose among its meters.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help=f"What the recording speaks: {', '.join(LINES)}. Default: seen from its octets."),
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of a meter clock that gives no deviation.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Name of the meter in topics.")] = None,
) -> None:
    """Decode a recording: one JSON state a telegram, as it would be published.

    Exit status: 0 something was decoded, 1 nothing was, 2 wrong use.
    """
    try:
        recording = read_file(file)
        keys = recording.keys(read_keys(key, auth_key, key_file, auth_key_file, system_title))
        settings = MeterSettings(
            model=model,
            operator=operator,
            id=id_,
            key=keys.key,
            auth_key=keys.auth_key,
            system_title=keys.system_title,
            zone=zone,
            clock=ClockPolicy.METER,
        )
        catalogue = ciimodel.load()
        octets = recording.octets
        pipeline = Pipeline(
            catalogue, settings, protocol or recording.protocol or sniff(octets) or next(iter(LINES))
        )
    except ConfigError as error:
        typer.echo(f"ciibridge decode: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    write = Listing(catalogue, settings).write if obis else Messages(catalogue, settings).state
    telegrams = 0
    problems = 0
    for item in _decode(pipeline, recording):
        if isinstance(item, Problem):
            problems += 1
            _report(item)
        else:
            telegrams += 1
            sys.stdout.buffer.write(write(item) + b"\n")
    sys.stdout.buffer.flush()
    if not telegrams:
        if not problems:
            _report(
                Problem("no_telegram", f"no telegram in {len(octets)} octets", hint=PROBLEMS["no_telegram"])
            )
        raise typer.Exit(1)


def _decode(pipeline: Pipeline, recording: Recording) -> list[Snapshot | Problem]:
    """Decode all of it; the receiver's clock is that of the recording, if it has one."""
    header = recording.header
    found: list[Snapshot | Problem] = []
    for piece in recording.pieces:
        now = time_of(header, piece) if header else datetime.now(UTC)
        for begin in range(0, len(piece.octets), _CHUNK):
            found += pipeline.feed(piece.octets[begin : begin + _CHUNK], now)
    return found + pipeline.finish()


def _report(problem: Problem) -> None:
    line = {"code": problem.code, "offset": problem.offset, "message": problem.message, "hint": problem.hint}
    sys.stderr.buffer.write(orjson.dumps(line) + b"\n")
    sys.stderr.buffer.flush()
