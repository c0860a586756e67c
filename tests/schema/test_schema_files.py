"""The data themselves: no findings, help for the editor in place, and a README that keeps up with the language."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ciigen.load import KINDS, load
from ciigen.resolve import resolve
from ciigen.validate import validate
from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).resolve().parents[2] / "schema"
META = sorted((SCHEMA / "meta").glob("*.schema.json"))
FILES = [path for pattern in KINDS for path in sorted(SCHEMA.glob(pattern))]
README = (SCHEMA / "README.md").read_text(encoding="utf-8")


def test_the_schema_has_no_findings() -> None:
    assert "\n".join(map(str, validate(load(SCHEMA)))) == ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_editor_finds_the_description_of_a_file(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    kind = next(kind for pattern, kind in KINDS.items() if path in SCHEMA.glob(pattern))
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match, "the first line names no schema"
    assert (path.parent / match[1]).resolve() == SCHEMA / "meta" / f"{kind}.schema.json"


@pytest.mark.parametrize("path", META, ids=lambda path: path.name)
def test_a_description_is_a_json_schema_that_closes_its_mappings(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    for part in mappings(schema):
        if "properties" in part:
            assert part.get("additionalProperties") is False, part["properties"].keys()
        for key in part.get("required", ()):
            assert key in part.get("properties", {key: None}), f"{key} is required and not described"


@pytest.mark.parametrize("path", META, ids=lambda path: path.name)
def test_every_key_is_described(path: Path) -> None:
    """By itself or by the definition it refers to: it is the remedy of a finding and the help of an editor."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    for part in mappings(schema):
        for key, value in part.get("properties", {}).items():
            assert described(value, schema), f"{path.name}: {key}"


def mappings(schema: Any) -> Iterator[dict[str, Any]]:
    """Every sub-schema."""
    if isinstance(schema, dict):
        if "type" in schema or "$ref" in schema or "anyOf" in schema or "$defs" in schema:
            yield schema
        for value in schema.values():
            yield from mappings(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from mappings(value)


def described(part: dict[str, Any], schema: dict[str, Any]) -> bool:
    if part.get("description"):
        return True
    file, _, pointer = part.get("$ref", "").partition("#/$defs/")
    if not pointer:
        return False
    home = json.loads((SCHEMA / "meta" / file).read_text(encoding="utf-8")) if file else schema
    return described(home["$defs"][pointer], home)


def section(kind: str) -> str:
    """The part of the README about a kind, and what holds for all kinds."""
    pattern = next((pattern for pattern, name in KINDS.items() if name == kind), None)
    parts = re.split(r"^## ", README, flags=re.MULTILINE)
    own = [part for part in parts if pattern and part.startswith(f"{pattern}\n")]
    return "".join([*own, *(part for part in parts if part.startswith("Rules for all files"))])


@pytest.mark.parametrize("path", META, ids=lambda path: path.name)
def test_the_readme_says_every_key(path: Path) -> None:
    kind = path.name.removesuffix(".schema.json")
    text = section(kind)
    keys = {
        key
        for part in mappings(json.loads(path.read_text(encoding="utf-8")))
        for key in part.get("properties", ())
    }
    assert keys or kind == "units"
    missing = sorted(key for key in keys if f"`{key}`" not in text)
    assert not missing, f"schema/README.md does not say {missing} of {kind}"


def test_the_readme_names_every_kind() -> None:
    for pattern in KINDS:
        assert f"\n## {pattern}\n" in README
        assert f"| `{pattern}` |" in README


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(SCHEMA, tmp_path / "schema")


def test_the_examples_of_the_readme_are_right(copy: Path) -> None:
    meter, quantity = re.findall(r"^```yaml\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    (copy / "meters" / "acme-m1.yaml").write_text(meter, encoding="utf-8")
    file = copy / "quantities" / "electricity.yaml"
    file.write_text(file.read_text(encoding="utf-8") + quantity, encoding="utf-8")
    loaded = load(copy)
    assert "\n".join(map(str, validate(loaded))) == ""
    resolved = resolve(loaded)
    assert resolved.meters["acme-m1"].quantities == ("power_import", "energy_import", "device_name")
    assert resolved.quantities["voltage_max"].label["de"] == "Höchste Spannung"


def test_no_quantity_is_without_a_topic_or_a_place_in_meta_or_time() -> None:
    resolved = resolve(load(SCHEMA))
    for quantity in resolved.quantities.values():
        carried = [topic.name for topic in resolved.topics.values() if quantity.kind in topic.kinds]
        assert bool(carried) == (quantity.place not in ("time",)), quantity.name
