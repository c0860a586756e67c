"""Operators: the meters, interfaces and lists they refer to exist, and what they say of tariffs has a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ciigen.checks.sound import Sound
from ciigen.errors import Finding, did_you_mean
from ciigen.source import Node
from ciigen.target import COMMON_LIST, COMMON_METER


def references(sound: Sound) -> Iterator[Finding]:
    """Meter, interface and lists exist."""
    for top in sound.of("operator"):
        for entry in top.below("meters"):
            meter = sound.meters.get(entry.word("meter"))
            if meter is None:
                place = entry.at("meter") or entry
                message = f"{entry.word('meter')} is no meter model"
                yield place.finding(
                    message, f"{did_you_mean(entry.word('meter'), sound.meters)} Or add its file"
                )
                continue
            yield from _known(entry.below("interface"), "interface", meter, meter.below("interfaces"))
            yield from _known(entry.below("lists"), "list", meter, meter.below("lists"))


def once(sound: Sound) -> Iterator[Finding]:
    """Check that an operator has a meter with one interface once."""
    for top in sound.of("operator"):
        seen: dict[tuple[str, str], int] = {}
        for entry in top.below("meters"):
            key = (entry.word("meter"), entry.word("interface"))
            line = entry.source.line(entry.path)
            if seen.setdefault(key, line) != line:
                message = f"{key[0]} with interface {key[1]} stands in line {seen[key]} as well"
                yield entry.finding(message, "put the lists into one entry")


def tariffs(sound: Sound) -> Iterator[Finding]:
    """Check that the meaning of tariffs has a source."""
    for top in sound.of("operator"):
        node = top.at("tariffs")
        if node and top.at("tariffs_fact") is None:
            yield node.finding(
                "no source for the meaning of the tariffs", "add tariffs_fact: {status: …, source: …}"
            )


def common_list(sound: Sound) -> Iterator[Finding]:
    """Check that the list shown when no meter is named is there."""
    meter = sound.meters.get(COMMON_METER)
    ids = [pushed.word("id") for pushed in meter.below("lists")] if meter else []
    if COMMON_LIST not in ids:
        file = f"schema/meters/{COMMON_METER}.yaml"
        message = f"list {COMMON_LIST} is missing: it is shown when no meter is named"
        yield Finding(
            file, 1, "lists", message, "add it: it is the common list of the Swiss 2026 configuration"
        )


def _known(given: Iterable[Node], what: str, meter: Node, known: Iterable[Node]) -> Iterator[Finding]:
    names = [node.word("id") for node in known]
    for node in given:
        if node.text not in names:
            message = f"{meter.source.id} has no {what} {node.text}"
            yield node.finding(message, did_you_mean(node.text, names))


RULES: Final = (references, once, tariffs, common_list)
