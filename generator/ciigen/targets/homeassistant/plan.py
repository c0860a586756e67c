"""The plan of Home Assistant's entities: what the schema says about each, before a meter is known.

    sensor.<level>_power_net             value/power_net                 live: expires
    sensor.<level>_energy_import         value/energy_import             Wh, divided to kWh
    sensor.<level>_tariff_active         text/tariff_active              one of t1 … t4
    sensor.<level>_channel1_volume_gas   channel/1/value/volume_gas
    sensor.<level>_meter_clock           state, its ts                   diagnostic, off until the user asks for it
    sensor.<level>_link                  diag, its link                  diagnostic

Place in the line: render. Classes, units and precision of a quantity stand in ``schema/consumers/homeassistant.yaml``.
Identity has no entity: it is in ``meta`` only. Texts of a sub-meter have none either, as no topic carries one alone.
``discovery`` makes messages of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from ciigen import topics
from ciigen.errors import TargetError
from ciigen.resolved import Place, Quantity, Resolved, Topic
from ciigen.targets.homeassistant import discovery
from ciigen.targets.homeassistant.discovery import Config, Entity, Plan
from ciigen.wording import phrase

CONSUMER: Final = "homeassistant"
_ORIGIN: Final = "ciigen"
_ENUM: Final = "enum"


def plan(resolved: Resolved) -> Plan:
    """Make the plan (raises TargetError for an enumeration without states)."""
    settings = {key: str(value) for key, value in resolved.consumers[CONSUMER].settings.items()}
    availability = resolved.topics["availability"]
    return Plan(
        prefix=resolved.prefix,
        discovery_prefix=settings["discovery_prefix"],
        birth_topic=settings["birth_topic"],
        birth_payload=settings["birth_payload"],
        min_version=settings["min_version"],
        device_since=settings["device_discovery_since"],
        device_name=phrase(resolved, CONSUMER, "meter"),
        submeter_name=phrase(resolved, CONSUMER, "submeter"),
        origin={"name": _ORIGIN, "sw_version": f"profile {resolved.version}"},
        availability=availability.path,
        online=topics.online(resolved),
        offline=str(availability.will),
        entities=tuple(_entities(resolved)),
    )


def package_files(resolved: Resolved) -> dict[str, str]:
    """Give the files of ``ciimodel`` with which the bridge makes the same messages: ``discovery`` as it is, and the plan."""
    entities = asdict(plan(resolved))["entities"]
    rest = {key: value for key, value in asdict(plan(resolved)).items() if key != "entities"}
    lines = ",\n".join(f"  {json.dumps(entity, ensure_ascii=False)}" for entity in entities)
    head = json.dumps(rest, ensure_ascii=False, indent=1).removesuffix("\n}")
    return {
        f"{CONSUMER}.py": Path(str(discovery.__file__)).read_text(encoding="utf-8"),
        f"{CONSUMER}.json": f'{head},\n "entities": [\n{lines}\n ]\n}}\n',
    }


def _entities(resolved: Resolved) -> Iterator[Entity]:
    for quantity in resolved.quantities.values():
        look = _look(resolved, quantity)
        if "platform" in look and (found := _of(resolved, quantity, look)):
            yield found
    yield _link(resolved)


def _of(resolved: Resolved, quantity: Quantity, look: Mapping[str, str]) -> Entity | None:
    topic = topics.topic_of(resolved, quantity)
    # the reading's own time is the ts of every reading, whoever's clock it is
    in_state = topic is None and quantity.place is Place.TIME
    expression = f"value | float / {look['divisor']}" if "divisor" in look else None
    if in_state:
        topic, expression = resolved.topics["state"], "value_json.ts"
    if topic is None:
        return None
    return Entity(
        key=quantity.name,
        platform=look["platform"],
        topic=_with(topic, quantity),
        name=quantity.label,
        config={**_read(topic, expression), **_measured(quantity, look), **_shown(look)},
        always=in_state,
        channel=topics.is_of_submeter(quantity),
        tariff=quantity.tariff,
        since={"device_class": look["device_class_since"]} if "device_class_since" in look else {},
        expire_after=int(look["expire_after"]) if "expire_after" in look else None,
    )


def _link(resolved: Resolved) -> Entity:
    topic = resolved.topics["diag"]
    return Entity(
        key="link",
        platform="sensor",
        topic=topic.path,
        name=phrase(resolved, CONSUMER, "link"),
        config={
            **_read(topic, "value_json.link"),
            "device_class": _ENUM,
            "options": _states_of_link(resolved),
            "entity_category": "diagnostic",
            "icon": "mdi:serial-port",
        },
        always=True,
        expire_after=int(str(resolved.consumers[CONSUMER].settings["link_expire_after"])),
        available=False,
    )


def _with(topic: Topic, quantity: Quantity) -> str:
    """Fill in the quantity and leave the other placeholders."""
    return topic.path.replace("{quantity}", quantity.name).replace("{item}", quantity.name)


def _read(topic: Topic, expression: str | None) -> Config:
    """How a value comes; ``expression`` is what a template makes of the payload."""
    config: Config = {}
    if expression:
        config["value_template"] = f"{{{{ {expression} }}}}"
    if topic.qos:
        config["qos"] = topic.qos
    return config


def _measured(quantity: Quantity, look: Mapping[str, str]) -> Config:
    """Class and unit."""
    config: Config = {}
    if "device_class" in look:
        config["device_class"] = look["device_class"]
        if look["device_class"] == _ENUM:
            config["options"] = _options(quantity)
    if "state_class" in look:
        config["state_class"] = look["state_class"]
    if "unit" in look:
        config["unit_of_measurement"] = look["unit"]
    if "precision" in look:
        config["suggested_display_precision"] = int(look["precision"])
    return config


def _shown(look: Mapping[str, str]) -> Config:
    """How an entity looks, whatever it measures."""
    config: Config = {key: look[key] for key in ("entity_category", "icon") if key in look}
    if look.get("enabled") == "false":
        config["enabled_by_default"] = False
    return config


def _look(resolved: Resolved, quantity: Quantity) -> dict[str, str]:
    of_unit = resolved.units[quantity.unit].consumers.get(CONSUMER, {}) if quantity.unit else {}
    of_quantity = quantity.consumers.get(CONSUMER, {})
    return {**of_unit, **{key: str(value) for key, value in of_quantity.items()}}


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
