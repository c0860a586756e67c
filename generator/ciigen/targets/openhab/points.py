"""Resolved and Selection → House: every decision about names, units, tags, groups and expiry.

What a kind of quantity looks like in openHAB stands in ``schema/consumers/openhab.yaml``; here it meets the meters of
the house.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ciigen import topics
from ciigen.pushed import is_submeter, lasts_s, submeters, tariff_name
from ciigen.resolved import Quantity, Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.openhab import names
from ciigen.targets.openhab.house import KEPT, Chart, House, MeterThing, Point, Version
from ciigen.targets.openhab.setting import CONSUMER, bridge_of, version_of
from ciigen.wording import vocabulary

#: Charts of a meter: key of the word, whether phases are in it, families.
_CHARTS: Final = (
    ("power", False, frozenset({"power_import", "power_export", "power_net"})),
    ("voltage", True, frozenset({"voltage"})),
    ("current", True, frozenset({"current"})),
)


def build(resolved: Resolved, selection: Selection) -> House:
    """Decide what the files of a selection hold.

    Raises UsageError for a selection that the schema does not have, for an unknown openHAB and for names that are none,
    TargetError for a label openHAB cannot read.
    """
    version = version_of(resolved, selection)
    chosen = names.chosen_names(selection.option("names"), selection.ids)
    equipment = names.equipment_names(selection.ids, chosen)
    words = vocabulary(resolved, CONSUMER, selection.lang)
    label = words["meter"]
    meters = tuple(
        _Meter(resolved, selection.of(level), version, level, equipment[level]).thing(
            label if len(selection.ids) == 1 else f"{label} ({level})"
        )
        for level in selection.ids
    )
    return House(meters, words, bridge_of(selection))


class _Meter:
    """Makes the Thing of one meter and its points."""

    def __init__(
        self, resolved: Resolved, selection: Selection, version: Version, level: str, equipment: str
    ) -> None:
        self._resolved = resolved
        self._selection = selection
        self._words = vocabulary(resolved, CONSUMER, selection.lang)
        self._version = version
        self._level = level
        self._equipment = equipment
        self._thing_uid = names.thing_uid(level)

    def thing(self, label: str) -> MeterThing:
        """Everything of this meter; quantities without a topic of their own are left out."""
        chosen = quantities(self._resolved, self._selection)
        points = list(self._points([q for q in chosen if not topics.is_of_submeter(q)], None))
        behind = submeters(self._resolved, self._selection)
        commented: tuple[Point, ...] = ()
        itself = is_submeter(self._resolved, self._selection)
        if self._selection.live or itself:
            points += [point for number, below in behind for point in self._points(below, number)]
        elif behind:
            # one line a kind of sub-meter is enough to copy; the number is that of the first channel known
            number, below = behind[0]
            commented = tuple(self._points(below, number))
        availability = self._resolved.topics["availability"]
        settings = self._resolved.consumers[CONSUMER].settings
        modern = self._version.knows(str(settings["equipment_since"]))
        return MeterThing(
            level=self._level,
            thing_uid=self._thing_uid,
            equipment=self._equipment,
            equipment_tag=str(settings["equipment" if modern and not itself else "equipment_before"]),
            label=label,
            availability=topics.path(self._resolved, availability, self._level),
            online=topics.online(self._resolved),
            offline=str(availability.will),
            points=tuple(points),
            submeters=commented,
            charts=tuple(self._charts(points)),
        )

    def _points(self, chosen: list[Quantity], submeter: int | None) -> Iterator[Point]:
        for quantity in chosen:
            if topic := topics.topic_of(self._resolved, quantity):
                path = topics.path(self._resolved, topic, self._level, quantity.name, submeter)
                yield self._point(quantity, path, submeter)

    def _charts(self, points: Iterable[Point]) -> Iterator[Chart]:
        groups = {group for point in points for group in point.groups}
        for key, _, _ in _CHARTS:
            if (group := self._chart_group(key)) in groups:
                yield Chart(group, self._words[key])

    def _point(self, quantity: Quantity, path: str, submeter: int | None) -> Point:
        of_unit = self._resolved.units[quantity.unit].consumers.get(CONSUMER, {}) if quantity.unit else {}
        look = {**of_unit, **{key: str(value) for key, value in quantity.consumers.get(CONSUMER, {}).items()}}
        channel = quantity.name if submeter is None else f"channel{submeter}_{quantity.name}"
        return Point(
            quantity=quantity,
            submeter=submeter,
            topic=path,
            channel=channel,
            channel_type=look["channel_type"],
            channel_uid=f"{self._thing_uid}:{channel}",
            item=f"{self._equipment}_{names.item_suffix(channel)}",
            item_type=look["item_type"],
            label=self._label(quantity, submeter),
            icon=look.get("icon", ""),
            format=look["format"],
            unit=look.get("unit", ""),
            item_unit=look.get("item_unit", ""),
            expire=self._expire(quantity, look.get("expire")),
            groups=tuple(self._groups(quantity, look.get("persist", "none"))),
            tags=tuple(self._tags(look)),
            options=self._options(quantity),
        )

    def _label(self, quantity: Quantity, submeter: int | None) -> str:
        lang = self._selection.lang
        label = quantity.label[lang]
        if quantity.tariff and (name := tariff_name(self._resolved, self._selection, quantity.tariff)):
            label = f"{label} ({name})"
        if submeter is not None:
            label = self._words["submeter"].format(label=label, n=submeter)
        return names.quotable(label, f"label {lang} of quantity {quantity.name}")

    def _options(self, quantity: Quantity) -> dict[str, str]:
        lang = self._selection.lang
        options = {}
        for state, text in quantity.states.items():
            numbered = quantity.name == "tariff_active"
            name = tariff_name(self._resolved, self._selection, state) if numbered else None
            label = f"{text[lang]} ({name})" if name else text[lang]
            options[state] = names.option(label, f"state {state} of quantity {quantity.name}")
        return options

    def _expire(self, quantity: Quantity, shortest: str | None) -> str:
        if shortest is None:
            return ""
        return f"{lasts_s(self._resolved, self._selection, quantity, int(shortest.removesuffix('s')))}s"

    def _groups(self, quantity: Quantity, persist: str) -> Iterator[str]:
        yield self._equipment
        for key, with_phases, families in _CHARTS:
            if quantity.family in families and (with_phases or quantity.phase is None):
                yield self._chart_group(key)
        if persist in KEPT:
            yield KEPT[persist]

    def _chart_group(self, key: str) -> str:
        return f"g{self._equipment}_{key.capitalize()}"

    def _tags(self, look: Mapping[str, str]) -> Iterator[str]:
        # a property without a point is ignored by the semantic model, so the point always comes first
        yield look["point"]
        if "property" in look and self._version.knows(look.get("property_since", "4.0")):
            yield look["property"]
