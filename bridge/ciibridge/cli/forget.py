"""``ciibridge forget``: take a meter's invocation counters out of what a bridge remembers.

An operator may reset a meter's counter, or put another meter with the same key in its place. Then every telegram is refused as
replayed until its counter has passed the remembered one, which may take years.

Exit status: 0 forgotten, 1 nothing was remembered, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Final

import ciimodel
import typer

from ciibridge.cli import main
from ciibridge.cli.inputs import WRONG_USE
from ciibridge.cli.place import USUAL
from ciibridge.errors import ConfigError
from ciibridge.publish.database import Database
from ciibridge.service.doctor import machine
from ciibridge.service.runtime import Copy
from ciibridge.service.setup import Setup, load
from ciibridge.service.state import State

_NOTHING: Final = 1


@main.command(epilog="Example: ciibridge forget /dev/ttyUSB0 -c /etc/ciibridge/ciibridge.toml")
def forget(
    meter: Annotated[str, typer.Argument(help="`id` or `port` of the meter, as in the configuration.")],
    config: Annotated[Path, typer.Option("--config", "-c", help="Configuration file (TOML).")] = USUAL,
) -> None:
    """Forget the invocation counters of a meter: its next telegram is taken whatever its counter.

    For a meter whose counters its operator has reset, or that was exchanged, with the same key. Until that telegram comes, recorded ones
    could be played: do it only when `ciibridge status` says `replayed` and the operator knows of it. Stop the bridge first, and run it as its user (sudo -u ciibridge). Exit status: 0 forgotten, 1
    nothing was remembered, 2 wrong use.
    """
    try:
        setup = load(config, ciimodel.load(), machine.service_environment(os.environ, machine.show_unit()))
        port, key = _find(setup, meter)
        count = asyncio.run(_forget(setup, key))
    except ConfigError as error:
        typer.echo(f"ciibridge forget: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    if not count:
        typer.echo(f"{port}: no counter is remembered with its key")
        raise typer.Exit(_NOTHING)
    counters = (
        "1 invocation counter" if count == 1 else f"{count} invocation counters (one a meter with this key)"
    )
    typer.echo(f"{port}: {counters} forgotten; start the bridge again")


def _find(setup: Setup, name: str) -> tuple[str, bytes]:
    """Find port and key of a meter; raises ConfigError."""
    for meter in setup.meters:
        if name not in (meter.settings.id, meter.port):
            continue
        if meter.settings.key is None:
            raise ConfigError(
                f"{meter.port} has no key: its telegrams have no counter, nothing of it is remembered"
            )
        return meter.port, meter.settings.key
    ports = ", ".join(meter.port for meter in setup.meters)
    raise ConfigError(f"no meter has the id or port {name!r}. Configured ports: {ports}")


async def _forget(setup: Setup, key: bytes) -> int:
    """Take the counters out of both files; how many. Raises ConfigError if a bridge has them open, or they cannot be written."""
    store = setup.store
    if store.path is None or not store.path.exists():
        return 0
    database = Database(store.path)
    state = State(database, None if store.copy is None else Copy(store.copy))
    told: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    try:
        await database.open()
        state.forget(key, told.set_result)
        count = await told
        state.close()
    finally:
        await database.close()
    if count is None:
        raise ConfigError(f"the state file {state.trouble.words if state.trouble else 'cannot be written'}")
    return count
