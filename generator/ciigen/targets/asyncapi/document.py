"""The AsyncAPI 3.0.0 document as plain data: servers, channels, operations, components.

Seen from the bridge: it sends, everyone else receives. Each topic of the schema is one channel, one operation and one
message of the same name. Two topics may share a path (a live value and a counter); they stay two channels, because QoS,
retain and the names that can occur differ. The dialects, topics of other publishers beside ours, follow in the same form.

Clauses: AsyncAPI specification 3.0.0, MQTT bindings 0.2.0.
"""

from __future__ import annotations

from typing import Final

from ciigen.resolved import Dialect, Quantity, Resolved, Topic
from ciigen.targets.asyncapi import dialects
from ciigen.targets.asyncapi.carried import (
    CHANNEL,
    METER,
    PREFIX,
    QUANTITY_LEVELS,
    carried,
    example,
    example_topic,
    levels,
)
from ciigen.targets.jsonschema.payloads import JsonObject, payload_schemas

_VERSION: Final = "3.0.0"
_MQTT_BINDING: Final = "0.2.0"
_LANGUAGE: Final = "en"
_DESCRIPTION: Final = (
    "One language on MQTT for every smart meter with a local customer interface: the same topics, names, units and "
    "signs, whatever the meter itself speaks. The major version stands in the topic; a minor one only adds, so ignore "
    "what you do not know."
)
_LEVELS: Final[dict[str, str]] = {
    PREFIX: "First level or levels, configurable.",
    METER: "Id of the meter: its logical device name 0-0:42.0.0 in lower case, else another number it sends, else as "
    "configured. It never changes once found.",
    CHANNEL: "Number n of the sub-meter behind the meter: group B of its OBIS codes 0-n:24.x.",
    "bridge": "Id of the bridge process.",
}
#: Keywords that name a schema as a file of its own; inside this document `$id` would move the references.
_FILE_KEYWORDS: Final = ("$schema", "$id")


def document(resolved: Resolved) -> JsonObject:
    """Return the whole document; keys in the order in which people read it."""
    topics, spoken = resolved.topics.values(), resolved.dialects.values()
    return {
        "asyncapi": _VERSION,
        "info": {
            "title": "Harmonised profile for smart meters' customer interface",
            "version": resolved.version,
            "description": _DESCRIPTION,
        },
        "defaultContentType": "application/json",
        "servers": {_server_of(topic): _server(resolved, topic) for topic in topics if topic.will},
        "channels": {topic.name: _channel(resolved, topic) for topic in topics}
        | {dialects.name_of(each): _dialect_channel(each) for each in spoken},
        "operations": {f"send_{topic.name}": _operation(topic) for topic in topics}
        | {f"send_{dialects.name_of(each)}": _dialect_operation(each) for each in spoken},
        "components": {
            "parameters": _parameters(resolved) | _dialect_parameters(resolved),
            "messages": {topic.name: _message(resolved, topic) for topic in topics}
            | {dialects.name_of(each): _dialect_message(resolved, each) for each in spoken},
            "schemas": {
                str(schema["title"]): {k: v for k, v in schema.items() if k not in _FILE_KEYWORDS}
                for schema in payload_schemas(resolved).values()
            }
            | {dialects.name_of(each): dialects.schema(each) for each in spoken},
        },
    }


def _server_of(topic: Topic) -> str:
    return "process_connection" if topic.per_process else "meter_connection"


def _server(resolved: Resolved, will: Topic) -> JsonObject:
    whose = (
        "the bridge process"
        if will.per_process
        else "one meter: each meter has its own, and so its own last will"
    )
    return {
        "host": "{host}:{port}",
        "protocol": "mqtt",
        "protocolVersion": "5.0",
        "description": f"Connection of {whose}. The broker sends the will when the connection ends abnormally; "
        "before a clean stop the same payload is published.",
        "variables": {
            "host": {"default": "localhost", "description": "Name or address of the MQTT broker."},
            "port": {"default": "1883", "description": "1883, or 8883 with TLS."},
        },
        "bindings": {
            "mqtt": {
                "lastWill": {
                    "topic": will.path.replace(f"{{{PREFIX}}}", resolved.prefix),
                    "qos": will.qos,
                    "message": will.will,
                    "retain": will.retain,
                },
                "bindingVersion": _MQTT_BINDING,
            }
        },
    }


