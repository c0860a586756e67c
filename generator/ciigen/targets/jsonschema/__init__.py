"""Output ``jsonschema``: JSON Schema of every payload, and of the resolved schema itself.

Place in the line: render. ``generated/jsonschema/<payload>.schema.json`` (draft-07) is what a consumer validates
messages with, and what the Python models and the AsyncAPI document are made from. ``resolved.schema.json`` (2020-12, as
pydantic writes it) is the contract for whoever reads ``resolved.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Final

from ciigen.errors import UsageError, did_you_mean
from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.jsonschema.payloads import payload_schemas, resolved_schema

_RESOLVED: Final = "resolved"
_EXTENSION: Final = ".schema.json"
#: Payload → what the help says. A payload without a line here is in the tree, not on the command line.
_HELP: Final[Mapping[str, str]] = {
    "state": "snapshot of one telegram (topics state and history)",
    "meta": "who the meter is and what it sends",
    "diag": "state of the link",
    "error": "one error event",
    "number": "a value on its own topic",
    "text": "a text on its own topic",
    "availability": "online or offline",
    "raw": "the telegram as received",
    _RESOLVED: "the resolved schema (resolved.json)",
}


def schema_files(resolved: Resolved) -> dict[str, str]:
    """Name (payload, or ``resolved``) → JSON text, keys in the order of the schema."""
    schemas = {**payload_schemas(resolved), _RESOLVED: resolved_schema(resolved.version)}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def _view(name: str, resolved: Resolved, _: Selection) -> str:
    files = schema_files(resolved)
    if name not in files:
        raise UsageError(f"the schema has no payload {name}: {did_you_mean(name, files)}")
    return files[name]


_VIEWS: Final[Mapping[str, View]] = {
    name: View(_EXTENSION, text, partial(_view, name), stem=name) for name, text in _HELP.items()
}


class JsonSchema:
    """JSON Schema of payloads; a selection changes nothing, since a message may carry any quantity."""

    name = "jsonschema"
    of_contract = True
    help = "JSON Schema of each payload and of resolved.json"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """One file a payload."""
        return {f"{name}{_EXTENSION}": text for name, text in schema_files(resolved).items()}


TARGET: Target = JsonSchema()
