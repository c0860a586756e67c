"""Dialects: placeholders, names and words that mean something, and a payload that holds what it is there for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ciigen.checks.sound import Sound
from ciigen.errors import Finding, did_you_mean
from ciigen.source import Node

#: Words of a payload; those of a value mean nothing where a telegram is spoken of.
_OF_TELEGRAM: Final = ("time", "epoch")
_OF_VALUE: Final = ("value", "obis", *_OF_TELEGRAM)
_EACH_VALUE: Final = "*"
_LEVELS: Final = ("id", "meter")


def paths(sound: Sound) -> Iterator[Finding]:
    """Every placeholder is known and every setting used; a message a value has a topic a value."""
    for top in sound.of("dialect"):
        path = top.at("path") or top
        found = re.findall(r"\{(\w*)\}", path.text)
        of_value = top.word("each") == "value"
        known = [*_LEVELS, *top.named("settings"), *(["key"] if of_value else [])]
        for name in found:
            if name not in known:
                yield path.finding(f"{{{name}}} is not defined", did_you_mean(name, known))
        for name, setting in top.named("settings").items():
            if name not in found:
                yield setting.finding(f"{name} is not in path", f"write {{{name}}} there, or take it away")
        if of_value and "key" not in found:
            yield path.finding("all values have the same topic", "write {key} in it, or each: telegram")


def names(sound: Sound) -> Iterator[Finding]:
    """Names and identities are of quantities; names are there if and only if they are the keys, each once."""
    for top in sound.of("dialect"):
        given = top.named("names")
        if (top.word("key") == "name") != bool(given):
            yield (top.at("key") or top).finding(
                "does not fit names", "give names with key: name, and only then"
            )
        for place, nodes in (
            ("value", {name: top.at("names", name) or top for name in given}),
            ("meta", {node.text: node for node in top.below("identity")}),
        ):
            known = [name for name, entry in sound.quantities.items() if entry.place == place]
            for name, node in nodes.items():
                if name not in known:
                    yield node.finding(f"no quantity with place {place} is {name}", did_you_mean(name, known))
        seen: set[str] = set()
        for node in given.values():
            if node.text in seen:
                yield node.finding(f"{node.text} is the name of two quantities", "keep one")
            seen.add(node.text)


def payloads(sound: Sound) -> Iterator[Finding]:
    """Every text of a payload is a word, and the values are in it."""
    for top in sound.of("dialect"):
        payload = top.at("payload") or top
        of_value = top.word("each") == "value"
        yield from _words(payload, _OF_VALUE if of_value else _OF_TELEGRAM, many=not of_value)
        if "value" not in [node.text for node in _leaves(payload)]:
            yield payload.finding("the values are not in it", "write value where they belong")


def _words(node: Node, words: tuple[str, ...], *, many: bool) -> Iterator[Finding]:
    for key, inner in node.entries.items():
        if key == _EACH_VALUE and not many:
            yield inner.finding('"*" is for each: telegram', "give the member a name")
        elif isinstance(inner.value, dict):
            yield from _words(inner, _OF_VALUE if key == _EACH_VALUE else words, many=many)
        else:
            allowed = _OF_VALUE if key == _EACH_VALUE else words
            if not isinstance(inner.value, str) or inner.text not in allowed:
                yield inner.finding(f"{inner.text} is no word here", f"write one of {', '.join(allowed)}")


def _leaves(node: Node) -> Iterator[Node]:
    for inner in node.entries.values():
        if isinstance(inner.value, dict):
            yield from _leaves(inner)
        else:
            yield inner


RULES: Final = (paths, names, payloads)
