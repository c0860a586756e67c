"""The rules of ``consumers/*.yaml``: every rule that matches a quantity sets its attributes, later over earlier.

What a block of a quantity says under ``consumers`` comes last. A condition is a value, a list of values, ``none`` (the
quantity has none) or ``any`` (it has one).
"""

from __future__ import annotations

from typing import Final

from ciigen.source import Node
from ciigen.unfold import Entry

#: The keys of `match`, and what of an entry they compare.
CONDITIONS: Final = ("name", "family", "kind", "unit", "medium", "direction", "phase", "tariff", "place")
NONE: Final = "none"
ANY: Final = "any"


def subject(entry: Entry, condition: str) -> str | None:
    """Give what a condition compares: ``unit`` of power_import is W."""
    if condition in ("name", "family", "medium", "phase", "tariff", "place"):
        value: str | None = getattr(entry, condition)
        return value
    return entry.word(condition)


def matches(rule: Node, entry: Entry) -> bool:
    """Whether every condition of a rule fits a quantity."""
    return all(
        any(_fits(value.text, subject(entry, condition)) for value in wanted.elements)
        for condition, wanted in rule.named("match").items()
    )


def attributes(consumer: Node, entry: Entry) -> dict[str, str]:
    """Give what a consumer (the top node of its file) is told of a quantity."""
    told: dict[str, str] = {}
    for rule in consumer.below("quantities"):
        if matches(rule, entry):
            told |= {key: node.text for key, node in rule.named("set").items()}
    own = entry.facts.get("consumers")
    special = own.named(consumer.source.id) if own else {}
    return told | {key: node.text for key, node in special.items()}


def _fits(wanted: str, value: str | None) -> bool:
    if wanted == NONE:
        return value is None
    return value is not None if wanted == ANY else value == wanted
