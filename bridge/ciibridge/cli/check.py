"""``ciibridge check``: judge whether what is published on a broker keeps to the profile.

For whoever makes an adapter of his own: it judges topics, not programs, and knows nothing but the schema.

Exit status: 0 it does, 1 it does not (or nothing is there, or the broker cannot be asked), 2 wrong use.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated, Any, Final

import ciimodel
import orjson
import typer
from ciimodel.catalogue import Resolved

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
from ciibridge.errors import ConfigError
from ciibridge.publish.broker import Version
from ciibridge.publish.overhear import Ear, Overheard
from ciibridge.publish.retry import Reason
from ciibridge.service.address import Place
from ciibridge.service.conformance import Conformance, Heard, breaches
from ciibridge.wording import counted

_FOUND: Final = 1
_NOT_SEEN: Final = "with MQTT 3.1.1 expiry and retain of new messages cannot be seen"


@main.command(epilog="Example: ciibridge check mqtt://localhost --seconds 120")
def check(
    broker: BrokerArgument = None,
    config: ConfigOption = None,
    *,
    seconds: Annotated[
        float,
        typer.Option(
            min=1,
            help="So long it listens; a meter that sends every 15 min wants 1800. Ctrl-C ends it earlier.",
        ),
    ] = 60.0,
    username: UsernameOption = None,
    password_file: PasswordFileOption = None,
    ca_file: CaFileOption = None,
    prefix: PrefixOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check whether what anyone publishes below the prefix keeps to the profile.

    Topics, QoS, retain, expiry, payloads against their JSON Schema, units and signs, `seq` and `ts` that rise, and what every meter must have:
    `availability`, `meta`, `diag`. It only listens. Exit status: 0 all of it does, 1 something does not, or nothing came, 2 wrong use.
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
        typer.echo(f"ciibridge check: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    judged = asyncio.run(_listen(place, catalogue, seconds))
    if isinstance(judged, Reason):
        say_unreachable(place, judged, as_json=as_json)
        raise typer.Exit(_FOUND)
    conformance, version = judged
    report = conformance.report()
    good = bool(conformance.meters) and not any(breaches(report))
    if as_json:
        typer.echo(orjson.dumps(_document(place, conformance, report, version, good=good)))
    else:
        typer.echo(page(place, conformance, report, version))
    raise typer.Exit(0 if good else _FOUND)


async def _listen(place: Place, catalogue: Resolved, seconds: float) -> tuple[Conformance, Version] | Reason:
    """Listen so long, or until Ctrl-C."""
    waiting: list[Overheard] = []  # until it is known what can be seen
    judge: Conformance | None = None

    def hear(message: Overheard) -> None:
        if judge is None:
            waiting.append(message)
        else:
            judge.hear(message)

    ear = Ear(place.broker, [f"{place.prefix}/#"], hear, as_published=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        reason = await ear.open()
        version = ear.version
        if reason is not None or version is None:
            return reason or Reason("lost", "the connection was lost")
        judge = Conformance(catalogue, place.prefix, sees_retain=version is Version.V5)
        for message in waiting:
            judge.hear(message)
        for left in range(int(seconds), 0, -1):
            if sys.stderr.isatty():
                typer.echo(
                    f"\rlistening, {left} s left, {counted(len(judge.meters), 'meter')} ", err=True, nl=False
                )
            try:
                async with asyncio.timeout(min(1.0, seconds)):
                    await stop.wait()
            except TimeoutError:
                if (lost := ear.lost()) is not None:
                    return lost
            else:
                break
        if sys.stderr.isatty():
            typer.echo("\r\x1b[K", err=True, nl=False)
        return judge, version
    finally:
        await ear.close()


def page(place: Place, conformance: Conformance, report: list[Heard], version: Version) -> str:
    """Write the report for people: what is wrong topic by topic, then how much there is."""
    where = f"{place.broker.url}, topics {place.prefix}/…, MQTT {version}"
    if not report:
        return f"{where}: nothing came. Does anybody publish there? Listen for longer with --seconds."
    lines = [where, ""]
    for heard in report:
        mark = typer.style("fail ", fg="red") if heard.breaches else typer.style("ok   ", fg="green")
        lines.append(f"{mark} {heard.topic}  {heard.messages}")
        for breach in heard.breaches.values():
            times = f" ({breach.count} times)" if breach.count > 1 else ""
            lines.append(f"      {breach.words}{times}\n      → {breach.remedy}")
    wrong = sum(bool(heard.breaches) for heard in report)
    lines += [
        "",
        f"{counted(len(conformance.meters), 'meter')}, {counted(len(report), 'topic')}, {wrong} of them not as the profile wants them",
    ]
    if not conformance.meters:
        lines.append("No meter is among them.")
    if version is Version.V311:
        lines.append(f"Not looked at: {_NOT_SEEN}.")
    if conformance.left_out:
        lines.append(f"Not looked at: {conformance.left_out} messages on further topics.")
    return "\n".join(lines)


def _document(
    place: Place, conformance: Conformance, report: list[Heard], version: Version, *, good: bool
) -> dict[str, Any]:
    return {
        "ok": good,
        "broker": place.broker.url,
        "prefix": place.prefix,
        "mqtt": str(version),
        "not_looked_at": [_NOT_SEEN] if version is Version.V311 else [],
        "meters": conformance.meters,
        "topics": [
            {
                "topic": heard.topic,
                "name": heard.name or None,
                "messages": heard.messages,
                "breaches": [
                    {"rule": b.rule, "text": b.words, "remedy": b.remedy, "count": b.count}
                    for b in heard.breaches.values()
                ],
            }
            for heard in report
        ],
    }
