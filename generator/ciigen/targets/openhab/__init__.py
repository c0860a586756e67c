"""Output ``openhab``: Things, Items, sitemap, persistence and YAML for openHAB's MQTT binding.

Place in the line: render. Made for pasting without editing: one topic a value, since the JSONPATH and REGEX
transformations are add-ons that many installations lack; every unit written down, since without it kWh turns into joule.

    names.py    ids and item names            points.py   Resolved and Selection → house.py
    pushed.py   lists and intervals           invocation.py  the command in the header
    words.py    headings in each language     frames.py   sitemap        render.py   templates *.j2
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.openhab.house import OLD
from ciigen.targets.openhab.render import render, render_for

_STEM: Final = "smartmeter"
_VIEWS: Final[Mapping[str, View]] = {
    "things": View(
        ".things",
        "Things, for conf/things.",
        partial(render, "things", "things"),
        "things",
        _STEM,
    ),
    "items": View(
        ".items",
        "Items for openHAB 5.x, for conf/items.",
        partial(render, "items", "items"),
        "items",
        _STEM,
    ),
    "items-4": View(
        ".items",
        "Items for openHAB 4.x.",
        partial(render_for, OLD, "items-4", "items"),
        "items",
        _STEM,
        alternative=True,
    ),
    "sitemap": View(
        ".sitemap",
        "Sitemap, for conf/sitemaps.",
        partial(render, "sitemap", "sitemap"),
        "sitemaps",
        _STEM,
    ),
    "persist": View(
        ".persist",
        "Persistence in rrd4j, for conf/persistence.",
        partial(render, "persist", "rrd4j"),
        "persistence",
        "rrd4j",
    ),
    "persist-influxdb": View(
        ".persist",
        "Persistence in InfluxDB, for conf/persistence.",
        partial(render, "persist-influxdb", "influxdb"),
        "persistence",
        "influxdb",
        alternative=True,
    ),
    "yaml": View(
        ".yaml",
        "Things and Items in one file, openHAB 5.0 or newer.",
        partial(render, "yaml", "yaml"),
        "yaml",
        _STEM,
        alternative=True,
    ),
}
#: The views of which each meter has a file in generated/; the Items of 4.x differ in a few tags only.
_COMMITTED: Final = ("things", "items", "sitemap", "persist", "persist-influxdb", "yaml")


class OpenHab:
    """Files for the configuration folder of openHAB 4.3 to 5.x."""

    name = "openhab"
    help = "openHAB: Things, Items, sitemap, persistence, YAML"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """``<meter>/smartmeter.things`` and so on, in English, for every meter model."""
        return {
            f"{meter}/{view.stem}{view.extension}": view.render(resolved, Selection(meter=meter))
            for meter in resolved.meters
            for view in map(_VIEWS.__getitem__, _COMMITTED)
        }


TARGET: Target = OpenHab()
