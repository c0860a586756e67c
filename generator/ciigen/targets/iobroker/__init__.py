"""Output ``iobroker``: objects for "Objects → import → from file" of ioBroker's admin.

Place in the line: render. The MQTT adapters store topics as they come, without unit, role or name. One file an adapter
(mqtt in client mode, or mqtt-client) brings the raw objects and an alias tree with everything the rest of ioBroker looks
for: roles, units, kWh, names in four languages, the function, and when the meter was last reached.

    states.py   which alias states        read.py   JavaScript expressions        objects.py   the objects, in order
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Final

from ciigen.invocation import command
from ciigen.resolved import Resolved
from ciigen.target import Option, Selection, Target, View
from ciigen.targets.iobroker.objects import objects
from ciigen.targets.iobroker.states import CONSUMER

_STEM: Final = "smartmeter"
_CLIENT: Final = "mqtt-client"


def _render(adapter: str, resolved: Resolved, selection: Selection) -> str:
    made = objects(
        resolved, selection, client=adapter == _CLIENT, command=command(CONSUMER, adapter, selection)
    )
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


_VIEWS: Final[Mapping[str, View]] = {
    adapter: View(
        f".{adapter}.json", f"Objects for the adapter {adapter}.", partial(_render, adapter), "", _STEM
    )
    for adapter in ("mqtt", _CLIENT)
}


class IoBroker:
    """Objects for js-controller 5 and newer, with alias states."""

    name = "iobroker"
    help = "ioBroker: raw objects and alias tree for the adapters mqtt and mqtt-client"
    views = _VIEWS
    options: Mapping[str, Option] = {
        "instance": Option("Instance of the adapter, e.g. mqtt.1; default: mqtt.0, or mqtt-client.0.", "ID")
    }

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """``<meter>/smartmeter.mqtt.json`` and ``….mqtt-client.json`` for every meter model."""
        return {
            f"{meter}/{view.stem}{view.extension}": view.render(resolved, Selection(meter=meter))
            for meter in resolved.meters
            for view in _VIEWS.values()
        }


TARGET: Target = IoBroker()
