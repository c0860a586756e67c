"""The package ciimodel: the same bytes everywhere, importable, and true to the JSON Schemas."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ciigen.errors import CiigenError
from ciigen.installed import read_resolved
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.jsonschema.payloads import payload_schemas
from ciigen.targets.python import TARGET
from ciigen.targets.python.models import formatted
from jsonschema import Draft7Validator
from pydantic import BaseModel, ValidationError


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return read_resolved()


@pytest.fixture(scope="module")
def tree(resolved: Resolved) -> dict[str, str]:
    return TARGET.tree(resolved)


@pytest.fixture(scope="module")
def modules(
    tree: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ModuleType]]:
    """The modules as generated now, under names of their own so that the installed package stays untouched."""
    folder = tmp_path_factory.mktemp("generated")
    loaded = {}
    for name in ("catalogue", "payloads", "topics"):
        path = folder / f"{name}.py"
        path.write_text(tree[f"ciimodel/{name}.py"], encoding="utf-8")
        spec = spec_from_file_location(f"generated_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses and pydantic look their module up
        spec.loader.exec_module(module)
        loaded[name] = module
    yield loaded
    for name in loaded:
        del sys.modules[f"generated_{name}"]


def test_the_package_is_complete(tree: dict[str, str]) -> None:
    names = {"__init__.py", "catalogue.py", "payloads.py", "topics.py", "py.typed"}
    names |= {"homeassistant.py", "homeassistant.json"}
    assert set(tree) == {f"ciimodel/{name}" for name in names}


def test_the_same_bytes_in_another_directory_without_a_terminal(tree: dict[str, str], tmp_path: Path) -> None:
    hostile = "[tool.ruff]\nline-length = 40\n[tool.datamodel-codegen]\nsnake-case-field = true\n"
    (tmp_path / "pyproject.toml").write_text(hostile)
    (tmp_path / "ruff.toml").write_text("line-length = 40\nindent-width = 2\n")
    program = (
        "import hashlib, json; from ciigen.installed import read_resolved; from ciigen.targets.python import TARGET\n"
        "print(hashlib.sha256(json.dumps(TARGET.tree(read_resolved())).encode()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "TERM": "dumb", "COLUMNS": "20", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == hashlib.sha256(json.dumps(tree).encode()).hexdigest()
    assert done.stderr == ""


def test_modules_and_public_names_say_what_they_are(tree: dict[str, str]) -> None:
    for name in ("__init__", "topics", "catalogue", "payloads"):
        module = ast.parse(tree[f"ciimodel/{name}.py"])
        assert ast.get_docstring(module), name
        functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
        assert all(ast.get_docstring(node) for node in functions if not node.name.startswith("_")), name


def test_the_generated_package_loads_the_resolved_schema(
    resolved: Resolved, tree: dict[str, str], tmp_path: Path
) -> None:
    for path, text in tree.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "ciimodel" / "resolved.json").write_text(resolved.model_dump_json(), encoding="utf-8")
    program = (
        "import sys; sys.path.insert(0, '.'); import ciimodel\n"
        "assert ciimodel.__file__.startswith(sys.argv[1]), ciimodel.__file__\n"
        "assert ciimodel.load() is ciimodel.load()\n"
        "print(ciimodel.load().model_dump_json())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout) == resolved.model_dump(mode="json")


def test_each_json_payload_has_a_model_that_takes_its_examples(
    resolved: Resolved, modules: dict[str, ModuleType]
) -> None:
    objects = {n: s for n, s in payload_schemas(resolved).items() if s.get("type") == "object"}
    assert set(objects) >= {"state", "meta", "diag", "error"}
    for schema in objects.values():
        model: type[BaseModel] = getattr(modules["payloads"], str(schema["title"]))
        examples: Any = schema["examples"]
        for example in examples:
            read = model.model_validate_json(json.dumps(example))
            again = json.loads(read.model_dump_json(exclude_none=True))
            assert again == example
            Draft7Validator(schema).validate(again)


def test_state_offers_each_quantity_as_an_attribute(
    resolved: Resolved, modules: dict[str, ModuleType]
) -> None:
    example: Any = payload_schemas(resolved)["state"]["examples"]
    state = modules["payloads"].State.model_validate(example[0])
    assert state.values.power_import == example[0]["values"]["power_import"]
    absent = set(type(state.values).model_fields) - set(example[0]["values"])
    assert absent
    assert all(getattr(state.values, name) is None for name in absent)


def test_values_take_a_quantity_of_a_newer_version_but_no_text(modules: dict[str, ModuleType]) -> None:
    values = modules["payloads"].Values
    assert values.model_validate({"power_of_tomorrow": 5}).model_extra == {"power_of_tomorrow": 5.0}
    with pytest.raises(ValidationError):
        values.model_validate({"power_of_tomorrow": "much"})


def test_models_are_frozen(modules: dict[str, ModuleType]) -> None:
    values = modules["payloads"].Values.model_validate({"power_import": 1})
    with pytest.raises(ValidationError, match="frozen"):
        values.power_import = 2


def test_the_catalogue_has_the_classes_of_the_contract(modules: dict[str, ModuleType]) -> None:
    names = {
        "Resolved",
        "Quantity",
        "Topic",
        "Meter",
        "Operator",
        "PushList",
        "Interface",
        "Fact",
        "Unit",
        "Wire",
    }
    assert names <= set(vars(modules["catalogue"]))


def test_every_view_is_the_file_of_the_tree(resolved: Resolved, tree: dict[str, str]) -> None:
    for view in TARGET.views.values():
        assert tree[f"ciimodel/{view.path(Selection())}"] == view.render(resolved, Selection())


def test_broken_python_is_an_error_that_says_why() -> None:
    with pytest.raises(CiigenError, match="ruff cannot format"):
        formatted("def (:\n")
