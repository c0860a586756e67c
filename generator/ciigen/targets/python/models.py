"""Pydantic models from our JSON Schemas, by datamodel-code-generator.

The generator is called in this process with every option given, so that neither a ``pyproject.toml`` in the working
directory nor a terminal changes a byte; ruff then formats with ``--isolated`` for the same reason.

The models are for reading messages, not for judging them: patterns of keys and of list items, which would make a class
of their own out of each text, are left to the JSON Schemas.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from ciigen.errors import CiigenError
from ciigen.resolved import Resolved
from ciigen.targets.jsonschema.payloads import JsonObject, payload_schemas, resolved_schema

_RUFF: Final = ("format", "--isolated", "--no-cache", "--line-length=110", "-")
#: Keywords that a class has no use for: names of the file, and what only a validator or a reader of JSON looks at.
_LEFT_OUT: Final = frozenset({"$schema", "$id", "not", "propertyNames", "examples"})
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
_CATALOGUE: Final = (
    '"""The resolved schema (resolved.json): meters, operators, quantities and topics as models."""'
)
_PAYLOADS: Final = (
    '"""The payloads of the profile as models: ``State.model_validate_json(message.payload)``."""'
)


def catalogue(resolved: Resolved) -> str:
    """``ciimodel/catalogue.py``: the classes of ``ciigen.resolved`` as seen through their JSON Schema."""
    return _models(resolved_schema(resolved.version), _CATALOGUE, only_definitions=False)


def payloads(resolved: Resolved) -> str:
    """``ciimodel/payloads.py``: a class for each payload that is a JSON object, named by its title."""
    definitions = {
        str(schema["title"]): _plain(schema)
        for schema in payload_schemas(resolved).values()
        if schema.get("type") == "object"
    }
    return _models({"definitions": definitions}, _PAYLOADS, only_definitions=True)


def _plain(schema: Mapping[str, object]) -> JsonObject:
    """Return ``schema`` without what a class cannot say; objects inside maps get a title, by which their class is called."""
    plain: JsonObject = {}
    for keyword, value in schema.items():
        if keyword in _LEFT_OUT:
            continue
        if keyword == "properties" and isinstance(value, dict):
            plain[keyword] = {name: _property(name, inner) for name, inner in value.items()}
        elif keyword in ("items", "additionalProperties") and isinstance(value, dict):
            plain[keyword] = {"type": value["type"]} if _is_scalar(value) else _plain(value)
        else:
            plain[keyword] = value
    return plain


def _property(name: str, schema: Mapping[str, object]) -> JsonObject:
    plain = _plain(schema)
    inner = plain.get("additionalProperties")
    if isinstance(inner, dict) and "properties" in inner:
        plain["additionalProperties"] = {"title": _singular(name).capitalize(), **inner}
    elif "properties" in plain:
        plain = {"title": name.capitalize(), **plain}
    return plain


def _is_scalar(schema: Mapping[str, object]) -> bool:
    kinds = schema.get("type")
    return set(kinds if isinstance(kinds, list) else [kinds]) <= _SCALARS and "enum" not in schema


def _singular(name: str) -> str:
    return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")


def _models(schema: JsonObject, docstring: str, *, only_definitions: bool) -> str:
    # a third of a second to import, and every command of ciigen imports this module
    from datamodel_code_generator import DataModelType, InputFileType, generate  # noqa: PLC0415
    from datamodel_code_generator.config import GenerateConfig  # noqa: PLC0415
    from datamodel_code_generator.format import PythonVersion  # noqa: PLC0415
    from datamodel_code_generator.parser import LiteralType  # noqa: PLC0415

    config = GenerateConfig(
        input_file_type=InputFileType.JsonSchema,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        use_standard_collections=True,
        use_union_operator=True,
        use_schema_description=True,
        use_field_description=True,
        disable_timestamp=True,
        enum_field_as_literal=LiteralType.All,
        collapse_root_models=True,
        use_title_as_name=True,
        skip_root_model=only_definitions,
        use_annotated=True,
        enable_faux_immutability=True,
        formatters=[],
        custom_file_header=docstring,
    )
    return formatted(str(generate(json.dumps(schema), config=config)))


def formatted(code: str) -> str:
    """Return Python source as ruff formats it, whatever configuration is found around (raises CiigenError)."""
    command = [sys.executable, "-m", "ruff", *_RUFF]
    done = subprocess.run(command, input=code.encode(), capture_output=True, check=False)  # noqa: S603 - no shell, own input
    if done.returncode:
        raise CiigenError(f"ruff cannot format the generated models: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()
