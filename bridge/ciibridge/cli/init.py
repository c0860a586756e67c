"""``ciibridge init``: from a cable in the meter to a configuration that runs, by questions with good answers in front.

    port ─► probe ─► meter, operator, id, key ─► broker, tried at once ─► files ─► the next command

Every question has an option, so that nobody has to answer it: with ``--yes`` nothing is asked. Exit status: 0 written, 1 something
does not work yet (nothing is written), 2 wrong use.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import ciimodel
import typer
from ciimodel.catalogue import Resolved

from ciibridge.cli import main
from ciibridge.cli.inputs import (
    WRONG_USE,
    AuthKeyFileOption,
    AuthKeyOption,
    KeyFileOption,
    KeyOption,
    SystemTitleOption,
    read_keys,
    refuse_existing,
)
from ciibridge.cli.probe import (
    LangOption,
    LineOption,
    MeterOption,
    OperatorOption,
    check_hints,
    look,
    parse_line,
)
from ciibridge.cli.questions import Ask
from ciibridge.cli.run import summary
from ciibridge.errors import ConfigError, TransportError
from ciibridge.normalise.identity import topic_level
from ciibridge.probing.advice import advice
from ciibridge.probing.report import Outcome, Report
from ciibridge.probing.words import report_lines
from ciibridge.publish.trial import try_broker
from ciibridge.security.glo import Keys
from ciibridge.security.keys import parse_key
from ciibridge.service.proposal import Answers, Proposal, answers_of, propose
from ciibridge.service.setup import Setup, load
from ciibridge.transport import LinkSettings, open_transport
from ciibridge.transport.serial import ports_here

_FAILED: Final = 1
_TRIES: Final = 3
_NONE: Final = "none"
_PASSWORD: Final = "CIIBRIDGE_MQTT_PASSWORD"  # noqa: S105 - the name of a variable


class _NotYet(Exception):  # noqa: N818 - it is an end, not a fault of the program
    """Something does not work yet; the message says what to do. Nothing has been written."""


@main.command(
    epilog="Example: ciibridge init, or without questions: ciibridge init --yes --port /dev/ttyUSB0 --operator ekz"
)
def init(
    *,
    config: Annotated[Path, typer.Option("--config", "-c", help="Configuration file to write.")] = Path(
        "ciibridge.toml"
    ),
    port: Annotated[
        str | None,
        typer.Option(help="Serial port or URL of the meter; default: asked, from those plugged in."),
    ] = None,
    meter: MeterOption = None,
    operator: OperatorOption = None,
    line: LineOption = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="Name of the meter in topics; default: what it calls itself.")
    ] = None,
    key: KeyOption = None,
    auth_key: AuthKeyOption = None,
    key_file: KeyFileOption = None,
    auth_key_file: AuthKeyFileOption = None,
    system_title: SystemTitleOption = None,
    url: Annotated[
        str | None, typer.Option(help="Broker, e.g. mqtt://localhost:1883 or mqtts://broker.example.")
    ] = None,
    username: Annotated[str | None, typer.Option(help="User name at the broker.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help=f"File with the password alone; or set {_PASSWORD}.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Listen to the meter for so long at most.")
    ] = None,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Do not listen to the meter: believe --meter.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try the broker.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: options, and what was found.")
    ] = False,
    lang: LangOption = "en",
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there already.")] = False,
) -> None:
    """Write a configuration that works: find the meter, try the broker, ask the rest.

    Keys and passwords go into files of their own that only you can read. Nothing is written before all of it has been tried.
    Exit status: 0 written, 1 meter or broker do not answer yet, 2 wrong use.
    """
    try:
        catalogue = ciimodel.load()
        refuse_existing(config, force=force)
        check_hints(catalogue, meter, operator, None, lang)
        ask = Ask(yes=yes)
        keys = read_keys(key, auth_key, key_file, auth_key_file, system_title)
        wizard = _Wizard(catalogue, ask, config, lang)
        chosen = _port(ask, port)
        if no_probe:
            answers = Answers(
                chosen, model=meter, operator=operator, line=parse_line(line) if line else None, keys=keys
            )
        else:
            answers = wizard.find(chosen, keys, meter=meter, operator=operator, line=line, seconds=seconds)
        answers = wizard.complete(answers, operator, id_)
        proposal = wizard.broker(answers, url, username, _password(password_file), try_it=not offline)
        written = proposal.save(config, force=force)
    except ConfigError as error:
        typer.echo(f"ciibridge init: {error}", err=True)
        raise typer.Exit(WRONG_USE) from None
    except (TransportError, _NotYet) as error:
        typer.echo(f"ciibridge init: {error}", err=True)
        raise typer.Exit(_FAILED) from None
    typer.echo(_farewell(catalogue, config, written))


def _port(ask: Ask, given: str | None) -> str:
    """Choose the port: the one that was named, else among those plugged in. Raises ConfigError."""
    if given is not None:
        open_transport(given, LinkSettings())
        return given
    ports = ports_here()
    if not ports and ask.yes:
        raise ConfigError(
            "no serial port here: is the adapter plugged in? (`dmesg | tail` shows it). A port of another machine: --port"
        )
    if not ports:
        typer.echo("No serial port here: is the adapter plugged in? (`dmesg | tail` shows it)")
    stable = [port for port in ports if "/by-id/" in port]
    default = (stable or ports)[0] if len(stable or ports) == 1 else None
    question = "Which port is the meter on? On another machine: its URL, e.g. tcp://192.168.1.5:4001"
    while True:
        chosen = ask.choice("--port", question, [(port, "") for port in ports], default, others=True)
        try:
            open_transport(chosen, LinkSettings())
        except ConfigError as error:
            typer.echo(f"  {error}")
        else:
            return chosen


def _password(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(_PASSWORD)
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"--password-file {file}: cannot be read ({error.strerror})") from None


class _Wizard:
    """The questions that need the catalogue."""

    def __init__(self, catalogue: Resolved, ask: Ask, config: Path, lang: str) -> None:
        self._catalogue = catalogue
        self._ask = ask
        self._config = config
        self._lang = lang

    def find(
        self,
        port: str,
        keys: Keys,
        *,
        meter: str | None,
        operator: str | None,
        line: str | None,
        seconds: float | None,
    ) -> Answers:
        """Probe, again with another key where it is the key. Raises _NotYet when nothing is found."""
        settings = parse_line(line) if line else None
        for _ in range(_TRIES):
            typer.echo(f"Listening on {port} …", err=True)
            found = look(
                self._catalogue, port, keys, meter=meter, operator=operator, line=settings, seconds=seconds
            )
            typer.echo("\n".join(report_lines(found, self._catalogue, self._lang)))
            for step in advice(found, self._catalogue, self._lang):
                typer.echo(f"  - {step}")
            if found.outcome is not Outcome.KEY or self._ask.yes:
                break
            asked = self._key()
            if asked is None:
                break
            keys = replace(keys, key=asked)
        if found.outcome not in {Outcome.FOUND, Outcome.KEY} and not self._ask.sure(
            "Write a configuration nevertheless?"
        ):
            raise _NotYet(
                f"no telegrams on {port}, so nothing is written (--no-probe with --meter writes it all the same)"
            )
        answers = answers_of(found, keys, self._catalogue)
        return replace(answers, model=self._model(found, answers, meter))

    def _key(self) -> bytes | None:
        """Ask for the key; None: it comes later."""
        while True:
            text = self._ask.text("--key", "Encryption key (empty: it comes later)", "", secret=True)
            if not text:
                return None
            try:
                return parse_key(text, "key")
            except ConfigError as error:
                typer.echo(f"  {error}")

    def _model(self, found: Report, answers: Answers, meter: str | None) -> str | None:
        if answers.model is not None or not found.hearing.candidates:
            return answers.model or (meter if found.outcome is not Outcome.FOUND else None)
        meters = self._catalogue.meters
        choices = [(m, f"{meters[m].manufacturer} {meters[m].model}") for m in found.hearing.candidates]
        chosen = self._ask.choice(
            "--meter", "Which meter is it?", [*choices, (_NONE, "I do not know")], _NONE
        )
        return None if chosen == _NONE else chosen

    def complete(self, answers: Answers, operator: str | None, id_: str | None) -> Answers:
        """Ask who operates it and what it is called."""
        operators = self._catalogue.operators
        known = operator or answers.operator
        if operator is None and not self._ask.yes:
            choices = [(op.id, f"{op.name}, {op.country}") for op in operators.values()]
            known = self._ask.choice(
                "--operator",
                "Who is your network operator?",
                [*choices, (_NONE, "none of these")],
                known or _NONE,
            )
        name = id_
        if name is None and not self._ask.yes:
            name = (
                self._ask.text("--id", "Name of the meter in topics (empty: what it calls itself)", "")
                or None
            )
        if name is not None and topic_level(name) != name:
            raise ConfigError(
                f"--id {name}: write a-z, 0-9, _ and - only, e.g. {topic_level(name) or 'house'}"
            )
        return replace(answers, operator=None if known == _NONE else known, id=name)

    def broker(
        self, answers: Answers, url: str | None, username: str | None, password: str | None, *, try_it: bool
    ) -> Proposal:
        """Ask for the broker until it lets us in. Raises _NotYet without questions, or when the person gives up."""
        for _ in range(_TRIES):
            chosen = url or self._ask.text("--url", "Address of the broker", answers.url)
            user = username
            if user is None and not self._ask.yes:
                user = self._ask.text("--username", "User name at the broker (empty: none)", "") or None
            secret = password
            if user is not None and secret is None and not self._ask.yes:
                secret = self._ask.text("--password-file", "Password", "", secret=True) or None
            answers = replace(answers, url=chosen, username=user, password=secret)
            proposal = propose(answers, self._catalogue, self._config.stem)
            setup = self._checked(proposal)
            reason = (
                asyncio.run(try_broker(setup.broker, f"ciibridge-init-{os.getpid()}")) if try_it else None
            )
            if reason is None:
                typer.echo(summary(self._config, setup))
                return proposal
            typer.echo(f"broker {chosen}: {reason}", err=True)
            if self._ask.yes:
                break
            if self._ask.sure("Write the configuration nevertheless? It can wait for the broker"):
                return proposal
            url = username = password = None
        raise _NotYet("the broker does not let us in, so nothing is written (--offline does not try it)")

    def _checked(self, proposal: Proposal) -> Setup:
        """Read the configuration as `ciibridge run --check` does. Raises ConfigError with all that is wrong."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self._config.name
            proposal.save(path, force=True)
            try:
                return load(path, self._catalogue)
            except ConfigError as error:
                raise ConfigError(str(error).replace(str(path), str(self._config))) from None


def _farewell(catalogue: Resolved, config: Path, written: Sequence[Path]) -> str:
    files = "\n".join(f"written: {file}" for file in written)
    return (
        f"{files}\n\nNext:\n  ciibridge run -c {config}\n"
        f"  mosquitto_sub -v -t '{catalogue.prefix}/v1/#'      (in another window: the values)\n"
        "As a service, at every boot (integrations/systemd/README.md):\n"
        f"  sudo install -m 640 -g ciibridge {' '.join(map(str, written))} /etc/ciibridge/\n"
        "  sudo systemctl enable --now ciibridge"
    )
