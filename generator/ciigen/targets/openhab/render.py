"""House → text, by the templates beside this module, which hold the layout and nothing that is decided.

A property of a Thing is ``key="value"``, separated by commas, with double quotes: openHAB's grammar takes single ones
too, and reads a number then. The order of a Thing (label, bridge, properties, channels) and of an Item (type, name,
label, icon, groups, tags, metadata) is fixed by the grammars Thing.xtext and Items.xtext.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache, partial

from jinja2 import Environment, PackageLoader, StrictUndefined

from ciigen import topics
from ciigen.invocation import command
from ciigen.resolved import Resolved
from ciigen.target import COMMON_LIST, COMMON_METER, Selection
from ciigen.targets.openhab.frames import frames
from ciigen.targets.openhab.house import CURRENT, KEPT, Point, Version
from ciigen.targets.openhab.points import CONSUMER, build
from ciigen.targets.openhab.words import word


def render(view: str, template: str, resolved: Resolved, selection: Selection) -> str:
    """Make the text of ``view`` (name of the option, which stands in the header) with ``template``."""
    return _text(view, template, CURRENT, resolved, selection)


def render_for(version: Version, view: str, template: str, resolved: Resolved, selection: Selection) -> str:
    """As ``render``, for another version of openHAB."""
    return _text(view, template, version, resolved, selection)


def _text(view: str, template: str, version: Version, resolved: Resolved, selection: Selection) -> str:
    house = build(resolved, selection, version)
    since = str(resolved.consumers[CONSUMER].settings["equipment_since"])
    group_of = {group: key for key, group in KEPT.items()}
    text = (
        _environment()
        .get_template(f"{template}.j2")
        .render(
            house=house,
            title=_title(resolved, selection),
            command=command(CONSUMER, view, selection),
            ids=_ids(selection),
            modern=version.knows(since),
            since=since,
            kept=[(group, group_of[group]) for group in house.kept],
            meta=partial(topics.path, resolved, resolved.topics["meta"]),
            word=partial(word, lang=selection.lang),
            frames=partial(frames, lang=selection.lang, named=len(house.meters) > 1),
            signed=_signed,
            channel=_channel,
            item=_item,
        )
    )
    return text.rstrip("\n") + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ciigen.targets.openhab", "."),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # not HTML; what could end a string is refused in names.py
    )
    environment.filters["quoted"] = _quoted
    return environment


def _title(resolved: Resolved, selection: Selection) -> str:
    model = resolved.meters[selection.meter] if selection.meter else None
    what = f"{model.manufacturer} {model.model}" if model else "Smart meter"
    if selection.everything:
        what += " (every quantity of the profile)"
    elif selection.operator:
        what += f" of {resolved.operators[selection.operator].full_name}"
    elif model is None:
        what += f" with the list common to the Swiss operators ({COMMON_LIST} of {COMMON_METER})"
    return what


def _ids(selection: Selection) -> str:
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


def _quoted(text: str) -> str:
    """``text`` as a double-quoted scalar; the strings of JSON are strings of YAML."""
    return json.dumps(text, ensure_ascii=False)
