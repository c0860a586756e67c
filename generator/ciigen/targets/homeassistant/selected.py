"""The meters of a selection: of live ones what they send, of others what the schema knows that they could send."""

from __future__ import annotations

from typing import Final

from ciigen.pushed import interval_s, is_submeter, submeters, tariff_name
from ciigen.resolved import Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.homeassistant.discovery import Meter
from ciigen.topics import is_of_submeter

_TARIFFS: Final = ("t1", "t2", "t3", "t4")


def meters(resolved: Resolved, selection: Selection) -> list[Meter]:
    """One for each id of the selection (raises UsageError for an unknown selection)."""
    alone = len(selection.ids) == 1
    return [_meter(resolved, selection.of(level), alone=alone) for level in selection.ids]


def _meter(resolved: Resolved, selection: Selection, *, alone: bool) -> Meter:
    # 0 is what is not known: of a live meter, what it has not learnt yet
    seconds = {
        quantity.name: interval_s(resolved, selection, quantity) or (None if selection.live else 0.0)
        for quantity in quantities(resolved, selection)
    }
    own = {name: s for name, s in seconds.items() if not is_of_submeter(resolved.quantities[name])}
    model = resolved.meters[selection.meter] if selection.meter else None
    names = {tariff: tariff_name(resolved, selection, tariff) for tariff in _TARIFFS}
    return Meter(
        level=selection.ids[0],
        quantities=own,
        channels={
            number: {quantity.name: seconds[quantity.name] for quantity in below}
            for number, below in submeters(resolved, selection)
        },
        seen=bool(selection.live) or is_submeter(resolved, selection),
        manufacturer=model.manufacturer if model else None,
        model=model.model if model else None,
        tariffs={tariff: name for tariff, name in names.items() if name is not None},
        alone=alone,
    )
