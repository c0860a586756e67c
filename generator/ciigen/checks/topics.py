"""Topics: every placeholder is defined, nothing is both leaf and parent, and payloads are what consumers can take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Final

from jsonschema import Draft7Validator, SchemaError

from ciigen.checks.sound import Sound
from ciigen.errors import Finding, did_you_mean
from ciigen.source import Node

#: ioBroker takes a JSON object with this top-level key for a state of its own and echoes it to the broker.
_FORBIDDEN_KEY: Final = "val"


def levels(sound: Sound) -> Iterator[Finding]:
    """Check that the patterns of placeholders are regular expressions, and every placeholder has one."""
    top = sound.one("topics")
    known = top.named("levels")
    for level in known.values():
        yield from compiles(level)
    for topic in top.named("topics").values():
        path = topic.at("path")
        for name in re.findall(r"\{(\w+)\}", topic.word("path")):
            if path and name not in known:
                remedy = f"add it to levels; {did_you_mean(name, known)}"
                yield path.finding(f"{{{name}}} is not defined", remedy)


def leaves(sound: Sound) -> Iterator[Finding]:
    """No topic is above another one, and two topics share a path only for different kinds of quantity."""
    top = sound.one("topics")
    topics = top.named("topics")
    for (_, one), (other_name, other) in permutations(topics.items(), 2):
        mine, theirs = one.word("path").split("/"), other.word("path").split("/")
        if len(mine) < len(theirs) and all(_same(a, b, top) for a, b in zip(mine, theirs, strict=False)):
            message = f"{one.word('path')} is a topic and the parent of {other_name} ({other.word('path')})"
            yield (one.at("path") or one).finding(message, "give one of them another level")
    for (name, one), (other_name, other) in combinations(topics.items(), 2):
        mine, theirs = one.word("path").split("/"), other.word("path").split("/")
        if len(mine) != len(theirs) or not all(_same(a, b, top) for a, b in zip(mine, theirs, strict=True)):
            continue
        kinds = [{kind.text for kind in topic.below("kinds")} for topic in (one, other)]
        if not all(kinds) or kinds[0] & kinds[1]:
            message = f"{other_name} has the path of {name}"
            yield (other.at("path") or other).finding(message, "tell them apart by kinds, or by the path")


def payloads(sound: Sound) -> Iterator[Finding]:
    """Every topic has a payload that is a JSON Schema, without the key that ioBroker takes for its own."""
    top = sound.one("topics")
    known = top.named("payloads")
    for topic in top.named("topics").values():
        node = topic.at("payload")
        if node and node.text not in known:
            yield node.finding(f"{node.text} is no payload", did_you_mean(node.text, known))
    for payload in known.values():
        try:
            Draft7Validator.check_schema(payload.value)  # type: ignore[arg-type]  # any JSON is allowed
        except SchemaError as error:
            yield payload.finding(
                f"is no JSON Schema of draft 7: {error.message}", "correct it; see json-schema.org"
            )
            continue
        forbidden = payload.at("properties", _FORBIDDEN_KEY)
        if forbidden:
            message = f"a payload must not have the top-level key {_FORBIDDEN_KEY}"
            yield forbidden.finding(message, "rename it: ioBroker takes such an object for its own state")
        yield from _examples(payload)


def wills(sound: Sound) -> Iterator[Finding]:
    """Check that a last will is a payload of its topic."""
    top = sound.one("topics")
    known = top.named("payloads")
    for topic in top.named("topics").values():
        will, payload = topic.at("will"), known.get(topic.word("payload"))
        if will and payload and not Draft7Validator(payload.value).is_valid(will.value):  # type: ignore[arg-type]
            remedy = f"write one that payloads.{topic.word('payload')} allows"
            yield will.finding(f"{will.text} is no {topic.word('payload')}", remedy)


def symbols(sound: Sound) -> Iterator[Finding]:
    """Check that where a payload lists the units it may name, it lists those there are."""
    for payload in sound.one("topics").named("payloads").values():
        for listed in _unit_lists(payload):
            given = {symbol.text for symbol in listed.elements}
            if given != set(sound.units):
                wrong = ", ".join(sorted(given ^ set(sound.units)))
                remedy = "list every symbol of units.yaml and no other, or leave enum out"
                yield listed.finding(f"differs from units.yaml in {wrong}", remedy)


def compiles(pattern: Node) -> Iterator[Finding]:
    """Yield a finding if a text is no regular expression."""
    try:
        re.compile(pattern.text)
    except re.error as error:
        yield pattern.finding(
            f"is no regular expression: {error}", "correct it, or escape special characters with \\"
        )


def _unit_lists(node: Node) -> Iterator[Node]:
    listed = node.at("properties", "unit", "enum")
    if listed:
        yield listed
    for inner in node.entries.values():
        yield from _unit_lists(inner)


def _examples(payload: Node) -> Iterator[Finding]:
    validator = Draft7Validator(payload.value)  # type: ignore[arg-type]
    for example in payload.below("examples"):
        for error in validator.iter_errors(example.value):
            where = "".join(f".{part}" for part in error.absolute_path)
            remedy = "correct the example or the schema"
            yield example.finding(f"the example breaks its own schema{where}: {error.message}", remedy)


def _same(one: str, other: str, top: Node) -> bool:
    """Whether some topic level fits both: two placeholders may be equal, a word must fit the placeholder's pattern."""
    if one.startswith("{") and other.startswith("{"):
        return True
    if one.startswith("{") or other.startswith("{"):
        placeholder, word = (one, other) if one.startswith("{") else (other, one)
        pattern = top.named("levels").get(placeholder.strip("{}"))
        try:
            return pattern is not None and re.fullmatch(pattern.text, word) is not None
        except re.error:
            return False  # reported by `levels`
    return one == other


RULES: Final = (levels, leaves, payloads, wills)
