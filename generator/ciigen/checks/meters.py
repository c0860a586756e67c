"""Meter models: references inside a file, elements the profile knows, and facts that agree with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from zoneinfo import available_timezones

from ciigen.checks.sound import Sound
from ciigen.checks.topics import compiles
from ciigen.elements import candidates, parse
from ciigen.errors import Finding, did_you_mean
from ciigen.obis import overlap
from ciigen.source import Node

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: A-XDR types that hold no number, so a power of ten means nothing.
_TEXTS: Final = (
    "octet-string",
    "visible-string",
    "utf8-string",
    "bit-string",
    "date-time",
    "date",
    "time",
    "boolean",
)
#: An object of this class heads a push list; it is the list, not a quantity.
_PUSH_SETUP: Final = 40


def ids(sound: Sound) -> Iterator[Finding]:
    """Check that the id of a model or operator is the name of its file; the ids inside a model are given once."""
    for top in (*sound.of("meter"), *sound.of("operator")):
        stem = top.source.id
        if not _ID.fullmatch(stem):
            yield top.finding(f"{stem} is no id", "rename the file: lower case letters, digits and -")
        given = top.at("id")
        if given and given.text != stem:
            yield given.finding(
                f"id {given.text} in a file called {stem}.yaml", f"write id: {stem}, or leave it out"
            )
    for top in sound.of("meter"):
        for key in ("interfaces", "lists"):
            yield from _once(top.below(key))


def alike(sound: Sound) -> Iterator[Finding]:
    """Check that an interface that is like another one names one that there is."""
    for top in sound.of("meter"):
        for interface in top.below("interfaces"):
            like = interface.at("like")
            if like and like.text not in sound.interfaces:
                remedy = f"{did_you_mean(like.text, sound.interfaces)} They stand in schema/interfaces.yaml"
                yield like.finding(f"there is no interface {like.text}", remedy)


def asked(sound: Sound) -> Iterator[Finding]:
    """Of a meter that must be asked it is said how."""
    meters = [one for top in sound.of("meter") for one in top.below("interfaces")]
    for interface in (*sound.interfaces.values(), *meters):
        mode = interface.at("mode")
        shared = sound.interfaces.get(interface.word("like")) if interface.at("like") else None
        read = interface.at("read") or (shared and shared.at("read"))
        if mode and mode.text == "poll" and not read:
            yield mode.finding("how it is asked is not said", "add read, e.g. read: {every_s: 60}")


def elements(sound: Sound) -> Iterator[Finding]:
    """Every element is a quantity, or is said not to be one; and what is said not to be one is in the list."""
    for top in sound.of("meter"):
        for pushed in top.below("lists"):
            allowed = pushed.below("not_in_profile")
            used = set()
            for node in pushed.below("elements"):
                if node.value is None:
                    continue
                element = parse(node.text)
                found = candidates(element, sound.entries)
                exception = next((code for code in allowed if overlap(code.text, element.obis)), None)
                if exception and not found:
                    used.add(exception.text)
                elif not found and element.class_id != _PUSH_SETUP and not _known_object(element.obis, sound):
                    remedy = (
                        "add a quantity with that code, or list the code under not_in_profile, or write ~"
                    )
                    yield node.finding(f"{node.text} is no quantity of the profile", remedy)
                elif len(found) > 1 and not all("channel_types" in entry.facts for entry in found):
                    several = ", ".join(entry.name for entry in found)
                    yield node.finding(f"{node.text} may be {several}", "write the code without *")
            for code in allowed:
                if code.text not in used:
                    message = f"{code.text} excuses no element of this list"
                    yield code.finding(message, "remove it: the code is not in the list, or is a quantity")


def phases(sound: Sound) -> Iterator[Finding]:
    """Check that electricity meters have phases and others none; a meter with one has no values of L2 and L3."""
    for top in sound.of("meter"):
        count = top.at("phases")
        medium = top.word("medium")
        if medium == "electricity" and count is None:
            yield top.finding("how many phases it has is not said", "add phases: 3, or phases: 1")
        elif medium != "electricity" and count is not None:
            yield count.finding(f"a meter of {medium} has no phases", "remove it")
        if count is None or count.value != 1:
            continue
        for pushed in top.below("lists"):
            for node in pushed.below("elements"):
                for entry in candidates(parse(node.text), sound.entries) if node.value is not None else ():
                    if entry.phase in ("l2", "l3"):
                        remedy = (
                            f"write phases: 3 in line {count.source.line(count.path)}, or remove the element"
                        )
                        yield node.finding(f"{entry.name} of a meter with one phase", remedy)


def registers(sound: Sound) -> Iterator[Finding]:
    """Check that registers are of quantities or families that exist; only numbers have a power of ten."""
    known = {entry.name for entry in sound.entries} | {entry.family for entry in sound.entries}
    for top in sound.of("meter"):
        for name, register in top.named("registers").items():
            if name not in known:
                yield register.finding(f"{name} is no quantity and no family", did_you_mean(name, known))
            scaler = register.at("scaler")
            if scaler and register.word("type") in _TEXTS:
                yield scaler.finding(f"type {register.word('type')} has no power of ten", "remove it")


def shapes(sound: Sound) -> Iterator[Finding]:
    """Check that a positional list gives the type of each element, as that is all it can be known by."""
    for top in sound.of("meter"):
        for pushed in top.below("lists"):
            types, count = pushed.at("types"), len(pushed.below("elements"))
            if pushed.word("shape") != "positional":
                if types:
                    yield types.finding(
                        f"a list of shape {pushed.word('shape')} needs no types", "remove them"
                    )
            elif types is None:
                yield pushed.finding(
                    "a positional list needs types", f"add the A-XDR types of all {count} elements"
                )
            elif len(types.elements) != count:
                message = f"{len(types.elements)} types for {count} elements"
                yield types.finding(message, "write one for each element, ~ included")


def wire(sound: Sound) -> Iterator[Finding]:
    """Regular expressions compile and zones exist."""
    zones = available_timezones()
    for top in sound.of("meter"):
        zone = top.at("zone")
        for name in ("device_name", "device_type", "identification", "sml_server"):
            if pattern := top.at("wire", name):
                yield from compiles(pattern)
        if zone and zone.text not in zones:
            yield zone.finding(f"{zone.text} is no zone of the IANA database", did_you_mean(zone.text, zones))


def _known_object(obis: str, sound: Sound) -> bool:
    """Whether the object is a quantity, so that the element is another attribute of it (scaler and unit, time)."""
    return any(overlap(code.text, obis) for entry in sound.entries for code in entry.obis)


def _once(nodes: list[Node]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for node in nodes:
        name = node.word("id")
        line = node.source.line(node.path)
        if first.setdefault(name, line) != line:
            yield node.finding(f"id {name} stands in line {first[name]} as well", "choose another id")


def corrections(sound: Sound) -> Iterator[Finding]:
    """Check that a correction names a quantity, and that its serial numbers rise."""
    names = {entry.name for entry in sound.entries}
    for top in sound.of("meter"):
        for correction in top.below("corrections"):
            name = correction.at("quantity")
            if name and name.text not in names:
                yield name.finding(f"there is no quantity {name.text}", did_you_mean(name.text, names))
            for pair in correction.below("serials"):
                first, last = pair.entries["first"].value, pair.entries["last"].value
                if isinstance(first, int) and isinstance(last, int) and first > last:
                    yield pair.finding(f"{first} to {last} is no range", "write the lower number first")


RULES: Final = (ids, alike, asked, elements, phases, registers, shapes, wire, corrections)
