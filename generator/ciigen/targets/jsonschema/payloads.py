"""Payload schemas with every quantity filled in.

``schema/topics.yaml`` says what the payloads look like; ``schema/quantities`` says which names can occur in them.
Here both come together: ``values`` and ``texts`` of a snapshot get one optional property a quantity, with label,
description, unit and OBIS code. Names that are not listed stay allowed, because a minor version of the profile only
adds: a consumer that validates with an older file must not reject a newer message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ciigen.resolved import Place, Quantity, Resolved

#: A JSON object. Schemas are data for us: what is inside is looked at key by key.
JsonObject = dict[str, object]

_DRAFT_07: Final = "http://json-schema.org/draft-07/schema#"
_DRAFT_2020: Final = "https://json-schema.org/draft/2020-12/schema"
_LANGUAGE: Final = "en"


def payload_schemas(resolved: Resolved) -> dict[str, JsonObject]:
    """Payload name → complete draft-07 schema, in the order of ``topics.yaml``."""
    return {name: _payload(resolved, name, schema) for name, schema in resolved.payloads.items()}


def resolved_schema(version: str) -> JsonObject:
    """JSON Schema of ``resolved.json``, from the models of ``ciigen.resolved``."""
    return {
        "$schema": _DRAFT_2020,
        "$id": _identifier(version, "resolved"),
        **Resolved.model_json_schema(mode="serialization"),
    }


def json_object(value: object, where: str) -> JsonObject:
    """``value`` as a JSON object; ``where`` names its place in the schema for the TypeError if it is none."""
    if not isinstance(value, dict):
        raise TypeError(f"schema/topics.yaml: {where} must be an object, not {type(value).__name__}")
    return value


def _identifier(version: str, name: str) -> str:
    major = version.partition(".")[0]
    return f"urn:cii:v{major}:{name}"


def _payload(resolved: Resolved, name: str, schema: Mapping[str, object]) -> JsonObject:
    filled = dict(schema)
    if "properties" in schema:
        where = f"payloads.{name}.properties"
        properties = json_object(schema["properties"], where)
        filled["properties"] = {
            key: _filled(resolved, key, json_object(value, f"{where}.{key}"))
            for key, value in properties.items()
        }
    head: JsonObject = {
        "$schema": _DRAFT_07,
        "$id": _identifier(resolved.version, name),
        "title": name.capitalize(),
    }
    return head | filled


def _filled(resolved: Resolved, key: str, schema: JsonObject) -> JsonObject:
    """``values`` or ``texts`` with a property a quantity in front of what ``topics.yaml`` says of them."""
    if key not in _BY_PLACE:
        return schema
    place, describe = _BY_PLACE[key]
    named = {q.name: describe(q) for q in resolved.quantities.values() if q.place is place}
    written = json_object(schema.get("properties", {}), f"{key}.properties")
    return {**schema, "properties": {**named, **written}}


def _value(quantity: Quantity) -> JsonObject:
    return {"type": "number", **_meaning(quantity), "x-unit": quantity.unit, "x-kind": quantity.kind.value}


def _text(quantity: Quantity) -> JsonObject:
    # no enum: a minor version may add a state
    known: JsonObject = {"examples": list(quantity.states)} if quantity.states else {}
    return {"type": "string", **_meaning(quantity), **known}


def _meaning(quantity: Quantity) -> JsonObject:
    sentences = [quantity.description.get(_LANGUAGE, ""), f"OBIS {', '.join(quantity.obis)}."]
    if quantity.states:
        states = "; ".join(f"{state}: {label[_LANGUAGE]}" for state, label in quantity.states.items())
        sentences.insert(1, f"{states}.")
    if quantity.unit not in (None, "1"):
        sentences.append(f"Unit {quantity.unit}.")
    return {"title": quantity.label[_LANGUAGE], "description": " ".join(filter(None, sentences))}


#: Key of a snapshot → the quantities that stand there, and how each is described.
_BY_PLACE: Final[Mapping[str, tuple[Place, Callable[[Quantity], JsonObject]]]] = {
    "values": (Place.VALUE, _value),
    "texts": (Place.TEXT, _text),
}
