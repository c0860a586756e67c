"""What came of a search: everything a person or a program wants to know, without keys and without whole serial numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from ciimodel.catalogue import Interface, Link, Resolved

from ciibridge.interfaces import everywhere
from ciibridge.normalise.identity import best_identity, shortened
from ciibridge.probing.attempts import Attempt
from ciibridge.probing.hearing import Hearing, KeyState, Quality
from ciibridge.probing.lists import Candidate, SeenList, operators
from ciibridge.probing.search import Search, Tried
from ciibridge.types import Measured


class Outcome(StrEnum):
    """How a search ended."""

    FOUND = "found"  # telegrams are decoded
    KEY = "key"  # all is known but a key that fits
    NOT_UNDERSTOOD = "not understood"  # good frames that give no values
    NO_FRAMES = "no frames"  # octets, and no good frame with any setting
    NOTHING = "nothing"  # not one octet


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of the meter on a port. ``hint_meter`` and ``hint_operator``: what the person believed."""

    port: str
    outcome: Outcome
    tried: tuple[Tried, ...]
    best: Tried | None
    hearing: Hearing
    interfaces: tuple[tuple[str, Interface], ...]  # model, its interface with this protocol
    operators: tuple[Candidate, ...]
    meter_id: str | None  # whole; only for the configuration
    hint_meter: str | None = None
    hint_operator: str | None = None

    @property
    def line(self) -> Link | None:
        """The line settings to read it with; None: they are not ours, or none are proved.

        Two forms of one speed both give good frames more often than not, so the form is the catalogue's where it knows it.
        """
        heard = self.best.attempt.line if self.best and self.outcome in _PROVED else None
        known = [interface.link for _, interface in self.interfaces]
        return known[0] if heard and heard not in known and _speeds(known) == {heard.baudrate} else heard

    @property
    def asked(self) -> str | None:
        """The protocol in which the meter was asked; None: it sends by itself, or nothing is proved."""
        return self.best.attempt.ask if self.best and self.outcome in _PROVED else None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Whom to ask."""
        return self.best.addresses if self.best and self.asked else ()

    @property
    def only_knocked(self) -> bool:
        """Whether all that is known is that a meter answers DLMS: what it gives takes an association."""
        return self.asked == "dlms-hdlc" and self.outcome is Outcome.NOT_UNDERSTOOD

    @property
    def model(self) -> str | None:
        """The model to configure: the one that was recognised, or of those it cannot be told from the one a person named."""
        if self.hearing.model:
            return self.hearing.model
        return self.hint_meter if self.hint_meter in self.hearing.candidates else None

    @property
    def operator(self) -> str | None:
        """The operator to configure: the one a person named if it can be, else the only one that fits."""
        fitting = [candidate.id for candidate in self.operators if candidate.fits]
        if self.hint_operator in {candidate.id for candidate in self.operators}:
            return self.hint_operator
        return fitting[0] if len(fitting) == 1 else None


_PROVED = frozenset((Outcome.FOUND, Outcome.KEY, Outcome.NOT_UNDERSTOOD))
_KEYS_AT_FAULT = frozenset((KeyState.MISSING, KeyState.WRONG, KeyState.AUTH_WRONG))


def report(
    catalogue: Resolved, port: str, search: Search, *, meter: str | None = None, operator: str | None = None
) -> Report:
    """Sum up a search that has ended. ``meter`` and ``operator``: what a person believes it is."""
    best = search.best
    hearing = best.hearing if best else Hearing(Quality.SILENT)
    return Report(
        port=port,
        outcome=_outcome(hearing),
        tried=tuple(search.tried),
        best=best,
        hearing=hearing,
        interfaces=_interfaces(catalogue, hearing, best.attempt if best else None),
        operators=operators(catalogue, hearing.models, hearing.lists, encrypted=hearing.encrypted),
        meter_id=best_identity(hearing.identity, catalogue.quantities),
        hint_meter=meter,
        hint_operator=operator,
    )


def _outcome(hearing: Hearing) -> Outcome:
    if hearing.quality is Quality.TELEGRAMS:
        return Outcome.FOUND
    if hearing.key in _KEYS_AT_FAULT:
        return Outcome.KEY
    if hearing.quality is Quality.FRAMES:
        return Outcome.NOT_UNDERSTOOD
    return Outcome.NOTHING if hearing.quality is Quality.SILENT else Outcome.NO_FRAMES


def _speeds(links: Sequence[Link]) -> set[int]:
    return {link.baudrate for link in links}


def _interfaces(
    catalogue: Resolved, hearing: Hearing, attempt: Attempt | None
) -> tuple[tuple[str, Interface], ...]:
    """Choose the interfaces of the models that speak this protocol, asked or not as here, at this speed where it is ours."""
    mode = "poll" if attempt and attempt.ask else "push"
    speaking = [
        (model, there)
        for model in hearing.models
        for interface in catalogue.meters[model].interfaces
        for there in everywhere(catalogue, catalogue.meters[model], interface)
        if (interface.protocol, interface.mode) == (hearing.protocol, mode)
    ]
    line = attempt.line if attempt else None
    here = [one for one in speaking if line is None or one[1].link.baudrate == line.baudrate]
    return tuple(here or speaking)


def document(report: Report, notes: Sequence[str]) -> dict[str, Any]:
    """Write a report for programs; ``notes`` are the remarks that people get, too."""
    hearing = report.hearing
    return {
        "port": report.port,
        "outcome": report.outcome,
        "line": report.line.model_dump() if report.line else None,
        "protocol": hearing.protocol,
        "asked": report.asked is not None,
        "addresses": list(report.addresses),
        "meter": hearing.model,
        "candidates": list(hearing.candidates),
        "operators": [
            {"id": candidate.id, "name": candidate.name, "fits": candidate.fits, "status": candidate.status}
            for candidate in report.operators
        ],
        "interfaces": [{"meter": model, "interface": interface.id} for model, interface in report.interfaces],
        "meter_id": shortened(report.meter_id) if report.meter_id else None,
        "manufacturer": hearing.flag,
        "encrypted": hearing.encrypted,
        "authenticated": hearing.authenticated,
        "key": hearing.key,
        "lists": [_list(one) for one in hearing.lists],
        "values": _values(hearing.values),
        "texts": hearing.texts,
        "channels": {str(channel): _values(values) for channel, values in hearing.channels.items()},
        "unknown": list(hearing.unknown),
        "frames": {"good": hearing.frames_ok, "damaged": hearing.frames_bad},
        "octets": hearing.octets,
        "telegrams": hearing.telegrams,
        "problems": hearing.problems,
        "tried": [_tried(one) for one in report.tried],
        "notes": list(notes),
    }


def _list(one: SeenList) -> dict[str, Any]:
    return {
        "object": one.object,
        "lists": list(one.ids),
        "telegrams": one.telegrams,
        "interval_s": one.interval_s,
        "obis": sorted(one.codes),
    }


def _values(values: Mapping[str, Measured]) -> dict[str, Any]:
    return {
        name: {
            "value": orjson.Fragment(str(value.number)),
            "unit": value.unit,
            "obis": str(value.obis) if value.obis else None,
        }
        for name, value in values.items()
    }


def _tried(one: Tried) -> dict[str, Any]:
    return {
        "line": one.attempt.line.model_dump() if one.attempt.line else None,
        "seconds": round(one.seconds, 1),
        "octets": one.hearing.octets,
        "line_errors": one.hearing.line_errors,
        "heard": one.hearing.quality,
    }
