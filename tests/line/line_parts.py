"""Holds messages that were heard on a broker against what is generated: AsyncAPI, the schema, JSON Schemas, Python models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import ciimodel
import jsonschema
from captures import ROOT
from ciimodel import payloads
from ciimodel.topics import LEVELS, match
from mqtt_parts import Heard, find_mosquitto
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

CATALOGUE = ciimodel.load()
#: A level of a topic in the tongue of others, which has its own rules.
_ANY = "[^/]+"
#: Payloads that are JSON objects. The others have a JSON Schema too: a number is read as one, a text is a string.
OBJECTS: dict[str, Any] = {
    "state": payloads.State,
    "meta": payloads.Meta,
    "diag": payloads.Diag,
    "error": payloads.Error,
}


def not_in_asyncapi(messages: Iterable[Heard]) -> list[str]:
    """Topics that the AsyncAPI document does not know, or gives another QoS or retain."""
    return sorted({f"{m.topic}: {fault}" for m in messages if (fault := _asyncapi_fault(m))})


def schema_faults(messages: Iterable[Heard]) -> list[str]:
    """Messages that were not sent as the schema says: QoS, retain, expiry, content type."""
    return sorted({f"{m.topic}: {fault}" for m in messages if (fault := _delivery_fault(m))})


def payload_faults(messages: Iterable[Heard]) -> list[str]:
    """Payloads that do not fit their JSON Schema or their Python model."""
    return sorted({f"{m.topic}: {fault}" for m in messages if (fault := _payload_fault(m))})


def payload_of(message: Heard) -> str:
    """Name of the payload of the topic; raises LookupError for one that is none of the profile."""
    found = match(message.topic)
    if found is None:
        raise LookupError(f"{message.topic} is no topic of the profile")
    return CATALOGUE.topics[found.name].payload


def _asyncapi_fault(message: Heard) -> str | None:
    document = _asyncapi()
    fitting = [
        operation
        for name, channel in document["channels"].items()
        if (operation := _operation(document, name, channel, message.topic))
    ]
    if not fitting:
        return "no channel"
    binding = fitting[0]["bindings"]["mqtt"]
    # amqtt passes on neither QoS nor the retain flag
    if find_mosquitto() and (message.qos, message.retain) != (binding["qos"], binding["retain"]):
        return f"QoS {message.qos}, retain {message.retain}"
    return None


def _delivery_fault(message: Heard) -> str | None:
    found = match(message.topic)
    if found is None:
        return "no topic of the profile"
    topic = CATALOGUE.topics[_by_kind(found.name, found.levels.get("quantity"))]
    if not find_mosquitto():  # amqtt passes on neither QoS nor the retain flag, and knows no expiry
        return None
    said = (message.qos, message.retain, message.content_type, message.expiry_s is None)
    wanted = (topic.qos, topic.retain, topic.content_type, topic.expiry_s is None)
    return None if said == wanted else f"{said}, not {wanted}"


def _payload_fault(message: Heard) -> str | None:
    try:
        payload = payload_of(message)
        schema = json.loads(
            (ROOT / f"generated/jsonschema/{payload}.schema.json").read_text(encoding="utf-8")
        )
        is_json = payload in OBJECTS or payload == "number"
        value = json.loads(message.payload) if is_json else message.payload
        jsonschema.validate(value, schema, cls=jsonschema.Draft7Validator)
        if payload in OBJECTS:
            TypeAdapter(OBJECTS[payload]).validate_json(message.payload)
    except (LookupError, ValueError, ValidationError, jsonschema.ValidationError) as fault:
        return str(fault).splitlines()[0]
    if payload == "state" and (unknown := set(value["values"]) - set(CATALOGUE.quantities)):
        return f"unknown quantities {unknown}"
    return None


@cache
def _asyncapi() -> dict[str, Any]:
    text = (ROOT / "generated/asyncapi/asyncapi.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return document


def _operation(
    document: dict[str, Any], name: str, channel: dict[str, Any], topic: str
) -> dict[str, Any] | None:
    """The operation that sends ``topic``, if ``channel`` is its channel (its quantity must be one of the parameter's)."""
    found = re.fullmatch(_levels(channel["address"]), topic)
    if found is None:
        return None
    for parameter, definition in channel["parameters"].items():
        resolved = _dereference(document, definition)
        if parameter in ("quantity", "item") and found[parameter] not in resolved.get("enum", ()):
            return None
    operation: dict[str, Any] = document["operations"][f"send_{name}"]
    return operation


def _levels(pattern: str) -> str:
    return re.sub(
        r"\\{(\w+)\\}", lambda found: f"(?P<{found[1]}>{LEVELS.get(found[1], _ANY)})", re.escape(pattern)
    )


def _dereference(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def _by_kind(name: str, quantity: str | None) -> str:
    if quantity is None:
        return name
    kind = CATALOGUE.quantities[quantity].kind
    return next(
        t.name
        for t in CATALOGUE.topics.values()
        if kind in t.kinds and t.name.split("_")[0] == name.split("_", maxsplit=1)[0]
    )
