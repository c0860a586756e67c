"""``ciibridge bus``: which devices hang on an M-Bus, and what to write for them into the configuration.

    ciibridge bus /dev/ttyUSB0                     every primary address; numbers too where devices collide
    ciibridge bus /dev/ttyUSB0 --secondary         by numbers only: all devices may have address 0
    ciibridge bus tcp://192.168.1.20:4001 --json   for programs

Exit status: 0 a device was found, 1 none, or the port failed, 2 wrong use.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import orjson
import typer

from ciibridge.cli import main
from ciibridge.dialogue import Dialogue
from ciibridge.dialogue.asking import Asking
from ciibridge.dialogue.mbus import Line
from ciibridge.dialogue.mbus_search import PRIMARY, Found, Tell, primary, secondary
from ciibridge.errors import ConfigError, TransportError
from ciibridge.service.asking import converse
from ciibridge.transport import LinkSettings, is_recording, open_transport

_NOT_FOUND: Final = 1
_WRONG_USE: Final = 2
#: Device type → what it counts, for people (EN 13757-7).
_TYPES: Final = {
    0x02: "electricity", 0x03: "gas", 0x04: "heat", 0x06: "hot water", 0x07: "water", 0x08: "heat cost",
    0x0A: "cooling", 0x0B: "cooling", 0x0C: "heat", 0x0D: "heat and cooling", 0x15: "hot water", 0x16: "cold water",
}  # fmt: skip


@main.command(epilog="Example: ciibridge bus /dev/ttyUSB0 --to 20")
def bus(
    port: Annotated[str, typer.Argument(help="Port of the level converter, as in the configuration.")],
    *,
    by_number: Annotated[
        bool, typer.Option("--secondary", help="Search by numbers only, not by primary addresses.")
    ] = False,
    first: Annotated[int, typer.Option("--from", min=0, max=250, help="First primary address.")] = 0,
    last: Annotated[int, typer.Option("--to", min=0, max=250, help="Last primary address.")] = 250,
    baudrate: Annotated[int, typer.Option(min=300, max=38400, help="Speed of the bus.")] = 2400,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the devices on an M-Bus. Takes up to some minutes; every device is asked, so batteries are used a little."""
    link = LinkSettings(baudrate=baudrate, bytesize=8, parity="even", stopbits=1)
    found: list[Found] = []

    def tell(one: Found | None, done: float) -> None:
        if one is not None:
            found.append(one)
        typer.echo(f"\r{done:4.0%}  {len(found)} found", nl=False, err=True)

    try:
        addresses = () if by_number else PRIMARY[first : last + 1]
        asyncio.run(_search(port, link, addresses, tell))
    except ConfigError as error:
        typer.echo(f"ciibridge bus: {error}", err=True)
        raise typer.Exit(_WRONG_USE) from None
    except TransportError as error:
        typer.echo(f"\nciibridge bus: {error}", err=True)
        raise typer.Exit(_NOT_FOUND) from None
    typer.echo(err=True)
    devices = [one for one in found if not one.collision] or found
    if as_json:
        sys.stdout.buffer.write(orjson.dumps([_document(one) for one in devices]) + b"\n")
    else:
        typer.echo(_table(devices))
    if not devices:
        raise typer.Exit(_NOT_FOUND)


async def _search(port: str, link: LinkSettings, addresses: Sequence[int], tell: Tell) -> None:
    if is_recording(port):
        raise ConfigError(f"{port}: a recording cannot be asked; name a port, e.g. /dev/ttyUSB0")
    transport = open_transport(port, link)
    await transport.open()
    try:
        line = Line(Asking(baudrate=link.baudrate, can_change=transport.can_change))
        await converse(_dialogue(line, addresses, tell), transport, link, lambda _: None)
    finally:
        await transport.close()


def _dialogue(line: Line, addresses: Sequence[int], tell: Tell) -> Dialogue:
    """Ask primary addresses; search by numbers where that finds nobody, or several devices share an address."""
    found = (yield from primary(line, addresses, tell)) if addresses else ()
    if not found or any(one.collision for one in found):
        known = {one.secondary for one in found if not one.collision}
        yield from secondary(
            line, lambda one, done: tell(one if one and one.secondary not in known else None, done)
        )


def _document(one: Found) -> dict[str, object]:
    device = one.device
    return {
        "address": one.address,
        "id": device.id if device else None,
        "type": device.type if device else None,
        "what": _TYPES.get(device.type) if device else None,
        "version": device.version if device else None,
        "secondary": one.secondary or None,
        "collision": one.collision,
    }


def _table(found: Sequence[Found]) -> str:
    rows = [("ADDRESS", "DEVICE", "WHAT", "SECONDARY")]
    for one in found:
        if one.device is None:
            what = "several devices at once"
            rows.append((str(one.address) if one.address <= PRIMARY[-1] else "-", "?", what, "-"))
        else:
            kind = _TYPES.get(one.device.type, f"type {one.device.type:02X}")
            rows.append((str(one.address), one.device.id or "?", kind, one.secondary or "-"))
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    if len(rows) == 1:
        return "no device answers: check wiring, supply of the bus and --baudrate"
    addresses = [str(one.address) for one in found if one.device is not None]
    unique = len(set(addresses)) == len(addresses)
    wanted = addresses if unique else [one.secondary for one in found if one.secondary]
    lines += ["", f"address = {orjson.dumps(wanted).decode()}"] if wanted else []
    return "\n".join(lines)
