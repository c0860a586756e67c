"""Discovery messages for Home Assistant's MQTT integration: what a meter sends → topic → payload. Pure, standard library only.

    homeassistant/sensor/cii_<level>/power_net/config     one entity, every version
    homeassistant/device/cii_<level>/config               the whole meter, from 2024.11

Both give an entity the same ``unique_id``, so a house can change from one to the other. Messages are to be published retained.

``ciigen homeassistant`` and the bridge make the same messages because they run this very module: it stands in
``ciigen.targets.homeassistant.discovery``, and ``ciigen build`` writes it into ``ciimodel.homeassistant`` as it is. What the
entities are is data, the ``Plan``, which is made from the schema and lies beside it as ``homeassistant.json``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: What a discovery message says in JSON.
Config = dict[str, object]
Messages = dict[str, Config]

#: The bridge calls a meter stale after three times its longest interval; an entity does not give up earlier.
_MISSED: Final = 3
_LANGUAGE: Final = "en"


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity as the schema has it; ``{prefix}``, ``{meter}`` and ``{channel}`` in its topic are filled in later."""

    key: str  # name of the quantity, or of what else it shows
    platform: str
    topic: str
    name: Mapping[str, str]  # language → label
    config: Mapping[str, object]  # what it says of itself, whoever asks
    always: bool = False  # every meter has it, whatever it sends
    channel: bool = False  # of a sub-meter
    tariff: str | None = None
    since: Mapping[str, str] = field(default_factory=dict)  # key of ``config`` → first version that takes it
    expire_after: int | None = None  # seconds, at least; None: never
    available: bool = True  # unavailable while the meter is; the state of the link is not: it says why


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the schema says about Home Assistant."""

    prefix: str  # first level of the profile's topics
    discovery_prefix: str  # first level of discovery messages
    birth_topic: str  # below ``discovery_prefix``: where Home Assistant says that it has started
    birth_payload: str
    min_version: str
    device_since: str  # first version that takes one message a meter
    device_name: Mapping[str, str]
    submeter_name: Mapping[str, str]  # with {label} and {n}
    origin: Mapping[str, str]  # names the program in Home Assistant's log
    availability: str  # topic
    online: str
    offline: str
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """One meter and what it sends. ``quantities`` and ``channels``: seconds between two values; None: not learnt yet."""

    level: str  # of its topics
    quantities: Mapping[str, float | None]
    channels: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)
    #: False: the channels that such a meter could have; which are in use is not known.
    seen: bool = True
    manufacturer: str | None = None
    model: str | None = None
    tariffs: Mapping[str, str] = field(default_factory=dict)  # t1 … t4 → name on the bill
    alone: bool = True  # the only one in the house: its name needs no id


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user chose."""

    version: str  # oldest Home Assistant that must understand the messages
    lang: str = _LANGUAGE
    prefix: str | None = None  # first level of the meter's topics; None: the profile's
    discovery_prefix: str | None = None
    node_id: str = "{prefix}_{meter}"
    per_device: bool | None = None  # one message a meter; None: where the version knows it


def read(text: str | bytes) -> Plan:
    """Read the plan that lies beside this module."""
    document: dict[str, Any] = json.loads(text)
    return Plan(**{**document, "entities": tuple(Entity(**entity) for entity in document["entities"])})


def meter_of(meta: Mapping[str, Any], *, alone: bool = True) -> Meter:
    """Tell a meter by its ``meta`` message (as JSON gives it): what has really come, not what could come."""
    return Meter(
        level=meta["meter"],
        quantities={name: facts.get("interval_s") for name, facts in meta["quantities"].items()},
        channels={
            int(number): dict.fromkeys(channel.get("quantities", ()))
            for number, channel in meta.get("channels", {}).items()
        },
        manufacturer=meta.get("manufacturer"),
        model=meta.get("model"),
        tariffs={tariff: facts["label"] for tariff, facts in meta.get("tariffs", {}).items()},
        alone=alone,
    )


def release(version: str) -> tuple[int, ...]:
    """``2024.11`` as numbers, to be compared."""
    return tuple(int(part) for part in version.split("."))


