"""The dashboard for Grafana: its model, panels only where there is something, every text in the language asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ciigen.installed import read_resolved
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.grafana import TARGET


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return read_resolved()


def board(resolved: Resolved, selection: Selection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TARGET.views["dashboard"].render(resolved, selection))
    return found


def test_every_query_asks_for_a_field_that_telegraf_writes(resolved: Resolved) -> None:
    for panel in board(resolved, Selection(everything=True))["panels"]:
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0
        assert all(len(ref) == 1 and ref.isupper() for ref in refs)
        for target in panel["targets"]:
            field = target["query"].partition('r._field == "')[2].partition('"')[0]
            assert resolved.quantities[field].consumers["telegraf"]["type"] == "float"


def test_panels_do_not_overlap_and_have_one_unit(resolved: Resolved) -> None:
    for meter in resolved.meters.values():
        if not {"power_import", "power_net"} & set(meter.quantities):
            continue
        taken: set[tuple[int, int]] = set()
        panels = board(resolved, Selection(meter=meter.id))["panels"]
        assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
        for panel in panels:
            at = panel["gridPos"]
            cells = {
                (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & taken
            assert max(x for x, _ in cells) < 24
            taken |= cells
            assert panel["fieldConfig"]["defaults"]["unit"] in (
                "watt",
                "watth",
                "volt",
                "amp",
                "suffix:m³",
                "dateTimeFromNow",
            )


def test_a_sub_meter_has_its_panel_with_a_line_a_channel(resolved: Resolved) -> None:
    last, volumes = board(resolved, Selection(meter="gwf-mtkcoder"))["panels"]
    assert (last["title"], volumes["title"]) == ("Last telegram", "Gas and water per day")
    assert volumes["fieldConfig"]["defaults"]["unit"] == "suffix:m³"
    (line,) = volumes["fieldConfig"]["overrides"]
    assert line["properties"][0]["value"] == "Water volume (${__field.labels.channel})"
    assert 'r._field == "volume_water"' in volumes["targets"][0]["query"]


def test_a_meter_has_the_panels_of_what_it_sends(resolved: Resolved) -> None:
    titles = [p["title"] for p in board(resolved, Selection())["panels"]]
    assert titles == ["Power now", "Last telegram", "Power", "Energy per day", "Voltages", "Currents"]
    german = board(resolved, Selection(lang="de"))
    assert german["title"] == "Stromzähler"
    labels = [o["properties"][0]["value"] for p in german["panels"] for o in p["fieldConfig"]["overrides"]]
    assert "Wirkenergie Bezug" in labels
