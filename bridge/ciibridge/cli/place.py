"""What commands take that look at a broker: its address, or a configuration that names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from ciimodel.catalogue import Resolved
from pydantic import ValidationError

from ciibridge.errors import ConfigError
from ciibridge.publish.retry import Reason
from ciibridge.service.address import Place, make_place, read_place
from ciibridge.service.config import MqttTable
from ciibridge.service.findings import write_key

#: The configuration that is used where none is named.
USUAL: Final = Path("/etc/ciibridge/ciibridge.toml")
_PASSWORD: Final = "CIIBRIDGE_MQTT_PASSWORD"  # noqa: S105 - the name of a variable
_OPTIONS: Final = {"url": "BROKER", "password": f"--password-file or {_PASSWORD}"}

BrokerArgument = Annotated[
    str | None,
    typer.Argument(metavar="[BROKER]", help="mqtt://host, or mqtts://host:port; default: that of --config."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help=f"Configuration that names the broker; default: {USUAL}."),
]
UsernameOption = Annotated[str | None, typer.Option(help="User name at the broker.")]
PasswordFileOption = Annotated[
    Path | None, typer.Option(help=f"File with the password alone; or set {_PASSWORD}.")
]
CaFileOption = Annotated[
    Path | None, typer.Option(help="Authority (PEM) that signed the broker's certificate.")
]
PrefixOption = Annotated[str | None, typer.Option(help="First part of the topics, where it is not cii.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def find_place(
    catalogue: Resolved,
    url: str | None,
    config: Path | None,
    *,
    username: str | None = None,
    password_file: Path | None = None,
    ca_file: Path | None = None,
    prefix: str | None = None,
) -> Place:
    """Find the broker: by its address and options, else in the configuration. Raises ConfigError."""
    given: dict[str, Any] = {
        "username": username,
        "password_file": str(password_file) if password_file else None,
        "password_env": _PASSWORD if username and not password_file and _PASSWORD in os.environ else None,
        "ca_file": str(ca_file) if ca_file else None,
        "prefix": prefix,
    }
    given = {key: value for key, value in given.items() if value is not None}
    if url is None:
        if given:
            raise ConfigError(
                "name the broker, too: these options are not for one that a configuration names"
            )
        if config is None and not USUAL.exists():
            raise ConfigError("name a broker, e.g. mqtt://localhost, or a configuration (-c)")
        return read_place(config or USUAL, catalogue)
    if config is not None:
        raise ConfigError("a broker and a configuration: name one of them")
    try:
        mqtt = MqttTable(url=url, **given)
    except ValidationError as error:
        raise ConfigError(str(error.errors(include_input=False)[0]["msg"])) from None
    place, findings = make_place(mqtt, catalogue, Path())
    if findings:
        raise ConfigError(
            "\n".join(
                f"{_OPTIONS.get(str(f.key[-1]), write_key(f.key))}: {f.message}. {f.remedy}" for f in findings
            )
        )
    return place


def say_unreachable(place: Place, reason: Reason, *, as_json: bool) -> None:
    """Say why a broker does not let us listen: to programs on standard output, to people on standard error."""
    if as_json:
        typer.echo(orjson.dumps({"ok": False, "broker": place.broker.url, "error": str(reason)}))
    else:
        typer.echo(f"broker {place.broker.url}: {reason}", err=True)
