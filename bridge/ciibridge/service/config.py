"""The configuration file: its shape, and nothing but its shape.

    [bridge]     this process          [mqtt]             the broker
    [[meter]]    one block a meter     [homeassistant]    discovery, if wanted
    [outbox]     what is kept on disk  [metrics]          a port for Prometheus
    [dialect.<name>]   topics of another publisher, beside ours

TOML, read strictly: unknown keys, numbers in quotes and texts without them are errors. What the values mean is checked in
``setup``. ``integrations/systemd/ciibridge.toml`` shows every key, docs/how-to/run-as-a-service.md explains each.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ciibridge.errors import ConfigError
from ciibridge.service.findings import Finding, Key, choose, key_lines, report

Clock = Literal["check", "meter", "receiver"]
Parity = Literal["none", "even", "odd"]
LogLevel = Literal["debug", "info", "warning", "error"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BridgeTable(_Table):
    """[bridge]: this process."""

    id: str | None = None  # level of bridge_availability; None: the name of the machine
    log_level: LogLevel = "info"


class MqttTable(_Table):
    """[mqtt]: the broker and what is published there."""

    url: str = "mqtt://localhost:1883"
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    password_file: str | None = None
    password_env: str | None = None
    password_credential: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    client_id: str | None = None  # None: ciibridge-<bridge id>
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    keepalive_s: Annotated[int, Field(ge=5, le=3600)] = 30
    prefix: str | None = None  # None: the one of the schema
    one_connection: Literal["meter", "process"] = "meter"
    value_topics: bool = True
    raw: bool = False
    outbox: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000  # messages kept in memory


def _listed(value: object) -> object:
    """Take one address or a list of them; a number is as good as its digits."""
    several = value if isinstance(value, list) else [value]
    return tuple(str(one) if type(one) is int else one for one in several)


class HomeAssistantTable(_Table):
    """[homeassistant]: discovery messages, so that Home Assistant finds the meters by itself."""

    enabled: bool = True  # False: take away what an earlier run published
    discovery_prefix: str | None = None  # None: the one of the schema, which is Home Assistant's own default
    min_version: str | None = None  # oldest Home Assistant that must understand it; None: the schema's
    language: str = "en"
    node_id: str = "{prefix}_{meter}"


class OutboxTable(_Table):
    """[outbox]: what is kept on disk."""

    path: str | None = None  # of the state file; None: <bridge id>.db in the state folder
    megabytes: Annotated[int, Field(ge=1, le=100_000)] = 100
    days: Annotated[int, Field(ge=1, le=3650)] = 31
    remember_h: Annotated[int, Field(ge=1, le=720)] | None = None  # None: 24, or 1 without a runtime folder


class MetricsTable(_Table):
    """[metrics]: a port for Prometheus."""

    listen: str  # host:port


class MeterTable(_Table):
    """[[meter]]: one meter."""

    port: str
    id: str | None = None
    model: str | None = None
    operator: str | None = None
    interface: str | None = None
    protocol: str | None = None
    key: str | None = Field(default=None, repr=False)
    key_file: str | None = None
    key_env: str | None = None
    key_credential: str | None = None
    auth_key: str | None = Field(default=None, repr=False)
    auth_key_file: str | None = None
    auth_key_env: str | None = None
    auth_key_credential: str | None = None
    require_authentication: bool | None = None  # None: when there is an auth_key
    every_s: Annotated[int, Field(ge=1, le=86_400)] | None = None  # ask the meter, so often
    address: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    read: Annotated[tuple[str, ...], Field(strict=False)] = ()
    password: str | None = Field(default=None, repr=False)
    password_file: str | None = None
    password_env: str | None = None
    password_credential: str | None = None
    authentication: Literal["none", "low", "high", "md5", "sha1", "gmac", "sha256"] | None = None
    client_title: str | None = None  # system title of this client, where it asks with ciphering
    system_title: str | None = None  # where the telegrams leave it out
    zone: str | None = None
    clock: Clock = "check"
    scalers: dict[str, Annotated[int, Field(ge=-9, le=9)]] = Field(default_factory=dict)
    baudrate: Annotated[int, Field(ge=50, le=4_000_000)] | None = None
    bytesize: Literal[7, 8] | None = None
    parity: Parity | None = None
    stopbits: Literal[1, 2] | None = None


class Config(_Table):
    """The whole file."""

    bridge: BridgeTable = BridgeTable()
    mqtt: MqttTable = MqttTable()
    homeassistant: HomeAssistantTable | None = None  # None: nothing of it, not even looked at
    outbox: OutboxTable = OutboxTable()
    dialect: dict[str, dict[str, str]] = Field(default_factory=dict)  # name → settings of its path
    metrics: MetricsTable | None = None  # None: no port is open
    meter: Annotated[tuple[MeterTable, ...], Field(strict=False)] = ()


_TABLES: Final[Mapping[str, type[_Table]]] = {
    "bridge": BridgeTable,
    "mqtt": MqttTable,
    "homeassistant": HomeAssistantTable,
    "outbox": OutboxTable,
    "metrics": MetricsTable,
    "meter": MeterTable,
}
#: Type of a pydantic error → what is wrong, and the remedy.
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("is missing", "Add it."),
    "string_type": ("must be a text", "Write it in quotes."),
    "int_type": ("must be a whole number", "Write it without quotes."),
    "bool_type": ("must be true or false", "Write it without quotes."),
    "dict_type": ("must be a table", "Write [dialect.<name>] on a line of its own."),
    "tuple_type": ("must be a list of blocks", "Write [[meter]], with two brackets on each side."),
    "model_type": ("must be a table", "Write it in brackets on a line of its own, e.g. [mqtt]."),
}


class Source:
    """A configuration file that has been read: what it says, and where it says it."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises ConfigError when that is not possible or it is no TOML."""
        self.path = path
        self.text = _read(path)
        self.lines = key_lines(self.text)

    def parse(self) -> tuple[Config | None, list[Finding]]:
        """Check the shape: the configuration, and everything that is wrong with it.

        Keys that nobody knows are left out of it, so that the rest can be checked in the same go; None: nothing to go on.
        """
        try:
            document = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(
                f"{self.path}: not valid TOML: {error}. Texts stand in quotes, tables in brackets, # starts a comment."
            ) from None
        try:
            return Config.model_validate(document), []
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        findings = [_finding(detail) for detail in details]
        if any(detail["type"] != "extra_forbidden" for detail in details):
            return None, findings
        for detail in details:
            _leave_out(document, detail["loc"])
        return Config.model_validate(document), findings

    def error(self, findings: list[Finding]) -> ConfigError:
        """Make one error of all findings."""
        return ConfigError(report(str(self.path), findings, self.lines))


