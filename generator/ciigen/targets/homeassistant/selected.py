"""The meters of a selection, as far as the schema knows what they send."""

from __future__ import annotations

from ciigen.pushed import interval_s, submeter_numbers
from ciigen.resolved import Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.homeassistant.discovery import Meter
from ciigen.topics import is_of_submeter


def meters(resolved: Resolved, selection: Selection) -> list[Meter]:
    """One for each id of the selection; what such a meter could send (raises UsageError for an unknown selection)."""
    chosen = quantities(resolved, selection)
    seconds = {quantity.name: interval_s(resolved, selection, quantity) for quantity in chosen}
    below = {quantity.name: seconds[quantity.name] for quantity in chosen if is_of_submeter(quantity)}
    model = resolved.meters[selection.meter] if selection.meter else None
    operator = resolved.operators[selection.operator] if selection.operator else None
    return [
        Meter(
            level=level,
            quantities={name: s for name, s in seconds.items() if name not in below},
            channels=dict.fromkeys(submeter_numbers(resolved, selection), below) if below else {},
            seen=False,
            manufacturer=model.manufacturer if model else None,
            model=model.model if model else None,
            tariffs={tariff: known.label for tariff, known in operator.tariffs.items()} if operator else {},
            alone=len(selection.ids) == 1,
        )
        for level in selection.ids
    ]