class Discovery:
    """Makes the messages; nothing in it belongs to one meter."""

    def __init__(self, plan: Plan, wishes: Wishes) -> None:
        self._plan = plan
        self._wishes = wishes
        self._prefix = wishes.prefix or plan.prefix
        self._version = release(wishes.version)
        #: First level of the topics.
        self.root = wishes.discovery_prefix or plan.discovery_prefix
        #: One message a meter, not one an entity.
        self.per_device = self._takes(plan.device_since) if wishes.per_device is None else wishes.per_device

    def node_id(self, level: str) -> str:
        """Name the meter among all devices; a topic prefix may have several levels, an id may not."""
        return self._wishes.node_id.format(prefix=self._prefix.replace("/", "_"), meter=level)

    def birth(self) -> tuple[str, str]:
        """Topic and payload with which Home Assistant says that it has started."""
        return f"{self.root}/{self._plan.birth_topic}", self._plan.birth_payload

    def filters(self, level: str) -> tuple[str, str]:
        """Subscribe to this to hear every discovery message of this meter, in either form."""
        node = self.node_id(level)
        return f"{self.root}/device/{node}/config", f"{self.root}/+/{node}/+/config"

    def messages(self, meter: Meter) -> Messages:
        """Make all messages of a meter, topic → payload, in the form that the version wants."""
        node = self.node_id(meter.level)
        entities = {
            entity_key: (entity, config) for entity_key, entity, config in self._entities(meter, node)
        }
        device, origin = self._device(meter, node), self._plan.origin
        if self.per_device:
            listed = {key: {"platform": e.platform, **config} for key, (e, config) in entities.items()}
            topic = f"{self.root}/device/{node}/config"
            return {topic: {"device": device, "origin": origin, "components": listed}}
        return {
            f"{self.root}/{entity.platform}/{node}/{key}/config": {
                **config,
                "device": device,
                "origin": origin,
            }
            for key, (entity, config) in entities.items()
        }

    def _entities(self, meter: Meter, node: str) -> Iterator[tuple[str, Entity, Config]]:
        """Key in the meter, entity, and what it says; the meter's own first, then sub-meter by sub-meter."""
        for entity in self._plan.entities:
            if not entity.channel and not entity.always and entity.key in meter.quantities:
                yield entity.key, entity, self._config(meter, node, entity, meter.quantities[entity.key])
        for number, sent in sorted(meter.channels.items()):
            for entity in self._of_channel(sent):
                key = f"channel{number}_{entity.key}"
                yield key, entity, self._config(meter, node, entity, sent[entity.key], number)
        for entity in self._plan.entities:
            if entity.always:
                yield entity.key, entity, self._config(meter, node, entity, None)

    def _of_channel(self, sent: Collection[str]) -> Iterator[Entity]:
        return (entity for entity in self._plan.entities if entity.channel and entity.key in sent)

    def _config(
        self, meter: Meter, node: str, entity: Entity, interval_s: float | None, channel: int | None = None
    ) -> Config:
        key = entity.key if channel is None else f"channel{channel}_{entity.key}"
        object_id = f"{meter.level.replace('-', '_')}_{key}"
        config: Config = {
            "name": self._name(meter, entity, channel),
            "unique_id": f"{node}_{key}",
            # the former up to 2026.3, the latter from 2025.10; neither minds the other
            "object_id": object_id,
            "default_entity_id": f"{entity.platform}.{object_id}",
            "state_topic": entity.topic.format(prefix=self._prefix, meter=meter.level, channel=channel),
        }
        config |= {key: value for key, value in entity.config.items() if self._takes(entity.since.get(key))}
        # a value that has come but once may be one of every quarter of an hour
        if entity.expire_after is not None and (entity.always or interval_s is not None):
            config["expire_after"] = max(entity.expire_after, round(_MISSED * (interval_s or 0)))
        if channel is not None and not meter.seen:
            config["enabled_by_default"] = False
        if entity.available:
            config["availability_topic"] = self._plan.availability.format(
                prefix=self._prefix, meter=meter.level
            )
            config["payload_available"] = self._plan.online
            config["payload_not_available"] = self._plan.offline
        return config

    def _takes(self, since: str | None) -> bool:
        """Whether the version knows it: an older one drops an entity whose class it does not know."""
        return since is None or self._version >= release(since)

    def _name(self, meter: Meter, entity: Entity, channel: int | None) -> str:
        label = self._word(entity.name)
        if entity.tariff is not None and entity.tariff in meter.tariffs:
            label = f"{label} ({meter.tariffs[entity.tariff]})"
        return (
            label if channel is None else self._word(self._plan.submeter_name).format(label=label, n=channel)
        )

    def _device(self, meter: Meter, node: str) -> Config:
        label = self._word(self._plan.device_name)
        device: Config = {
            "identifiers": [node],
            "name": label if meter.alone else f"{label} {meter.level}",
        }
        if meter.manufacturer:
            device["manufacturer"] = meter.manufacturer
        if meter.model:
            device["model"] = meter.model
        return device

    def _word(self, words: Mapping[str, str]) -> str:
        """Choose the language; English where one was added to the schema and not yet here."""
        return words.get(self._wishes.lang, words[_LANGUAGE])
