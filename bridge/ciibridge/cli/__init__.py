"""The command ``ciibridge``. One module a command, imported only when it is called.

A command lives in the module of its name and registers itself the usual way of typer::

    from ciibridge.cli import main

    @main.command()
    def decode(...): ...

and has one line in ``COMMANDS``, from which ``ciibridge --help`` is written without importing anything: the help
comes at once, and a command pays only for what it needs itself.

Exit status: 0 good, 1 findings (nothing decoded, a check failed), 2 wrong use.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info

#: Command → the line of ``ciibridge --help``. The module ``ciibridge.cli.<command>`` holds it.
COMMANDS: Final[dict[str, str]] = {
    "run": "Run the bridge: meters to MQTT, as the configuration says.",
    "status": "How the meters on a broker do: link, age of the last telegram, rate, damaged frames, queue.",
    "check": "Check whether what anyone publishes on a broker keeps to the profile.",
    "doctor": "Find what keeps a bridge from working: configuration, ports, broker, clock, disk.",
    "forget": "Forget the invocation counters of a meter whose operator has reset them.",
    "demo": "Simulated meters, an embedded broker and a live table: no hardware needed.",
    "init": "Write a configuration that works: find the meter, try the broker, ask the rest.",
    "probe": "Find out which meter is on a port, and what is missing to read it.",
    "bus": "List the devices on an M-Bus, and what to write for them into the configuration.",
    "decode": "Decode a recording: one JSON state a telegram, as it would be published.",
    "record": "Record a port with its timing, if wanted without what names the meter and its owner.",
    "replay": "Play a recording as the meter sent it, to a pseudo-terminal, a TCP port or standard output.",
    "simulate": "Send what a supported meter sends, to a file, a TCP port or a pseudo-terminal.",
    "meters": "What is supported: meter models, line settings and network operators.",
}


class _LazyGroup(TyperGroup):
    """The group of ``COMMANDS``; a module is imported when its command is called, not when it is listed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is typer's
        return [*COMMANDS, *(name for name in self.commands if name not in COMMANDS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            return TyperCommand(name=cmd_name, help=COMMANDS[cmd_name])
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in COMMANDS:
            self._load(args[0])
        return super().resolve_command(ctx, args)

    def _load(self, name: str) -> None:
        if name in self.commands:
            return
        importlib.import_module(f"{__name__}.{name}")
        for info in main.registered_commands:
            command = get_command_from_info(
                info, pretty_exceptions_short=True, rich_markup_mode=self.rich_markup_mode
            )
            self.commands[command.name or name] = command


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only for this option

        typer.echo(f"ciibridge {version('ciigen')}")
        raise typer.Exit


main: Final = typer.Typer(
    cls=_LazyGroup,
    help="From the bytes of a smart meter's local interface to harmonised MQTT topics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@main.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """From the bytes of a smart meter's local interface to harmonised MQTT topics."""
