"""Entities → discovery messages of Home Assistant's MQTT integration: topic → payload.

    homeassistant/sensor/cii_<level>/power_net/config     one entity, every version
    homeassistant/device/cii_<level>/config               the whole meter, from 2024.11

Both give an entity the same ``unique_id``, so a house can change from one to the other; the messages of the former must
be taken away then (retained, empty). Messages are to be published retained.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ciigen import topics
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.homeassistant.entities import CONSUMER, Config, Entity, entities, release
from ciigen.targets.homeassistant.words import word

#: Names the program in Home Assistant's log.
_ORIGIN: Final = "ciigen"
Messages = dict[str, Config]


def components(resolved: Resolved, selection: Selection) -> Messages:
    """Make one message an entity, for ``min_version`` of the schema and newer."""
    version = _setting(resolved, "min_version")
    return {
        topic: message
        for level in selection.ids
        for topic, message in _Meter(resolved, selection, level).components(version)
    }


def devices(resolved: Resolved, selection: Selection) -> Messages:
    """Make one message a meter, for ``device_discovery_since`` of the schema and newer."""
    version = max(
        _setting(resolved, "min_version"), _setting(resolved, "device_discovery_since"), key=release
    )
    return dict(_Meter(resolved, selection, level).device(version) for level in selection.ids)


class _Meter:
    """Makes the messages of one meter."""

    def __init__(self, resolved: Resolved, selection: Selection, level: str) -> None:
        self._resolved = resolved
        self._selection = selection
        self._level = level
        self._prefix = _setting(resolved, "discovery_prefix")
        # a prefix may have several levels; an id may not
        self._id = f"{resolved.prefix.replace('/', '_')}_{level}"

    def components(self, version: str) -> Iterator[tuple[str, Config]]:
        for entity in self._entities(version):
            topic = f"{self._prefix}/{entity.platform}/{self._id}/{entity.key}/config"
            yield topic, {**self._entity(entity), "device": self._device(), "origin": self._origin()}

    def device(self, version: str) -> tuple[str, Config]:
        listed = {
            entity.key: {"platform": entity.platform, **self._entity(entity)}
            for entity in self._entities(version)
        }
        topic = f"{self._prefix}/device/{self._id}/config"
        return topic, {"device": self._device(), "origin": self._origin(), "components": listed}

    def _entities(self, version: str) -> list[Entity]:
        return entities(self._resolved, self._selection, self._level, version)

    def _entity(self, entity: Entity) -> Config:
        object_id = f"{self._level.replace('-', '_')}_{entity.key}"
        config: Config = {
            "name": entity.name,
            "unique_id": f"{self._id}_{entity.key}",
            # the former up to 2026.3, the latter from 2025.10; neither minds the other
            "object_id": object_id,
            "default_entity_id": f"{entity.platform}.{object_id}",
            **entity.config,
        }
        if entity.available:
            topic = self._resolved.topics["availability"]
            config["availability_topic"] = topics.path(self._resolved, topic, self._level)
            config["payload_available"] = topics.online(self._resolved)
            config["payload_not_available"] = str(topic.will)
        return config

    def _device(self) -> Config:
        label = word("meter", self._selection.lang)
        device: Config = {
            "identifiers": [self._id],
            "name": label if len(self._selection.ids) == 1 else f"{label} {self._level}",
        }
        if self._selection.meter:
            model = self._resolved.meters[self._selection.meter]
            device |= {"manufacturer": model.manufacturer, "model": model.model}
        return device

    def _origin(self) -> Config:
        return {"name": _ORIGIN, "sw_version": f"profile {self._resolved.version}"}


def _setting(resolved: Resolved, key: str) -> str:
    return str(resolved.consumers[CONSUMER].settings[key])