def write(config: Config, notes: Mapping[Key, str], examples: Mapping[Key, str | int]) -> str:
    """Write the keys that are set in ``config`` as TOML, in the order in which they stand here.

    ``notes``: key path → comment behind it. ``examples``: key path → value of a key that is not set; it is written as a comment.
    Reading the text again gives the same configuration.
    """
    blocks: list[tuple[str, Key, _Table]] = [
        ("[bridge]", ("bridge",), config.bridge),
        ("[mqtt]", ("mqtt",), config.mqtt),
    ]
    blocks += [("[[meter]]", ("meter", number), table) for number, table in enumerate(config.meter)]
    parts = [
        "\n".join([head, *lines]) + "\n"
        for head, at, table in blocks
        if (lines := _lines(table, at, notes, examples))
    ]
    return "\n".join(parts)


def _lines(table: _Table, at: Key, notes: Mapping[Key, str], examples: Mapping[Key, str | int]) -> list[str]:
    lines = []
    for name in type(table).model_fields:
        key = (*at, name)
        if name in table.model_fields_set and (value := getattr(table, name)) is not None:
            line = f"{name} = {_toml(value)}"
        elif key in examples:
            line = f"# {name} = {_toml(examples[key])}"
        else:
            continue
        lines.append(f"{line:<40} # {notes[key]}" if key in notes else line)
    return lines


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    # A JSON string is a TOML basic string, but for DEL.
    return (
        json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        if isinstance(value, str)
        else str(value)
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file. Copy integrations/systemd/ciibridge.toml there and fill it in."
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder. Name the file in it.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at octet {error.start}. Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}). Check owner and mode of the file."
        ) from None


def _leave_out(document: Any, key: Key) -> None:
    for step in key[:-1]:
        document = document[step]
    del document[key[-1]]


def _finding(detail: ErrorDetails) -> Finding:
    key: Key = detail["loc"]
    kind = detail["type"]
    last = str(key[-1])
    if kind == "extra_forbidden":
        known = _TABLES[str(key[0])].model_fields if len(key) > 1 else _TABLES
        what = "unknown key" if len(key) > 1 else "unknown table"
        return Finding(key, what, choose(last, known))
    if kind in _WORDS:
        return Finding(key, *_WORDS[kind])
    message = detail["msg"].replace("Input should be", "must be")
    return Finding(key, message[0].lower() + message[1:], "Correct the value.")
