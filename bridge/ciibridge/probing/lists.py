"""Which list a telegram is, and which operators set it: what was seen against the catalogue. Pure.

A list is known again by its OBIS codes; their order and the interval are the operator's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ciimodel.catalogue import Meter, Operator, PushList, Resolved

from ciibridge.types import Reading

_PUSH_SETUP: Final = 40


@dataclass(frozen=True, slots=True)
class SeenList:
    """A list that came: ``object`` as the telegram names it, ``ids`` of the catalogue's lists with the same codes."""

    object: str | None
    ids: tuple[str, ...]
    title: Mapping[str, str]  # language → title; empty: not in the catalogue
    telegrams: int
    interval_s: float | None  # None: it came once
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operator that has the meter. ``fits``: its lists and encryption in the catalogue are what was seen."""

    id: str
    name: str
    full_name: str
    fits: bool
    status: str  # how well the catalogue knows it: seen, documented, assumed
    interface: str


def codes_of(reading: Reading) -> frozenset[str]:
    """Collect the OBIS codes of a telegram."""
    return frozenset(str(register.obis) for register in reading.registers if register.class_id != _PUSH_SETUP)


@lru_cache(maxsize=1024)
def _codes(elements: tuple[tuple[str | None, int | None], ...]) -> frozenset[str]:
    return frozenset(obis for obis, class_id in elements if obis is not None and class_id != _PUSH_SETUP)


def same(codes: frozenset[str], meters: Iterable[Meter]) -> tuple[PushList, ...]:
    """Find the lists of ``meters`` that hold exactly these codes."""
    return tuple(
        pushed
        for meter in meters
        for pushed in meter.lists
        if codes and _codes(tuple((e.obis, e.class_id) for e in pushed.elements)) == codes
    )


def by_list_only(seen: Iterable[frozenset[str]], protocol: str, meters: Iterable[Meter]) -> tuple[str, ...]:
    """Name the models of which the catalogue knows nothing but their lists, and which have all of ``seen``.

    It is the weakest of signs, so it is not for models that could have shown who they are.
    """
    seen = tuple(seen)
    nameless = [m for m in meters if m.wire is None and any(i.protocol == protocol for i in m.interfaces)]
    return tuple(m.id for m in nameless if seen and all(same(codes, [m]) for codes in seen))


def operators(
    catalogue: Resolved, models: Sequence[str], seen: Sequence[SeenList], *, encrypted: bool | None
) -> tuple[Candidate, ...]:
    """List the operators that have one of ``models``; those whose lists are the seen ones first."""
    found = []
    for operator in catalogue.operators.values():
        entries = [entry for entry in operator.meters if entry.meter in models]
        if entries:
            fitting = [
                entry for entry in entries if _fits(entry.lists, entry.encryption, seen, encrypted=encrypted)
            ]
            entry = (fitting or entries)[0]
            found.append(_candidate(operator, entry.fact.status, entry.interface, fits=bool(fitting)))
    return tuple(sorted(found, key=lambda candidate: not candidate.fits))


def _candidate(operator: Operator, status: str, interface: str, *, fits: bool) -> Candidate:
    return Candidate(operator.id, operator.name, operator.full_name, fits, status, interface)


def _fits(lists: Sequence[str], encryption: str, seen: Sequence[SeenList], *, encrypted: bool | None) -> bool:
    if (encryption, encrypted) in {("none", True), ("always", False)}:
        return False
    return all(set(one.ids) & set(lists) for one in seen)
