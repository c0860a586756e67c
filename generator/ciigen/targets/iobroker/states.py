"""Which alias states a meter has in ioBroker, and from which topic each is read.

    alias.0.smartmeter.<level>.info.reachable      availability
                              .info.time           state       ts
                              .info.link           diag        link
                              .info.device_name    meta        identity.device_name      role info.serial
                              .power.power_net     value/power_net
                              .energy.energy_import, .energy_t1 …, .l1.voltage, .sub1.volume_gas

Channel, role, type and unit of a quantity stand in ``schema/consumers/iobroker.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ciigen import topics
from ciigen.pushed import submeters, tariff_name
from ciigen.resolved import Place, Quantity, Resolved, Text, Topic
from ciigen.target import Selection, quantities
from ciigen.targets.iobroker import read
from ciigen.wording import phrase

CONSUMER: Final = "iobroker"
#: Shown as number 1 … 4 with the labels in ``common.states``, as other tariff states of ioBroker are.
_TARIFF: Final = "tariff_active"


@dataclass(frozen=True, slots=True)
class Source:
    """The MQTT topic that a state is read from; ``path`` is the topic with everything filled in."""

    path: str
    topic: Topic


@dataclass(frozen=True, slots=True)
class State:
    """One alias state. ``id`` is relative to the device, ``read`` a JavaScript expression."""

    id: str
    name: Text
    role: str
    type: str
    source: Source
    read: str
    unit: str = ""
    states: Mapping[str, str] = field(default_factory=dict)


def states(resolved: Resolved, selection: Selection, level: str) -> list[State]:
    """All states of the meter with this topic level (raises UsageError for an unknown selection)."""
    return list(_States(resolved, selection, level).all())


class _States:
    """Makes the states of one meter."""

    def __init__(self, resolved: Resolved, selection: Selection, level: str) -> None:
        self._resolved = resolved
        self._selection = selection.of(level)
        self._level = level

    def all(self) -> Iterator[State]:
        yield from self._link()
        chosen = quantities(self._resolved, self._selection)
        for quantity in chosen:
            if quantity.place is not Place.TIME and not topics.is_of_submeter(quantity):
                yield self._of(quantity, None)
        for number, below in submeters(self._resolved, self._selection):
            yield from (self._of(quantity, number) for quantity in below)

    def _link(self) -> Iterator[State]:
        online = read.equals(topics.online(self._resolved))
        available = self._source("availability")
        yield State(
            "info.reachable",
            phrase(self._resolved, CONSUMER, "reachable"),
            "indicator.reachable",
            "boolean",
            available,
            online,
        )
        state = self._source("state")
        yield State(
            "info.time",
            phrase(self._resolved, CONSUMER, "time"),
            "value.time",
            "number",
            state,
            read.json_time(["ts"]),
        )
        diag = self._source("diag")
        yield State(
            "info.link",
            phrase(self._resolved, CONSUMER, "link"),
            "text",
            "string",
            diag,
            read.json_text(["link"]),
        )

    def _of(self, quantity: Quantity, number: int | None) -> State:
        look = self._look(quantity)
        source, expression = self._read(quantity, number, look)
        numbered = quantity.name == _TARIFF
        return State(
            id=_id(quantity, look, number),
            name=quantity.label,
            role="value" if numbered else look["role"],
            type="number" if numbered else look["type"],
            source=source,
            read=expression,
            unit=look.get("unit", ""),
            states=dict(self._labels(quantity)),
        )

    def _look(self, quantity: Quantity) -> dict[str, str]:
        of_unit = self._resolved.units[quantity.unit].consumers.get(CONSUMER, {}) if quantity.unit else {}
        of_quantity = quantity.consumers.get(CONSUMER, {})
        return {**of_unit, **{key: str(value) for key, value in of_quantity.items()}}

    def _read(self, quantity: Quantity, number: int | None, look: Mapping[str, str]) -> tuple[Source, str]:
        if topic := topics.topic_of(self._resolved, quantity):
            source = self._source(topic.name, quantity.name, number)
            if quantity.place is Place.VALUE:
                return source, read.number(look.get("factor"))
            return source, read.tariff() if quantity.name == _TARIFF else read.text()
        if number is None:
            return self._source("meta"), read.json_text(["identity", quantity.name])
        if quantity.place is Place.META:
            key = quantity.name.removeprefix("channel_")
            return self._source("meta"), read.json_text(["channels", str(number), key])
        return self._source("channel_state", channel=number), read.json_text(["texts", quantity.name])

    def _labels(self, quantity: Quantity) -> Iterator[tuple[str, str]]:
        lang = self._selection.lang
        for state, text in quantity.states.items():
            if quantity.name != _TARIFF:
                yield state, text[lang]
                continue
            name = tariff_name(self._resolved, self._selection, state)
            yield state.removeprefix("t"), f"{text[lang]} ({name})" if name else text[lang]

    def _source(self, topic: str, quantity: str = "", channel: int | None = None) -> Source:
        found = self._resolved.topics[topic]
        return Source(topics.path(self._resolved, found, self._level, quantity, channel), found)


def _id(quantity: Quantity, look: Mapping[str, str], number: int | None) -> str:
    channel = look["channel"] if number is None else f"{look['channel']}{number}"
    # the channel of a phase or tariff says already which; in any other the whole name keeps current and current_n apart
    said = {quantity.phase, quantity.tariff and f"energy_{quantity.tariff}"}
    return f"{channel}.{look.get('state') or (quantity.family if channel in said else quantity.name)}"
