"""What stands in the openHAB files, before it is written down: meters, and one point a value.

Place in the line: Resolved and Selection → **House** → templates, page, REST. Everything that is decided is decided here (names,
units, tags, groups, expiry), so that Things, Items, sitemap and YAML cannot differ.

A point is one topic, one channel of the Thing and one Item:

    cii/v1/smartmeter/value/energy_import      482939                    Wh, an integer, as the meter counts
    mqtt:topic:smartmeter:energy_import        QuantityType 482939 Wh    unit="Wh" of the channel
    SmartMeter_Energy_Import                   482.939 kWh               unit="kWh" of the Item
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.resolved import Quantity

BROKER: Final = "mqtt:broker:home"
#: Helper groups that persistence selects, by the attribute ``persist``.
KEPT: Final = {"live": "gSmartMeter_Chart", "meter": "gSmartMeter_Meter"}


@dataclass(frozen=True, slots=True)
class Version:
    """An openHAB version, as far as the files differ: ``number`` (4.0) against the ``…_since`` of the schema."""

    number: tuple[int, int]

    def knows(self, since: str) -> bool:
        """Whether something that came with version ``since`` ("5.0") is there."""
        major, _, minor = since.partition(".")
        return self.number >= (int(major), int(minor or 0))


@dataclass(frozen=True, slots=True)
class Bridge:
    """The broker Thing. ``written``: it is made with the meters; otherwise the house has it already."""

    uid: str
    host: str = "localhost"
    port: int = 1883
    secure: bool = False
    written: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one meter. ``unit`` is that of the topic, ``item_unit`` that of the Item; "" is none."""

    quantity: Quantity
    submeter: int | None
    topic: str
    channel: str
    channel_type: str
    channel_uid: str
    item: str
    item_type: str
    label: str
    icon: str
    format: str
    unit: str
    item_unit: str
    expire: str
    groups: tuple[str, ...]
    tags: tuple[str, ...]
    options: dict[str, str]
    """State on the wire → label; empty where any text may come."""

    @property
    def base_type(self) -> str:
        """``Number`` of ``Number:Power``."""
        return self.item_type.partition(":")[0]

    @property
    def dimension(self) -> str:
        """``Power`` of ``Number:Power``; "" for a plain type."""
        return self.item_type.partition(":")[2]

    @property
    def allowed_states(self) -> str:
        """Value of ``allowedStates`` of the channel."""
        return ",".join(self.options)

    @property
    def option_list(self) -> str:
        """Value of ``options`` of a state description."""
        return ",".join(f"{state}={label}" for state, label in self.options.items())


@dataclass(frozen=True, slots=True)
class Chart:
    """Values of one meter that belong in one diagram: a group Item."""

    group: str
    label: str


@dataclass(frozen=True, slots=True)
class MeterThing:
    """One meter: one Thing, one equipment group."""

    level: str
    thing_uid: str
    equipment: str
    equipment_tag: str
    label: str
    availability: str
    online: str
    offline: str
    points: tuple[Point, ...]
    submeters: tuple[Point, ...]
    """Written as comments: of a model it is not known which of them a house has, and on which channel. Those of a live
    meter are among ``points``, and so is what a device of an M-Bus counts."""
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class House:
    """All meters of a selection."""

    meters: tuple[MeterThing, ...]
    words: Mapping[str, str]  # in the language of the selection
    bridge: Bridge

    @property
    def kept(self) -> dict[str, str]:
        """Helper group → label, for those that have members."""
        used = {group for meter in self.meters for point in meter.points for group in point.groups}
        return {group: self.words[f"kept_{key}"] for key, group in KEPT.items() if group in used}
