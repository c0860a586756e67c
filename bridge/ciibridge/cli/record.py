"""``ciibridge record PORT FILE``: what comes from a port, with its timing, in a file that anybody can open.

    ciibridge record /dev/ttyUSB0 port.jsonl --meter lg-e450 --seconds 60
    ciibridge record tcp://192.168.1.20:4001 port.jsonl --telegrams 3 --redact
    ciibridge record port.jsonl public.jsonl --redact               a recording that is there already

With ``--redact`` nothing is written before all of it has been redacted: what names the meter is never on the disk. Without ``--line`` and ``--meter``, a serial port is probed first. Exit status: 0 recorded, 1 nothing came or the port failed, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import ciimodel
import typer
from ciimodel.catalogue import Link, Resolved

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
    refuse_existing,
)
from ciibridge.cli.probe import LineOption, MeterOption, OperatorOption, look, parse_line
from ciibridge.errors import ConfigError, TransportError
from ciibridge.interfaces import at_operator
from ciibridge.normalise.settings import MeterSettings
from ciibridge.probing.recogniser import Recogniser
from ciibridge.recording.container import Header, Piece, time_of, write_piece
from ciibridge.recording.forms import Recording
from ciibridge.recording.redact import redact as clean
from ciibridge.security.glo import Keys
from ciibridge.service.recorder import record as write_down
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY, SYNTHETIC_KEY
from ciibridge.transport import LinkSettings, Transport, is_recording, open_transport, owns_line

_FAILED: Final = 1
#: Of a recording that has no timing.
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OWNER_ONLY: Final = 0o600


@main.command(epilog="Example: ciibridge record /dev/ttyUSB0 port.jsonl --meter lg-e450 --seconds 60")
def record(
    port: Annotated[
        str,
        typer.Argument(
            help="Serial port, rfc2217://host:port, tcp://host:port, or a recording to be rewritten."
        ),
    ],
    file: Annotated[Path, typer.Argument(help="File to write: JSON lines with time and octets.")],
    *,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so many seconds.")] = None,
    telegrams: Annotated[int | None, typer.Option(min=1, help="Stop after so many telegrams.")] = None,
    meter: MeterOption = None,
    operator: OperatorOption = None,
    line: LineOption = None,
    key: KeyOption = None,
    auth_key: AuthKeyOption = None,
    key_file: KeyFileOption = None,
    auth_key_file: AuthKeyFileOption = None,
    system_title: SystemTitleOption = None,
    redact: Annotated[
        bool,
        typer.Option(
            "--redact",
            help="Replace what names the meter and its owner; values and timing stay. Encrypted telegrams need --key.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Record what comes from a port, with its timing, until Ctrl-C or as many telegrams as wanted.

    The file is JSON lines: the first says when and with which line settings, each other one how many seconds later which octets
    came. `ciibridge decode`, `probe`, `replay` and `run` read it. Exit status: 0 recorded, 1 nothing came, 2 wrong use.
    """
    try:
        catalogue = ciimodel.load()
        keys = read_keys(key, auth_key, key_file, auth_key_file, system_title)
        MeterSettings(model=meter, operator=operator).check(catalogue)
        refuse_existing(file, force=force)
        if is_recording(port):
            original = read_file(Path(port.removeprefix("file://")))
        else:
            chosen = parse_line(line) if line is not None else _line_of(catalogue, meter, operator)
            original = _from_port(
                catalogue,
                port,
                chosen,
                keys,
                seconds=seconds,
                telegrams=telegrams,
                file=None if redact else file,
            )
        if redact:
            original = _redacted(original, catalogue, keys)
        if redact or is_recording(port):
            _write(file, original)
    except ConfigError as error:
        typer.echo(f"ciibridge record: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    except TransportError as error:
        typer.echo(f"ciibridge record: {error}", err=True)
        raise typer.Exit(_FAILED) from None
    octets = original.octets
    typer.echo(f"{file}: {len(octets)} octets in {len(original.pieces)} pieces")
    if not octets:
        raise typer.Exit(_FAILED)


def _from_port(
    catalogue: Resolved,
    port: str,
    line: Link | None,
    keys: Keys,
    *,
    seconds: float | None,
    telegrams: int | None,
    file: Path | None,
) -> Recording:
    """Record a port; into ``file`` as it comes, or only into the memory."""
    if line is None and owns_line(port):
        line = _found(catalogue, port, keys)
    transport = open_transport(port, LinkSettings(**line.model_dump()) if line else LinkSettings())
    recorder = _Recorder(catalogue, file, line if owns_line(port) else None, keys, telegrams)
    asyncio.run(_run(recorder, transport, seconds))
    return recorder.recording


def _redacted(original: Recording, catalogue: Resolved, keys: Keys) -> Recording:
    """Redact a recording, and say what has been done. Raises ConfigError: nothing is given out."""
    test_keys = Keys(SYNTHETIC_KEY, SYNTHETIC_AUTH_KEY)
    redacted = clean(original, catalogue, keys, test_keys)
    typer.echo(
        f"{redacted.telegrams} telegrams, {redacted.names} names replaced, {redacted.zeroed} octets outside of telegrams zeroed; "
        "the values are those of the meter",
        err=True,
    )
    header = original.header or Header(_NO_TIME, software=_software())
    return Recording(redacted.pieces, redacted.header(header, test_keys))


def _write(file: Path, recording: Recording) -> None:
    """Write a whole recording. Raises ConfigError when that is not possible."""
    header = recording.header or Header(_NO_TIME, software=_software())
    try:
        file.touch(mode=_OWNER_ONLY)
        file.write_bytes(header.write() + b"".join(write_piece(piece) for piece in recording.pieces))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error.strerror}); choose another file") from None


