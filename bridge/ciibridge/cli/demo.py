"""``ciibridge demo``: see it move, with no hardware, no broker and no configuration.

    simulated meters ──pty, TCP──► the bridge, as ``run`` starts it ──► embedded broker ──► a table
    (four operators)               (a real configuration file)         (amqtt, loopback)

Only the ends are made up. Telegrams come once a second instead of every five.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import ciimodel
import typer
from ciimodel.catalogue import Resolved
from rich.console import Console
from rich.live import Live

from ciibridge.cli import main
from ciibridge.cli.board import Board
from ciibridge.errors import ConfigError, TransportError
from ciibridge.service.service import Service
from ciibridge.service.setup import load
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.identity import SYNTHETIC_KEY
from ciibridge.simulate.outlets import Outlet, PtyOutlet, TcpOutlet

_WRONG_USE: Final = 2
_FAILED: Final = 1
_EVERY_S: Final = 1.0
_REFRESH_S: Final = 0.25
#: What is sent before the bridge listens is lost, as with a real meter; so let it connect first.
_LISTENING_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class _House:
    """A household of the demo: whose grid, which meter, and how the bridge is told about it."""

    title: str
    operator: str
    meter: SimulatedMeter
    outlet: Outlet
    id: str
    key: bytes | None = None


@main.command(epilog="Example: ciibridge demo --seconds 30")
def demo(
    seconds: Annotated[
        float | None, typer.Option(min=1, help="End after so many seconds; default: with Ctrl-C.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the embedded broker; 0: a free one.")
    ] = 0,
    *,
    no_table: Annotated[
        bool, typer.Option("--no-table", help="One line a message instead of a table.")
    ] = False,
) -> None:
    """Simulate meters of four Swiss operators, bridge them to an embedded broker and show what arrives there.

    Subscribe with anything to the address it tells. Exit status: 0 ended, 1 the broker cannot start, 2 it is not installed.
    """
    try:
        import amqtt.broker  # noqa: F401, PLC0415 - an extra: see whether it is there before anything is shown
    except ImportError:
        typer.echo(
            "ciibridge demo needs its embedded broker. Install it: pip install 'ciigen[demo]'", err=True
        )
        raise typer.Exit(_WRONG_USE) from None
    console = Console()
    table = console.is_terminal and not no_table
    logging.basicConfig(
        level=logging.CRITICAL if table else logging.WARNING, format="%(levelname)s %(message)s"
    )
    for noisy in ("amqtt", "transitions", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        asyncio.run(_demo(console, seconds, port or _free_port(), table=table))
    except (ConfigError, TransportError, OSError) as error:
        typer.echo(f"ciibridge demo: {error}", err=True)
        raise typer.Exit(_FAILED) from None


async def _demo(console: Console, seconds: float | None, port: int, *, table: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    catalogue = ciimodel.load()
    houses = _houses(catalogue)
    header = _header(port, len(houses))
    with tempfile.TemporaryDirectory(prefix="ciibridge-demo-") as folder:
        async with _broker(port), _talking(houses):
            service = Service(load(_configuration(Path(folder), port, houses), catalogue), catalogue)
            board = Board(
                port,
                catalogue.prefix,
                None if table else lambda topic, text: print_line(console, topic, text),
            )
            running = asyncio.create_task(service.run(stop))
            if seconds is not None:
                loop.call_later(seconds, stop.set)
            try:
                if table:
                    await _draw(console, board, header, {house.id: house.title for house in houses}, running)
                else:
                    console.print(header, highlight=False, soft_wrap=True)
                    await running
            finally:  # also when the terminal was closed under us
                stop.set()
                await running
                await asyncio.sleep(_REFRESH_S)  # for the last words to arrive
                board.close()
    console.print(f"Ended after {board.messages} messages.", highlight=False)


async def _draw(
    console: Console, board: Board, header: str, titles: dict[str, str], running: asyncio.Task[None]
) -> None:
    """Refresh the table until the service has ended, then leave the last one standing."""
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while not running.done() and console.is_terminal:  # a terminal that was closed is none any more
            await asyncio.wait({running}, timeout=_REFRESH_S)
            if (
                not running.done()
            ):  # the last words are `offline`: the values before it are what people want to see
                live.update(board.render(header, titles, console.height), refresh=True)


def print_line(console: Console, topic: str, payload: str) -> None:
    """Print a message as ``mosquitto_sub -v`` does."""
    console.print(f"{topic} {payload}", highlight=False, markup=False, soft_wrap=True)


def _houses(catalogue: Resolved) -> list[_House]:
    ekz = SimulatedMeter(catalogue, "lg-e450", operator="ekz", seed=1)
    aew = SimulatedMeter(catalogue, "lg-e450", operator="aew", seed=2)
    romande = SimulatedMeter(catalogue, "iskra-am550", operator="romande-energie", key=SYNTHETIC_KEY, seed=4)
    ewb = SimulatedMeter(catalogue, "honeywell-as3000", operator="ewb", seed=3)
    return [
        _House("EKZ · E450", "ekz", ekz, PtyOutlet(), ekz.device_name.lower()),
        _House("AEW · E450", "aew", aew, TcpOutlet("127.0.0.1", 0), "aew-house"),
        _House("ewb · AS3000, P1", "ewb", ewb, TcpOutlet("127.0.0.1", 0), "ewb-house"),
        _House(
            "Romande · AM550, encrypted",
            "romande-energie",
            romande,
            TcpOutlet("127.0.0.1", 0),
            "romande-house",
            SYNTHETIC_KEY,
        ),
    ]


def _configuration(folder: Path, port: int, houses: list[_House]) -> Path:
    """Write the configuration file, as a user would: a port each, and what cannot be known from the telegrams."""
    lines = [
        "[bridge]",
        'id = "demo"',
        "[outbox]",
        'path = "state.db"',
        "[mqtt]",
        f'url = "mqtt://127.0.0.1:{port}"',
        'protocol = "3.1.1"',
    ]
    for house in houses:
        lines += ["[[meter]]", f'port = "{house.outlet.name}"', f'operator = "{house.operator}"']
        lines.append(f'model = "{house.meter.meter.id}"')
        if house.id != house.meter.device_name.lower():
            lines.append(f'id = "{house.id}"')
        if house.key:
            secret = folder / f"{house.id}.key"
            secret.touch(mode=0o600)
            secret.write_text(house.key.hex())
            lines.append(f'key_file = "{secret.name}"')
    path = folder / "ciibridge.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@asynccontextmanager
async def _talking(houses: list[_House]) -> AsyncIterator[None]:
    """Open all outlets and let the meters talk until the end of the block."""
    for house in houses:
        house.meter.telegrams(datetime.now(UTC))  # the first one takes longer: a household's past is made up
        await house.outlet.open()
    talking = [asyncio.create_task(_talk(house)) for house in houses]
    try:
        yield
    finally:
        for task in talking:
            task.cancel()
        await asyncio.wait(talking)
        await asyncio.gather(*(house.outlet.close() for house in houses))


async def _talk(house: _House) -> None:
    await asyncio.sleep(_LISTENING_S)
    while True:
        await house.outlet.send(house.meter.telegrams(datetime.now(UTC)))
        await asyncio.sleep(_EVERY_S)


@asynccontextmanager
async def _broker(port: int) -> AsyncIterator[None]:
    """Run the embedded broker, for everybody on this machine."""
    from amqtt.broker import Broker  # noqa: PLC0415 - an extra
    from amqtt.errors import BrokerError  # noqa: PLC0415

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    try:
        await broker.start()
    except BrokerError as error:
        raise TransportError(
            f"the broker cannot listen on port {port}: choose another --port ({error})"
        ) from error
    try:
        yield
    finally:
        await broker.shutdown()


def _header(port: int, count: int) -> str:
    return (
        f"ciibridge demo: {count} simulated meters → bridge → broker mqtt://127.0.0.1:{port} (Ctrl-C ends)\n"
        f"Subscribe: mosquitto_sub -p {port} -v -t 'cii/v1/#'"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
