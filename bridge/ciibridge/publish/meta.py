"""``meta``: who the meter is and what it sends, gathered from its telegrams. Pure.

It grows as lists come and is published again only when it has changed. What is not known is absent.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Final

import orjson
from ciimodel.catalogue import Interface, Resolved

from ciibridge.intervals import Intervals
from ciibridge.normalise.compiled import FormedSnapshot
from ciibridge.normalise.registry import Registry
from ciibridge.normalise.settings import MeterSettings
from ciibridge.types import Measured, Snapshot

#: Kinds of telegrams told apart before the memory of them is started anew; a meter has a handful.
_MOST: Final = 256


class Meta:
    """The ``meta`` of one meter."""

    def __init__(
        self,
        catalogue: Resolved,
        settings: MeterSettings,
        *,
        protocol: str,
        interface: str | None,
        software: str | None,
    ) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._protocol = protocol
        self._interface = interface
        self._software = software
        self._registry = Registry(catalogue.quantities.values())
        self._rank = {name: rank for rank, name in enumerate(catalogue.quantities)}
        self._intervals = Intervals()
        self._identity: dict[str, str] = {}
        self._quantities: dict[str, dict[str, Any]] = {}
        self._lists_of: dict[str, set[Hashable]] = {}
        self._channels: dict[int, set[str]] = {}
        self._seen: set[Hashable] = set()
        self._last = b""

    def update(self, snapshot: Snapshot) -> bytes | None:
        """Take a snapshot; the JSON of ``meta`` if it changed, else None."""
        names = (*snapshot.names, *snapshot.texts)
        self._intervals.seen(names, snapshot.rx or snapshot.ts)
        apdu = snapshot.reading.apdu if snapshot.reading else None
        signature = (
            snapshot.form if isinstance(snapshot, FormedSnapshot) else _kept(snapshot),
            self._intervals.of(names),
            tuple(snapshot.submeters.items()),
            snapshot.candidates,
            (apdu.encrypted, apdu.authenticated) if apdu else None,
        )
        if signature in self._seen:
            return None
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen.add(signature)
        self._learn(snapshot, names)
        document = orjson.dumps(self._document(snapshot))
        if document == self._last:
            return None
        self._last = document
        return document

    def _learn(self, snapshot: Snapshot, names: Hashable) -> None:
        self._identity |= snapshot.identity
        for name, measured in snapshot.values.items():
            self._lists_of.setdefault(name, set()).add(names)
            self._quantities[name] = self._value(name, measured, self._quantities.get(name))
        codes = self._codes(snapshot)
        for name in snapshot.texts:
            self._lists_of.setdefault(name, set()).add(names)
            facts: dict[str, Any] = {"obis": codes[name]} if name in codes else {}
            self._quantities[name] = facts | {"kind": self._catalogue.quantities[name].kind}
        for channel, values in snapshot.channels.items():
            self._channels.setdefault(channel, set()).update(values)
        for channel, texts in snapshot.channel_texts.items():
            self._channels.setdefault(channel, set()).update(texts)

    def _value(self, name: str, measured: Measured, before: Mapping[str, Any] | None) -> dict[str, Any]:
        decimals = max(0, -measured.number.exponent, before["decimals"] if before else 0)
        facts: dict[str, Any] = {} if measured.obis is None else {"obis": str(measured.obis)}
        kind = self._catalogue.quantities[name].kind
        return facts | {"unit": measured.unit, "kind": kind, "decimals": decimals}

    def _codes(self, snapshot: Snapshot) -> dict[str, str]:
        """Quantity → OBIS code as sent."""
        codes: dict[str, str] = {}
        for register in snapshot.reading.registers if snapshot.reading and snapshot.texts else ():
            for quantity in self._registry.find(register.obis).quantities[:1]:
                codes.setdefault(quantity.name, str(register.obis))
        return codes

    def _document(self, snapshot: Snapshot) -> dict[str, Any]:
        """Put it together, in the order of the profile."""
        settings = self._settings
        model = self._catalogue.meters.get(snapshot.model or "")
        operator = settings.find_operator(self._catalogue)
        apdu = snapshot.reading.apdu if snapshot.reading else None
        document: dict[str, Any] = {
            "profile": self._catalogue.version,
            "meter": snapshot.meter,
            "identity": self._identity,
            "manufacturer": model.manufacturer if model else None,
            "model": model.model if model else None,
            "model_id": snapshot.model,
            "candidates": list(snapshot.candidates),
            "operator": settings.operator,
            "interface": self._connector(snapshot.model),
            "protocol": self._protocol,
            "encrypted": apdu.encrypted if apdu else None,
            "authenticated": apdu.authenticated if apdu else None,
            "tariffs": {n: t.model_dump() for n, t in sorted(operator.tariffs.items())} if operator else None,
            "software": self._software,
        }
        document = {
            key: value for key, value in document.items() if value is not None and value not in ([], {})
        }
        document["quantities"] = {
            name: self._facts(name) for name in sorted(self._quantities, key=self._rank.__getitem__)
        }
        channels = {
            str(n): {
                "id": who.id,
                "type": who.type,
                **self._maker(who.model),
                "quantities": sorted(self._channels.get(n, ())),
            }
            for n, who in sorted(snapshot.submeters.items())
        }
        if channels:
            document["channels"] = {
                n: {key: value for key, value in facts.items() if value not in (None, [])}
                for n, facts in channels.items()
            }
        return document

    def _maker(self, model_id: str | None) -> dict[str, str]:
        """Say which model sits on a channel."""
        model = self._catalogue.meters.get(model_id or "")
        if model is None:
            return {}
        return {"manufacturer": model.manufacturer, "model": model.model, "model_id": model.id}

    def _facts(self, name: str) -> dict[str, Any]:
        facts = dict(self._quantities[name])
        intervals = [s for names in self._lists_of[name] if (s := self._intervals.of(names)) is not None]
        if intervals:  # a quantity in two lists comes as often as the more frequent one
            facts["interval_s"] = min(intervals)
        return facts | {"derived": "obis" not in facts and "unit" in facts}

    def _connector(self, model_id: str | None) -> str | None:
        """Kind of the connector in use: the configured one, the operator's, or the only one that sends in this protocol."""
        model = self._catalogue.meters.get(model_id or "")
        if model is None:
            return None
        fitting: list[Interface] = [i for i in model.interfaces if i.protocol == self._protocol]
        operator = self._settings.find_operator(self._catalogue)
        wanted = self._interface or next(
            (entry.interface for entry in (operator.meters if operator else ()) if entry.meter == model.id),
            None,
        )
        if wanted is not None:
            return next((i.kind for i in model.interfaces if i.id == wanted), None)
        # One that must be asked is in use only where it is configured.
        kinds = {interface.kind for interface in fitting if interface.mode == "push"} or {
            i.kind for i in fitting
        }
        return kinds.pop() if len(kinds) == 1 else None


def _kept(snapshot: Snapshot) -> Hashable:
    """Give what ``meta`` tells of a snapshot, and what all snapshots of one form share."""
    return (
        snapshot.names,
        tuple(snapshot.texts),
        snapshot.derived,
        tuple(snapshot.identity.items()),
        tuple((n, *values) for n, values in snapshot.channels.items()),
        tuple((n, *texts) for n, texts in snapshot.channel_texts.items()),
        snapshot.model,
    )
