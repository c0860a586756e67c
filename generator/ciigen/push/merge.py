"""Three ways to one: what is wished, what we made last time, what is there now. Pure.

An object of ours carries a record of what we made. Where it is still that, it becomes what is wished; where it is not,
somebody changed it on purpose, and it stays. Of a set (tags, groups) this holds for each member.

    made      wished    there now    becomes    record
    Power     Leistung  Power        Leistung   Leistung
    Power     Leistung  Grid         Grid       Power       "label is yours"
    Power     Power     (removed)    (removed)  Power       "label is yours"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: Text or set of texts; "" and the empty set are the same as absent.
Value = str | frozenset[str]
Fields = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Merged:
    """``fields`` as they shall be, ``made`` as the record shall be, ``yours`` the names of those that a user changed."""

    fields: dict[str, Value]
    made: dict[str, Value]
    yours: tuple[str, ...]


def merge(made: Fields | None, wished: Fields, there: Fields) -> Merged:
    """Merge; ``made`` is None where there is no record, so that everything becomes as wished."""
    if made is None:
        return Merged(dict(wished), dict(wished), ())
    fields: dict[str, Value] = {}
    record: dict[str, Value] = {}
    yours = []
    for name in dict.fromkeys((*wished, *made)):
        want, had, now = wished.get(name, ""), made.get(name, ""), there.get(name, "")
        if isinstance(want, frozenset) or isinstance(now, frozenset):
            want, had, now = _set(want), _set(had), _set(now)
            fields[name] = (want - (had - now)) | (now - had)
            record[name] = want
            if fields[name] != want:
                yours.append(name)
        elif now in (had, want):
            fields[name] = record[name] = want
        else:
            fields[name], record[name] = now, had
            yours.append(name)
    return Merged(fields, record, tuple(yours))


def adopted(wished: Fields, there: Fields, *, keep: Iterable[str], join: Iterable[str]) -> dict[str, Value]:
    """Give the record with which an object of somebody else is taken over.

    It becomes as wished, but for the fields to ``keep``, which stay, and the sets to ``join``, which get what is wished
    besides what they have.
    """
    record = {name: there.get(name, value) for name, value in wished.items()}
    record |= {name: wished[name] for name in keep if there.get(name)}
    return record | {name: frozenset() for name in join}


def _set(value: Value) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset([value] if value else [])
