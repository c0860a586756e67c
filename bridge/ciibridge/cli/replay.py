"""``ciibridge replay FILE``: a recording, played as the meter sent it.

    ciibridge replay port.jsonl                       on a pseudo-terminal, to be read like a serial port
    ciibridge replay port.jsonl --out tcp:4001        and tcp://127.0.0.1:4001 is the meter's port
    ciibridge replay port.jsonl --out - --speed 0 > octets.bin

Exit status: 0 played or stopped with Ctrl-C, 1 the outlet failed, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from ciibridge.cli import main
from ciibridge.cli.inputs import WRONG_USE, read_file
from ciibridge.errors import ConfigError, TransportError
from ciibridge.recording.forms import Recording
from ciibridge.service.replay import replay as play
from ciibridge.simulate.outlets import Outlet, outlet

_FAILED: Final = 1


@main.command(
    epilog="Example: ciibridge replay port.jsonl --out tcp:4001, and tcp://127.0.0.1:4001 is the meter's port."
)
def replay(
    file: Annotated[Path, typer.Argument(help="Recording, of any form that `ciibridge decode` reads.")],
    *,
    out: Annotated[
        str,
        typer.Option(
            help="pty, pty:LINK, tcp:PORT, tcp:HOST:PORT, the name of a file, or - for standard output."
        ),
    ] = "pty",
    speed: Annotated[float, typer.Option(min=0, help="Seconds of the recording a second; 0: at once.")] = 1.0,
    repeat: Annotated[bool, typer.Option("--repeat", help="Begin again at the end, until Ctrl-C.")] = False,
) -> None:
    """Play a recording with its timing, to try `ciibridge run` or `ciibridge probe` on it.

    A recording that holds only octets has no timing and is sent at once. Ctrl-C ends it.
    """
    try:
        recording = read_file(file)
        _check(recording, file, speed, repeat=repeat)
        to = outlet(out)
        if recording.header is None:
            typer.echo(f"{file}: only octets, no timing: they are sent at once", err=True)
        asyncio.run(_play(recording, to, speed, repeat=repeat))
    except ConfigError as error:
        typer.echo(f"ciibridge replay: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    except TransportError as error:
        typer.echo(f"ciibridge replay: {error}", err=True)
        raise typer.Exit(_FAILED) from None


def _check(recording: Recording, file: Path, speed: float, *, repeat: bool) -> None:
    if not recording.octets:
        raise ConfigError(f"{file}: there is not one octet in it")
    if repeat and not (speed and recording.pieces[-1].at_s):
        raise ConfigError(
            "--repeat without timing would never pause: the recording has none, or --speed is 0"
        )


async def _play(recording: Recording, to: Outlet, speed: float, *, repeat: bool) -> None:
    playing = asyncio.create_task(_send(recording, to, speed, repeat=repeat))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    with suppress(asyncio.CancelledError):
        await playing


async def _send(recording: Recording, to: Outlet, speed: float, *, repeat: bool) -> None:
    await to.open()
    try:
        typer.echo(to.name, err=to.name == "-")
        while True:
            await play(recording.pieces, to, speed)
            if not repeat:
                return
    finally:
        await to.close()
