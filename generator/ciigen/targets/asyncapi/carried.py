"""What a topic carries: its levels, its quantities and an example of its payload.

The examples of ``schema/topics.yaml`` tell one story, a snapshot of one meter; a value on its own topic is taken from
that snapshot, so that the examples of all topics belong together.
"""

from __future__ import annotations

from string import Formatter
from typing import Final

from ciigen.resolved import Quantity, Resolved, Topic
from ciigen.targets.jsonschema.payloads import JsonObject, json_object
from ciigen.topics import topic_of

PREFIX: Final = "prefix"
METER: Final = "meter"
CHANNEL: Final = "channel"
#: Levels that are the name of a quantity.
QUANTITY_LEVELS: Final = frozenset({"quantity", "item"})
#: Keys of a snapshot that speak of the meter itself, not of a sub-meter.
_ONLY_MAIN: Final = frozenset({"texts", "derived", "channels", "list", "obis"})
_STATE: Final = "state"
_EXAMPLE_CHANNEL: Final = "1"
_EXAMPLE_BRIDGE: Final = "home"


def levels(topic: Topic) -> tuple[str, ...]:
    """Return the placeholders of a path, in order."""
    return tuple(field for _, field, _, _ in Formatter().parse(topic.path) if field)


def carried(resolved: Resolved, topic: Topic) -> list[Quantity]:
    """Return the quantities that have this topic as their own; empty for a topic that is not a quantity's."""
    return [q for q in resolved.quantities.values() if topic_of(resolved, q) is topic]


def example_topic(resolved: Resolved, topic: Topic) -> str:
    """Return the topic of ``example``, with the default prefix."""
    filled = {
        PREFIX: resolved.prefix,
        METER: str(state_example(resolved)[METER]),
        CHANNEL: _EXAMPLE_CHANNEL,
        "bridge": _EXAMPLE_BRIDGE,
        **dict.fromkeys(QUANTITY_LEVELS, _example_quantity(resolved, topic)),
    }
    return topic.path.format(**filled)


def example(resolved: Resolved, topic: Topic) -> object | None:
    """Return a payload of this topic as JSON; None if it is octets, or no quantity of this version has the topic."""
    schema = resolved.payloads[topic.payload]
    if schema.get("format") == "binary" or (topic.kinds and not carried(resolved, topic)):
        return None
    shown = _example_values(resolved, topic)
    if topic.kinds and shown:
        return shown[_example_quantity(resolved, topic)]
    if topic.payload == _STATE and CHANNEL in levels(topic):
        main = {key: value for key, value in state_example(resolved).items() if key not in _ONLY_MAIN}
        return {**main, "values": _channel_example(resolved)}
    for keyword in ("examples", "enum"):
        known = schema.get(keyword)
        if isinstance(known, list) and known:
            first: object = known[0]
            return first
    raise ValueError(f"schema/topics.yaml: payloads.{topic.payload} has no `examples`: add one")


def _example_quantity(resolved: Resolved, topic: Topic) -> str:
    """Return the first quantity of the topic that the snapshot has, else its first one."""
    names = [quantity.name for quantity in carried(resolved, topic)]
    shown = _example_values(resolved, topic)
    return next((name for name in names if name in shown), names[0] if names else "")


def _example_values(resolved: Resolved, topic: Topic) -> JsonObject:
    if CHANNEL in levels(topic):
        known = _channel_example(resolved)
    else:
        state = state_example(resolved)
        known = json_object(state["values"], "values") | json_object(state.get("texts", {}), "texts")
    names = {quantity.name for quantity in carried(resolved, topic)}
    return {name: value for name, value in known.items() if name in names}


def state_example(resolved: Resolved) -> JsonObject:
    """Return the snapshot that all examples are of."""
    return _first_example(resolved.payloads[_STATE], f"payloads.{_STATE}")


def identity_example(resolved: Resolved) -> JsonObject:
    """Return what the meter of the examples says of itself."""
    properties = json_object(resolved.payloads["meta"]["properties"], "payloads.meta.properties")
    return _first_example(
        json_object(properties["identity"], "identity"), "payloads.meta.properties.identity"
    )


def _channel_example(resolved: Resolved) -> JsonObject:
    properties = json_object(resolved.payloads[_STATE]["properties"], f"payloads.{_STATE}.properties")
    where = f"payloads.{_STATE}.properties.channels"
    channels = _first_example(json_object(properties["channels"], where), where)
    return json_object(next(iter(channels.values())), f"{where}.examples")


def _first_example(schema: JsonObject, where: str) -> JsonObject:
    known = schema.get("examples")
    if not isinstance(known, list) or not known:
        raise ValueError(f"schema/topics.yaml: {where} has no `examples`: add one")
    return json_object(known[0], f"{where}.examples")
