"""``ciibridge status``: how the meters on a broker do.

ciibridge status                        of the broker in /etc/ciibridge/ciibridge.toml
ciibridge status mqtt://nas --watch     looked at again and again, until Ctrl-C

Exit status: 0 all is well, 1 something is not (or the broker cannot be asked), 2 wrong use. So it serves a monitoring system.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import ciimodel
import orjson
import typer

from ciibridge.cli import main
from ciibridge.cli.inputs import WRONG_USE
from ciibridge.cli.place import (
    BrokerArgument,
    CaFileOption,
    ConfigOption,
    JsonOption,
    PasswordFileOption,
    PrefixOption,
    UsernameOption,
    find_place,
    say_unreachable,
)
from ciibridge.cli.table import align
from ciibridge.errors import ConfigError
from ciibridge.publish.overhear import Ear
from ciibridge.service.address import Place
from ciibridge.service.status import BridgeStatus, MeterStatus, Status, all_ok, spell
from ciibridge.wording import counted

_NOT_OK: Final = 1
#: What a broker keeps comes at once; it is all there when nothing has come for so long.
_QUIET_S: Final = 0.5
_LONGEST_S: Final = 10.0
_AGAIN_S: Final = 2.0
_HEAD: Final = ("METER", "MODEL", "LINK", "LAST", "RATE", "DAMAGED", "WAITING", "CLOCK", "SOFTWARE")
_CLEAR: Final = "\x1b[H\x1b[2J"


@main.command(epilog="Example: ciibridge status mqtt://localhost")
def status(
    broker: BrokerArgument = None,
    config: ConfigOption = None,
    *,
    username: UsernameOption = None,
    password_file: PasswordFileOption = None,
    ca_file: CaFileOption = None,
    prefix: PrefixOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how the meters on a broker do: link, age of the last telegram, rate, damaged frames, queue, clock.

    Exit status: 0 all is well, 1 something is not, 2 wrong use.
    """
    catalogue = ciimodel.load()
    try:
        place = find_place(
            catalogue,
            broker,
            config,
            username=username,
            password_file=password_file,
            ca_file=ca_file,
            prefix=prefix,
        )
    except ConfigError as error:
        typer.echo(f"ciibridge status: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    seen = Status(catalogue, place.prefix, place.meters)
    good = asyncio.run(_look(place, seen, watch=watch, as_json=as_json))
    raise typer.Exit(0 if good else _NOT_OK)


async def _look(place: Place, seen: Status, *, watch: bool, as_json: bool) -> bool:
    ear = Ear(place.broker, seen.filters, lambda heard: seen.hear(heard.topic, heard.payload))
    reason = await ear.open()
    if reason is not None:
        say_unreachable(place, reason, as_json=as_json)
        return False
    stop = asyncio.Event()
    if watch:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await ear.quiet(_QUIET_S, _LONGEST_S)
        while True:
            good = _show(place, seen, clear=watch, as_json=as_json)
            if not watch or stop.is_set():
                return good
            try:
                async with asyncio.timeout(_AGAIN_S):
                    await stop.wait()
            except TimeoutError:
                if (reason := ear.lost()) is not None:
                    say_unreachable(place, reason, as_json=as_json)
                    return False
            else:
                return good
    finally:
        await ear.close()


def _show(place: Place, seen: Status, *, clear: bool, as_json: bool) -> bool:
    meters = seen.meters(datetime.now(UTC))
    good = all_ok(meters)
    if as_json:
        typer.echo(orjson.dumps(document(place, good, meters, seen.bridges())))
        return good
    # click leaves the colours out, and these codes with them, where it is no terminal
    typer.echo((_CLEAR if clear else "") + page(place, meters, seen.bridges()))
    return good


def page(place: Place, meters: Sequence[MeterStatus], bridges: Sequence[BridgeStatus]) -> str:
    """Write the status for people."""
    where = f"{place.broker.url}, topics {place.prefix}/v1/…"
    if not meters:
        return (
            f"{where}: no meter is there. Does a bridge publish to this broker, and under this prefix? "
            "`ciibridge doctor` looks."
        )

    def colour(row: int, column: int) -> str | None:
        meter = meters[row]
        return None if column != 2 else "green" if meter.ok else "red"

    lines = [where, "", align(_HEAD, [_row(meter) for meter in meters], colour)]
    told = [(meter.meter, trouble) for meter in meters for trouble in meter.troubles]
    if told:
        lines.append("")
        lines += [
            f"{typer.style(meter, fg='red' if trouble.bad else 'yellow')}: {trouble.words}"
            for meter, trouble in told
        ]
    lines += [
        "",
        *(f"bridge {bridge.bridge}: {'runs' if bridge.online else 'does not run'}" for bridge in bridges),
    ]
    wrong = sum(not meter.ok for meter in meters)
    lines.append(
        f"{counted(len(meters), 'meter')}, {f'{wrong} not as they should be' if wrong else 'all well'}"
    )
    return "\n".join(lines)


def _row(meter: MeterStatus) -> tuple[str, ...]:
    meta, diag = meter.meta, meter.diag
    model = " ".join(filter(None, (meta.manufacturer, meta.model))) if meta else ""
    software = (diag.software if diag else None) or (meta.software if meta else None)
    link = "unknown" if diag is None else str(diag.link)
    return (
        meter.meter,
        model or "?",
        f"{link}, offline" if meter.online is False and link in {"ok", "unknown"} else link,
        "never" if meter.age_s is None else f"{spell(meter.age_s)} ago",
        _told(diag.telegrams_per_minute if diag else None, "{:g}/min"),
        _told(diag.frames_bad if diag else None, "{}"),
        _told(diag.queued if diag else None, "{}"),
        _told(diag.clock_offset_s if diag else None, "{:+.1f} s"),
        software or "?",
    )


def _told(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def document(
    place: Place, good: bool, meters: Sequence[MeterStatus], bridges: Sequence[BridgeStatus]
) -> dict[str, Any]:
    """Write the status for programs."""
    return {
        "ok": good,
        "broker": place.broker.url,
        "prefix": place.prefix,
        "bridges": [{"id": bridge.bridge, "online": bridge.online} for bridge in bridges],
        "meters": [
            {
                "meter": meter.meter,
                "ok": meter.ok,
                "online": meter.online,
                "age_s": meter.age_s,
                "manufacturer": meter.meta.manufacturer if meter.meta else None,
                "model": meter.meta.model if meter.meta else None,
                "operator": meter.meta.operator if meter.meta else None,
                "diag": meter.diag.model_dump(exclude_none=True) if meter.diag else None,
                "troubles": [{"text": t.words, "bad": t.bad} for t in meter.troubles],
            }
            for meter in meters
        ],
    }
