"""Consumers: rules talk of things that exist, each matches something, and no quantity is left without what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ciigen.cascade import ANY, CONDITIONS, NONE, attributes, matches, subject
from ciigen.checks.sound import Sound
from ciigen.errors import Finding, did_you_mean

_NAME: Final = re.compile(r"[a-z][a-z0-9]*")


def names(sound: Sound) -> Iterator[Finding]:
    """Check that the name of the file is a word."""
    for consumer in sound.of("consumer"):
        if not _NAME.fullmatch(consumer.source.id):
            yield consumer.finding(
                f"{consumer.source.id} is no name", "rename the file: lower case letters and digits"
            )


def units(sound: Sound) -> Iterator[Finding]:
    """Attributes are given to units that exist."""
    for consumer in sound.of("consumer"):
        for symbol, node in consumer.named("units").items():
            if symbol not in sound.units:
                yield node.finding(f"unit {symbol} is not in units.yaml", did_you_mean(symbol, sound.units))


def conditions(sound: Sound) -> Iterator[Finding]:
    """Check that a condition names a value that some quantity has; a rule matches at least one quantity."""
    known = {key: {subject(entry, key) for entry in sound.entries} - {None} for key in CONDITIONS}
    for consumer in sound.of("consumer"):
        for rule in consumer.below("quantities"):
            wrong = False
            for key, wanted in rule.named("match").items():
                words = {word for word in known[key] if word is not None} | {NONE, ANY}
                for value in wanted.elements:
                    if value.text not in words:
                        wrong = True
                        message = f"no quantity has {key} {value.text}"
                        yield value.finding(message, did_you_mean(value.text, words))
            if not wrong and not any(matches(rule, entry) for entry in sound.entries):
                yield (rule.at("match") or rule).finding(
                    "the rule matches no quantity", "correct it or remove it"
                )


def complete(sound: Sound) -> Iterator[Finding]:
    """Every quantity ends up with the attributes that the consumer requires."""
    for consumer in sound.of("consumer"):
        required = [node.text for node in consumer.below("required")]
        for entry in sound.entries:
            told = attributes(consumer, entry)
            missing = [key for key in required if not told.get(key)]
            if missing:
                file = consumer.source.file
                remedy = (
                    f"add a rule to {file} that matches it, or consumers.{consumer.source.id} to the quantity"
                )
                yield entry.node.finding(f"{entry.name} gets no {', '.join(missing)} from {file}", remedy)


RULES: Final = (names, units, conditions, complete)
