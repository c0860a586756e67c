"""Bridge and generator say the same to Home Assistant: one meter of each model, telegram by telegram, message by message."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import ciimodel
import pytest
from captures import ROOT
from ciibridge.normalise import MeterSettings
from ciibridge.pipeline import LINES, Pipeline
from ciibridge.publish.homeassistant import MeterDiscovery
from ciibridge.publish.messages import Messages
from ciibridge.simulate import SimulatedMeter
from ciibridge.types import Message, Snapshot
from ciigen.installed import read_resolved
from ciigen.live.meters import read as read_meta
from ciigen.target import Selection
from ciigen.targets.homeassistant import TARGET
from ciigen.targets.homeassistant import discovery as of_generator
from ciimodel.homeassistant import Discovery, Wishes, read

CATALOGUE = ciimodel.load()
RESOLVED = read_resolved()
PLAN = read((files("ciimodel") / "homeassistant.json").read_bytes())
MODELS = [
    m.id
    for m in CATALOGUE.meters.values()
    if m.wire and m.wire.hdlc and m.lists and m.interfaces[0].protocol in LINES
]
BOTH = pytest.mark.parametrize(("view", "version"), [("components", "2024.3"), ("device", "2024.11")])


@cache
def published(model: str, version: str) -> list[Message]:
    """What the bridge publishes when every list of a model has come three times, each at its own interval."""
    settings = MeterSettings(model=model, id="house", clock="meter")
    meter = SimulatedMeter(
        CATALOGUE, model, lists=tuple(pushed.id for pushed in CATALOGUE.meters[model].lists)
    )
    pipeline = Pipeline(CATALOGUE, settings)
    discovery = MeterDiscovery(Discovery(PLAN, Wishes(version)), alone=True)
    messages = Messages(CATALOGUE, settings, discovery=discovery)
    start = datetime(2026, 5, 4, 10, tzinfo=UTC)
    told: list[Message] = []
    pushes = [
        (start + timedelta(seconds=n * pushed.interval_s), pushed) for pushed in meter.lists for n in range(3)
    ]
    for at, pushed in sorted(pushes, key=lambda push: push[0]):
        for found in pipeline.feed(meter.telegram(pushed, at), at):
            assert isinstance(found, Snapshot), found
            told += messages.snapshot(found)
            told += discovery.tick(len(told))
    return told


def discovered(model: str, version: str) -> dict[str, Any]:
    """Topic → the last message of each."""
    return {
        m.topic: json.loads(m.payload)
        for m in published(model, version)
        if m.topic.startswith("homeassistant/")
    }


def entities(messages: dict[str, Any]) -> dict[str, Any]:
    """Unique id → what the entity says, in either form."""
    listed = [c for m in messages.values() for c in (m["components"].values() if "components" in m else [m])]
    return {entity["unique_id"]: entity for entity in listed}


@pytest.mark.parametrize("model", MODELS)
@BOTH
def test_the_bridge_says_what_the_generator_says_of_the_same_meta(
    model: str, view: str, version: str
) -> None:
    """``ciigen homeassistant --from mqtt://broker`` reads the ``meta`` from which the bridge has made its messages."""
    topic = "cii/v1/house/meta"
    meta = [m.payload for m in published(model, version) if m.topic == topic][-1]
    (live,) = read_meta(RESOLVED, {topic: meta}).meters
    text = TARGET.views[view].render(RESOLVED, Selection(ids=("house",), live=(live,)))
    assert discovered(model, version) == json.loads(text)


@pytest.mark.parametrize("model", MODELS)
@BOTH
def test_the_bridge_says_what_the_command_says_of_the_model(model: str, view: str, version: str) -> None:
    """``ciigen homeassistant --meter`` knows what a model could send; the bridge, what came. Where both are, they agree."""
    text = TARGET.views[view].render(RESOLVED, Selection(ids=("house",), meter=model))
    could, came = entities(json.loads(text)), entities(discovered(model, version))
    assert set(came) <= set(could)
    assert {name for name in could if "_channel" not in name} == {
        name for name in came if "_channel" not in name
    }
    for name, entity in came.items():
        promised = dict(could[name])
        if "_channel" in name:
            assert promised.pop("enabled_by_default") is False, "nobody knows yet whether it is there"
        assert entity == promised, name


@pytest.mark.parametrize("model", MODELS)
def test_discovery_follows_meta(model: str) -> None:
    told = [message.topic for message in published(model, "2024.3")]
    first = next(n for n, topic in enumerate(told) if topic.startswith("homeassistant/"))
    assert "cii/v1/house/meta" in told[:first]


def test_the_module_of_the_bridge_is_that_of_the_generator() -> None:
    written = (ROOT / "generated/python/ciimodel/homeassistant.py").read_text(encoding="utf-8")
    head, _, rest = written.partition("\n")
    assert "do not edit" in head
    assert rest == Path(of_generator.__file__).read_text(encoding="utf-8")
