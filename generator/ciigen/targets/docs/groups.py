"""Which page a quantity stands on: by what a reader looks for, not by how the schema is cut into files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.resolved import Kind, Place, Quantity, Resolved
from ciigen.topics import is_of_submeter


@dataclass(frozen=True, slots=True)
class Group:
    """A page of quantities; ``holds`` decides, and the first group in the order of ``GROUPS`` wins."""

    slug: str
    title: str
    intro: str
    holds: Callable[[Quantity], bool]


def _unit(*symbols: str) -> Callable[[Quantity], bool]:
    return lambda quantity: quantity.unit in symbols


def _kind(*kinds: Kind) -> Callable[[Quantity], bool]:
    return lambda quantity: quantity.kind in kinds


#: From the most particular to the most general; the last takes what is left.
GROUPS: Final[tuple[Group, ...]] = (
    Group(
        "sub-meters",
        "Gas, water, heat and other sub-meters",
        "Meters that hand their readings to the electricity meter. They have topics of their own, "
        "`channel/<n>/…`, where n is the number of the sub-meter.",
        is_of_submeter,
    ),
    Group(
        "identity",
        "Identity and time",
        "Who the meter is. These stand in `meta`, not on topics of their own, because some consumers turn a text of "
        "digits into a rounded number. The meter's clock becomes `ts` of `state`.",
        lambda quantity: quantity.place in (Place.META, Place.TIME),
    ),
    Group(
        "texts",
        "Texts and states",
        "What is not a number: the tariff in force, the state of the breaker, messages of the operator.",
        _kind(Kind.TEXT, Kind.TIMESTAMP),
    ),
    Group(
        "events",
        "Interruptions and voltage events",
        "Counts of what went wrong in the grid.",
        _kind(Kind.COUNTER),
    ),
    Group(
        "demand",
        "Demand and peaks",
        "Power averaged over a period (a quarter of an hour in most countries), and its highest values. Some tariffs "
        "bill it.",
        _kind(Kind.DEMAND, Kind.MAX_DEMAND),
    ),
    Group(
        "power",
        "Power",
        "How much is drawn from the grid (import) or fed into it (export) right now. Both are never negative; "
        "`power_net` is import minus export, so positive means drawing from the grid.",
        _unit("W"),
    ),
    Group(
        "energy",
        "Energy (meter readings)",
        "What the meter has counted, in Wh: divide by 1000 for the kWh on the bill. Import is what you drew from the "
        "grid, export what you fed into it. Which tariff t1 … t4 is, high or low, differs from country to country: "
        "`meta.tariffs` says it.",
        _unit("Wh"),
    ),
    Group(
        "voltage-and-current",
        "Voltage, current and frequency",
        "The state of the house connection, as a whole or for each phase.",
        _unit("V", "A", "Hz", "rad", "1"),
    ),
    Group(
        "reactive-and-apparent",
        "Reactive and apparent power and energy",
        "Of interest where motors, inverters or a power factor are looked at; a household is seldom billed for it. "
        "+Q = QI + QII, −Q = QIII + QIV.",
        lambda _: True,
    ),
)
#: Order in which the pages are listed: what a household asks first comes first.
SHOWN: Final = (
    "power",
    "energy",
    "voltage-and-current",
    "demand",
    "reactive-and-apparent",
    "sub-meters",
    "texts",
    "events",
    "identity",
)


def group_of(quantity: Quantity) -> Group:
    """Return the page of a quantity."""
    return next(group for group in GROUPS if group.holds(quantity))


def grouped(resolved: Resolved) -> Mapping[Group, list[Quantity]]:
    """Page → its quantities in the order of the schema; pages without any are left out."""
    pages: dict[Group, list[Quantity]] = {
        group: [] for slug in SHOWN for group in GROUPS if group.slug == slug
    }
    for quantity in resolved.quantities.values():
        pages[group_of(quantity)].append(quantity)
    return {group: quantities for group, quantities in pages.items() if quantities}
