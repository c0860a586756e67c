"""The retained message ``meta`` of a meter, as far as a generator needs it. Pure.

    cii/v1/house-1/meta   {"meter": "house-1", "model_id": "lg-e450", "operator": "ekz", "tariffs": {"t1": {"label": "HT", …}},
                           "quantities": {"power_import": {"interval_s": 5, …}, …},
                           "channels": {"1": {"type": 3, "quantities": ["volume_gas"]}}}

The shape is payload ``meta`` of ``schema/topics.yaml``. Whoever publishes may be newer than this program: what the schema does
not know is left out and told, and nothing else is lost by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.resolved import Resolved

_FACT_OF_CHANNEL: Final = ("id", "type")


@dataclass(frozen=True, slots=True)
class LiveChannel:
    """A sub-meter: ``number`` is that of its channel, ``quantities`` are names of the schema."""

    number: int
    quantities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiveMeter:
    """A meter that is live. ``model`` and ``operator`` are ids of the schema, None where unknown.

    ``quantities`` are names of the schema with the seconds between two values (0: not learnt yet), identity included.
    ``tariffs`` are what the operator calls them: ``t1`` → ``HT``. ``identity`` is what the meter calls itself.
    """

    id: str
    quantities: tuple[tuple[str, float], ...]
    channels: tuple[LiveChannel, ...] = ()
    model: str | None = None
    operator: str | None = None
    tariffs: tuple[tuple[str, str], ...] = ()
    identity: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """All quantities, those of sub-meters too."""
        own = {name for name, _ in self.quantities}
        return frozenset(own.union(*(channel.quantities for channel in self.channels)))


@dataclass(frozen=True, slots=True)
class Read:
    """What the messages gave: meters by id, and what was left out, for people."""

    meters: tuple[LiveMeter, ...]
    notes: tuple[str, ...]


def read(resolved: Resolved, messages: Mapping[str, bytes]) -> Read:
    """Topic of ``meta`` → payload, to meters in the order of their ids. A message that is none becomes a note."""
    meters: list[LiveMeter] = []
    notes: list[str] = []
    for topic, payload in sorted(messages.items()):
        try:
            found = _meter(resolved, topic, payload, notes)
        except ValueError as error:
            notes.append(f"{topic} is left out: {error}")
            continue
        meters.append(found)
    return Read(tuple(sorted(meters, key=lambda meter: meter.id)), tuple(notes))


def _meter(resolved: Resolved, topic: str, payload: bytes, notes: list[str]) -> LiveMeter:
    level = topic.split("/")[-2]
    if not re.fullmatch(resolved.levels["meter"], level):
        raise ValueError(f"{level!r} is no id of a meter")
    meta = _parsed(payload)
    ours = resolved.version.partition(".")[0]
    version = str(meta.get("profile", ""))
    if version.partition(".")[0] != ours:
        raise ValueError(f"it is of profile {version or '(none given)'}, this ciigen knows {ours}.x")
    listed = _mapping(meta, "quantities")
    unknown = [name for name in listed if name not in resolved.quantities]
    own = {name: _interval_s(facts) for name, facts in listed.items() if name in resolved.quantities}
    own |= {name: 0.0 for name in _mapping(meta, "identity") if name in resolved.quantities}
    channels = []
    for number, facts in _mapping(meta, "channels").items():
        if re.fullmatch(resolved.levels["channel"], number) and isinstance(facts, dict):
            named = [str(name) for name in _list(facts, "quantities")]
            named += [f"channel_{key}" for key in _FACT_OF_CHANNEL if key in facts]
            unknown += [name for name in named if name not in resolved.quantities]
            channels.append(
                LiveChannel(int(number), tuple(name for name in named if name in resolved.quantities))
            )
    if unknown:
        notes.append(f"{level} also sends {', '.join(unknown)}, which this ciigen does not know: is it old?")
    if not own and not channels:
        raise ValueError("it lists no quantity")
    return LiveMeter(
        id=level,
        quantities=tuple(own.items()),
        channels=tuple(sorted(channels, key=lambda channel: channel.number)),
        model=_known(meta, "model_id", resolved.meters),
        operator=_known(meta, "operator", resolved.operators),
        tariffs=tuple(
            (tariff, str(facts["label"]))
            for tariff, facts in _mapping(meta, "tariffs").items()
            if isinstance(facts, dict) and "label" in facts
        ),
        identity=tuple((name, str(text)) for name, text in _mapping(meta, "identity").items()),
    )


def _parsed(payload: bytes) -> dict[str, object]:
    try:
        meta = json.loads(payload)
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(meta, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004  # of the payload, not of an argument
    return meta


def _mapping(meta: Mapping[str, object], key: str) -> dict[str, object]:
    found = meta.get(key, {})
    if not isinstance(found, dict):
        raise ValueError(f"its {key} is no JSON object")  # noqa: TRY004
    return found


def _list(facts: Mapping[str, object], key: str) -> list[object]:
    found = facts.get(key, [])
    return found if isinstance(found, list) else []


def _interval_s(facts: object) -> float:
    interval = facts.get("interval_s", 0) if isinstance(facts, dict) else 0
    return float(interval) if isinstance(interval, int | float) else 0.0


def _known(meta: Mapping[str, object], key: str, names: Iterable[str]) -> str | None:
    return next((name for name in names if name == meta.get(key)), None)
