"""Quantities: names, units, codes, families and derivations agree with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from ciigen.checks.sound import Sound
from ciigen.errors import Finding, did_you_mean
from ciigen.obis import groups, overlap
from ciigen.source import Node, dotted
from ciigen.unfold import Entry

_SUFFIX: Final = re.compile(r".*_(l[1-3]|n|t[1-4])")
_DIRECTION: Final = re.compile(r"(?:^|_)(import|export)(?:_|$)")
_PLACES: Final = {"text": ("text", "meta"), "timestamp": ("time",)}
_COUNTED: Final = ("cumulative", "counter")
#: Group C of electricity: 21 … 40 is L1, then 20 a phase; 81 holds angles, where the phase is in E.
_FIRST_C: Final = {"l1": 21, "l2": 41, "l3": 61}
_ANGLES: Final = "81"


def names(sound: Sound) -> Iterator[Finding]:
    """Check that a name is given once, keeps the suffixes for phases and tariffs free, and says the direction it has."""
    first: dict[str, Entry] = {}
    for entry in sound.entries:
        other = first.setdefault(entry.name, entry)
        if other is not entry:
            place = f"{other.node.source.file}:{other.node.source.line(other.node.path)}"
            yield entry.node.finding(f"{entry.name} is defined in {place} as well", "choose another name")
        if entry.name == entry.family and (match := _SUFFIX.fullmatch(entry.name)):
            remedy = (
                f"write it below phases or tariffs of {entry.name.rsplit('_', 1)[0]}, or choose another name"
            )
            yield entry.node.finding(f"the ending _{match[1]} is for phases and tariffs", remedy)
        said = _DIRECTION.search(entry.family)
        if said and entry.word("direction") != said[1]:
            message = f"the name says {said[1]}, direction is {entry.word('direction') or 'absent'}"
            yield entry.node.finding(message, f"write direction: {said[1]}")


def units(sound: Sound) -> Iterator[Finding]:
    """Check that a number has a unit that exists, a text and a time have none."""
    for entry in sound.entries:
        unit = entry.facts.get("unit")
        if entry.word("kind") in _PLACES:
            if unit:
                yield unit.finding(f"kind {entry.word('kind')} has no unit", "remove it")
        elif unit is None:
            yield entry.node.finding(
                "has no unit", 'add unit: a symbol of units.yaml, "1" for a count or a ratio'
            )
        elif unit.text not in sound.units:
            yield unit.finding(f"unit {unit.text} is not in units.yaml", did_you_mean(unit.text, sound.units))


def places(sound: Sound) -> Iterator[Finding]:
    """Check that the place on MQTT goes with the kind."""
    for entry in sound.entries:
        allowed = _PLACES.get(entry.word("kind") or "", ("value",))
        node = entry.facts.get("place")
        if node and node.text not in allowed:
            remedy = f"write place: {' or '.join(allowed)}, or leave it out"
            yield node.finding(f"kind {entry.word('kind')} cannot be at {node.text}", remedy)


def numbers(sound: Sound) -> Iterator[Finding]:
    """Scaler, limits and monotonic make sense for the kind."""
    for entry in sound.entries:
        kind = entry.word("kind") or ""
        scaler = entry.facts.get("scaler")
        if scaler and scaler.value and (kind in _PLACES or kind == "counter"):
            yield scaler.finding(f"kind {kind} has no power of ten", "remove it")
        low, high = entry.facts.get("minimum"), entry.facts.get("maximum")
        if low and high and not _number(low) < _number(high):
            yield high.finding(
                f"maximum {high.value} is not above minimum {low.value}", "swap or correct them"
            )
        monotonic = entry.facts.get("monotonic")
        if monotonic and monotonic.value and kind not in _COUNTED:
            remedy = "remove it, or choose kind cumulative or counter"
            yield monotonic.finding(f"kind {kind} may run backwards", remedy)


def codes(sound: Sound) -> Iterator[Finding]:
    """Check that a code means one quantity; only sub-meters share one, and then their device types differ."""
    for one, other in combinations(sound.entries, 2):
        for mine in other.obis:
            for theirs in one.obis:
                if overlap(theirs.text, mine.text) and not _told_apart(one, other):
                    place = f"{theirs.source.file}:{theirs.source.line(theirs.path)}"
                    remedy = "give each code to one quantity, or tell sub-meters apart by channel_types"
                    yield mine.finding(f"{mine.text} of {other.name} is {one.name} as well ({place})", remedy)


def channels(sound: Sound) -> Iterator[Finding]:
    """Device types belong to codes of channels."""
    for entry in sound.entries:
        types = entry.facts.get("channel_types")
        if types is None:
            continue
        for code in entry.obis:
            if groups(code.text)[1] != "n":
                remedy = "write n for group B, e.g. 0-n:24.2.1, or remove channel_types"
                yield code.finding(f"channel_types needs a code of a channel, {code.text} is none", remedy)


def records(sound: Sound) -> Iterator[Finding]:
    """Check that an M-Bus record means one quantity of a meter, and one of each type of sub-meter."""
    claimed = [entry for entry in sound.entries if "mbus" in entry.facts]
    for one, other in combinations(claimed, 2):
        same = all(getattr(one, part) == getattr(other, part) for part in ("tariff", "phase")) and one.word(
            "mbus"
        ) == other.word("mbus")
        behind = ["channel_types" in entry.facts for entry in (one, other)]
        if same and behind[0] == behind[1] and not _told_apart(one, other):
            yield other.facts["mbus"].finding(
                f"the record {other.word('mbus')!r} of {other.name} is {one.name} as well",
                "give each record to one quantity, or tell sub-meters apart by channel_types",
            )


def families(sound: Sound) -> Iterator[Finding]:
    """Phases are all three, tariffs have no gap, and their codes are those of the block."""
    for top in sound.of("quantities"):
        for name, block in top.named("quantities").items():
            members = [
                entry for entry in sound.entries if entry.family == name and entry.node.source is top.source
            ]
            yield from _phases(block, {e.phase: e for e in members if e.phase})
            yield from _tariffs(block, {e.tariff: e for e in members if e.tariff})


def derivations(sound: Sound) -> Iterator[Finding]:
    """Operands exist, have the unit of the result, and do not need the result themselves."""
    for entry in sound.entries:
        derive = entry.facts.get("derive")
        if derive is None:
            continue
        for operand in (*derive.below("plus"), *derive.below("minus")):
            other = sound.quantities.get(operand.text)
            if other is None:
                remedy = did_you_mean(operand.text, sound.quantities)
                yield operand.finding(f"{operand.text} is no quantity", remedy)
            elif other.word("unit") != entry.word("unit"):
                message = f"{other.name} is in {other.word('unit')}, {entry.name} in {entry.word('unit')}"
                yield operand.finding(message, "derive from quantities of the same unit")
        if entry.name in _operands(entry, sound):
            yield derive.finding(f"{entry.name} is computed from itself", "remove the loop")


def states(sound: Sound) -> Iterator[Finding]:
    """Only a text has states, and a raw text leads to one of them."""
    for entry in sound.entries:
        raw, known = entry.facts.get("raw_states"), entry.facts.get("states")
        if entry.word("kind") != "text":
            for node in filter(None, (raw, known)):
                message = f"kind {entry.word('kind')} has no {node.path[-1]}"
                yield node.finding(message, "remove it, or write kind: text")
            continue
        for text in raw.entries.values() if raw else ():
            if known is None or text.text not in known.entries:
                remedy = did_you_mean(text.text, known.entries if known else ())
                yield text.finding(f"{text.text} is no state of {entry.name}", remedy)


def identities(sound: Sound) -> Iterator[Finding]:
    """Check that what identifies a meter is in meta, and ranks differ."""
    ranks: dict[object, Entry] = {}
    for entry in sound.entries:
        node = entry.facts.get("identity")
        if node is None:
            continue
        if entry.place != "meta":
            remedy = "write place: meta: a text of digits on a plain topic is rounded by some consumers"
            yield node.finding(f"an identity cannot be at {entry.place}", remedy)
        other = ranks.setdefault(node.value, entry)
        if other is not entry:
            yield node.finding(
                f"rank {node.value} is that of {other.name} as well", "choose the next free rank"
            )


def overrides(sound: Sound) -> Iterator[Finding]:
    """Check that what is said for a consumer is said for one that exists."""
    for entry in sound.entries:
        own = entry.facts.get("consumers")
        for name, node in (own.entries if own else {}).items():
            if name not in sound.consumers:
                yield node.finding(f"{name} is no consumer", did_you_mean(name, sound.consumers))


def _phases(block: Node, members: dict[str, Entry]) -> Iterator[Finding]:
    if not members:
        return
    place = block.at("phases") or block
    missing = [phase for phase in _FIRST_C if phase not in members]
    if missing:
        yield place.finding(f"has no {', '.join(missing)}", "write l1, l2 and l3 (n only where there is one)")
        return
    for phase, first_c in _FIRST_C.items():
        code = members[phase].obis[0]
        a, b, c, d, e, _ = groups(code.text)
        if c == _ANGLES or a != "1":
            continue
        one = groups(members["l1"].obis[0].text)
        shifted = (a, b, str(int(one[2]) + first_c - _FIRST_C["l1"]), one[3], one[4])
        if not first_c <= int(c) < first_c + 20 or (a, b, c, d, e) != shifted:
            remedy = f"write {shifted[0]}-{shifted[1]}:{'.'.join(shifted[2:])}, or correct l1"
            yield code.finding(
                f"{code.text} is not the {phase.upper()} of {members['l1'].obis[0].text}", remedy
            )


def _tariffs(block: Node, members: dict[str, Entry]) -> Iterator[Finding]:
    wanted = [f"t{n}" for n in range(1, len(members) + 1)]
    if sorted(members) != wanted:
        place = block.at("tariffs") or block
        yield place.finding(
            f"has {', '.join(sorted(members))}", f"write {', '.join(wanted)}: no gap, t1 first"
        )
    total = block.below("obis")
    for tariff, entry in members.items():
        code = entry.obis[0]
        base = groups((total[0] if total else code).text)
        if groups(code.text)[:5] != (*base[:4], tariff[1:]):
            wanted_code = f"{base[0]}-{base[1]}:{base[2]}.{base[3]}.{tariff[1:]}"
            yield code.finding(f"{code.text} is not {tariff} of this register", f"write {wanted_code}")


def _told_apart(one: Entry, other: Entry) -> bool:
    types = [
        {node.value for node in entry.facts["channel_types"].elements}
        if "channel_types" in entry.facts
        else None
        for entry in (one, other)
    ]
    return types[0] is not None and types[1] is not None and not types[0] & types[1]


def _operands(entry: Entry, sound: Sound) -> set[str]:
    """Every quantity that ``entry`` is computed from, directly or not."""
    found: set[str] = set()
    queue = [entry]
    while queue:
        derive = queue.pop().facts.get("derive")
        for operand in (*derive.below("plus"), *derive.below("minus")) if derive else ():
            if operand.text not in found and operand.text in sound.quantities:
                found.add(operand.text)
                queue.append(sound.quantities[operand.text])
    return found


def _number(node: Node) -> float:
    if not isinstance(node.value, int | float):
        raise TypeError(f"{dotted(node.path)} is {node.value!r}, not a number")
    return node.value


RULES: Final = (
    names,
    units,
    places,
    numbers,
    codes,
    channels,
    records,
    families,
    derivations,
    states,
    identities,
    overrides,
)
