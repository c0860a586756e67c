"""Output ``evcc``: the smart meter as the grid meter of evcc, which charges cars from what would be fed in.

Place in the line: render. A custom meter with the plugin mqtt, one topic a number, each with a timeout: without one, evcc
goes on with the last number for ever.

    fields.py   which quantity fills which field        meters.j2, template.j2   layout
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ciigen.errors import UsageError
from ciigen.invocation import command, title
from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.evcc.fields import CONSUMER, fields, fits
from ciigen.templates import filled
from ciigen.topics import base


def _yaml(resolved: Resolved, selection: Selection) -> str:
    found = {level: fields(resolved, selection.of(level)) for level in selection.ids}
    return filled(
        __name__,
        "meters.j2",
        {
            "title": title(resolved, selection),
            "command": command(CONSUMER, "yaml", selection),
            "meters": [
                {"name": level, "base": base(resolved, level), "fields": own} for level, own in found.items()
            ],
            "returns": any(field.name == "returnenergy" for own in found.values() for field in own),
        },
    )


def _template(resolved: Resolved, selection: Selection) -> str:
    if len(selection.live) > 1:
        raise UsageError(
            f"a device template is of one meter: choose one with --id ({', '.join(selection.ids)})"
        )
    one = selection.of(selection.ids[0])
    found = fields(resolved, one)
    model = resolved.meters[one.meter] if one.meter else None
    return filled(
        __name__,
        "template.j2",
        {
            "title": title(resolved, selection),
            "command": command(CONSUMER, "template", selection),
            "name": f"ciigen-{one.meter or one.operator or 'smartmeter'}",
            "brand": model.manufacturer if model else "ciigen",
            "description": f"{model.model} (MQTT)" if model else "Smart meter (MQTT)",
            "base": base(resolved, selection.ids[0]),
            "fields": found,
            # one parameter for all: the longest
            "timeout_s": max(reading.timeout_s for field in found for reading in field.readings),
            "returns": any(field.name == "returnenergy" for field in found),
        },
    )


_VIEWS: Final[Mapping[str, View]] = {
    "yaml": View(".yaml", "Custom meters, for evcc.yaml.", _yaml),
    "template": View(".tpl.yaml", "Device template, for --template.", _template, alternative=True),
}


class Evcc:
    """The meter for evcc's configuration."""

    name = CONSUMER
    help = "evcc: custom meter over MQTT, or a device template"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """``<meter>.yaml`` for every meter model that gives a power; a heat meter is none for evcc."""
        chosen = ((meter, Selection(meter=meter)) for meter in resolved.meters)
        return {f"{meter}.yaml": _yaml(resolved, own) for meter, own in chosen if fits(resolved, own)}


TARGET: Target = Evcc()
