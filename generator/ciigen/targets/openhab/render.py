"""House → text, by the templates beside this module, which hold the layout and nothing that is decided.

A property of a Thing is ``key="value"``, separated by commas, with double quotes: openHAB's grammar takes single ones
too, and reads a number then. The order of a Thing (label, bridge, properties, channels) and of an Item (type, name,
label, icon, groups, tags, metadata) is fixed by the grammars Thing.xtext and Items.xtext.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from functools import partial
from typing import Final

from ciigen import topics
from ciigen.invocation import command, title
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.openhab.frames import frames
from ciigen.targets.openhab.house import KEPT, Point
from ciigen.targets.openhab.points import build
from ciigen.targets.openhab.setting import CONSUMER, demand, setting, version_of
from ciigen.templates import filled

_PACKAGE: Final = "ciigen.targets.openhab"
_COMMENT_WIDTH: Final = 110


def render(view: str, template: str, resolved: Resolved, selection: Selection) -> str:
    """Make the text of ``view`` (name of the option, which stands in the header) with ``template``."""
    if template == "yaml":
        demand(resolved, selection, "yaml_since", "YAML files came with {since}: take --things and --items")
    house = build(resolved, selection)
    since = setting(resolved, "equipment_since")
    group_of = {group: key for key, group in KEPT.items()}
    text = filled(
        _PACKAGE,
        f"{template}.j2",
        {
            "house": house,
            "title": title(resolved, selection),
            "command": command(CONSUMER, view, selection),
            "ids": _ids(selection),
            "live": selection.source,
            "modern": version_of(resolved, selection).knows(since),
            "since": since,
            "kept": [(group, group_of[group]) for group in house.kept],
            "meta": partial(topics.path, resolved, resolved.topics["meta"]),
            "frames": partial(frames, words=house.words, named=len(house.meters) > 1),
            "signed": _signed,
            "channel": _channel,
            "item": _item,
        },
    )
    return text.rstrip("\n") + "\n"


def _ids(selection: Selection) -> str:
    """``id "smartmeter"``; of live meters one comment line or more, as the template sets them."""
    if selection.live:
        return "\n//   ".join(textwrap.wrap(", ".join(selection.ids), _COMMENT_WIDTH))
    return ("id " if len(selection.ids) == 1 else "ids ") + ", ".join(f'"{level}"' for level in selection.ids)


def _signed(point: Point) -> bool:
    """Whether the sign says which way the energy flows."""
    return point.quantity.family == "power_net"


def _channel(point: Point, beside: Iterable[Point]) -> str:
    """One line of Channels, its columns as wide as those of ``beside``."""
    properties = {"stateTopic": point.topic, "unit": point.unit, "allowedStates": point.allowed_states}
    written = ", ".join(f'{key}="{value}"' for key, value in properties.items() if value)
    others = list(beside)
    kind = _padded(point.channel_type, (other.channel_type for other in others))
    name = _padded(point.channel, (other.channel for other in others))
    label = _padded(f'"{point.label}"', (f'"{other.label}"' for other in others))
    return f"Type {kind} : {name} {label} [ {written} ]"


def _item(point: Point, beside: Iterable[Point]) -> str:
    """One Item, its first columns as wide as those of ``beside``."""
    others = list(beside)
    kind = _padded(point.item_type, (other.item_type for other in others))
    name = _padded(point.item, (other.item for other in others))
    icon = f"<{point.icon}> " if point.icon else ""
    tags = ", ".join(f'"{tag}"' for tag in point.tags)
    metadata = {"channel": point.channel_uid, "unit": point.item_unit, "expire": point.expire}
    written = [f'{key}="{value}"' for key, value in metadata.items() if value]
    if point.options:
        written.append(f'stateDescription="" [ options="{point.option_list}" ]')
    groups = ", ".join(point.groups)
    return (
        f'{kind} {name} "{point.label} [{point.format}]" {icon}({groups}) [{tags}] {{ {", ".join(written)} }}'
    )


def _padded(text: str, column: Iterable[str]) -> str:
    return text.ljust(max(map(len, column)))
