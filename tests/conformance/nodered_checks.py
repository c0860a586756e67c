"""Node-RED: the sample flows of ``ciigen nodered`` in a real one, and what their nodes show."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests
from check_table import Say, check, software
from house import METERS, House, Process, ciigen, house, wait_until
from installs import installed
from installs_consumers import NODE_RED, NODE_RED_INSTALL
from mqtt_parts import free_port

_SETTINGS: Final = """module.exports = {{
    uiPort: {port},
    uiHost: '127.0.0.1',
    flowFile: 'flows.json',
    telemetry: {{ enabled: false, updateNotification: false }},
    logging: {{ console: {{ level: 'info' }} }},
}};
"""
Node = dict[str, Any]


class NodeRed:
    """A running Node-RED without any flow."""

    def __init__(self, folder: Path, made: House) -> None:
        self.house = made
        user = made.folder / "node-red"
        user.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        (user / "settings.js").write_text(_SETTINGS.format(port=port), encoding="utf-8")
        node = Path(sys.executable).with_name("node")
        command = [node, folder / "node_modules/node-red/red.js", "--userDir", user]
        self.log = made.keep(Process(command, made.folder / "node-red.log", cwd=user)).log
        self.flow: list[Node] = []
        wait_until(self._answers, 60, "start of Node-RED")
        #: It warns of what an installation without projects and passwords has not.
        self.started_at = self.log.stat().st_size

    def _answers(self) -> bool:
        time.sleep(0.25)
        try:
            return requests.get(f"{self.url}/flows", timeout=5).ok
        except requests.ConnectionError:
            return False

    def deploy(self, flow: list[Node]) -> None:
        """Press *Deploy*."""
        done = requests.post(f"{self.url}/flows", json=flow, timeout=20)
        assert done.ok, done.text

    def deployed(self) -> list[Node]:
        """What its editor would show."""
        found: list[Node] = requests.get(f"{self.url}/flows", timeout=20).json()
        return found

    def shown(self) -> dict[str, list[str]]:
        """Id of a node that shows something → what it has shown so far, oldest first."""
        found: dict[str, list[str]] = {}
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if said := re.search(r"\[debug:(\w+)\] (.*)$", line):
                found.setdefault(said[1], []).append(said[2])
        return found


@software("nodered", "Node-RED", NODE_RED)
@contextmanager
def _open(folder: Path, say: Say) -> Iterator[NodeRed]:
    with installed(NODE_RED_INSTALL, say) as tree, house(folder) as made:
        made.wait_for_readings()
        yield NodeRed(tree, made)


@check("nodered", "the flows of all meters, made of what is live on the broker, are taken as they are")
def _taken(red: NodeRed) -> None:
    red.flow = json.loads(ciigen("nodered", "--from", red.house.url, "--lang", "de"))
    (broker,) = [node for node in red.flow if node["type"] == "mqtt-broker"]
    broker["port"] = str(red.house.broker.port)
    red.deploy(red.flow)
    by_id = {node["id"]: node for node in red.deployed()}
    assert by_id == {node["id"]: node for node in red.flow}
    assert {node["label"] for node in red.flow if node["type"] == "tab"} == {
        f"Stromzähler {meter.id}" for meter in METERS
    }


@check("nodered", "each branch shows the value of its topic, and that the meter is reachable")
def _shows(red: NodeRed) -> None:
    # what is shown also goes to the log, under the id of the node
    red.deploy(
        [
            {**node, "console": "true", "name": node["id"]} if node["type"] == "debug" else node
            for node in red.flow
        ]
    )
    branches = {node["id"]: _branch(red.flow, node) for node in red.flow if _is_end(red.flow, node)}
    reachable = [n["id"] for n in red.flow if n["type"] == "debug" and n["name"] == "Erreichbar"]
    assert len(reachable) == len(METERS)
    wait_until(lambda: red.shown().keys() >= {*branches, *reachable}, 40, "something in every branch")
    red.house.silence()
    time.sleep(1)
    shown = red.shown()
    for end, (level, where, name) in branches.items():
        state = next(
            found
            for heard in reversed(red.house.listener.of(f"cii/v1/{level}/state"))
            if name in (found := json.loads(heard.payload)).get(where, {})
        )
        assert shown[end][-1].strip("'\"") == str(state[where][name]), (level, name, shown[end][-1])
    assert len(branches) > 3 * len(METERS), branches
    assert {shown[node][-1] for node in reachable} == {"online"}


@check("nodered", "a meter that is silent is shown as such")
def _silent(red: NodeRed) -> None:
    silent = {n["id"] for n in red.flow if n["type"] == "debug" and n["name"] == "Stumm"}
    wait_until(lambda: red.shown().keys() >= silent, 10, "offline")
    assert {red.shown()[node][-1] for node in silent} == {"offline"}


@check("nodered", "it has nothing to complain of in its log")
def _log(red: NodeRed) -> None:
    said = red.log.read_bytes()[red.started_at :].decode(errors="replace")
    complaints = [line for line in said.splitlines() if re.search(r"\[(warn|error|fatal)\]", line)]
    assert not complaints, complaints[:5]


def _is_end(flow: list[Node], node: Node) -> bool:
    return node["type"] == "debug" and any(
        before["type"] == "change" and node["id"] in before["wires"][0] for before in flow
    )


def _branch(flow: list[Node], end: Node) -> tuple[str, str, str]:
    """Level of the meter, part of the payload and name of what a branch shows."""
    (change,) = [n for n in flow if n["type"] == "change" and end["id"] in n["wires"][0]]
    (source,) = [n for n in flow if n["type"] == "mqtt in" and n["z"] == end["z"] and n["name"] == "state"]
    where, _, name = change["rules"][-1]["to"].removeprefix("payload.").partition(".")
    return source["topic"].split("/")[2], where, name