def _software() -> str:
    return f"ciibridge {version('ciigen')}"


def _line_of(catalogue: Resolved, meter: str | None, operator: str | None) -> Link | None:
    """Take the line settings of the meter that was named, on the interface that the operator uses."""
    if meter is None:
        return None
    served = catalogue.operators[operator].meters if operator else []
    wanted = next((entry.interface for entry in served if entry.meter == meter), None)
    interfaces = catalogue.meters[meter].interfaces
    chosen = next((one for one in interfaces if wanted in (None, one.id)), None)
    return at_operator(chosen, meter, catalogue.operators.get(operator or "")).link if chosen else None


def _found(catalogue: Resolved, port: str, keys: Keys) -> Link:
    """Find the line settings by probing. Raises ConfigError when nothing is found."""
    typer.echo(f"{port}: neither --line nor --meter is given, so it is probed first", err=True)
    line = look(catalogue, port, keys).line
    if line is None:
        raise ConfigError(
            f"{port}: no telegram with any line settings; `ciibridge probe {port}` says what to check, --line 2400-8E1 "
            "records all the same"
        )
    return line


class _Recorder:
    """Keeps pieces, writes them if there is a file, and counts telegrams for the progress and for ``--telegrams``."""

    def __init__(
        self, catalogue: Resolved, file: Path | None, line: Link | None, keys: Keys, enough: int | None
    ) -> None:
        self._file = file
        self._header = Header(_NO_TIME, line, software=_software())
        self._enough = enough
        self._recogniser = Recogniser(catalogue, keys)
        self._pieces: list[Piece] = []
        self._stream: BinaryIO | None = None
        self._octets = 0

    @property
    def recording(self) -> Recording:
        """What has come."""
        return Recording(tuple(self._pieces), self._header)

    def begin(self, started: datetime) -> None:
        """Write the first line. Raises ConfigError when the file cannot be written."""
        self._header = replace(self._header, started=started)
        if self._file is None:
            return
        try:
            self._file.touch(mode=_OWNER_ONLY)
            self._stream = self._file.open("wb", buffering=0)
        except OSError as error:
            raise ConfigError(
                f"{self._file}: cannot be written ({error.strerror}); choose another file"
            ) from None
        self._stream.write(self._header.write())

    def take(self, piece: Piece) -> bool:
        """Take a piece; True: that was enough."""
        if self._stream is not None:
            self._stream.write(write_piece(piece))
        self._pieces.append(piece)
        self._octets += len(piece.octets)
        self._recogniser.feed(piece.octets, time_of(self._header, piece))
        telegrams = self._recogniser.telegrams
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{piece.at_s:6.1f} s  {self._octets} octets, {telegrams} telegrams")
            sys.stderr.flush()
        return self._enough is not None and telegrams >= self._enough

    def end(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")


async def _run(recorder: _Recorder, transport: Transport, seconds: float | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await write_down(transport, recorder.take, stop, seconds, recorder.begin)
    finally:
        recorder.end()
