"""Output ``openhab``: Things, Items, sitemap, persistence and YAML for openHAB's MQTT binding.

Place in the line: render. Made for pasting without editing: one topic a value, since the JSONPATH and REGEX
transformations are add-ons that many installations lack; every unit written down, since without it kWh turns into joule.

    names.py     ids and item names              points.py   Resolved and Selection → house.py
    setting.py   version and broker Thing        frames.py   what stands together
    page.py     Main UI        render.py   templates *.j2
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.openhab.page import page
from ciigen.targets.openhab.render import render
from ciigen.targets.openhab.setting import OPTIONS

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
        "Items, for conf/items.",
        partial(render, "items", "items"),
        "items",
        _STEM,
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
    "page": View(
        ".yaml",
        "Page of Main UI: for conf/yaml from openHAB 5.2 on, to be pasted into its Code tab before.",
        page,
        "pages",  # no folder that openHAB reads: what is to be pasted must not lie in conf/yaml
        _STEM,
        alternative=True,
    ),
}
#: The views of which each meter has a file in generated/, for the default version; others differ in a few tags only.
_COMMITTED: Final = ("things", "items", "sitemap", "persist", "persist-influxdb", "yaml", "page")
#: View → its name there, where two views would have one.
_FILES: Final = {"page": "page"}


class OpenHab:
    """Files for the configuration folder of openHAB 4.3 to 5.x."""

    name = "openhab"
    help = "openHAB: Things, Items, sitemap, persistence, page, YAML"
    views = _VIEWS
    options = OPTIONS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """``<meter>/smartmeter.things`` and so on, in English, for every meter model."""
        return {
            f"{meter}/{_FILES.get(name, view.stem)}{view.extension}": view.render(
                resolved, Selection(meter=meter)
            )
            for meter in resolved.meters
            for name, view in ((name, _VIEWS[name]) for name in _COMMITTED)
        }


TARGET: Target = OpenHab()