def _channel(resolved: Resolved, topic: Topic) -> JsonObject:
    parameters = {level: _ref("parameters", _parameter_of(resolved, topic, level)) for level in levels(topic)}
    return {
        "address": topic.path,
        "description": topic.description[_LANGUAGE],
        "servers": [{"$ref": f"#/servers/{_server_of(topic)}"}],
        "parameters": parameters,
        "messages": {topic.name: _ref("messages", topic.name)},
    }


def _operation(topic: Topic) -> JsonObject:
    expiry: JsonObject = {} if topic.expiry_s is None else {"messageExpiryInterval": topic.expiry_s}
    asked: JsonObject = (
        {"description": "Off unless asked for in the configuration."} if topic.optional else {}
    )
    mqtt: JsonObject = {"qos": topic.qos, "retain": topic.retain, **expiry, "bindingVersion": _MQTT_BINDING}
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        **asked,
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.name}"}],
        "bindings": {"mqtt": mqtt},
    }


def _message(resolved: Resolved, topic: Topic) -> JsonObject:
    message: JsonObject = {
        "name": topic.name,
        "summary": topic.description[_LANGUAGE],
        "contentType": topic.content_type,
        "payload": _ref("schemas", str(payload_schemas(resolved)[topic.payload]["title"])),
    }
    payload = example(resolved, topic)
    if payload is None:
        return message
    return {**message, "examples": [{"name": example_topic(resolved, topic), "payload": payload}]}


def _parameters(resolved: Resolved) -> JsonObject:
    parameters: JsonObject = {}
    for topic in resolved.topics.values():
        for level in levels(topic):
            name = _parameter_of(resolved, topic, level)
            quantities = carried(resolved, topic) if name != level else []
            parameters.setdefault(name, _parameter(resolved, level, quantities))
    return parameters


def _parameter_of(resolved: Resolved, topic: Topic, level: str) -> str:
    """Return the name of the parameter; only a level that is a quantity has other values on each topic."""
    own = level in QUANTITY_LEVELS and carried(resolved, topic)
    return f"{level}_{topic.name}" if own else level


def _parameter(resolved: Resolved, level: str, quantities: list[Quantity]) -> JsonObject:
    if quantities:
        lines = "\n".join(_line(quantity) for quantity in quantities)
        return {"description": f"Name of the quantity:\n\n{lines}\n", "enum": [q.name for q in quantities]}
    meaning = _LEVELS.get(level, "Name of a quantity; this version defines none for this topic.")
    fixed: JsonObject = {"default": resolved.prefix} if level == PREFIX else {}
    return {"description": f"{meaning} Matches `{resolved.levels[level]}`.", **fixed}


def _dialect_channel(dialect: Dialect) -> JsonObject:
    name = dialects.name_of(dialect)
    return {
        "address": dialect.path,
        "description": dialect.description[_LANGUAGE],
        "servers": [{"$ref": "#/servers/meter_connection"}],
        "parameters": {level: _ref("parameters", f"{name}_{level}") for level in dialects.levels(dialect)},
        "messages": {name: _ref("messages", name)},
    }


def _dialect_operation(dialect: Dialect) -> JsonObject:
    name = dialects.name_of(dialect)
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{name}"},
        "description": f"Off unless asked for in the configuration: [dialect.{dialect.name}]. One message a {dialect.each}.",
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "bindings": {"mqtt": {"qos": dialect.qos, "retain": dialect.retain, "bindingVersion": _MQTT_BINDING}},
    }


def _dialect_parameters(resolved: Resolved) -> JsonObject:
    return {
        f"{dialects.name_of(each)}_{level}": parameter
        for each in resolved.dialects.values()
        for level, parameter in dialects.parameters(each, _LANGUAGE).items()
    }


def _dialect_message(resolved: Resolved, dialect: Dialect) -> JsonObject:
    name = dialects.name_of(dialect)
    topic, payload = dialects.example(resolved, dialect)
    return {
        "name": name,
        "summary": f"{dialect.title}: one message a {dialect.each}",
        "contentType": "application/json",
        "payload": _ref("schemas", name),
        "examples": [{"name": topic, "payload": payload}],
    }


def _ref(kind: str, name: str) -> JsonObject:
    return {"$ref": f"#/components/{kind}/{name}"}


def _line(quantity: Quantity) -> str:
    unit = f", {quantity.unit}" if quantity.unit else ""
    return f"- `{quantity.name}`: {quantity.label[_LANGUAGE]}{unit}, OBIS {quantity.obis[0]}"
