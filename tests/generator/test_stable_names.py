"""What a home knows a value by does not change when another meter comes (ADR 34); openHAB's names have a test of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ciigen.target import Selection, discover
from selections import RESOLVED

ONE = Selection(ids=("house-1",))
TWO = Selection(ids=("flat", "house-1"))


def _values(document: Any, key: str) -> Iterator[str]:
    if isinstance(document, dict):
        yield from (str(value) for name, value in document.items() if name == key)
        yield from (found for value in document.values() for found in _values(value, key))
    elif isinstance(document, list):
        yield from (found for value in document for found in _values(value, key))


#: Target → view and what its users hold on to.
KEPT: dict[tuple[str, str], Callable[[str], set[str]]] = {
    ("iobroker", "mqtt"): lambda text: set(json.loads(text)),
    ("iobroker", "mqtt-client"): lambda text: set(json.loads(text)),
    ("nodered", "flows"): lambda text: set(_values(json.loads(text), "id")),
    ("homeassistant", ""): lambda text: set(_values(json.loads(text), "unique_id")),
    ("evcc", "yaml"): lambda text: set(re.findall(r"^ *- name: (.*)$", text, re.MULTILINE)),
    ("telegraf", "conf"): lambda text: set(re.findall(r'"cii/v1/house-1/[^"]*"', text)),
}


@pytest.mark.parametrize(("target", "view"), KEPT, ids="-".join)
def test_another_meter_changes_no_name(target: str, view: str) -> None:
    views = discover()[target].views
    chosen = views[view] if view else next(iter(views.values()))
    kept = KEPT[target, view]
    alone = kept(chosen.render(RESOLVED, ONE))
    assert alone
    assert alone <= kept(chosen.render(RESOLVED, TWO))
