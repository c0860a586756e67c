"""The AsyncAPI document. The parser of AsyncAPI lets much pass, so its structure is checked here."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ciimodel
import pytest
from ciibridge.normalise.settings import MeterSettings
from ciibridge.pipeline import Pipeline
from ciibridge.publish.dialect import Spoken
from ciibridge.publish.messages import Messages
from ciibridge.simulate import SimulatedMeter
from ciibridge.types import Snapshot
from ciigen.installed import read_resolved
from ciigen.resolved import Place, Resolved
from ciigen.target import Selection
from ciigen.targets.asyncapi import TARGET
from ciigen.targets.asyncapi.carried import carried
from ciigen.targets.asyncapi.dialects import name_of
from ciigen.targets.asyncapi.document import document
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

Json = dict[str, Any]


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return read_resolved()


@pytest.fixture(scope="module")
def text(resolved: Resolved) -> str:
    return TARGET.tree(resolved)["asyncapi.yaml"]


@pytest.fixture(scope="module")
def api(text: str) -> Json:
    loaded: Json = YAML(typ="safe").load(text)
    return loaded


def follow(api: Json, reference: str) -> Any:
    assert reference.startswith("#/"), reference
    node: Any = api
    for part in reference[2:].split("/"):
        node = node[part]
    return node


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_text_is_the_document(resolved: Resolved, text: str, api: Json) -> None:
    assert api == document(resolved)
    assert api["asyncapi"] == "3.0.0"
    assert api["info"]["version"] == resolved.version
    assert not [line for line in text.split("\n") if line != line.rstrip()]


def test_yaml_1_1_and_1_2_read_the_same(text: str, api: Json) -> None:
    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)
    assert old.load(text) == api


def test_every_reference_resolves_inside_the_document(api: Json) -> None:
    found = list(references(api))
    assert len(found) > 100
    for reference in found:
        assert follow(api, reference), reference


def test_every_topic_is_a_channel_an_operation_and_a_message(resolved: Resolved, api: Json) -> None:
    names = [*resolved.topics, *map(name_of, resolved.dialects.values())]
    assert list(api["channels"]) == names
    assert list(api["components"]["messages"]) == names
    assert [operation["channel"]["$ref"] for operation in api["operations"].values()] == [
        f"#/channels/{name}" for name in names
    ]
    for name, topic in resolved.topics.items():
        channel = api["channels"][name]
        assert channel["address"] == topic.path
        assert follow(api, channel["messages"][name]["$ref"])["contentType"] == topic.content_type


def test_each_operation_has_the_delivery_of_the_schema(resolved: Resolved, api: Json) -> None:
    for name, topic in resolved.topics.items():
        operation = api["operations"][f"send_{name}"]
        assert operation["action"] == "send"
        mqtt = operation["bindings"]["mqtt"]
        assert (mqtt["qos"], mqtt["retain"]) == (topic.qos, topic.retain)
        assert mqtt.get("messageExpiryInterval") == topic.expiry_s
        allowed = {"qos", "retain", "messageExpiryInterval", "bindingVersion"}  # of the MQTT binding 0.2.0
        assert set(mqtt) <= allowed
        assert [follow(api, message["$ref"]) for message in operation["messages"]]


def test_each_placeholder_has_a_definition_and_no_other_is_there(api: Json) -> None:
    used = set()
    for channel in api["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel["parameters"])
        used |= {parameter["$ref"].rsplit("/", 1)[-1] for parameter in channel["parameters"].values()}
    assert used == set(api["components"]["parameters"])
    for name, parameter in api["components"]["parameters"].items():
        assert parameter["description"], name
        allowed = {"enum", "default", "description", "examples", "location"}  # Parameter Object of 3.0
        assert set(parameter) <= allowed


def test_quantities_are_enumerated_where_they_appear_and_explained(resolved: Resolved, api: Json) -> None:
    seen: list[str] = []
    for name, topic in resolved.topics.items():
        names = [quantity.name for quantity in carried(resolved, topic)]
        if not names:
            continue
        level = "item" if "item" in api["channels"][name]["parameters"] else "quantity"
        parameter = follow(api, api["channels"][name]["parameters"][level]["$ref"])
        assert parameter["enum"] == names
        for quantity in carried(resolved, topic):
            assert f"- `{quantity.name}`: {quantity.label['en']}" in parameter["description"]
        seen += names
    assert len(seen) == len(set(seen))
    values = {q.name for q in resolved.quantities.values() if q.place is Place.VALUE}
    assert values <= set(seen)


def test_each_last_will_is_in_the_binding_of_its_connection(resolved: Resolved, api: Json) -> None:
    wills = [topic for topic in resolved.topics.values() if topic.will]
    assert len(api["servers"]) == len(wills) == 2
    for topic in wills:
        (server,) = api["channels"][topic.name]["servers"]
        mqtt = follow(api, server["$ref"])["bindings"]["mqtt"]
        topic_of_will = topic.path.replace("{prefix}", resolved.prefix)
        assert mqtt["lastWill"] == {
            "topic": topic_of_will, "qos": topic.qos, "message": topic.will, "retain": topic.retain,
        }  # fmt: skip


def test_each_message_has_an_example_that_fits_its_schema(resolved: Resolved, api: Json) -> None:
    without = set()
    for name, message in api["components"]["messages"].items():
        validator = Draft7Validator({**message["payload"], "components": api["components"]})
        if "examples" not in message:
            without.add(name)
        for example in message.get("examples", []):
            validator.validate(example["payload"])
            path = api["channels"][name]["address"]
            pattern = re.sub(
                r"\\\{(\w+)\\\}", lambda m: resolved.levels.get(m[1], "[^/+#]+"), re.escape(path)
            )
            assert re.fullmatch(pattern, example["name"]), example["name"]
    unused = {name for name, topic in resolved.topics.items() if topic.kinds and not carried(resolved, topic)}
    assert without == {"raw"} | unused


def test_dialects_are_as_the_schema_has_them_and_as_the_bridge_says_them(
    resolved: Resolved, api: Json
) -> None:
    assert set(resolved.dialects) == {"rldsp", "smartmeter-datacollector"}
    for dialect in resolved.dialects.values():
        name = name_of(dialect)
        assert api["channels"][name]["address"] == dialect.path
        mqtt = api["operations"][f"send_{name}"]["bindings"]["mqtt"]
        assert (mqtt["qos"], mqtt["retain"]) == (dialect.qos, dialect.retain)
    state = api["components"]["messages"]["state"]["examples"][0]["payload"]
    (meter,) = api["components"]["messages"]["dialect_rldsp"]["examples"]
    assert meter["name"] == "dt/building/LGZ1030600000001/ds"
    assert meter["payload"]["meter"]["1.7.0"] == state["values"]["power_import"]
    assert "16.7.0" not in meter["payload"]["meter"], "it is computed, and has no code"
    (one,) = api["components"]["messages"]["dialect_smartmeter_datacollector"]["examples"]
    assert one["name"] == "smartmeter/LGZ1030600000001/ACTIVE_POWER_P"
    validator = Draft7Validator(api["components"]["schemas"]["dialect_smartmeter_datacollector"])
    for wrong in ({}, {**one["payload"], "value": "28"}, {**one["payload"], "unit": "W"}):
        assert list(validator.iter_errors(wrong)), wrong

    # what the bridge really says, of a simulated meter
    catalogue = ciimodel.load()
    simulated = SimulatedMeter(catalogue, "lg-e450", operator="ekz")
    pipeline = Pipeline(catalogue, MeterSettings(), simulated.protocol)
    now = datetime(2026, 5, 4, 9, 40, 15, tzinfo=UTC)
    spoken = tuple(
        Spoken(dialect, {key: setting.default for key, setting in dialect.settings.items()})
        for dialect in catalogue.dialects.values()
    )
    messages = Messages(catalogue, dialects=spoken)
    seen = set()
    for snapshot in pipeline.feed(simulated.telegrams(now), now):
        assert isinstance(snapshot, Snapshot)
        for message in messages.snapshot(snapshot):
            for dialect in resolved.dialects.values():
                if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", dialect.path), message.topic):
                    Draft7Validator(api["components"]["schemas"][name_of(dialect)]).validate(
                        json.loads(message.payload)
                    )
                    seen.add(dialect.name)
    assert seen == set(resolved.dialects)


def test_examples_tell_one_story(api: Json) -> None:
    messages = api["components"]["messages"]
    state = messages["state"]["examples"][0]["payload"]
    live = messages["value_live"]["examples"][0]
    assert state["values"][live["name"].rsplit("/", 1)[-1]] == live["payload"]
    sub_meter = messages["channel_state"]["examples"][0]["payload"]
    assert sub_meter["meter"] == state["meter"]
    assert not set(sub_meter["values"]) & set(state["values"])


def test_schemas_stay_inside_the_document(api: Json) -> None:
    for name, schema in api["components"]["schemas"].items():
        Draft7Validator.check_schema(schema)
        assert not {"$id", "$schema"} & set(schema), name


def test_the_view_is_the_file(resolved: Resolved, text: str) -> None:
    (view,) = TARGET.views.values()
    assert view.path(Selection()) == "asyncapi.yaml"
    assert view.render(resolved, Selection(meter="lg-e450")) == text


def test_the_same_bytes_in_another_process(text: str, tmp_path: Path) -> None:
    program = (
        "import hashlib; from ciigen.installed import read_resolved; from ciigen.targets.asyncapi import TARGET\n"
        "print(hashlib.sha256(TARGET.tree(read_resolved())['asyncapi.yaml'].encode()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "COLUMNS": "20"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == hashlib.sha256(text.encode()).hexdigest()
