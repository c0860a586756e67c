"""``ciibridge simulate METER``: what a supported meter sends, without the meter.

    ciibridge simulate lg-e450                                  on a pseudo-terminal, every 5 s
    ciibridge simulate lg-e450 --operator romande-energie       the lists of an operator, interleaved
    ciibridge simulate lg-e570 --key 000102030405060708090A0B0C0D0E0F --out tcp:4001
    ciibridge simulate lg-e450 --interface optical --out tcp:4001           answers a reader instead of pushing
    ciibridge simulate iskra-am550 --out day.bin --at 2026-05-04T00:00+02:00 --count 8640

Exit status: 0 done or stopped with Ctrl-C, 1 the outlet failed, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import ciimodel
import typer

from ciibridge.cli import main
from ciibridge.errors import ConfigError, TransportError
from ciibridge.normalise.settings import DEFAULT_ZONE
from ciibridge.security.keys import parse_key
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.cosem import PUBLIC_CLIENT, Client, Cosem
from ciibridge.simulate.objects import MeterObjects
from ciibridge.simulate.outlets import FileOutlet, Outlet, outlet
from ciibridge.simulate.pace import clock, moments
from ciibridge.simulate.station import LOGICAL_DEVICE, Station

_FAILED: Final = 1
_WRONG_USE: Final = 2


@main.command(
    epilog="Example: ciibridge simulate lg-e450 --out tcp:4001, and tcp://127.0.0.1:4001 is a meter's port."
)
def simulate(
    meter: Annotated[str, typer.Argument(help="Meter model, e.g. lg-e450; `ciibridge meters` lists them.")],
    *,
    operator: Annotated[str | None, typer.Option(help="Push the lists of this network operator.")] = None,
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", help="Push this list of the model; may be given several times."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Encrypt with this key (GUEK), 32 hexadecimal digits.", envvar="CIIBRIDGE_KEY"),
    ] = None,
    auth_key: Annotated[
        str | None,
        typer.Option(help="Authenticate too, with this key (GAK).", envvar="CIIBRIDGE_AUTH_KEY"),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Seconds between telegrams, aligned to the clock; default as the meter's."
        ),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many intervals.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another household, and another serial number.")] = 0,
    serial: Annotated[str | None, typer.Option(help="Logical device name, up to 16 characters.")] = None,
    interface: Annotated[
        str | None,
        typer.Option(help="optical: answer who reads the meter (client 16, no password) instead of pushing."),
    ] = None,
    out: Annotated[
        str, typer.Option(help="pty, pty:LINK, tcp:PORT, tcp:HOST:PORT or the name of a file.")
    ] = "pty",
    at: Annotated[
        str | None,
        typer.Option(help="Begin at this time (ISO 8601) instead of now, e.g. 2026-05-04T06:00+02:00."),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(min=0, help="Simulated seconds a second; 0: at once. Default 1, for a file 0."),
    ] = None,
) -> None:
    """Send what a supported meter sends: a household's day, encoded and framed as that model does it.

    The same time and seed give the same telegrams. Ctrl-C ends it.
    """
    try:
        simulated = SimulatedMeter(
            ciimodel.load(),
            meter,
            operator=operator,
            lists=tuple(lists or ()),
            interval_s=interval,
            key=parse_key(key, "--key") if key is not None else None,
            auth_key=parse_key(auth_key, "--auth-key") if auth_key is not None else None,
            serial=serial,
            seed=seed,
        )
        to = outlet(out)
        start = _moment(at, simulated) if at is not None else None
        if interface is not None:
            _check_interface(interface, simulated, to)
            typer.echo(_sentence(simulated, reads=True), err=True)
            asyncio.run(_until_stopped(_answer(simulated, to, start, 1.0 if speed is None else speed)))
            return
        pace = _pace(speed, count, to)
        typer.echo(_sentence(simulated), err=True)
        asyncio.run(_until_stopped(_send(simulated, to, start, pace, count)))
    except ConfigError as error:
        typer.echo(f"ciibridge simulate: {error}", err=True)
        raise typer.Exit(_WRONG_USE) from None
    except TransportError as error:
        typer.echo(f"ciibridge simulate: {error}", err=True)
        raise typer.Exit(_FAILED) from None


async def _until_stopped(work: Coroutine[None, None, None]) -> None:
    """Work until it is done, or until Ctrl-C or SIGTERM, which is a good end too."""
    playing = asyncio.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    with suppress(asyncio.CancelledError):
        await playing


async def _send(
    simulated: SimulatedMeter, to: Outlet, start: datetime | None, speed: float, count: int | None
) -> None:
    await to.open()
    try:
        typer.echo(to.name)
        sent = 0
        async with aclosing(moments(start, simulated.interval_s, speed)) as clock:
            async for moment in clock:
                await to.send(simulated.telegrams(moment))
                sent += 1
                if sent == count:
                    return
    finally:
        await to.close()


async def _answer(simulated: SimulatedMeter, to: Outlet, start: datetime | None, speed: float) -> None:
    """Answer whoever reads the meter, for ever."""
    now = clock(start, speed)
    station = Station(Cosem(MeterObjects(simulated), {PUBLIC_CLIENT: Client()}), LOGICAL_DEVICE)
    to.answer = lambda octets: station.feed(octets, now())
    await to.open()
    try:
        typer.echo(to.name)
        await asyncio.Event().wait()
    finally:
        await to.close()


def _check_interface(interface: str, simulated: SimulatedMeter, to: Outlet) -> None:
    """Raise ConfigError where nobody can be answered."""
    if interface != "optical":
        raise ConfigError(
            f"--interface {interface}: only optical can be chosen; leave it out for a meter that pushes"
        )
    if simulated.protocol != "dlms-hdlc":
        raise ConfigError(
            f"--interface optical: {simulated.meter.id} does not speak DLMS, only {simulated.protocol}"
        )
    if isinstance(to, FileOutlet):
        raise ConfigError("--out: a file asks nothing: write pty or tcp:PORT with --interface")


def _moment(text: str, simulated: SimulatedMeter) -> datetime:
    """Read ``--at``; a time without a zone is Swiss. Raises ConfigError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"--at {text}: write a time as 2026-05-04T06:00 or 2026-05-04T06:00+02:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(DEFAULT_ZONE))
    try:
        simulated.household.at(moment)
    except ValueError as error:
        raise ConfigError(f"--at {text}: {error}") from None
    return moment


def _pace(speed: float | None, count: int | None, to: Outlet) -> float:
    """Choose the pace: a file is written at once unless told otherwise. Raises ConfigError when it would never end."""
    pace = speed if speed is not None else 0.0 if isinstance(to, FileOutlet) else 1.0
    if pace == 0 and count is None:
        raise ConfigError(
            "without a pace there is no end: add --count, or --speed 1 to send as the meter does"
        )
    return pace


def _sentence(simulated: SimulatedMeter, *, reads: bool = False) -> str:
    """Say what is sent, for people; ``reads``: nothing unless asked."""
    meter = simulated.meter
    if reads:
        return f"{meter.manufacturer} {meter.model}: answers client {PUBLIC_CLIENT}, load profile of 60 days"
    shortest = min(pushed.interval_s for pushed in simulated.lists)
    lists = ", ".join(
        f"{p.id} every {simulated.interval_s if p.interval_s == shortest else p.interval_s:g} s"
        for p in simulated.lists
    )
    return f"{meter.manufacturer} {meter.model}, {'encrypted' if simulated.ciphered else 'plain'}: {lists}"
