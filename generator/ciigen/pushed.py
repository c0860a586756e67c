"""What the selected meters push: their lists, how often a quantity comes, which sub-meters there are, names of tariffs.

Place in the line: render. ``ciigen.target.quantities`` says which quantities a selection covers; here stands what else
follows from the same lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ciigen.obis import groups, overlap
from ciigen.resolved import PushList, Quantity, Resolved
from ciigen.target import COMMON_LIST, COMMON_METER, Selection, quantities
from ciigen.topics import is_of_submeter, topic_of

#: The bridge calls a meter stale after so many of its longest intervals; nobody gives up earlier.
_MISSED: Final = 3


def lists_by_meter(resolved: Resolved, selection: Selection) -> list[list[PushList]]:
    """Give the lists of each selected model; none where every quantity is asked for and no meter is named."""
    if selection.operator:
        return [
            [pushed for pushed in resolved.meters[entry.meter].lists if pushed.id in entry.lists]
            for entry in resolved.operators[selection.operator].meters
            if selection.meter in (None, entry.meter)
        ]
    if selection.meter:
        return [list(resolved.meters[selection.meter].lists)]
    if selection.everything:
        return []
    return [[pushed for pushed in resolved.meters[COMMON_METER].lists if pushed.id == COMMON_LIST]]


def interval_s(resolved: Resolved, selection: Selection, quantity: Quantity) -> float:
    """Seconds between two values of ``quantity`` at the slowest of the selected meters; 0 where it is not known.

    A meter that sends it in several lists counts with the quickest; a derived value comes as often as its slowest
    operand. What a live meter has learnt goes before what its model is said to do.
    """
    if learnt := [
        s for meter in selection.live for name, s in meter.quantities if name == quantity.name and s
    ]:
        return max(learnt)
    return max(
        (
            _interval_s(resolved, _quickest_s(lists), quantity)
            for lists in lists_by_meter(resolved, selection)
        ),
        default=0.0,
    )


def lasts_s(resolved: Resolved, selection: Selection, quantity: Quantity, at_least_s: int) -> int:
    """Seconds after which a value that has not come again is worth nothing: as long as the bridge waits for it, or longer."""
    return max(at_least_s, round(_MISSED * interval_s(resolved, selection, quantity)))


def submeters(resolved: Resolved, selection: Selection) -> list[tuple[int, list[Quantity]]]:
    """Channel number of each sub-meter → what it may send, which for a live one is what it sends; empty: no sub-meter."""
    below = [quantity for quantity in quantities(resolved, selection) if is_of_submeter(quantity)]
    if selection.live:
        channels = [channel for meter in selection.live for channel in meter.channels]
        return [
            (channel.number, [quantity for quantity in below if quantity.name in channel.quantities])
            for channel in channels
        ]
    return [(number, below) for number in _numbers(resolved, selection)] if below else []


def is_submeter(resolved: Resolved, selection: Selection) -> bool:
    """Whether what is selected is a sub-meter itself, as a heat meter on an M-Bus is: it has no values but those of its channel."""
    chosen = [quantity for quantity in quantities(resolved, selection) if topic_of(resolved, quantity)]
    return bool(chosen) and all(is_of_submeter(quantity) for quantity in chosen)


def tariff_name(resolved: Resolved, selection: Selection, tariff: str) -> str | None:
    """Say what the operator calls ``t1`` …, e.g. HT; None where none is chosen or its name is not known."""
    for meter in selection.live:
        if (name := dict(meter.tariffs).get(tariff)) is not None:
            return name
    if selection.operator is None:
        return None
    known = resolved.operators[selection.operator].tariffs
    return known[tariff].label if tariff in known else None


def _numbers(resolved: Resolved, selection: Selection) -> tuple[int, ...]:
    """Numbers of the sub-meter channels that the selected lists name; (1,) where they are not known."""
    patterns = [code for q in resolved.quantities.values() if is_of_submeter(q) for code in q.obis]
    numbers = {
        groups(element.obis)[1]
        for lists in lists_by_meter(resolved, selection)
        for pushed in lists
        for element in pushed.elements
        if element.obis and any(overlap(pattern, element.obis) for pattern in patterns)
    }
    return tuple(sorted(int(number) for number in numbers if number.isdecimal())) or (1,)


def _interval_s(resolved: Resolved, pushed_s: Mapping[str, float], quantity: Quantity) -> float:
    if quantity.name in pushed_s:
        return pushed_s[quantity.name]
    if quantity.derive is None:
        return 0.0
    operands = (*quantity.derive.plus, *quantity.derive.minus)
    return max((_interval_s(resolved, pushed_s, resolved.quantities[name]) for name in operands), default=0.0)


def _quickest_s(lists: Iterable[PushList]) -> dict[str, float]:
    found: dict[str, float] = {}
    for pushed in lists:
        for name in filter(None, (element.quantity for element in pushed.elements)):
            found[name] = min(pushed.interval_s, found.get(name, pushed.interval_s))
    return found
