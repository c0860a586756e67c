"""Sample flows for Node-RED: wired to nodes that exist, nodes of the core only, the same ids every time."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from ciigen.installed import read_resolved
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.nodered import TARGET

CORE: Final = {"tab", "mqtt-broker", "mqtt in", "link out", "debug", "switch", "change"}


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return read_resolved()


def flow(resolved: Resolved, selection: Selection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(TARGET.views["flows"].render(resolved, selection))
    return found


def test_each_flow_is_wired_to_nodes_that_exist_in_every_language(resolved: Resolved) -> None:
    for meter in resolved.meters:
        for lang in resolved.languages:
            nodes = flow(resolved, Selection(meter=meter, lang=lang))
            ids = [node["id"] for node in nodes]
            assert len(set(ids)) == len(ids)
            assert {node["type"] for node in nodes} <= CORE
            wired = {one for node in nodes for wires in node.get("wires", []) for one in wires}
            assert wired <= set(ids)
            # whatever is neither a beginning nor configuration is wired to something
            rest = {n["id"] for n in nodes if n["type"] not in ("tab", "mqtt-broker", "mqtt in")}
            assert rest == wired
            assert all(n["z"] in ids for n in nodes if "z" in n)
            for node in nodes:
                if node["type"] == "switch":
                    assert len(node["wires"]) == len(node["rules"]) == node["outputs"]


def test_two_meters_are_two_tabs_on_one_broker(resolved: Resolved) -> None:
    nodes = flow(resolved, Selection(ids=("house", "flat"), lang="de"))
    assert [n["label"] for n in nodes if n["type"] == "tab"] == ["Stromzähler house", "Stromzähler flat"]
    assert len([n for n in nodes if n["type"] == "mqtt-broker"]) == 1
    assert {n["topic"] for n in nodes if n["type"] == "mqtt in"} == {
        f"cii/v1/{level}/{topic}" for level in ("house", "flat") for topic in ("state", "availability")
    }


def test_importing_again_replaces_the_flow(resolved: Resolved) -> None:
    german, french = (flow(resolved, Selection(lang=lang)) for lang in ("de", "fr"))
    assert [n["id"] for n in german] == [n["id"] for n in french]
    assert german != french
