"""``ciibridge run``: the service.

ciibridge run -c /etc/ciibridge/ciibridge.toml            runs until SIGTERM or Ctrl-C
ciibridge run -c /etc/ciibridge/ciibridge.toml --check    says what would run, and everything that is wrong
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import ciimodel
import typer

from ciibridge.cli import main
from ciibridge.errors import ConfigError
from ciibridge.normalise.identity import shortened
from ciibridge.service.logs import start_logging
from ciibridge.service.meter_setup import MeterSetup
from ciibridge.service.secrets import never_dump
from ciibridge.service.service import Service
from ciibridge.service.setup import Setup, load
from ciibridge.service.systemd import Systemd

_WRONG_USE: Final = 2


@main.command(epilog="Example: ciibridge run -c ciibridge.toml")
def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="Configuration file (TOML).")] = Path(
        "/etc/ciibridge/ciibridge.toml"
    ),
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Check the configuration, say what would run, and end.")
    ] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log one JSON object a line, for programs.")
    ] = False,
) -> None:
    """Run the bridge: read the meters of the configuration and publish what they send, until it is stopped.

    A broker or a port that is not there is waited for. Exit status: 0 stopped or checked, 2 the configuration is wrong.
    """
    catalogue = ciimodel.load()
    try:
        setup = load(config, catalogue)
    except ConfigError as error:
        typer.echo(f"ciibridge run: the configuration is wrong\n{error}", err=True)
        raise typer.Exit(_WRONG_USE) from None
    if check:
        typer.echo(summary(config, setup))
        return
    never_dump()
    start_logging(setup.log_level, as_json=log_json)
    service = partial(
        Service, setup, catalogue, systemd=Systemd(os.environ), reread=lambda: load(config, catalogue)
    )
    try:
        asyncio.run(_serve(service))
    except ConfigError as error:  # the state file belongs to another process
        typer.echo(f"ciibridge run: {error}", err=True)
        raise typer.Exit(_WRONG_USE) from None


async def _serve(make: Callable[[], Service]) -> None:
    service = make()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    await service.run(stop)


def summary(config: Path, setup: Setup) -> str:
    """Say what would run."""
    connections = "one connection for all" if setup.shared_connection else "one connection a meter"
    rows = [
        f"{config}: good",
        f"broker {setup.broker.url} (MQTT {setup.broker.protocol}, {connections}), topics {setup.prefix}/v1/…",
        *(_meter(meter) for meter in setup.meters),
        *(f"note: {note}" for note in setup.notes),
    ]
    return "\n".join(rows)


def _meter(meter: MeterSetup) -> str:
    settings, link = meter.settings, meter.link
    parity = link.parity[0].upper()
    facts = [
        f"{meter.protocol}, {link.baudrate} baud {link.bytesize}{parity}{link.stopbits} if serial",
        f"model {settings.model or 'to be recognised'}",
        f"topics {shortened(settings.id) if settings.id else 'by its own name'}",
        "with a key" if settings.key else "without a key",
        *(() if meter.asking is None else (f"asked every {meter.asking.every_s:g} s",)),
    ]
    return f"meter on {meter.port}: {'; '.join(facts)}"
