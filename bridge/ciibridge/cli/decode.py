"""``ciibridge decode``: a recording to JSON, one line a telegram, offline.

The protocol is seen from the octets (``framing.sniff``). What is printed is, to the octet, what ``run`` with
``clock = "meter"`` publishes under ``state``. Problems go to standard error, a JSON object a line.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import ciimodel
import orjson
import typer

from ciibridge.cli import main
from ciibridge.errors import ConfigError
from ciibridge.framing.sniff import sniff
from ciibridge.pipeline import LINES, ClockPolicy, MeterSettings, Pipeline
from ciibridge.publish.listing import Listing
from ciibridge.publish.messages import Messages
from ciibridge.security.keys import parse_key, parse_system_title
from ciibridge.types import PROBLEMS, Problem, Snapshot

_CHUNK: Final = 1 << 16
#: Octets by which a text of hexadecimal digits is told from a recording; no frame consists of these only.
_PROBE: Final = 4096
_HEX_TEXT: Final = re.compile(rb"(?:[0-9A-Fa-f\s:,;.\-xX\\]|#[\x20-\x7e]*)*")
_COMMENT: Final = re.compile(r"#[^\n]*")
_DECORATION: Final = re.compile(r"0[xX]|\\x|[\s:,;.\-]")

_WRONG_USE: Final = 2


@main.command(epilog="Example: ciibridge decode telegram.bin --key 000102030405060708090A0B0C0D0E0F --obis")
def decode(
    file: Annotated[
        Path,
        typer.Argument(
            help="Recording: octets as received, or a text of hexadecimal digits; - is standard input."
        ),
    ],
    *,
    key: Annotated[
        str | None,
        typer.Option(help="Encryption key of the operator (GUEK), hexadecimal.", envvar="CIIBRIDGE_KEY"),
    ] = None,
    auth_key: Annotated[
        str | None,
        typer.Option(help="Authentication key (AK), only to verify the sender.", envvar="CIIBRIDGE_AUTH_KEY"),
    ] = None,
    system_title: Annotated[
        str | None,
        typer.Option(help="System title of the meter, 16 hexadecimal digits, where telegrams leave it out."),
    ] = None,
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
        settings = MeterSettings(
            model=model,
            operator=operator,
            id=id_,
            key=parse_key(key, "--key") if key is not None else None,
            auth_key=parse_key(auth_key, "--auth-key") if auth_key is not None else None,
            system_title=parse_system_title(system_title, "--system-title") if system_title else None,
            zone=zone,
            clock=ClockPolicy.METER,
        )
        catalogue = ciimodel.load()
        data = _octets(file)
        pipeline = Pipeline(catalogue, settings, protocol or sniff(data) or next(iter(LINES)))
    except ConfigError as error:
        typer.echo(f"ciibridge decode: {error}", err=True)
        raise typer.Exit(_WRONG_USE) from None
    write = Listing(catalogue, settings).write if obis else Messages(catalogue, settings).state
    telegrams = 0
    problems = 0
    for item in _decode(pipeline, data):
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
                Problem("no_telegram", f"no telegram in {len(data)} octets", hint=PROBLEMS["no_telegram"])
            )
        raise typer.Exit(1)


def _decode(pipeline: Pipeline, data: bytes) -> list[Snapshot | Problem]:
    found: list[Snapshot | Problem] = []
    for begin in range(0, len(data), _CHUNK):
        found += pipeline.feed(data[begin : begin + _CHUNK], datetime.now(UTC))
    return found + pipeline.finish()


def _octets(file: Path) -> bytes:
    """Read the recording; raises ConfigError when that is not possible, or a text of digits is cut."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; name a recording, or - for standard input") from None
    if not data or _HEX_TEXT.fullmatch(data[:_PROBE]) is None:
        return data
    digits = _DECORATION.sub("", _COMMENT.sub("", data.decode("ascii", "replace")))
    try:
        return bytes.fromhex(digits)
    except ValueError:
        wrong = re.search(r"[^0-9A-Fa-f]", digits)
        what = (
            f"{wrong.group()!r} is not a hexadecimal digit"
            if wrong
            else "a digit is missing: an odd number of them"
        )
        raise ConfigError(f"{file}: a text of hexadecimal digits, but {what}") from None


def _report(problem: Problem) -> None:
    line = {"code": problem.code, "offset": problem.offset, "message": problem.message, "hint": problem.hint}
    sys.stderr.buffer.write(orjson.dumps(line) + b"\n")
    sys.stderr.buffer.flush()
