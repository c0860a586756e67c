"""Which functional profiles of SmartGridready a meter fills, and with which of its topics.

    ActivePowerAC_Import      ActivePowerACtot, ActivePowerACL1 …      one profile a direction …
    ActiveEnergyAC_Import_T1  ActiveEnergyACtot                        … and a tariff (generic attribute MeteringTariffNr, 0: all)

Which quantity that is stands in ``schema/consumers/smartgridready.yaml``. Each data point has a topic of its own: the handlers of
the association keep the last value a topic, so that two data points of one message would be taken for each other (ADR 32).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ciigen import topics
from ciigen.errors import TargetError, UsageError
from ciigen.resolved import Quantity, Resolved, Text
from ciigen.target import Selection, quantities
from ciigen.wording import phrase

CONSUMER: Final = "smartgridready"


@dataclass(frozen=True, slots=True)
class Point:
    """A data point. ``topic`` is below that of the meter; ``query`` (JSONata) makes ``unit`` of the number there."""

    name: str
    unit: str
    positive: bool
    code: str  # OBIS code C.D.E, as makers of the library name their data points
    text: Text
    topic: str
    query: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A functional profile; ``direction`` is "" where it has none, and then no tariff either."""

    name: str
    type: str
    version: tuple[str, ...]
    direction: str
    tariff: int
    text: Text
    points: tuple[Point, ...]


def profiles(resolved: Resolved, selection: Selection, *, required: bool = True) -> list[Profile]:
    """Give the profiles that the selected meter fills, in the order of the schema.

    Raises UsageError where there is none and one is ``required``, TargetError for a quantity without a topic.
    """
    grouped: dict[tuple[str, str, int], list[Quantity]] = {}
    for quantity in quantities(resolved, selection):
        known = quantity.consumers.get(CONSUMER, {})
        if "profile" in known:
            tariff = int(quantity.tariff[1:]) if quantity.tariff else 0
            key = str(known["profile"]), str(known.get("direction", "")), tariff
            grouped.setdefault(key, []).append(quantity)
    if required and not grouped:
        what = selection.meter or selection.operator or "this meter"
        raise UsageError(f"nothing that {what} sends has a functional profile: choose another meter")
    return [_profile(resolved, *key, chosen) for key, chosen in grouped.items()]


def _profile(resolved: Resolved, kind: str, direction: str, tariff: int, chosen: list[Quantity]) -> Profile:
    points: dict[str, Point] = {}
    for quantity in sorted(chosen, key=lambda q: int(str(q.consumers[CONSUMER].get("rank", "1")))):
        point = _point(resolved, quantity)
        points.setdefault(point.name, point)
    return Profile(
        name="_".join(filter(None, (kind, direction, f"T{tariff}" if tariff else ""))),
        type=kind,
        version=tuple(str(chosen[0].consumers[CONSUMER]["version"]).split(".")),
        direction=direction,
        tariff=tariff,
        text=phrase(resolved, CONSUMER, kind.lower()),
        points=tuple(points.values()),
    )


def _point(resolved: Resolved, quantity: Quantity) -> Point:
    topic = topics.topic_of(resolved, quantity)
    if topic is None:
        raise TargetError(
            f"smartgridready: {quantity.name} has no topic of its own: take its profile away in schema/consumers/{CONSUMER}.yaml"
        )
    settings = resolved.consumers[CONSUMER].settings
    known = {
        **(resolved.units[quantity.unit].consumers.get(CONSUMER, {}) if quantity.unit else {}),
        **quantity.consumers[CONSUMER],
    }
    return Point(
        name=str(known["point"]).format(phase=settings[f"phase_{quantity.phase or 'total'}"]),
        unit=str(known["unit"]),
        positive=quantity.minimum == 0,
        code=quantity.obis[0].partition(":")[2],
        text=quantity.label,
        topic=topics.below(resolved, topic, quantity.name),
        query=str(known["query"]),
    )
