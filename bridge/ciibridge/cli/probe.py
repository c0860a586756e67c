"""``ciibridge probe PORT``: which meter is it, and what is missing to read it.

    ciibridge probe /dev/ttyUSB0                                tries the line settings that meters have
    ciibridge probe tcp://192.168.1.20:4001 --key 0001…         settings are at the other end
    ciibridge probe capture.bin                                 a recording of any form

Progress goes to standard error, what was found to standard output. Exit status: 0 found, 1 not found or something is
missing, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import ciimodel
import orjson
import typer
from ciimodel.catalogue import Link, Resolved

from ciibridge.cli import main
from ciibridge.cli.inputs import (
    TAKES_EXTRA,
    WRONG_USE,
    AuthKeyFileOption,
    AuthKeyOption,
    KeyFileOption,
    KeyOption,
    SystemTitleOption,
    read_file,
    read_keys,
    refuse_extra,
)
from ciibridge.dialogue.asking import WAYS
from ciibridge.errors import ConfigError, TransportError
from ciibridge.normalise.settings import MeterSettings
from ciibridge.pipeline import LINES
from ciibridge.probing.advice import advice
from ciibridge.probing.attempts import asked, attempts, fixed, given, knocks
from ciibridge.probing.report import Outcome, Report, document, report
from ciibridge.probing.search import Search, Tried
from ciibridge.probing.words import report_lines, tried_line
from ciibridge.recording.container import time_of
from ciibridge.security.glo import Keys
from ciibridge.service.listening import Listener
from ciibridge.service.proposal import Proposal, answers_of, meter_block, propose
from ciibridge.transport import LinkSettings, is_recording, open_transport, owns_line

_FAILED: Final = 1
#: Protocols in which a meter answers whoever asks; DLMS wants to know who it is.
_ASKED: Final = tuple(protocol for protocol in WAYS if not protocol.startswith("dlms-"))
_LINE: Final = re.compile(r"(\d{2,7})[ \-,/]?([78])([NEOneo])([12])")
_PARITY: Final = {"N": "none", "E": "even", "O": "odd"}
_DEFAULT_NAME: Final = "ciibridge.toml"

MeterOption = Annotated[
    str | None, typer.Option(help="Meter model you believe it is: its settings are tried first.")
]
OperatorOption = Annotated[
    str | None, typer.Option(help="Your network operator: its meters are tried first, and its help is shown.")
]
LineOption = Annotated[
    str | None,
    typer.Option(help="Line settings, instead of trying those of all meters: 2400-8E1, 115200-8N1."),
]
LangOption = Annotated[str, typer.Option(help="Language of what the catalogue says: en, de, fr, it.")]


@main.command(
    context_settings=TAKES_EXTRA,
    epilog="Example: ciibridge probe /dev/ttyUSB0 --operator ekz --write ciibridge.toml",
)
def probe(
    context: typer.Context,
    port: Annotated[
        str,
        typer.Argument(help="Serial port, rfc2217://host:port, tcp://host:port, or the name of a recording."),
    ],
    *,
    operator: OperatorOption = None,
    meter: MeterOption = None,
    key: KeyOption = None,
    auth_key: AuthKeyOption = None,
    key_file: KeyFileOption = None,
    auth_key_file: AuthKeyFileOption = None,
    system_title: SystemTitleOption = None,
    line: LineOption = None,
    protocol: Annotated[
        str | None, typer.Option(help=f"What it speaks: {', '.join(LINES)}. Default: seen from its octets.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Listen for so long at most; without it, until it is clear.")
    ] = None,
    watch: Annotated[
        float | None,
        typer.Option(min=1, help="Listen on for so long once it is found, to see lists that come seldom."),
    ] = None,
    ask: Annotated[
        bool,
        typer.Option(
            "--ask", help="Do not listen first: ask at once (IEC 62056-21, M-Bus, DLMS), as after silence."
        ),
    ] = False,
    lang: LangOption = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    write: Annotated[
        Path | None,
        typer.Option(help="Write the configuration for `ciibridge run` to this file, keys beside it."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there already.")] = False,
) -> None:
    """Find out which meter is on a port, and what is missing to read it.

    Listens with the line settings of all known meters, likeliest first, and moves on as soon as what it hears cannot be a
    telegram. Where nothing is heard, it asks who is there: nothing is written, and no password is tried. Ctrl-C shows what is known so far. Exit status: 0 found, 1 not found or a key is missing, 2 wrong use.
    """
    try:
        refuse_extra(context.args)
        catalogue = ciimodel.load()
        keys = read_keys(key, auth_key, key_file, auth_key_file, system_title)
        check_hints(catalogue, meter, operator, protocol, lang)
        chosen = parse_line(line) if line is not None else None
        found = look(
            catalogue,
            port,
            keys,
            meter=meter,
            operator=operator,
            line=chosen,
            protocol=protocol,
            seconds=seconds,
            watch=watch,
            ask=ask,
        )
        notes = advice(found, catalogue, lang)
        proposal = proposed(found, keys, catalogue, write)
        if as_json:
            sys.stdout.buffer.write(orjson.dumps(document(found, notes)) + b"\n")
            sys.stdout.buffer.flush()
        else:
            typer.echo(shown(found, catalogue, lang, notes, proposal))
        if write is not None:
            _save(proposal, write, force=force)
    except ConfigError as error:
        typer.echo(f"ciibridge probe: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    except TransportError as error:
        typer.echo(f"ciibridge probe: {error}", err=True)
        raise typer.Exit(_FAILED) from None
    if found.outcome is not Outcome.FOUND:
        raise typer.Exit(_FAILED)


def look(
    catalogue: Resolved,
    port: str,
    keys: Keys,
    *,
    meter: str | None = None,
    operator: str | None = None,
    line: Link | None = None,
    protocol: str | None = None,
    seconds: float | None = None,
    watch: float | None = None,
    ask: bool = False,
) -> Report:
    """Listen on a port, or look into a recording. Raises ConfigError and TransportError."""
    if is_recording(port):
        search = _file(catalogue, Path(port.removeprefix("file://")), keys, line, protocol)
    else:
        open_transport(port, LinkSettings())  # says what is wrong with the name
        ours = owns_line(port)
        tries = (fixed(catalogue, line),) if line else attempts(catalogue, operator=operator, meter=meter)
        search = Search(
            catalogue,
            ()
            if ask or _only_answers(catalogue, meter)
            else tries
            if ours or line
            else (given(catalogue, "set at the other end"),),
            keys,
            protocol=protocol,
            endless=seconds is not None,
            watch_s=watch,
            questions=(*asked(catalogue, _ASKED, meter=meter, line=ours), *knocks(line=ours)),
        )
        if not ours:
            _tell(f"{port}: the line settings are set at the other end, not tried here")
        asyncio.run(_listen(Listener(port, search, _progress, _ended), seconds))
    return report(catalogue, port, search, meter=meter, operator=operator)


def _only_answers(catalogue: Resolved, meter: str | None) -> bool:
    """Whether the meter that was named pushes nothing: then nobody waits for it to."""
    interfaces = catalogue.meters[meter].interfaces if meter else []
    return bool(interfaces) and all(interface.mode == "poll" for interface in interfaces)


async def _listen(listener: Listener, seconds: float | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await listener.run(stop, seconds)
    if listener.fault is not None:
        _tell(listener.fault)


def _file(catalogue: Resolved, path: Path, keys: Keys, line: Link | None, protocol: str | None) -> Search:
    """Look into a recording: all of it, at the times it knows."""
    recording = read_file(path)
    header = recording.header
    line = line or (header.line if header else None)
    attempt = fixed(catalogue, line) if line else given(catalogue, "a recording: not known")
    search = Search(
        catalogue,
        (attempt,),
        recording.keys(keys),
        timed=header is not None,
        protocol=protocol or recording.protocol,
    )
    now = header.started if header else datetime.now(UTC)
    search.begin(now)
    for piece in recording.pieces:
        now = time_of(header, piece) if header else now
        search.feed(piece.octets, now)
    search.end(now)
    return search


def check_hints(
    catalogue: Resolved, meter: str | None, operator: str | None, protocol: str | None, lang: str
) -> None:
    """Compare what a person believes with the catalogue; raises ConfigError."""
    MeterSettings(model=meter, operator=operator).check(catalogue)
    if protocol is not None and protocol not in LINES:
        raise ConfigError(f"--protocol {protocol}: write one of {', '.join(LINES)}")
    if lang not in catalogue.languages:
        raise ConfigError(f"--lang {lang}: write one of {', '.join(catalogue.languages)}")


def parse_line(text: str) -> Link:
    """Read line settings as people write them: 2400-8E1, 2400 8E1. Raises ConfigError."""
    found = _LINE.fullmatch(text.strip())
    if found is None:
        raise ConfigError(
            f"--line {text}: write speed, bits, parity and stop bits, e.g. 2400-8E1 or 115200-8N1"
        )
    baudrate, bits, parity, stop = found.groups()
    return Link.model_validate(
        {
            "baudrate": int(baudrate),
            "bytesize": int(bits),
            "parity": _PARITY[parity.upper()],
            "stopbits": int(stop),
        }
    )


def proposed(found: Report, keys: Keys, catalogue: Resolved, write: Path | None) -> Proposal | None:
    """Make the configuration of a meter that was found, or of which only the key is missing."""
    if found.outcome not in {Outcome.FOUND, Outcome.KEY} and not found.only_knocked:
        return None
    return propose(answers_of(found, keys, catalogue), catalogue, (write or Path(_DEFAULT_NAME)).stem)


def _save(proposal: Proposal | None, path: Path, *, force: bool) -> None:
    if proposal is None:
        _tell(f"{path} is not written: nothing was found that could be configured")
        return
    for file in proposal.save(path, force=force):
        _tell(f"written: {file}")


def shown(
    found: Report, catalogue: Resolved, lang: str, notes: tuple[str, ...], proposal: Proposal | None
) -> str:
    """Write all of a report for people."""
    lines = [*report_lines(found, catalogue, lang)]
    if notes:
        lines += ["", "Good to know:" if found.outcome is Outcome.FOUND else "Next:"]
        lines += [f"  - {note}" for note in notes]
    if proposal is not None:
        lines += ["", "For `ciibridge run` (--write FILE writes it):", "", meter_block(proposal).rstrip()]
    return "\n".join(lines)


def _tell(text: str) -> None:
    _clear()
    typer.echo(text, err=True)


def _progress(so_far: Tried) -> None:
    """Overwrite one line of the terminal; elsewhere nothing, for a log is no terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{tried_line(so_far)}")
        sys.stderr.flush()


def _ended(tried: Tried) -> None:
    _tell(tried_line(tried))


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
