"""The configuration of the bridge (``ciibridge.toml``), as far as what it publishes, and as whom, follows from it.

    [bridge] id        [mqtt] username, prefix        [homeassistant]        [dialect.<name>]        [[meter]] id

Whether the file is right as a whole is for ``ciibridge doctor`` to say; here a key that is not known is left out, and one that is needed and
missing is named with its remedy.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ciigen.errors import UsageError

_BRIDGE: Final = "bridge"
_MQTT: Final = "mqtt"
_HOME_ASSISTANT: Final = "homeassistant"


@dataclass(frozen=True, slots=True)
class Configured:
    """What the file says; None: it says nothing. ``meters``: topic level of each meter, None where the meter says it itself."""

    path: Path
    meters: tuple[str | None, ...]
    prefix: str | None
    user: str | None
    bridge_id: str | None
    home_assistant: bool
    discovery_prefix: str | None
    dialects: Mapping[str, Mapping[str, str]]

    def levels(self) -> tuple[str, ...]:
        """Topic levels of all meters (raises UsageError where a meter has none in the file)."""
        for number, level in enumerate(self.meters, start=1):
            if level is None:
                raise UsageError(
                    f"{self.path}: meter {number} of {len(self.meters)} has no `id`, so it is called what it says itself: name all meters with "
                    "--id (third level of their topics), or take them --from the broker"
                )
        return tuple(level for level in self.meters if level is not None)


def read(path: Path) -> Configured:
    """Read the file (raises UsageError for one that is not there, is no TOML, or says something in another form)."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config {path}: it cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--config {path}: not valid TOML: {error}") from error
    mqtt, bridge = _table(path, document, _MQTT), _table(path, document, _BRIDGE)
    house = _table(path, document, _HOME_ASSISTANT)
    meters = document.get("meter", [])
    if not isinstance(meters, list) or not meters or not all(isinstance(meter, dict) for meter in meters):
        raise UsageError(f"--config {path}: it has no [[meter]]: is it the configuration of the bridge?")
    dialects = _table(path, document, "dialect")
    return Configured(
        path=path,
        meters=tuple(
            _text(path, f"meter[{number}].id", meter.get("id")) for number, meter in enumerate(meters)
        ),
        prefix=_text(path, "mqtt.prefix", mqtt.get("prefix")),
        user=_text(path, "mqtt.username", mqtt.get("username")),
        bridge_id=_text(path, "bridge.id", bridge.get("id")),
        home_assistant=_HOME_ASSISTANT in document,
        discovery_prefix=_text(path, "homeassistant.discovery_prefix", house.get("discovery_prefix")),
        dialects={name: _settings(path, name, dialects) for name in dialects},
    )


def _settings(path: Path, name: str, dialects: Mapping[str, object]) -> dict[str, str]:
    table = _table(path, dialects, name, f"dialect.{name}")
    return {key: _text(path, f"dialect.{name}.{key}", value) or "" for key, value in table.items()}


def _table(path: Path, document: Mapping[str, object], key: str, where: str = "") -> Mapping[str, object]:
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise UsageError(f"--config {path}: {where or key} must be a table: write [{where or key}]")
    return found


def _text(path: Path, key: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f"--config {path}: {key} must be a text in quotes")
