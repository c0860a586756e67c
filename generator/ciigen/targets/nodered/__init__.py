"""Output ``nodered``: a sample flow a meter, to import into Node-RED and to go on from. Nodes of the core only.

Place in the line: render.

    mqtt in state ──► link out, debug                         every telegram, as an object
                 └──► switch (is it there?) ──► change ──► debug   one value, a branch each
    mqtt in availability ──► switch ──► debug reachable, debug silent

Which quantities have a branch stands in ``schema/consumers/nodered.yaml``. Ids of nodes follow from meter and role, so that importing again
replaces the flow in place of doubling it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Final

from ciigen.pushed import is_submeter, submeters
from ciigen.resolved import Place, Quantity, Resolved
from ciigen.target import Selection, Target, View, quantities
from ciigen.topics import base, is_of_submeter, online, path

CONSUMER: Final = "nodered"
_WHERE: Final = {Place.VALUE: "values", Place.TEXT: "texts"}
_COLUMNS: Final = (140, 380, 620, 860)
_ROW: Final = 60

Node = dict[str, object]


def _flows(resolved: Resolved, selection: Selection) -> str:
    nodes: list[Node] = [_broker(resolved)]
    for level in selection.ids:
        nodes += _Flow(resolved, selection.of(level), level).nodes()
    return json.dumps(nodes, indent=2, ensure_ascii=False) + "\n"


def _id(*parts: str) -> str:
    """Sixteen hexadecimal digits, as Node-RED makes them."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]


def _broker(resolved: Resolved) -> Node:
    return {
        "id": _id("broker"),
        "type": "mqtt-broker",
        "name": resolved.consumers[CONSUMER].settings["broker"],
        "broker": "localhost",
        "port": "1883",
        "usetls": False,
        "protocolVersion": "4",
        "keepalive": "60",
        "cleansession": True,
    }


class _Flow:
    """The tab of one meter."""

    def __init__(self, resolved: Resolved, selection: Selection, level: str) -> None:
        self._resolved = resolved
        self._selection = selection
        self._level = level
        self._consumer = resolved.consumers[CONSUMER]
        self._tab = _id(base(resolved, level))
        behind = submeters(resolved, selection) if is_submeter(resolved, selection) else []
        #: Channel of a meter that has nothing but its channel; None: it has values of its own, and they are shown.
        self._channel = behind[0][0] if behind else None

    def nodes(self) -> Iterator[Node]:
        """Give all nodes of the tab, the tab first."""
        info = self._word("info").format(broker=self._consumer.settings["broker"])
        label = self._word("flow").format(meter=self._level)
        yield {"id": self._tab, "type": "tab", "label": label, "disabled": False, "info": info}
        branches = self._branches()
        firsts = [self._own(q.name, "there") for q in branches]
        yield self._mqtt("state", 1, [self._own("link"), self._own("all"), *firsts])
        yield self._node(
            self._own("link"),
            "link out",
            self._word("flow").format(meter=self._level),
            1,
            1,
            mode="link",
            links=[],
        )
        yield self._debug(self._own("all"), self._word("all"), 2, active=False, column=1)
        for row, quantity in enumerate(branches, start=3):
            yield from self._branch(quantity, row)
        yield from self._availability(len(branches) + 3)

    def _branches(self) -> list[Quantity]:
        chosen = [
            q
            for q in quantities(self._resolved, self._selection)
            if "branch" in q.consumers.get(CONSUMER, {})
            and q.place in _WHERE
            and (not is_of_submeter(q) or self._channel is not None)
        ]
        return sorted(chosen, key=lambda q: int(str(q.consumers[CONSUMER]["branch"])))

    def _branch(self, quantity: Quantity, row: int) -> Iterator[Node]:
        inside = f'channels["{self._channel}"]' if is_of_submeter(quantity) else _WHERE[quantity.place]
        where = f"payload.{inside}.{quantity.name}"
        label = quantity.label[self._selection.lang]
        there, take, show = (self._own(quantity.name, step) for step in ("there", "take", "show"))
        yield self._node(
            there,
            "switch",
            label,
            1,
            row,
            wires=[[take]],
            property=where,
            propertyType="msg",
            rules=[{"t": "nnull"}],
            checkall="true",
            repair=False,
            outputs=1,
        )
        rules = [
            {"t": "set", "p": "topic", "pt": "msg", "to": quantity.name, "tot": "str"},
            {"t": "set", "p": "ts", "pt": "msg", "to": "payload.ts", "tot": "msg"},
            {"t": "set", "p": "payload", "pt": "msg", "to": where, "tot": "msg"},
        ]
        yield self._node(take, "change", quantity.name, 2, row, wires=[[show]], rules=rules)
        unit = f" [{quantity.unit}]" if quantity.unit else ""
        yield self._debug(show, f"{label}{unit}", row, active=True, column=3)

    def _availability(self, row: int) -> Iterator[Node]:
        names = ("reachable", "silent")
        yield self._mqtt("availability", row, [self._own("reach")])
        yield self._node(
            self._own("reach"),
            "switch",
            self._word("reachable"),
            1,
            row,
            wires=[[self._own(name)] for name in names],
            property="payload",
            propertyType="msg",
            rules=[{"t": "eq", "v": online(self._resolved), "vt": "str"}, {"t": "else"}],
            checkall="false",
            repair=False,
            outputs=2,
        )
        for place, name in enumerate(names):
            yield self._debug(self._own(name), self._word(name), row + place, active=True, column=3)

    def _mqtt(self, topic: str, row: int, to: list[str]) -> Node:
        known = self._resolved.topics[topic]
        return self._node(
            self._own(topic),
            "mqtt in",
            topic,
            0,
            row,
            wires=[to],
            topic=path(self._resolved, known, self._level),
            qos=str(known.qos),
            datatype="json" if known.content_type.endswith("json") else "utf8",
            broker=_id("broker"),
            nl=False,
            rap=True,
            rh=0,
            inputs=0,
        )

    def _debug(self, node_id: str, name: str, row: int, *, active: bool, column: int) -> Node:
        return self._node(
            node_id,
            "debug",
            name,
            column,
            row,
            active=active,
            tosidebar=True,
            console=False,
            tostatus=True,
            complete="payload",
            targetType="msg",
            statusVal="payload",
            statusType="auto",
        )

    def _node(
        self,
        node_id: str,
        kind: str,
        name: str,
        column: int,
        row: int,
        *,
        wires: list[list[str]] | None = None,
        **more: object,
    ) -> Node:
        place: Node = {"x": _COLUMNS[column], "y": row * _ROW, "wires": wires or []}
        return {"id": node_id, "type": kind, "z": self._tab, "name": name, **more, **place}

    def _own(self, *role: str) -> str:
        return _id(base(self._resolved, self._level), *role)

    def _word(self, name: str) -> str:
        return self._consumer.words[name][self._selection.lang]


_VIEWS: Final[Mapping[str, View]] = {
    "flows": View(".json", "Flow to import (menu, Import).", _flows),
}


class NodeRed:
    """A sample flow for Node-RED."""

    name = CONSUMER
    help = "Node-RED: a sample flow for each meter"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """``<meter>.json`` for every meter model."""
        return {f"{meter}.json": _flows(resolved, Selection(meter=meter)) for meter in resolved.meters}


TARGET: Target = NodeRed()
