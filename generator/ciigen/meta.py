"""The JSON Schemas of the YAML files (``schema/meta``): which types a place allows, and what breaks the structure.

Used by ``load`` (a scalar becomes a number only where one is asked for) and by ``validate``. An editor reads the same
files for its help, so what they say in ``description`` is also the remedy of a finding.

``Types`` walks the schema beside the value and answers one question: which JSON types may stand here? It looks through
``$ref``, ``allOf``, ``anyOf`` and ``oneOf`` and takes what any of them allows; whether the value then fits is the
validator's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from ciigen.errors import UsageError
from ciigen.source import KeyPath

#: Definitions that several kinds share.
_COMMON: Final = "common"
#: The definition of a text in several languages; rules about languages apply wherever it is referred to.
_TEXT: Final = "common.schema.json#/$defs/text"
_COMBINED: Final = ("allOf", "anyOf", "oneOf")

#: Sub-schemas that hold at a place, each with the file in which its references are looked up.
Position: TypeAlias = tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class Meta:
    """All JSON Schemas of ``schema/meta`` by kind."""

    schemas: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, folder: Path, kinds: Iterable[str]) -> Meta:
        """Read ``<kind>.schema.json`` of each kind and the common one (raises UsageError if one is missing)."""
        schemas = {}
        for kind in sorted({*kinds, _COMMON}):
            path = folder / f"{kind}.schema.json"
            if not path.is_file():
                raise UsageError(f"{path} is missing: it says what files of the kind {kind} look like")
            schemas[kind] = json.loads(path.read_text(encoding="utf-8"))
        return cls(schemas)

    def types(self, kind: str) -> Types:
        """Give the types allowed in files of a kind."""
        return Types(self.schemas, kind)

    def errors(self, kind: str, data: object) -> Iterator[ValidationError]:
        """Everything in ``data`` that breaks the structure of its kind."""
        resources = [
            (f"{name}.schema.json", DRAFT202012.create_resource(schema))
            for name, schema in self.schemas.items()
        ]
        registry: Registry[Any] = Registry().with_resources(resources)
        validator = Draft202012Validator({"$ref": f"{kind}.schema.json"}, registry=registry)
        yield from validator.iter_errors(data)


@dataclass(frozen=True, slots=True)
class Types:
    """Answers which types a place of a file may have."""

    schemas: Mapping[str, Mapping[str, Any]]
    kind: str

    def top(self) -> Position:
        """Give the place of the whole file."""
        return ((self.kind, self.schemas[self.kind]),)

    def entry(self, position: Position, key: str) -> Position:
        """Give the place of the value of ``key`` in a mapping."""
        found = []
        for kind, schema in self._expanded(position):
            properties = schema.get("properties", {})
            patterns = [s for p, s in schema.get("patternProperties", {}).items() if re.search(p, key)]
            others = schema.get("additionalProperties")
            if key in properties:
                found.append((kind, properties[key]))
            found += [(kind, inner) for inner in patterns]
            if key not in properties and not patterns and isinstance(others, Mapping):
                found.append((kind, others))
        return tuple(found)

    def element(self, position: Position, index: int) -> Position:
        """Give the place of element ``index`` of a list."""
        found = []
        for kind, schema in self._expanded(position):
            prefix = schema.get("prefixItems", ())
            inner = prefix[index] if index < len(prefix) else schema.get("items")
            if isinstance(inner, Mapping):
                found.append((kind, inner))
        return tuple(found)

    def at(self, path: KeyPath) -> Position:
        """Give the place at the end of some keys and indices."""
        position = self.top()
        for part in path:
            position = self.element(position, part) if isinstance(part, int) else self.entry(position, part)
        return position

    def described(self, position: Position) -> str:
        """Give the first description found at a place; empty if there is none."""
        return next((s["description"] for _, s in self._expanded(position) if "description" in s), "")

    def allowed(self, position: Position) -> frozenset[str]:
        """JSON type names allowed at a place; empty where the schema does not say."""
        names: set[str] = set()
        for _, schema in self._expanded(position):
            given = schema.get("type", ())
            names |= {given} if isinstance(given, str) else set(given)
        return frozenset(names)

    def is_text(self, position: Position) -> bool:
        """Whether a place holds a text in several languages."""
        return any(schema.get("$ref", "").endswith(_TEXT) for _, schema in self._expanded(position))

    def _expanded(self, position: Position) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for kind, schema in position:
            yield kind, schema
            if "$ref" in schema:
                yield from self._expanded((self._lookup(kind, schema["$ref"]),))
            for word in _COMBINED:
                yield from self._expanded(tuple((kind, inner) for inner in schema.get(word, ())))

    def _lookup(self, kind: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        # the two forms used in schema/meta: "#/$defs/x" and "common.schema.json#/$defs/x"
        file, _, pointer = reference.partition("#")
        kind = file.removesuffix(".schema.json") or kind
        schema = self.schemas[kind]
        for part in pointer.split("/")[1:]:
            schema = schema[part]
        return kind, schema
