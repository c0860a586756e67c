"""JSON Schema of the payloads: complete, valid, open for a minor version, closed for nonsense."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ciigen.installed import read_resolved
from ciigen.resolved import Place, Resolved
from ciigen.target import Selection
from ciigen.targets.jsonschema import TARGET
from ciigen.targets.jsonschema.payloads import json_object
from jsonschema import Draft7Validator, ValidationError
from jsonschema.validators import validator_for

Files = dict[str, Any]


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return read_resolved()


@pytest.fixture(scope="module")
def files(resolved: Resolved) -> Files:
    return {path: json.loads(text) for path, text in TARGET.tree(resolved).items()}


@pytest.fixture
def state(files: Files) -> Draft7Validator:
    return Draft7Validator(files["state.schema.json"])


def snapshot(**changes: object) -> dict[str, object]:
    base: dict[str, object] = {
        "profile": "1.0",
        "meter": "lgz1030600000001",
        "seq": 1,
        "ts": "2026-05-04T09:39:21Z",
        "ts_source": "meter",
        "values": {"power_import": 28},
    }
    return base | changes


def test_one_file_for_each_payload_and_one_for_the_resolved_schema(resolved: Resolved, files: Files) -> None:
    assert set(files) == {f"{name}.schema.json" for name in (*resolved.payloads, "resolved")}


def test_each_file_is_a_valid_schema_of_the_draft_it_names(files: Files) -> None:
    for path, schema in files.items():
        draft = "2020-12" if path.startswith("resolved") else "draft-07"
        assert draft in schema["$schema"], path
        validator_for(schema).check_schema(schema)


def test_identifiers_are_urns_with_the_major_version_and_differ(resolved: Resolved, files: Files) -> None:
    identifiers = [schema["$id"] for schema in files.values()]
    assert len(set(identifiers)) == len(files)
    major = resolved.version.split(".")[0]
    assert all(identifier.startswith(f"urn:cii:v{major}:") for identifier in identifiers)


@pytest.mark.parametrize(("key", "place"), [("values", Place.VALUE), ("texts", Place.TEXT)])
def test_state_names_every_quantity_with_label_meaning_and_unit(
    resolved: Resolved, files: Files, key: str, place: Place
) -> None:
    named = files["state.schema.json"]["properties"][key]["properties"]
    expected = {q.name: q for q in resolved.quantities.values() if q.place is place}
    assert set(named) == set(expected)
    for name, schema in named.items():
        quantity = expected[name]
        assert schema["title"] == quantity.label["en"]
        assert all(code in schema["description"] for code in quantity.obis)
        assert schema["type"] == ("number" if place is Place.VALUE else "string")
        if place is Place.VALUE:
            assert schema["x-unit"] == quantity.unit
            assert quantity.unit == "1" or f"Unit {quantity.unit}." in schema["description"]
        for language_state in quantity.states:
            assert language_state in schema["description"]


def test_examples_of_the_schema_are_valid_payloads(resolved: Resolved, files: Files) -> None:
    checked = 0
    for name in resolved.payloads:
        schema = files[f"{name}.schema.json"]
        for example in schema.get("examples", []):
            Draft7Validator(schema).validate(example)
            checked += 1
    assert checked >= 6


def test_a_newer_minor_version_is_accepted(state: Draft7Validator) -> None:
    state.validate(
        snapshot(
            profile="1.7", values={"power_of_tomorrow": 1}, derived=["power_of_tomorrow"], new_key={"a": 1}
        )
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"values": {"power_import": None}},
        {"values": {"power_import": "28"}},
        {"values": {"power_of_tomorrow": "28"}},
        {"values": {"Power": 28}},
        {"texts": {"tariff_active": 1}},
        {"profile": "2.0"},
        {"meter": "LGZ1030600000001"},
        {"ts": "2026-05-04T09:39:21+02:00"},
        {"ts_source": "guess"},
        {"derived": [1]},
        {"derived": ["power_net", "power_net"]},
        {"val": 1},
    ],
    ids=json.dumps,
)
def test_what_no_version_may_send_is_refused(state: Draft7Validator, changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        state.validate(snapshot(**changes))


def test_the_resolved_schema_describes_the_resolved_file(resolved: Resolved, files: Files) -> None:
    schema = files["resolved.schema.json"]
    validator_for(schema)(schema).validate(resolved.model_dump(mode="json"))
    broken = resolved.model_dump(mode="json")
    del next(iter(broken["quantities"].values()))["unit"]
    with pytest.raises(ValidationError, match="'unit' is a required property"):
        validator_for(schema)(schema).validate(broken)


def test_every_file_can_be_printed(resolved: Resolved) -> None:
    tree = TARGET.tree(resolved)
    printed = {view.path(Selection()): view.render(resolved, Selection()) for view in TARGET.views.values()}
    assert printed == tree
    assert next(iter(TARGET.views)) == "state"


def test_a_payload_that_is_no_object_is_reported_with_its_place() -> None:
    with pytest.raises(TypeError, match=r"schema/topics\.yaml: payloads\.state\.properties .* not list"):
        json_object([], "payloads.state.properties")
