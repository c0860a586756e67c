"""States → ioBroker objects: first the raw ones that the MQTT adapter writes, then the alias tree above them.

    mqtt.0.cii.v1.<level>.value.power_net                  what the adapter stores (parents: folders)
    alias.0.smartmeter                                      folder
    alias.0.smartmeter.<level>                              device
    alias.0.smartmeter.<level>.power                        channel
    alias.0.smartmeter.<level>.power.power_net              state: alias of the raw object

Order matters: mqtt-client loses the first message of a topic that has no object yet, and an alias without its raw object
is an error in the log a message. Settings of the user (``common.custom``: history …) survive an import, so none are
shipped; only mqtt-client has its subscription there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from ciigen import topics
from ciigen.errors import TargetError, UsageError
from ciigen.pushed import submeters
from ciigen.resolved import Resolved, Text
from ciigen.target import Selection
from ciigen.targets.iobroker.states import CONSUMER, Source, State, states
from ciigen.wording import phrase

#: An object of ioBroker, as JSON.
IoObject = dict[str, object]
#: Payload of a topic → type and role of the raw state. A plain number is "mixed": at the first odd payload mqtt makes
#: that of "number" itself, and mqtt-client would store 0. So is a text, since mqtt stores one of digits as a number.
_RAW: Final = {"number": ("mixed", "state"), "text": ("mixed", "state"), "availability": ("string", "text")}
_RAW_JSON: Final = ("string", "json")


def objects(resolved: Resolved, selection: Selection, *, client: bool, command: str) -> dict[str, IoObject]:
    """Object id → object, in the order of the import; ``client`` is for the adapter mqtt-client.

    The instance is the one that the selection names, else the schema.

    ``command`` is kept in the device's ``native``, so that a user can see where the objects come from. Raises TargetError
    if two quantities of the schema fall on one object id.
    """
    settings = resolved.consumers[CONSUMER].settings
    instance = instance_of(resolved, selection, client=client)
    words = partial(phrase, resolved, CONSUMER)
    tree = _Tree(instance, f"alias.0.{settings['root']}", words, client=client)
    by_level = {level: states(resolved, selection, level) for level in selection.ids}
    for level, found in by_level.items():
        used = [state.source for state in found]
        # mqtt subscribes to a whole branch and needs an object for all that comes; mqtt-client takes what it has
        tree.raw(used if client else [*used, *_others(resolved, selection, level)])
    tree.put(tree.root, "folder", {"name": words("meters")})
    for level, found in by_level.items():
        name = words("meter") if len(selection.ids) == 1 else words("meter_of_many", level=level)
        native: IoObject = {"madeWith": command, "profile": resolved.version}
        tree.device(level, name, str(settings["function"]), native, found)
    return tree.objects


def instance_of(resolved: Resolved, selection: Selection, *, client: bool) -> str:
    """``mqtt.0`` or the one that is asked for (raises UsageError if that is none of this adapter)."""
    usual = str(resolved.consumers[CONSUMER].settings["instance_client" if client else "instance"])
    given = selection.option("instance")
    if given is not None and not re.fullmatch(rf"{re.escape(usual.rpartition('.')[0])}\.\d+", given):
        raise UsageError(f"--instance {given} is none of this adapter: it looks like {usual}")
    return given or usual


class _Tree:
    """Collects objects, parents before children, each id once."""

    def __init__(self, instance: str, root: str, words: Callable[..., Text], *, client: bool) -> None:
        self._words = words
        self.objects: dict[str, IoObject] = {}
        self.root = root
        self._instance = instance
        self._client = client

    def put(self, oid: str, kind: str, common: IoObject, native: IoObject | None = None) -> None:
        """Add an object whose id is new (raises TargetError otherwise)."""
        if oid in self.objects:
            raise TargetError(
                f"iobroker: two quantities become the object {oid}: give one of them another `state` "
                "in schema/consumers/iobroker.yaml"
            )
        self.objects[oid] = {"_id": oid, "type": kind, "common": common, "native": native or {}}

    def raw(self, sources: Iterable[Source]) -> None:
        """Add the raw objects of these topics with the folders above them; folders of all come first."""
        unique = {source.path: source for source in sources}
        for path in unique:
            self._folders(path.split("/"))
        for source in unique.values():
            kind, role = _RAW.get(source.topic.payload, _RAW_JSON)
            common: IoObject = {"name": source.path, "type": kind, "role": role, "read": True, "write": False}
            if self._client:
                common["custom"] = {self._instance: _subscription(source)}
            self.put(self._raw_id(source.path), "state", common, {"topic": source.path})

    def device(self, level: str, name: Text, function: str, native: IoObject, found: list[State]) -> None:
        """Add a meter: its device, channels and states."""
        device = f"{self.root}.{level}"
        # admin's import adds the device to this enum and leaves the other members alone
        enum: IoObject = {"_id": f"enum.functions.{function}", "type": "enum", "native": {}}
        enum["common"] = {"name": self._words("function")}
        status = {"onlineId": f"{device}.info.reachable"}
        self.put(device, "device", {"name": name, "statusStates": status, "enums": [enum]}, native)
        for channel in dict.fromkeys(state.id.partition(".")[0] for state in found):
            self.put(f"{device}.{channel}", "channel", {"name": self._channel_name(channel)})
            for state in found:
                if state.id.startswith(f"{channel}."):
                    self.put(f"{device}.{state.id}", "state", self._alias(state))

    def _alias(self, state: State) -> IoObject:
        common: IoObject = {"name": state.name, "type": state.type, "role": state.role}
        common |= {"read": True, "write": False}
        if state.unit:
            common["unit"] = state.unit
        if state.states:
            common["states"] = dict(state.states)
        common["alias"] = {"id": self._raw_id(state.source.path), "read": state.read}
        return common

    def _channel_name(self, channel: str) -> Text:
        """``energy_t1`` → Energy tariff 1, ``l1`` → Phase L1, ``sub2`` → Other meter, channel 2."""
        if channel.startswith("energy_t"):
            return self._words("tariff", n=channel.removeprefix("energy_t"))
        if channel.startswith("sub"):
            return self._words("sub", n=channel.removeprefix("sub"))
        return (
            self._words("phase", phase=channel.upper())
            if channel in ("l1", "l2", "l3", "n")
            else self._words(channel)
        )

    def _folders(self, parts: list[str]) -> None:
        for end in range(1, len(parts)):
            oid = self._raw_id("/".join(parts[:end]))
            if oid not in self.objects:
                self.put(oid, "folder", {"name": self._words("raw") if end == 1 else parts[end - 1]})

    def _raw_id(self, path: str) -> str:
        return f"{self._instance}.{path.replace('/', '.')}"


def _others(resolved: Resolved, selection: Selection, level: str) -> list[Source]:
    """Topics of the meter itself, and of the sub-meters behind it, that no alias reads."""
    channels = [number for number, _ in submeters(resolved, selection.of(level))]
    return [
        Source(topics.path(resolved, topic, level, channel=channel), topic)
        for topic in resolved.topics.values()
        if not (topic.kinds or topic.per_process or topic.optional)
        for channel in (channels if "{channel}" in topic.path else (None,))
    ]


def _subscription(source: Source) -> IoObject:
    return {
        "enabled": True,
        "topic": source.path,
        "subscribe": True,
        "subChangesOnly": False,
        "subAsObject": False,
        "subQos": source.topic.qos,
        "setAck": True,
        "publish": False,
        "pubChangesOnly": False,
        "pubAsObject": False,
        "qos": 0,
        "retain": False,
    }
