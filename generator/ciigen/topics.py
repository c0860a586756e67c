"""Which topic a quantity has, and how the placeholders of a topic path are filled in.

Place in the line: render; every target that names topics asks here, so that all of them mean the same.

    {prefix}/v1/{meter}/value/{quantity}                      a value of the meter itself
    {prefix}/v1/{meter}/channel/{channel}/value/{quantity}    a value of sub-meter number {channel}
    {prefix}/v1/{meter}/text/{item}                           a text
"""

from __future__ import annotations

from ciigen.resolved import Place, Quantity, Resolved, Topic


def is_of_submeter(quantity: Quantity) -> bool:
    """Whether the quantity belongs to a gas, water, heat … meter behind the electricity meter (OBIS 0-n:…)."""
    return "-n:" in quantity.obis[0]


def topic_of(resolved: Resolved, quantity: Quantity) -> Topic | None:
    """Find the topic that carries this quantity alone.

    None where there is no such topic: identity stands in ``meta`` and time in ``state`` only, and texts of a sub-meter
    only in its ``state``.
    """
    if quantity.place not in (Place.VALUE, Place.TEXT):
        return None
    submeter = is_of_submeter(quantity)
    for topic in resolved.topics.values():
        if quantity.kind in topic.kinds and ("{channel}" in topic.path) == submeter:
            return topic
    return None


def path(resolved: Resolved, topic: Topic, meter: str, quantity: str = "", channel: int | None = None) -> str:
    """``topic.path`` with its placeholders filled in; ``meter`` is the topic level, e.g. ``smartmeter``."""
    return topic.path.format(
        prefix=resolved.prefix, meter=meter, quantity=quantity, item=quantity, channel=channel
    )


def base(resolved: Resolved, level: str) -> str:
    """``cii/v1/<level>``: all topics of a meter are below it."""
    return path(resolved, resolved.topics["availability"], level).rpartition("/")[0]


def below(resolved: Resolved, topic: Topic, quantity: str) -> str:
    """``value/power_net``: the topic of a quantity of the meter itself, relative to ``base``."""
    # the level does not matter: it is cut off again
    return path(resolved, topic, "level", quantity).removeprefix(f"{base(resolved, 'level')}/")


def online(resolved: Resolved) -> str:
    """Give the payload of ``availability`` that is not the last will: ``online``."""
    topic = resolved.topics["availability"]
    states = resolved.payloads[topic.payload]["enum"]
    return next(str(state) for state in states if state != topic.will) if isinstance(states, list) else ""
