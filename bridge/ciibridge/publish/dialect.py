"""Other tongues: a telegram in the topics of another publisher, beside our own. Pure.

    Snapshot ──► each: telegram   dt/building/LGZ…/ds            {"meter": {"ts": …, "1.7.0": 28, …}}
                 each: value      smartmeter/LGZ…/ACTIVE_POWER_P {"value": 28, "timestamp": …, "obis": "1.7.0"}

Which tongues there are, their topics and the shape of their payloads stand in ``schema/dialects``; this module knows how to
fill in the words. Values are those of the electricity meter itself (OBIS group A = 1) that it really sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
from ciimodel.catalogue import Dialect

from ciibridge.normalise.clock import SET_SINCE
from ciibridge.publish.text import exact
from ciibridge.types import Message, Number, Obis, Snapshot

_ELECTRICITY: Final = 1
_EACH_VALUE: Final = "*"
_JSON: Final = "application/json"
#: What cannot stand in a level of a topic (MQTT 5, 4.7).
_NOT_IN_A_LEVEL: Final = re.compile(r"[\x00-\x1f\x7f/+#]")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A dialect that is switched on; ``settings``: what the placeholders of its path are, all of them."""

    dialect: Dialect
    settings: Mapping[str, str]


class _Row(NamedTuple):
    """A value, and what it is called."""

    key: str
    obis: str  # C.D.E
    number: Number


#: Word of a payload → what stands there. The schema lets those of a value stand only where there is one.
_WORDS: Final[Mapping[str, Callable[[Snapshot, _Row | None], object]]] = {
    "time": lambda snapshot, _: snapshot.ts.isoformat(timespec="seconds"),
    "epoch": lambda snapshot, _: int(snapshot.ts.timestamp()),
    "value": lambda _, row: exact(row.number) if row else None,
    "obis": lambda _, row: row.obis if row else None,
}


class Tongue:
    """Says the telegrams of one meter in one dialect."""

    def __init__(self, spoken: Spoken) -> None:
        self._dialect = spoken.dialect
        self._settings = dict(spoken.settings)
        self._identity: dict[str, str] = {}

    def messages(self, snapshot: Snapshot) -> list[Message]:
        """Say a telegram; nothing if it holds nothing of this tongue, or its time is not known yet."""
        self._identity |= snapshot.identity
        if snapshot.ts_source == "receiver" and snapshot.ts < SET_SINCE:
            return []
        rows = list(self._rows(snapshot))
        levels = {**self._settings, "id": self._id(snapshot.meter), "meter": snapshot.meter}
        if self._dialect.each == "telegram":
            return [self._message(levels, self._fill(snapshot, rows))] if rows else []
        return [
            self._message({**levels, "key": row.key}, self._fill(snapshot, rows, one=row)) for row in rows
        ]

    def _rows(self, snapshot: Snapshot) -> Iterable[_Row]:
        """Give what can be said; a key stands once, so that no JSON object has two of one name."""
        said: set[str] = set()
        for name, measured in snapshot.values.items():
            if measured.obis is None or measured.obis.a != _ELECTRICITY:
                continue
            obis = _short(measured.obis)
            key = obis if self._dialect.key == "obis" else self._dialect.names.get(name)
            if key is not None and key not in said:
                said.add(key)
                yield _Row(key, obis, measured.number)

    def _id(self, meter: str) -> str:
        """Name the meter as it names itself; by our level of it until it has."""
        for name in self._dialect.identity:
            if level := _NOT_IN_A_LEVEL.sub("_", self._identity.get(name, "").strip("\0 ")):
                return level
        return meter

    def _fill(self, snapshot: Snapshot, rows: list[_Row], one: _Row | None = None) -> dict[str, Any]:
        return _filled(self._dialect.payload, snapshot, rows, one)

    def _message(self, levels: Mapping[str, str], document: Mapping[str, Any]) -> Message:
        dialect = self._dialect
        topic = dialect.path.format_map(levels)
        return Message(
            topic,
            orjson.dumps(document),
            dialect.qos,
            dialect.retain,
            content_type=_JSON,
            later=topic if dialect.qos else None,
        )


def _filled(
    shape: Mapping[str, Any], snapshot: Snapshot, rows: list[_Row], one: _Row | None
) -> dict[str, Any]:
    """Fill in the words of a payload: ``one`` is the value spoken of, ``rows`` what ``"*"`` stands for."""
    document: dict[str, Any] = {}
    for key, inner in shape.items():
        members = {row.key: row for row in rows} if key == _EACH_VALUE else {key: one}
        for name, row in members.items():
            document[name] = (
                _WORDS[inner](snapshot, row)
                if isinstance(inner, str)
                else _filled(inner, snapshot, rows, row)
            )
    return document


def _short(obis: Obis) -> str:
    """C.D.E: as people and displays write a code."""
    return f"{obis.c}.{obis.d}.{obis.e}"
