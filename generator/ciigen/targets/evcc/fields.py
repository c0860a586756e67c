"""Which quantity fills which field of a custom meter in evcc.

    power          W, positive when drawing from the grid        powers      three of the same
    energy         kWh drawn                                     currents    A, three
    returnenergy   kWh fed in                                    voltages    V, three

Which quantity that is stands in ``schema/consumers/evcc.yaml``. evcc refuses one or two phases, so these fields are there
with all three or not at all; it gives currents without a sign that of ``powers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ciigen import topics
from ciigen.errors import TargetError, UsageError
from ciigen.pushed import lasts_s
from ciigen.resolved import Quantity, Resolved
from ciigen.target import Selection, quantities

CONSUMER: Final = "evcc"
_FIELDS: Final = ("power", "energy", "returnenergy")
_PHASE_FIELDS: Final = ("powers", "currents", "voltages")
_PHASES: Final = ("l1", "l2", "l3")


@dataclass(frozen=True, slots=True)
class Reading:
    """Where evcc reads one number. ``topic`` is below that of the meter; ``scale`` makes it evcc's unit ("": none)."""

    topic: str
    scale: str
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the meter: one reading, or three where ``phases``."""

    name: str
    readings: tuple[Reading, ...]
    phases: bool


def fields(resolved: Resolved, selection: Selection) -> list[Field]:
    """Give the fields that the selected meters fill.

    Raises UsageError where there is no power, which evcc needs, and TargetError for a quantity without a topic.
    """
    found = list(_fields(resolved, selection))
    if not _has_power(found):
        model = resolved.meters.get(selection.meter or "")
        what = (
            (selection.source and selection.ids[0])
            or selection.meter
            or selection.operator
            or "this selection"
        )
        if model is not None and model.medium != "electricity":
            raise UsageError(
                f"evcc charges by an electricity meter, and {what} measures {model.medium}: choose another meter"
            )
        raise UsageError(f"evcc needs a power, and {what} sends none: choose another meter")
    return found


def fits(resolved: Resolved, selection: Selection) -> bool:
    """Whether evcc can work with the selected meters: they give a power."""
    return _has_power(_fields(resolved, selection))


def _has_power(found: Iterable[Field]) -> bool:
    return any(field.name == "power" for field in found)


def _fields(resolved: Resolved, selection: Selection) -> Iterator[Field]:
    chosen = [q for q in quantities(resolved, selection) if "field" in q.consumers.get(CONSUMER, {})]
    for name in _FIELDS:
        if fitting := sorted((q for q in chosen if _field(q) == name), key=_rank):
            yield Field(name, (_reading(resolved, selection, fitting[0]),), phases=False)
    for name in _PHASE_FIELDS:
        by_phase = {q.phase: q for q in chosen if _field(q) == name}
        if all(phase in by_phase for phase in _PHASES):
            readings = tuple(_reading(resolved, selection, by_phase[phase]) for phase in _PHASES)
            yield Field(name, readings, phases=True)


def _field(quantity: Quantity) -> str:
    return str(quantity.consumers[CONSUMER]["field"])


def _rank(quantity: Quantity) -> int:
    return int(str(quantity.consumers[CONSUMER].get("rank", "1")))


def _reading(resolved: Resolved, selection: Selection, quantity: Quantity) -> Reading:
    topic = topics.topic_of(resolved, quantity)
    if topic is None:
        raise TargetError(
            f"evcc: {quantity.name} has no topic of its own: take its field away in schema/consumers/evcc.yaml"
        )
    of_unit = resolved.units[quantity.unit].consumers.get(CONSUMER, {}) if quantity.unit else {}
    shortest = int(str(resolved.consumers[CONSUMER].settings["timeout"]))
    return Reading(
        topic=topics.below(resolved, topic, quantity.name),
        scale=of_unit.get("scale", ""),
        timeout_s=lasts_s(resolved, selection, quantity, shortest),
    )
