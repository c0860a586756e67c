"""Output ``grafana``: a dashboard for what ``ciigen telegraf`` puts into InfluxDB. JSON to import; queries in Flux.

Place in the line: render. Which quantity is in which panel stands in ``schema/consumers/grafana.yaml``; a panel without a quantity is left
out. Data source, bucket, meter and the zone in which days begin are variables of the dashboard.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from ciigen.errors import UsageError
from ciigen.resolved import Kind, Place, Quantity, Resolved
from ciigen.target import Selection, Target, View, quantities
from ciigen.topics import is_of_submeter

CONSUMER: Final = "grafana"
#: Panel → whether registers are shown as what they grew by in a day.
_PANELS: Final[Mapping[str, bool]] = {
    "power": False,
    "energy": True,
    "tariffs": True,
    "phases": False,
    "voltages": False,
    "currents": False,
    "heat": True,
    "volumes": True,
}
#: What stands for the power now, best first.
_NOW: Final = ("power_net", "power_import")
_SCHEMA_VERSION: Final = 39
_SOURCE: Final = {"type": "influxdb", "uid": "${source}"}

Json = dict[str, object]


def _dashboard(resolved: Resolved, selection: Selection) -> str:
    board = _Board(resolved, selection)
    panels = [{**panel, "id": number} for number, panel in enumerate(board.panels(), start=1)]
    if not panels:
        raise UsageError(
            "nothing that this meter sends has a panel: name another one, or take all with --all"
        )
    document: Json = {
        "title": board.word("title"),
        "tags": ["smartmeter"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": True,
        "timezone": "browser",
        "refresh": "10s",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": board.variables()},
        "panels": panels,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


class _Board:
    """The dashboard of a selection."""

    def __init__(self, resolved: Resolved, selection: Selection) -> None:
        self._resolved = resolved
        self._lang = selection.lang
        self._consumer = resolved.consumers[CONSUMER]
        self._measurement = str(resolved.consumers["telegraf"].settings["measurement"])
        self._chosen = [
            q
            for q in quantities(resolved, selection)
            if "panel" in q.consumers.get(CONSUMER, {}) and q.place is Place.VALUE
        ]

    def word(self, name: str) -> str:
        """Give a title in the language asked for."""
        return self._consumer.words[name][self._lang]

    def variables(self) -> list[Json]:
        """Give the variables on top of the dashboard."""
        meters = (
            'import "influxdata/influxdb/schema"\n'
            f'schema.measurementTagValues(bucket: "${{bucket}}", measurement: "{self._measurement}", tag: "meter")'
        )
        buckets = 'buckets() |> filter(fn: (r) => r.name !~ /^_/) |> keep(columns: ["name"])'
        return [
            {"name": "source", "label": self.word("source"), "type": "datasource", "query": "influxdb"},
            self._asked("bucket", buckets),
            self._asked("meter", meters),
            {
                "name": "zone",
                "label": self.word("zone"),
                "type": "textbox",
                "query": self._consumer.settings["zone"],
            },
        ]

    def panels(self) -> Iterator[Json]:
        """Give the panels from top to bottom; none where no quantity has one."""
        present = {q.name: q for q in self._chosen}
        now = next((present[name] for name in _NOW if name in present), None)
        if now is not None:
            query = f"{self._from(now)}\n  |> last()"
            yield self._panel("stat", "now", (0, 0, 12, 4), [query], [now])
        if self._chosen:
            first = self._chosen[0]
            query = (
                f"{self._from(first)}\n  |> last()\n"
                "  |> map(fn: (r) => ({_time: r._time, _value: int(v: r._time) / 1000000}))"
            )
            panel = self._panel("stat", "last", (12, 0, 12, 4), [query], [])
            yield {**panel, "fieldConfig": {"defaults": {"unit": "dateTimeFromNow"}, "overrides": []}}
        y = 4
        for name, daily in _PANELS.items():
            own = [q for q in self._chosen if q.consumers[CONSUMER]["panel"] == name]
            if not own:
                continue
            queries = [self._daily(q) if daily else self._mean(q) for q in own]
            panel = self._panel("timeseries", name, (0, y, 24, 8), queries, own, bars=daily)
            # bars of a day say nothing over the 24 h that the others show
            yield {**panel, "timeFrom": "30d"} if daily else panel
            y += 8

    def _asked(self, name: str, query: str) -> Json:
        return {
            "name": name,
            "label": self.word(name),
            "type": "query",
            "datasource": _SOURCE,
            "query": query,
            "refresh": 1,
        }

    def _from(self, quantity: Quantity) -> str:
        return (
            'from(bucket: "${bucket}")\n'
            "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)\n"
            f'  |> filter(fn: (r) => r._measurement == "{self._measurement}" and r.meter == "${{meter}}"'
            f' and r._field == "{quantity.name}")'
        )

    def _mean(self, quantity: Quantity) -> str:
        return f"{self._from(quantity)}\n  |> aggregateWindow(every: v.windowPeriod, fn: mean, createEmpty: false)"

    def _daily(self, quantity: Quantity) -> str:
        """Give what a register grew by in each day: the last value of a day less that of the day before."""
        if quantity.kind is not Kind.CUMULATIVE:
            raise UsageError(f"grafana: {quantity.name} is no register that only grows: correct its panel")
        return (
            'import "timezone"\noption location = timezone.location(name: "${zone}")\n'
            f"{self._from(quantity)}\n"
            '  |> aggregateWindow(every: 1d, fn: last, createEmpty: false, timeSrc: "_start")\n'
            "  |> difference(nonNegative: true)"
        )

    def _name(self, quantity: Quantity) -> str:
        """Name a line; of a sub-meter with its channel, which is a tag of the points."""
        label = quantity.label[self._lang]
        return f"{label} (${{__field.labels.channel}})" if is_of_submeter(quantity) else label

    def _panel(
        self,
        kind: str,
        title: str,
        place: tuple[int, int, int, int],
        queries: list[str],
        own: list[Quantity],
        *,
        bars: bool = False,
    ) -> Json:
        refs = [chr(ord("A") + number) for number in range(len(queries))]
        unit = (own[0].unit if own else None) or ""
        known = self._resolved.units[unit].consumers.get(CONSUMER, {}) if unit else {}
        style: Json = (
            {"drawStyle": "bars", "fillOpacity": 80} if bars else {"lineWidth": 1, "fillOpacity": 10}
        )
        defaults: Json = {"unit": known.get("unit", f"suffix:{unit}" if unit else "none")}
        if kind == "timeseries":
            defaults["custom"] = style
        return {
            "type": kind,
            "title": self.word(title),
            "datasource": _SOURCE,
            "gridPos": dict(zip("xywh", place, strict=True)),
            "targets": [
                {"refId": ref, "datasource": _SOURCE, "query": query}
                for ref, query in zip(refs, queries, strict=True)
            ],
            "fieldConfig": {
                "defaults": defaults,
                "overrides": [
                    {
                        "matcher": {"id": "byFrameRefID", "options": ref},
                        "properties": [{"id": "displayName", "value": self._name(quantity)}],
                    }
                    for ref, quantity in zip(refs, own, strict=False)
                ],
            },
            "options": {},
        }


_VIEWS: Final[Mapping[str, View]] = {
    "dashboard": View(".json", "Dashboard to import (Dashboards, New, Import).", _dashboard),
}


class Grafana:
    """A dashboard for Grafana."""

    name = CONSUMER
    help = "Grafana: a dashboard for what Telegraf writes"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """One dashboard a language, with every panel."""
        return {
            f"smartmeter-{lang}.json": _dashboard(resolved, Selection(everything=True, lang=lang))
            for lang in resolved.languages
        }


TARGET: Target = Grafana()
