"""Which entities a meter has in Home Assistant, and what each says of itself.

    sensor.<level>_power_net             value/power_net                 live: expires
    sensor.<level>_energy_import         value/energy_import             Wh, divided to kWh
    sensor.<level>_tariff_active         text/tariff_active              one of t1 … t4
    sensor.<level>_channel1_volume_gas   channel/1/value/volume_gas      off until the user asks for it
    sensor.<level>_meter_clock           state, its ts                   diagnostic
    sensor.<level>_link                  diag, its link                  diagnostic

Classes, units and precision of a quantity stand in ``schema/consumers/homeassistant.yaml``. Identity has no entity: it is
in ``meta`` only. Texts of a sub-meter have none either, as no topic carries one alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ciigen import topics
from ciigen.errors import TargetError
from ciigen.pushed import interval_s, submeter_numbers
from ciigen.resolved import Place, Quantity, Resolved, Topic
from ciigen.target import Selection, quantities
from ciigen.targets.homeassistant.words import word

CONSUMER: Final = "homeassistant"
#: What a discovery message says in JSON.
Config = dict[str, object]
#: The bridge calls a meter stale after three times its longest interval; an entity does not give up earlier.
_MISSED: Final = 3
_ENUM: Final = "enum"


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity. ``key`` is unique in the meter; ``config`` is what it says of itself, names and ids apart.

    ``available``: whether it is unavailable while the meter is. The state of the link is not: it says why.
    """

    key: str
    name: str
    platform: str
    config: Mapping[str, object]
    available: bool = True


def release(version: str) -> tuple[int, ...]:
    """``2024.11`` as numbers, to be compared."""
    return tuple(int(part) for part in version.split("."))


def entities(resolved: Resolved, selection: Selection, level: str, version: str) -> list[Entity]:
    """All entities of the meter with this topic level, for Home Assistant ``version`` and newer.

    Raises UsageError for an unknown selection, TargetError for an enumeration without states.
    """
    return list(_Entities(resolved, selection, level, version).all())


class _Entities:
    """Makes the entities of one meter."""

    def __init__(self, resolved: Resolved, selection: Selection, level: str, version: str) -> None:
        self._resolved = resolved
        self._selection = selection
        self._level = level
        self._version = release(version)

    def all(self) -> Iterator[Entity]:
        chosen = [q for q in quantities(self._resolved, self._selection) if "platform" in self._look(q)]
        own = [quantity for quantity in chosen if not topics.is_of_submeter(quantity)]
        for quantity in own:
            if found := self._of(quantity, None):
                yield found
        if below := [quantity for quantity in chosen if topics.is_of_submeter(quantity)]:
            for number in submeter_numbers(self._resolved, self._selection):
                yield from filter(None, (self._of(quantity, number) for quantity in below))
        yield self._link()

    def _of(self, quantity: Quantity, number: int | None) -> Entity | None:
        look = self._look(quantity)
        source = self._source(quantity, number, look)
        if source is None:
            return None
        config = {**source, **self._measured(quantity, look), **_shown(look)}
        if number is not None:
            # a meter names as many channels as it could have; which are in use is not known here
            config["enabled_by_default"] = False
        key = quantity.name if number is None else f"channel{number}_{quantity.name}"
        return Entity(key, self._name(quantity, number), look["platform"], config)

    def _link(self) -> Entity:
        topic = self._resolved.topics["diag"]
        config = self._read(topic, topics.path(self._resolved, topic, self._level), "value_json.link")
        config["device_class"] = _ENUM
        config["options"] = _states_of_link(self._resolved)
        config["expire_after"] = int(str(self._resolved.consumers[CONSUMER].settings["link_expire_after"]))
        config["entity_category"] = "diagnostic"
        config["icon"] = "mdi:serial-port"
        name = word("link", self._selection.lang)
        return Entity("link", name, "sensor", config, available=False)

    def _source(self, quantity: Quantity, number: int | None, look: Mapping[str, str]) -> Config | None:
        if topic := topics.topic_of(self._resolved, quantity):
            path = topics.path(self._resolved, topic, self._level, quantity.name, number)
            return self._read(
                topic, path, f"value | float / {look['divisor']}" if "divisor" in look else None
            )
        if quantity.place is Place.TIME and number is None:
            topic = self._resolved.topics["state"]
            return self._read(topic, topics.path(self._resolved, topic, self._level), "value_json.ts")
        return None

    def _read(self, topic: Topic, path: str, expression: str | None = None) -> Config:
        """Where a value comes from; ``expression`` is what a template makes of the payload."""
        config: Config = {"state_topic": path}
        if expression:
            config["value_template"] = f"{{{{ {expression} }}}}"
        if topic.qos:
            config["qos"] = topic.qos
        return config

    def _measured(self, quantity: Quantity, look: Mapping[str, str]) -> Config:
        """Class, unit and expiry."""
        config: Config = {}
        device_class = self._device_class(look)
        if device_class:
            config["device_class"] = device_class
        if device_class == _ENUM:
            config["options"] = _options(quantity)
        if "state_class" in look:
            config["state_class"] = look["state_class"]
        if "unit" in look:
            config["unit_of_measurement"] = look["unit"]
        if "precision" in look:
            config["suggested_display_precision"] = int(look["precision"])
        if "expire_after" in look:
            interval = interval_s(self._resolved, self._selection, quantity)
            config["expire_after"] = max(int(look["expire_after"]), round(_MISSED * interval))
        return config

    def _device_class(self, look: Mapping[str, str]) -> str | None:
        """Give the class if the version knows it: an older one drops an entity whose class it does not know."""
        since = look.get("device_class_since")
        return look.get("device_class") if since is None or self._version >= release(since) else None

    def _look(self, quantity: Quantity) -> dict[str, str]:
        of_unit = self._resolved.units[quantity.unit].consumers.get(CONSUMER, {}) if quantity.unit else {}
        of_quantity = quantity.consumers.get(CONSUMER, {})
        return {**of_unit, **{key: str(value) for key, value in of_quantity.items()}}

    def _name(self, quantity: Quantity, number: int | None) -> str:
        lang = self._selection.lang
        label = quantity.label[lang]
        if self._selection.operator and quantity.tariff:
            known = self._resolved.operators[self._selection.operator].tariffs
            if quantity.tariff in known:
                label = f"{label} ({known[quantity.tariff].label})"
        return label if number is None else word("submeter", lang).format(label=label, n=number)


def _shown(look: Mapping[str, str]) -> Config:
    """How an entity looks, whatever it measures."""
    config: Config = {key: look[key] for key in ("entity_category", "icon") if key in look}
    if look.get("enabled") == "false":
        config["enabled_by_default"] = False
    return config


def _options(quantity: Quantity) -> list[str]:
    if not quantity.states:
        raise TargetError(
            f"homeassistant: quantity {quantity.name} has the device_class enum and no states: give it states, or "
            "take the class away in schema/consumers/homeassistant.yaml"
        )
    return list(quantity.states)


def _states_of_link(resolved: Resolved) -> list[str]:
    """States of the link, from the JSON Schema of ``diag``."""
    properties = resolved.payloads[resolved.topics["diag"].payload]["properties"]
    link = properties.get("link") if isinstance(properties, dict) else None
    states = link.get("enum") if isinstance(link, dict) else None
    if not isinstance(states, list):
        raise TargetError("homeassistant: payload diag has no enum for link in schema/topics.yaml")
    return [str(state) for state in states]
