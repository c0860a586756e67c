"""Output ``homeassistant``: discovery messages for the MQTT integration of Home Assistant.

Place in the line: render. A file is one JSON object, topic → payload; each is published once, retained:

    jq -c 'to_entries[]' discovery.json | while read -r line; do
      mosquitto_pub -r -q 1 -t "$(jq -r .key <<<"$line")" -m "$(jq -c .value <<<"$line")"
    done

    entities.py   which entities, and what they say        discovery.py   messages        words.py   a few names
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.homeassistant.discovery import Messages, components, devices
from ciigen.targets.homeassistant.entities import CONSUMER


def _render(make: Callable[[Resolved, Selection], Messages], resolved: Resolved, selection: Selection) -> str:
    return json.dumps(make(resolved, selection), indent=2, ensure_ascii=False) + "\n"


_VIEWS: Final[Mapping[str, View]] = {
    "components": View(
        ".json",
        "Discovery, one message an entity: every version.",
        partial(_render, components),
        "",
        "discovery",
    ),
    "device": View(
        ".json",
        "Discovery, one message a meter: Home Assistant 2024.11 or newer.",
        partial(_render, devices),
        "",
        "device",
        alternative=True,
    ),
}


class HomeAssistant:
    """Discovery messages, for the minimum versions that the schema sets."""

    name = CONSUMER
    help = "Home Assistant: MQTT discovery messages, topic → payload"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """``<meter>/discovery.json`` and ``<meter>/device.json``, in English, for every meter model."""
        return {
            f"{meter}/{view.stem}{view.extension}": view.render(resolved, Selection(meter=meter))
            for meter in resolved.meters
            for view in _VIEWS.values()
        }


TARGET: Target = HomeAssistant()
