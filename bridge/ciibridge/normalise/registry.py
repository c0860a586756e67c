"""OBIS code → quantity, compiled from the catalogue.

Patterns of the catalogue are A-B:C.D.E with ``*`` for any value of a group and ``n`` for the number of a sub-meter
channel (IEC 62056-61: group B of media other than abstract 0). A lookup is one or two dictionary accesses: the
exact code wins, then the code with any B, then codes with other groups left open, in the order of the catalogue.

A code with F other than 255 is a stored value of the past (billing period), never the present register: it matches
only a pattern that names that F.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from ciimodel.catalogue import Quantity

from ciibridge.types import Obis

_ANY: Final = -1
_CHANNEL: Final = -2
_UNUSED: Final = 255


class Match(NamedTuple):
    """What an OBIS code stands for: one quantity, or, for a sub-meter channel, those its type chooses from."""

    quantities: tuple[Quantity, ...]
    channel: int | None = None


_NOTHING: Final = Match(())


def _groups(pattern: str) -> tuple[int, ...]:
    head, _, tail = pattern.partition(":")
    a, _, b = head.partition("-")
    c, d, rest = tail.split(".", 2)
    # E*F, where E itself may be the * of "any"
    e, f = (rest, str(_UNUSED)) if rest == "*" or "*" not in rest else rest.rsplit("*", 1)
    codes = {"*": _ANY, "n": _CHANNEL}
    return tuple(codes[g] if g in codes else int(g) for g in (a, b, c, d, e, f))


class Registry:
    """The compiled lookup. Immutable after construction but for its cache, which is bounded."""

    _CACHE_SIZE: Final = 1024

    def __init__(self, quantities: Iterable[Quantity]) -> None:
        self._exact: dict[tuple[int, ...], list[Quantity]] = {}
        self._any_b: dict[tuple[int, ...], list[Quantity]] = {}
        self._channel: dict[tuple[int, ...], list[Quantity]] = {}
        self._open: list[tuple[tuple[int, ...], Quantity]] = []
        for quantity in quantities:
            for pattern in quantity.obis:
                self._add(_groups(pattern), quantity)
        self._cache: dict[Obis, Match] = {}

    def _add(self, groups: tuple[int, ...], quantity: Quantity) -> None:
        without_b = (groups[0], *groups[2:])
        if min(groups) >= 0:
            self._exact.setdefault(groups, []).append(quantity)
        elif min(without_b) >= 0 and groups[1] == _ANY:
            self._any_b.setdefault(without_b, []).append(quantity)
        elif min(without_b) >= 0:
            self._channel.setdefault(without_b, []).append(quantity)
        else:
            self._open.append((groups, quantity))

    def find(self, obis: Obis) -> Match:
        """Look up what ``obis`` stands for; ``Match(())`` when the catalogue does not know it."""
        match = self._cache.get(obis)
        if match is None:
            if len(self._cache) >= self._CACHE_SIZE:  # a damaged or hostile line invents codes
                self._cache.clear()
            match = self._cache[obis] = self._search(obis)
        return match

    def _search(self, obis: Obis) -> Match:
        without_b = (obis.a, *obis[2:])
        if found := self._exact.get(tuple(obis)):
            return Match(tuple(found[:1]))
        if obis.b and (found := self._channel.get(without_b)):
            return Match(tuple(found), obis.b)
        if found := self._any_b.get(without_b):
            return Match(tuple(found[:1]))
        for groups, quantity in self._open:
            if all(p in (g, _ANY) or (p == _CHANNEL and g > 0) for p, g in zip(groups, obis, strict=True)):
                return Match((quantity,), obis.b if groups[1] == _CHANNEL else None)
        return _NOTHING
