"""``ciibridge simulate METER``: what a supported meter sends, without the meter.

    ciibridge simulate lg-e450                                  on a pseudo-terminal, every 5 s
    ciibridge simulate lg-e450 --operator romande-energie       the lists of an operator, interleaved
    ciibridge simulate lg-e570 --key 000102030405060708090A0B0C0D0E0F --out tcp:4001
    ciibridge simulate lg-e450 --interface optical --out tcp:4001           answers a reader instead of pushing
    ciibridge simulate kamstrup-382 --address 1 --address 2 --out tcp:4001  two devices of one M-Bus
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
from ciibridge.simulate.cosem import PUBLIC_CLIENT
from ciibridge.simulate.outlets import FileOutlet, Outlet, outlet
from ciibridge.simulate.pace import clock, moments
from ciibridge.simulate.stations import STATIONS, Answering

_FAILED: Final = 1
_WRONG_USE: Final = 2
_DLMS: Final = ("dlms-hdlc", "dlms-wrapper")  # say nothing of their own in an association
_OPTICAL: Final = "optical"
_FIRST_ADDRESS: Final = 1


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
        typer.Option(
            help="Encrypt with this key (GUEK), 32 hexadecimal digits; 64 for security suite 2.",
            envvar="CIIBRIDGE_KEY",
        ),
    ] = None,
    auth_key: Annotated[
        str | None,
        typer.Option(help="Authenticate too, with this key (GAK).", envvar="CIIBRIDGE_AUTH_KEY"),
    ] = None,
    general: Annotated[
        bool,
        typer.Option("--general-ciphering", help="DLMS: encrypt as general-ciphering, its key identified."),
    ] = False,
    wrapper: Annotated[
        bool,
        typer.Option("--wrapper", help="DLMS: as over TCP, in the wrapper of IEC 62056-47 instead of HDLC."),
    ] = False,
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
        typer.Option(
            help="Interface of the model; default the operator's, else its first. optical, for a meter that pushes DLMS: "
            "answer who reads it (client 16, no password)."
        ),
    ] = None,
    address: Annotated[
        list[int] | None,
        typer.Option(
            min=0, max=250, help="M-Bus: primary address of a device, default 1; several times for several."
        ),
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

    A meter that must be asked answers who asks it.

    The same time and seed give the same telegrams. Ctrl-C ends it.
    """
    try:
        catalogue = ciimodel.load()
        known = catalogue.meters[meter].interfaces if meter in catalogue.meters else []
        addresses = address or [_FIRST_ADDRESS]
        meters = [
            SimulatedMeter(
                catalogue,
                meter,
                # The optical head of a meter that pushes is not in the catalogue.
                interface=None
                if interface == _OPTICAL and _OPTICAL not in {i.id for i in known}
                else interface,
                operator=operator,
                lists=tuple(lists or ()),
                interval_s=interval,
                key=parse_key(key, "--key") if key is not None else None,
                auth_key=parse_key(auth_key, "--auth-key") if auth_key is not None else None,
                general=general,
                wrapper=wrapper,
                serial=serial,
                seed=seed + number,
            )
            for number in range(len(addresses))
        ]
        simulated = meters[0]
        _check_addresses(addresses if address else [], simulated)
        to = outlet(out)
        start = _moment(at, simulated) if at is not None else None
        if _is_asked(simulated, interface, to):
            station = STATIONS[simulated.protocol](meters, addresses)
            typer.echo(_asked_sentence(simulated, addresses), err=True)
            asyncio.run(_until_stopped(_answer(station, to, start, 1.0 if speed is None else speed)))
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


async def _answer(station: Answering, to: Outlet, start: datetime | None, speed: float) -> None:
    """Answer whoever reads the meter, for ever."""
    now = clock(start, speed)
    to.answer = lambda octets: station.feed(octets, now())
    await to.open()
    try:
        typer.echo(to.name)
        await asyncio.Event().wait()
    finally:
        await to.close()


def _check_addresses(addresses: list[int], simulated: SimulatedMeter) -> None:
    """Raise ConfigError where addresses make no sense."""
    if addresses and simulated.protocol != "mbus":
        raise ConfigError(
            f"--address: {simulated.meter.id} speaks {simulated.protocol}; only devices on an M-Bus have one"
        )
    if len(set(addresses)) < len(addresses):
        raise ConfigError("--address: two devices with one address; give each its own")


def _is_asked(simulated: SimulatedMeter, interface: str | None, to: Outlet) -> bool:
    """Whether the meter answers instead of pushing. Raises ConfigError where nobody can be answered."""
    on_optical_head = interface == _OPTICAL and simulated.interface.id != _OPTICAL
    if on_optical_head and simulated.protocol not in STATIONS:
        raise ConfigError(
            f"--interface {_OPTICAL}: {simulated.meter.id} does not speak DLMS, only {simulated.protocol}"
        )
    if isinstance(to, FileOutlet):
        if on_optical_head or (simulated.interface.mode == "poll" and simulated.protocol in _DLMS):
            raise ConfigError("--out: a file asks nothing: write pty or tcp:PORT with --interface")
        return False
    return on_optical_head or (simulated.interface.mode == "poll" and simulated.protocol in STATIONS)


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


def _asked_sentence(simulated: SimulatedMeter, addresses: list[int]) -> str:
    """Say whom it answers, for people."""
    what = {
        **dict.fromkeys(("dlms-hdlc", "dlms-wrapper"), f"client {PUBLIC_CLIENT}, load profile of 60 days"),
        "mbus": f"a master of the bus, address {', '.join(map(str, addresses))}",
    }.get(simulated.protocol, "who asks")
    return f"{simulated.meter.manufacturer} {simulated.meter.model}: answers {what}"


def _sentence(simulated: SimulatedMeter) -> str:
    """Say what is sent, for people."""
    meter = simulated.meter
    shortest = min(pushed.interval_s for pushed in simulated.lists)
    lists = ", ".join(
        f"{p.id} every {simulated.interval_s if p.interval_s == shortest else p.interval_s:g} s"
        for p in simulated.lists
    )
    return f"{meter.manufacturer} {meter.model}, {'encrypted' if simulated.ciphered else 'plain'}: {lists}"
