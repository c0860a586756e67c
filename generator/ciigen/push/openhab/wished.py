"""House → what shall be in openHAB, as the fields that ``merge`` compares. The same House makes the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ciigen.push.merge import Fields
from ciigen.targets.openhab.house import House, MeterThing, Point
from ciigen.targets.openhab.page import blocks, page_uid

#: Mark of what belongs to all meters, in place of the id of one. It is no id: those have no star.
SHARED: Final = "*"
#: Type of the Item that a channel of this type takes; the dimension is the Item's affair.
_ITEM_OF_CHANNEL: Final[Mapping[str, str]] = {"number": "Number", "string": "String", "datetime": "DateTime"}


@dataclass(frozen=True, slots=True)
class WishedItem:
    """``meter`` is the id of its meter or SHARED; ``channel`` the UID it is linked to, "" for a group."""

    name: str
    meter: str
    fields: Fields
    channel: str = ""


@dataclass(frozen=True, slots=True)
class WishedChannel:
    """A channel of a Thing; ``item_type`` is what openHAB wants to know of it."""

    id: str
    type: str
    item_type: str
    label: str
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WishedThing:
    """The Thing of a meter."""

    uid: str
    meter: str
    bridge: str
    label: str
    config: Mapping[str, str]
    channels: tuple[WishedChannel, ...]


@dataclass(frozen=True, slots=True)
class WishedPage:
    """The page of a meter in Main UI."""

    uid: str
    label: str
    blocks: tuple[Mapping[str, object], ...]


def pages(house: House) -> list[WishedPage]:
    """One page a meter, so that one that is pushed alone does not take the others off it."""
    return [
        WishedPage(page_uid(meter.level), meter.label, tuple(blocks(replace(house, meters=(meter,)))))
        for meter in house.meters
    ]


def things(house: House) -> list[WishedThing]:
    """One Thing a meter."""
    return [_thing(house, meter) for meter in house.meters]


def items(house: House) -> list[WishedItem]:
    """All Items, groups before their members."""
    groups: dict[str, WishedItem] = {}
    for name, label in house.kept.items():
        groups[name] = _group(name, SHARED, label)
    for meter in house.meters:
        groups[meter.equipment] = _group(
            meter.equipment, meter.level, meter.label, "energy", meter.equipment_tag
        )
        for chart in meter.charts:
            groups[chart.group] = _group(chart.group, meter.level, chart.label, "chart")
    return [*groups.values(), *(item for meter in house.meters for item in _of_points(meter))]


def _of_points(meter: MeterThing) -> Iterator[WishedItem]:
    for point in meter.points:
        fields: Fields = {
            "type": point.item_type,
            "label": point.label,
            "category": point.icon,
            "tags": frozenset(point.tags),
            "groups": frozenset(point.groups),
            "unit": point.item_unit,
            "expire": point.expire,
            "pattern": point.format,
            "options": point.option_list,
        }
        yield WishedItem(point.item, meter.level, fields, point.channel_uid)


def _group(name: str, meter: str, label: str, icon: str = "", tag: str = "") -> WishedItem:
    tags = frozenset([tag] if tag else [])
    fields: Fields = {"type": "Group", "label": label, "category": icon, "tags": tags, "groups": frozenset()}
    return WishedItem(name, meter, fields)


def _thing(house: House, meter: MeterThing) -> WishedThing:
    return WishedThing(
        uid=meter.thing_uid,
        meter=meter.level,
        bridge=house.bridge.uid,
        label=meter.label,
        config={
            "availabilityTopic": meter.availability,
            "payloadAvailable": meter.online,
            "payloadNotAvailable": meter.offline,
        },
        channels=tuple(_channel(point) for point in meter.points),
    )


def _channel(point: Point) -> WishedChannel:
    config = {"stateTopic": point.topic, "unit": point.unit, "allowedStates": point.allowed_states}
    return WishedChannel(
        id=point.channel,
        type=f"mqtt:{point.channel_type}",
        item_type=_ITEM_OF_CHANNEL[point.channel_type],
        label=point.label,
        config={key: value for key, value in config.items() if value},
    )
