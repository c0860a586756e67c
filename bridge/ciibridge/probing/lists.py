"""Which list a telegram is, and which operators set it: what was seen against the catalogue. Pure.

A list is known again by its OBIS codes; their order and the interval are the operator's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ciimodel.catalogue import Meter, Operator, PushList, Resolved

from ciibridge.normalise.detect import Evidence, excludes
from ciibridge.normalise.registry import Registry
from ciibridge.types import Reading

_PUSH_SETUP: Final = 40
#: Codes of identities and clocks: abstract objects but those of sub-meters' channels, and C = 0 of any medium.
_NOT_MEASURED: Final = re.compile(r"0-0:|\d+-\d+:0\.")


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
    """Find the lists of ``meters`` that hold exactly these codes, else those that measure exactly the same.

    Who it is and what time it is may come joined, or in the header of a telegram instead of in its list.
    """
    lists = [
        (pushed, _codes(tuple((e.obis, e.class_id) for e in pushed.elements)))
        for m in meters
        for pushed in m.lists
    ]
    exact = tuple(pushed for pushed, listed in lists if codes and listed == codes)
    measured = _measured(codes)
    return exact or tuple(pushed for pushed, listed in lists if measured and _measured(listed) == measured)


def _measured(codes: frozenset[str]) -> frozenset[str]:
    return frozenset(code for code in codes if not _NOT_MEASURED.match(code))


def _all_at_once(codes: frozenset[str], meter: Meter) -> bool:
    """Whether a telegram measures what all lists of a model do together: what a meter answers that is asked for nothing in particular."""
    listed = [_codes(tuple((e.obis, e.class_id) for e in pushed.elements)) for pushed in meter.lists]
    return bool(listed) and _measured(codes) == _measured(frozenset().union(*listed))


def by_list_only(
    seen: Iterable[Reading], protocol: str, catalogue: Resolved, registry: Registry
) -> tuple[str, ...]:
    """Name the models that nothing speaks against, and which have all the lists of ``seen``.

    It is the weakest of signs, for telegrams that show nothing else of who sends them.
    """
    seen = tuple(seen)
    evidence = [Evidence.of(reading, registry) for reading in seen]
    return tuple(
        meter.id
        for meter in catalogue.meters.values()
        if seen
        and any(interface.protocol == protocol for interface in meter.interfaces)
        and not any(excludes(meter, one) for one in evidence)
        and all(
            same(codes_of(reading), [meter]) or _all_at_once(codes_of(reading), meter) for reading in seen
        )
    )


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
