"""``ciibridge doctor``: what keeps a bridge from working, and what mends it.

Exit status: 0 nothing does (there may be warnings), 1 something does, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import ciimodel
import orjson
import typer
from ciimodel.catalogue import Resolved

from ciibridge.cli import main
from ciibridge.cli.place import USUAL, JsonOption
from ciibridge.errors import ConfigError
from ciibridge.service.address import Place, read_place
from ciibridge.service.doctor import Check, Level, machine, ports
from ciibridge.service.doctor import broker as broker_check
from ciibridge.service.setup import Setup, load
from ciibridge.service.steady import utc_now
from ciibridge.wording import counted

_FAILED: Final = 1
_COLOURS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
Tell = Callable[[Check], None]


@main.command(epilog="Example: ciibridge doctor -c /etc/ciibridge/ciibridge.toml")
def doctor(
    config: Annotated[Path, typer.Option("--config", "-c", help="Configuration file (TOML).")] = USUAL,
    *,
    listen: Annotated[
        float, typer.Option(min=0, help="Seconds to listen to each meter that sends by itself; 0: only open.")
    ] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Find what keeps a bridge from working: configuration, keys, ports, broker, clock, disk, service.

    A bridge that runs is not disturbed. Run it as the user of the service, whose rights are then the ones that are looked at. Exit
    status: 0 nothing is wrong, 1 something is, 2 wrong use. Warnings do not count.
    """
    told: list[Check] = []

    def tell(check: Check) -> None:
        told.append(check)
        if not as_json:
            typer.echo(_line(check))

    asyncio.run(_look(config, listen, tell))
    failed = sum(check.level is Level.FAIL for check in told)
    if as_json:
        checks = [
            {"level": check.level, "subject": check.subject, "text": check.words, "remedy": check.remedy}
            for check in told
        ]
        typer.echo(orjson.dumps({"ok": not failed, "checks": checks}))
    else:
        warned = sum(check.level is Level.WARN for check in told)
        typer.echo(f"\n{len(told)} looked at, {failed} wrong, {warned} to think about")
    raise typer.Exit(_FAILED if failed else 0)


async def _look(config: Path, listen_s: float, tell: Tell) -> None:
    catalogue = ciimodel.load()
    tell(machine.versions(catalogue.version))
    tell(machine.clock(utc_now(), kept=machine.synchronised()))
    shown = machine.show_unit()
    for check in machine.unit(shown):
        tell(check)
    environ = machine.service_environment(os.environ, shown)
    try:
        setup = load(config, catalogue, environ)
    except ConfigError as error:
        for line in str(error).splitlines():
            tell(Check(Level.FAIL, "config", line))
        await _broker_alone(config, catalogue, tell)
        return
    tell(Check(Level.OK, "config", f"{config}: good, {counted(len(setup.meters), 'meter')}"))
    for note in setup.notes:
        tell(Check(Level.WARN, "config", note))
    checks, running = machine.state(setup.store)
    for check in checks:
        tell(check)
    async for check in broker_check.look(Place(setup.broker, setup.prefix), catalogue, setup.bridge_id):
        tell(check)
    await _ports(setup, catalogue, listen_s, tell, running=running)


async def _broker_alone(config: Path, catalogue: Resolved, tell: Tell) -> None:
    """Look at the broker of a configuration that is wrong elsewhere."""
    try:
        place = read_place(config, catalogue)
    except ConfigError:
        return  # what is wrong with [mqtt] has been told
    async for check in broker_check.look(place, catalogue, "config"):
        tell(check)


async def _ports(setup: Setup, catalogue: Resolved, listen_s: float, tell: Tell, *, running: bool) -> None:
    for meter in setup.meters:
        for check in ports.settings(meter, catalogue):
            tell(check)
    counters = {} if running else machine.counters(setup.store)
    listening = [
        ports.listen(meter, catalogue, listen_s, running=running, counters=counters) for meter in setup.meters
    ]
    for heard in asyncio.as_completed(listening):
        tell(await heard)


def _line(check: Check) -> str:
    mark = typer.style(f"{check.level:<5}", fg=_COLOURS[check.level])
    remedy = f"\n      → {check.remedy}" if check.remedy else ""
    return f"{mark} {check.subject}: {check.words}{remedy}"
