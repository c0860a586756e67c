"""Dialects in the AsyncAPI document: a channel, an operation, a message and a schema for each.

Their payloads are shapes of words (``value``, ``obis``, ``time``, ``epoch``; ``"*"`` is one member a value), which become JSON Schema here,
and an example with the numbers of the snapshot that the other examples are of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Final

from ciigen.dialects import Spoken
from ciigen.resolved import Dialect, Quantity, Resolved
from ciigen.targets.asyncapi.carried import identity_example, state_example
from ciigen.targets.jsonschema.payloads import JsonObject, json_object

_EACH_VALUE: Final = "*"
_OBIS: Final = r"^[0-9]+\.[0-9]+\.[0-9]+$"
#: Word of a payload → its JSON Schema.
_SCHEMAS: Final[Mapping[str, JsonObject]] = {
    "value": {"type": "number", "description": "As the meter sent it, in the unit of the profile."},
    "obis": {
        "type": "string",
        "pattern": _OBIS,
        "description": "C.D.E of the OBIS code under which the meter sent it.",
    },
    "time": {"type": "string", "format": "date-time", "description": "Time of the telegram, in UTC."},
    "epoch": {"type": "integer", "description": "Time of the telegram, seconds since 1970 in UTC."},
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A value of the example."""

    key: str
    obis: str
    number: object


#: Word of a payload → what stands there in the example.
_WORDS: Final[Mapping[str, Callable[[datetime, _Row], object]]] = {
    "value": lambda _, row: row.number,
    "obis": lambda _, row: row.obis,
    "time": lambda moment, _: moment.isoformat(timespec="seconds"),
    "epoch": lambda moment, _: int(moment.timestamp()),
}


def name_of(dialect: Dialect) -> str:
    """Name of its channel and its message; names of topics have no hyphen."""
    return f"dialect_{dialect.name.replace('-', '_')}"


def levels(dialect: Dialect) -> tuple[str, ...]:
    """Return the placeholders of its path, in order."""
    return tuple(field for _, field, _, _ in Formatter().parse(dialect.path) if field)


def parameters(dialect: Dialect, lang: str) -> dict[str, JsonObject]:
    """Say what each placeholder of its path is."""
    known: dict[str, JsonObject] = {
        "id": {
            "description": "What the meter calls itself; until it has said it, its level in the topics of the profile."
        },
        "meter": {"description": "Level of the meter in the topics of the profile."},
        "key": {"description": "What the value is called there.", "enum": list(dialect.names.values())}
        if dialect.key == "name"
        else {"description": "C.D.E of the OBIS code under which the meter sent the value."},
    }
    for key, setting in dialect.settings.items():
        known[key] = {"description": setting.description[lang], "default": setting.default}
    return {level: known[level] for level in levels(dialect)}


def schema(dialect: Dialect) -> JsonObject:
    """JSON Schema of its payload."""
    return {"title": dialect.title, **_object(dialect.payload)}


def example(resolved: Resolved, dialect: Dialect) -> tuple[str, JsonObject]:
    """Topic and payload of a message of the snapshot that all examples are of."""
    state = state_example(resolved)
    moment = datetime.fromisoformat(str(state["ts"]))
    rows = list(_rows(resolved, dialect, json_object(state["values"], "values")))
    identity = identity_example(resolved)
    called = next((str(identity[name]) for name in dialect.identity if name in identity), str(state["meter"]))
    spoken = Spoken(dialect, {key: setting.default for key, setting in dialect.settings.items()})
    levels = {**spoken.settings, "id": called, "meter": str(state["meter"]), "key": rows[0].key}
    return dialect.path.format_map(levels), _filled(dialect.payload, moment, rows, rows[0])


def _object(shape: Mapping[str, object]) -> JsonObject:
    members = {key: _member(inner) for key, inner in shape.items()}
    others = members.pop(_EACH_VALUE, None)
    found: JsonObject = {"type": "object", "properties": members, "required": list(members)}
    if others is None:
        return {**found, "additionalProperties": False}
    # a value is called by its code
    return {**found, "patternProperties": {_OBIS: others}, "additionalProperties": False}


def _member(inner: object) -> JsonObject:
    return dict(_SCHEMAS[inner]) if isinstance(inner, str) else _object(json_object(inner, "payload"))


def _rows(resolved: Resolved, dialect: Dialect, values: JsonObject) -> Iterator[_Row]:
    for name, number in values.items():
        quantity = resolved.quantities[name]
        short = _short(quantity)
        # what was computed has no code, and so no name there
        if quantity.derive is None and (key := short if dialect.key == "obis" else dialect.names.get(name)):
            yield _Row(key, short, number)


def _short(quantity: Quantity) -> str:
    return quantity.obis[0].partition(":")[2].partition("*")[0]


def _filled(shape: Mapping[str, object], moment: datetime, rows: list[_Row], one: _Row) -> JsonObject:
    document: JsonObject = {}
    for key, inner in shape.items():
        for name, row in {each.key: each for each in rows}.items() if key == _EACH_VALUE else ((key, one),):
            document[name] = (
                _WORDS[inner](moment, row)
                if isinstance(inner, str)
                else _filled(json_object(inner, "payload"), moment, rows, row)
            )
    return document
