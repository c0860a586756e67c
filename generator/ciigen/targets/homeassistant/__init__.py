"""Output ``homeassistant``: discovery messages for the MQTT integration of Home Assistant.

Place in the line: render. A file is one JSON object, topic → payload; each is published once, retained:

    jq -c 'to_entries[]' discovery.json | while read -r line; do
      mosquitto_pub -r -q 1 -t "$(jq -r .key <<<"$line")" -m "$(jq -c .value <<<"$line")"
    done

    plan.py   what the schema says about each entity       selected.py   which of them a selection has
    discovery.py   messages; the bridge runs it too
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Final

from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.homeassistant.discovery import Discovery, Messages, Wishes, release
from ciigen.targets.homeassistant.plan import CONSUMER, plan
from ciigen.targets.homeassistant.selected import meters


def _messages(resolved: Resolved, selection: Selection, *, per_device: bool) -> Messages:
    planned = plan(resolved)
    version = (
        max(planned.min_version, planned.device_since, key=release) if per_device else planned.min_version
    )
    discovery = Discovery(planned, Wishes(version, selection.lang, per_device=per_device))
    return {
        topic: message
        for meter in meters(resolved, selection)
        for topic, message in discovery.messages(meter).items()
    }


def _render(resolved: Resolved, selection: Selection, *, per_device: bool) -> str:
    return (
        json.dumps(_messages(resolved, selection, per_device=per_device), indent=2, ensure_ascii=False) + "\n"
    )


_VIEWS: Final[Mapping[str, View]] = {
    "components": View(
        ".json",
        "Discovery, one message an entity: every version.",
        partial(_render, per_device=False),
        "",
        "discovery",
    ),
    "device": View(
        ".json",
        "Discovery, one message a meter: Home Assistant 2024.11 or newer.",
        partial(_render, per_device=True),
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
