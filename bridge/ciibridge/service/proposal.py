"""From what a probe found, and what a person said, to a configuration that runs: text, key files, and where they go.

    ciibridge.toml        [mqtt] and one [[meter]], each line with the reason it stands there
    ciibridge.key         the encryption key alone, mode 600; ciibridge.auth and ciibridge.password likewise

Keys never stand in the configuration, and no file is overwritten unless that is asked for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ciimodel.catalogue import Interface, Link, Resolved

from ciibridge.errors import ConfigError
from ciibridge.interfaces import at_operator
from ciibridge.probing.hearing import KeyState
from ciibridge.probing.report import Report
from ciibridge.security.glo import Keys
from ciibridge.service.config import Config, MqttTable, write
from ciibridge.service.findings import Key

_OWNER_ONLY: Final = 0o600
#: How often a meter is asked until somebody says otherwise.
_EVERY_S: Final = 60
_METER: Final[Key] = ("meter", 0)


@dataclass(frozen=True, slots=True)
class Answers:
    """What is to stand in the configuration. ``key_known``: keys are in ``keys``; else they are still to come, if ``ciphered``."""

    port: str
    model: str | None = None
    operator: str | None = None
    interface: str | None = None
    protocol: str | None = None
    line: Link | None = None
    id: str | None = None
    keys: Keys = field(default_factory=Keys)
    ciphered: bool = False
    url: str = "mqtt://localhost:1883"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    candidates: tuple[str, ...] = ()
    every_s: int | None = None  # it must be asked, and no model says so
    address: tuple[str, ...] = ()  # whom to ask


def answers_of(report: Report, keys: Keys, catalogue: Resolved) -> Answers:
    """Take over what a probe found; keys as they were found right, not as they were given."""
    hearing = report.hearing
    interface = next((interface for model, interface in report.interfaces if model == report.model), None)
    line = report.line
    said = _said(report, interface, catalogue)
    known = interface is not None and line in (None, said)
    return Answers(
        port=report.port,
        model=report.model,
        operator=report.operator,
        interface=interface.id if interface and interface.id != _usual(report, catalogue) else None,
        protocol=None if interface is not None else hearing.protocol,
        line=None if known else line,
        keys=_right(keys, hearing.key),
        ciphered=bool(hearing.encrypted),
        candidates=hearing.candidates if report.model is None else (),
        every_s=_EVERY_S if report.asked and interface is None else None,
        address=report.addresses,
    )


def _said(report: Report, interface: Interface | None, catalogue: Resolved) -> Link | None:
    """Give the line settings that model and operator of the configuration say by themselves."""
    if interface is None:
        return None
    interfaces = catalogue.meters[report.model or ""].interfaces
    own = next(one for one in interfaces if one.id == interface.id)
    operator = catalogue.operators.get(report.operator or "")
    return at_operator(own, report.model or "", operator).link


def _usual(report: Report, catalogue: Resolved) -> str:
    """Name the interface that is taken where the configuration names none: the operator's, else the model's first."""
    operator = catalogue.operators.get(report.operator or "")
    served = [entry.interface for entry in operator.meters if entry.meter == report.model] if operator else []
    return (served or [interface.id for interface in catalogue.meters[report.model or ""].interfaces])[0]


def _right(keys: Keys, state: KeyState | None) -> Keys:
    """Choose what of the given keys belongs into a configuration."""
    match state:
        case KeyState.SWAPPED:
            return replace(keys, key=keys.auth_key, auth_key=keys.key)
        case KeyState.OTHER:
            return replace(keys, key=keys.auth_key, auth_key=None)
        case KeyState.AUTH_WRONG | KeyState.NO_TAG:
            return replace(keys, auth_key=None)
        case KeyState.RIGHT:
            return keys
        case _:
            return Keys()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration as text, and the secrets that go into files of their own beside it."""

    text: str
    secrets: dict[str, str] = field(repr=False)  # name of the file → its one line

    def save(self, path: Path, *, force: bool) -> list[Path]:
        """Write all files; gives their paths, the configuration first.

        Raises ConfigError: a file is there already, or cannot be written. Then none of them has been touched that was there.
        """
        files = {path: self.text} | {path.with_name(name): f"{line}\n" for name, line in self.secrets.items()}
        there = [str(file) for file in files if file.exists()]
        if there and not force:
            raise ConfigError(
                f"{there[0]}: is there already. Choose another name, or --force to overwrite it"
            )
        for file, text in files.items():
            try:
                _write_owned(file, text)
            except OSError as error:
                raise ConfigError(
                    f"{file}: cannot be written ({error.strerror}); check folder and rights"
                ) from None
        return list(files)


def _write_owned(file: Path, text: str) -> None:
    """Write a file that only its owner reads, from its first octet on."""
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)


def propose(answers: Answers, catalogue: Resolved, name: str) -> Proposal:
    """Write the configuration; ``name``: the stem that key files are called by."""
    notes: dict[Key, str] = {}
    examples: dict[Key, str | int] = {}
    secrets: dict[str, str] = {}
    table: dict[str, object] = {"port": answers.port}
    for key in ("model", "operator", "interface", "protocol", "id"):
        if (value := getattr(answers, key)) is not None:
            table[key] = value
    if answers.every_s is not None:
        table["every_s"] = answers.every_s
        notes[*_METER, "every_s"] = (
            "it is asked so often; a device on battery more seldom, as its manual says"
        )
    if answers.address:
        table["address"] = list(answers.address)
    if answers.line is not None:
        table |= answers.line.model_dump()
    if (meter := catalogue.meters.get(answers.model or "")) is not None:
        notes[*_METER, "model"] = f"{meter.manufacturer} {meter.model}; gives the line settings"
    elif answers.candidates:
        examples[*_METER, "model"] = answers.candidates[0]
        notes[*_METER, "model"] = (
            f"one of {', '.join(answers.candidates)}: compare the values with the display"
        )
    if (operator := catalogue.operators.get(answers.operator or "")) is not None:
        notes[*_METER, "operator"] = f"{operator.name}; gives the tariffs their meaning"
    if answers.id is None:
        examples[*_METER, "id"] = "house"
        notes[*_METER, "id"] = "third part of the topics; default: what the meter calls itself"
    for key, suffix, value in (
        ("key_file", ".key", answers.keys.key),
        ("auth_key_file", ".auth", answers.keys.auth_key),
    ):
        file = f"{name}{suffix}"
        if value is not None:
            table[key] = file
            secrets[file] = value.hex().upper()
            notes[*_METER, key] = "one line, readable by its owner only"
        elif answers.ciphered and key == "key_file":
            examples[*_METER, key] = file
            notes[*_METER, key] = "the meter encrypts: write the operator's key into this file, chmod 600"
    if answers.keys.key is not None and answers.keys.system_title is not None:
        table["system_title"] = answers.keys.system_title.hex().upper()
    mqtt = _mqtt(answers, name, secrets)
    config = Config.model_validate({"mqtt": mqtt, "meter": [table]})
    return Proposal(write(config, notes, examples), secrets)


def _mqtt(answers: Answers, name: str, secrets: dict[str, str]) -> MqttTable:
    given: dict[str, object] = {"url": answers.url}
    if answers.username is not None:
        given["username"] = answers.username
    if answers.password is not None:
        file = f"{name}.password"
        given["password_file"] = file
        secrets[file] = answers.password
    return MqttTable.model_validate(given)


def meter_block(proposal: Proposal) -> str:
    """Cut out the block of the meter: what is added to a configuration that is there already."""
    return proposal.text[proposal.text.index("[[meter]]") :]
