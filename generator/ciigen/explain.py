"""Errors of the JSON Schema validator in plain words: what is wrong, at which key, and what to write instead.

Used by ``validate``. The remedy comes from the ``description`` in ``schema/meta``, so that who adds a key there has
said all that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from jsonschema.exceptions import ValidationError

from ciigen.errors import Finding, did_you_mean
from ciigen.meta import Types
from ciigen.source import Json, KeyPath, Node, Source

_SEE: Final = "schema/README.md shows the form"

#: JSON type → how people call it.
_WORDS: Final[Mapping[str, str]] = {
    "object": "a mapping (key: value)",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "~",
}
_NAMES: Final[Mapping[type, str]] = {dict: "object", list: "array", type(None): "null"}
_UNQUOTED: Final = frozenset(("integer", "number", "boolean"))


@dataclass(frozen=True, slots=True)
class _Broken:
    """What the validator says, without its own types: the rule that is broken, the value, and where it stands."""

    rule: Any  # what the schema demands: the value of the keyword
    schema: Mapping[str, Any]
    value: Any
    message: str
    path: KeyPath
    choices: tuple[ValidationError, ...]
    types: Types

    @property
    def hint(self) -> str:
        """The description of the broken schema, else that of the place, else where to read on."""
        return self.schema.get("description") or self.types.described(self.types.at(self.path)) or _SEE

    def of_key(self, key: str) -> str:
        """Give the description of a key of the value; empty if it has none."""
        return self.types.described(self.types.at((*self.path, key)))


#: Message, remedy, and the key of the value that they are about (None: the value itself).
_Explained: TypeAlias = tuple[str, str, str | None]


def explain(source: Source, types: Types, error: ValidationError) -> Iterator[Finding]:
    """Give the findings of one error of the validator."""
    for cause in _causes(error):
        path: KeyPath = tuple(cause.absolute_path)
        value: Any = cause.instance
        schema = cause.schema if isinstance(cause.schema, Mapping) else {}
        broken = _Broken(
            cause.validator_value, schema, value, cause.message, path, tuple(cause.context or ()), types
        )
        words = _EXPLAIN.get(str(cause.validator), _other)
        # an error about a key has the path of the mapping and the key as its value
        if isinstance(value, str) and isinstance(_at(source.data, path), dict):
            words = _key
        for message, remedy, key in words(broken):
            yield Node(source, path if key is None else (*path, key), None).finding(message, remedy)


def _causes(error: ValidationError) -> Iterator[ValidationError]:
    """Give the errors to report: of a choice, those of the branch that has the type of the value."""
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [
        inner for inner in branches.values() if not any(e.validator == "type" and not e.path for e in inner)
    ]
    if error.validator == "anyOf" and len(branches) > 1 and len(fitting) == 1:
        for inner in fitting[0]:
            yield from _causes(inner)
    else:
        yield error


def _at(data: Json, path: KeyPath) -> Json:
    for part in path:
        if isinstance(data, dict):
            data = data[str(part)]
        elif isinstance(data, list):
            data = data[int(part)]
    return data


def _shown(value: Json) -> str:
    name = _NAMES.get(type(value))
    return _WORDS[name] if name else repr(value)


def _type(broken: _Broken) -> Iterator[_Explained]:
    wanted = [broken.rule] if isinstance(broken.rule, str) else list(broken.rule)
    words = " or ".join(_WORDS[name] for name in wanted)
    hint = broken.hint
    if isinstance(broken.value, str) and not _UNQUOTED.isdisjoint(wanted):
        hint = f"write it unquoted and as JSON does (1, -2, 0.5, true). {hint}"
    yield f"is {_shown(broken.value)}, must be {words}", hint, None


def _required(broken: _Broken) -> Iterator[_Explained]:
    # there is one error a key, and only the message names it
    key = next(key for key in broken.rule if broken.message.startswith(repr(key)))
    described = broken.of_key(key)
    yield f"{key} is missing", f"add {key}: {described}" if described else f"add {key}", None


def _unknown(broken: _Broken) -> Iterator[_Explained]:
    known = broken.schema["properties"]
    for key in broken.value:
        if key not in known:
            yield f"unknown key {key}", did_you_mean(key, known), key


def _pattern(broken: _Broken) -> Iterator[_Explained]:
    yield f"{_shown(broken.value)} has the wrong form", broken.hint, None


def _key(broken: _Broken) -> Iterator[_Explained]:
    hint = broken.schema.get("description", f"a key here must match {broken.rule}")
    yield f"the key {broken.value} has the wrong form", hint, broken.value


def _enum(broken: _Broken) -> Iterator[_Explained]:
    known = [str(value) for value in broken.rule]
    near = did_you_mean(str(broken.value), known)
    hint = near if near.startswith("did") else f"write one of {', '.join(known)}"
    yield f"{_shown(broken.value)} is not known here", hint, None


def _choice(broken: _Broken) -> Iterator[_Explained]:
    keys: list[str] = []
    for choice in broken.choices:
        rule: Any = choice.validator_value
        keys += rule if choice.validator == "required" else ()
    if keys:
        yield f"has none of {', '.join(keys)}", f"add one of them. {broken.hint}", None
    else:
        yield f"is {_shown(broken.value)}", broken.hint, None


def _empty(broken: _Broken) -> Iterator[_Explained]:
    yield "is empty", broken.hint, None


def _twice(broken: _Broken) -> Iterator[_Explained]:
    seen = [value for index, value in enumerate(broken.value) if value in broken.value[:index]]
    yield f"has {', '.join(map(_shown, seen))} twice", "keep one of them", None


def _limit(broken: _Broken) -> Iterator[_Explained]:
    yield f"{broken.value} is out of range, the limit is {broken.rule}", broken.hint, None


def _other(broken: _Broken) -> Iterator[_Explained]:
    yield broken.message, broken.hint, None


_EXPLAIN: Final[Mapping[str, Callable[[_Broken], Iterator[_Explained]]]] = {
    "type": _type,
    "required": _required,
    "additionalProperties": _unknown,
    "pattern": _pattern,
    "enum": _enum,
    "anyOf": _choice,
    "minProperties": _empty,
    "minItems": _empty,
    "minLength": _empty,
    "uniqueItems": _twice,
    "minimum": _limit,
    "maximum": _limit,
    "exclusiveMinimum": _limit,
}
