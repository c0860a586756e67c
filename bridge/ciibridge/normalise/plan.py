"""The compiled reading of one layout: which register is which quantity, with which scale and limits.

A meter sends the same telegram again and again. What each register means is decided once, when its layout first
comes; from then on a telegram is a walk over ``Plan.values``. A plan depends on the meter model (scales), so all plans
are made anew when the model is recognised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ciimodel.catalogue import Meter, Quantity

from ciibridge.normalise.guard import Limits
from ciibridge.normalise.registry import Match, Registry
from ciibridge.normalise.scale import Scales
from ciibridge.types import Obis, Problem, Register

#: COSEM classes whose attribute 2 is the value; their other attributes (unit, status, capture time) are no reading.
_VALUE_CLASSES: Final = frozenset((1, 3, 4, 5, 8))
_PUSH_SETUP: Final = 40


class ValueStep(NamedTuple):
    """Register number ``position`` is quantity ``name`` in ``unit``, after ``exponent``."""

    position: int
    name: str
    unit: str
    exponent: int
    limits: Limits
    counter: bool
    obis: Obis


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with each register of a layout, by index; values in the order of the catalogue."""

    values: tuple[ValueStep, ...]
    texts: tuple[tuple[int, Quantity], ...]
    identities: tuple[tuple[int, str], ...]
    clocks: tuple[int, ...]
    channels: tuple[tuple[int, Match], ...]
    unknown: tuple[tuple[int, str], ...]
    problems: tuple[Problem, ...]

    @property
    def names(self) -> frozenset[str]:
        """Quantities the meter itself pushes in this layout."""
        return frozenset(step.name for step in self.values)


@dataclass(slots=True)
class _Draft:
    values: list[ValueStep] = field(default_factory=list)
    texts: list[tuple[int, Quantity]] = field(default_factory=list)
    identities: list[tuple[int, str]] = field(default_factory=list)
    clocks: list[int] = field(default_factory=list)
    channels: list[tuple[int, Match]] = field(default_factory=list)
    unknown: list[tuple[int, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    taken: dict[str, Obis] = field(default_factory=dict)
    assumed: int = 0  # values whose scale is only the usual one


class Compiler:
    """Makes plans from the catalogue."""

    def __init__(self, quantities: Mapping[str, Quantity], scales: Scales, registry: Registry) -> None:
        self._rank = {name: rank for rank, name in enumerate(quantities)}
        self._scales = scales
        self._registry = registry

    def compile(self, registers: Sequence[Register], models: Sequence[Meter]) -> Plan:
        """Make the plan of a layout; ``models``: the meter model, or all it cannot be told from."""
        draft = _Draft()
        for index, register in enumerate(registers):
            self._place(index, register, models, draft)
        if draft.assumed:
            draft.problems.append(
                Problem(
                    "model_unknown",
                    f"the meter model is not recognised, and the telegram gives no scale for {draft.assumed} values: "
                    "the usual ones are assumed",
                )
            )
        draft.values.sort(key=lambda step: self._rank[step.name])
        return Plan(
            tuple(draft.values),
            tuple(draft.texts),
            tuple(draft.identities),
            tuple(draft.clocks),
            tuple(draft.channels),
            tuple(draft.unknown),
            tuple(draft.problems),
        )

    def _place(self, index: int, register: Register, models: Sequence[Meter], draft: _Draft) -> None:
        if register.class_id == _PUSH_SETUP:
            return
        match = self._registry.find(register.obis)
        if match.channel is not None:
            draft.channels.append((index, match))
        elif not match.quantities:
            draft.unknown.append((index, str(register.obis)))
        elif register.attribute != 2 and (register.class_id is None or register.class_id in _VALUE_CLASSES):
            return
        else:
            self._place_known(index, register, match.quantities[0], models, draft)

    def _place_known(
        self, index: int, register: Register, quantity: Quantity, models: Sequence[Meter], draft: _Draft
    ) -> None:
        before = draft.taken.setdefault(quantity.name, register.obis)
        if before != register.obis:  # the same quantity under a second code: the first one stands for it
            draft.unknown.append((index, str(register.obis)))
        elif quantity.place == "time":
            draft.clocks.append(index)
        elif quantity.place == "meta":
            draft.identities.append((index, quantity.name))
        elif quantity.place == "text" or quantity.unit is None:
            draft.texts.append((index, quantity))
        else:
            self._place_value(index, register, quantity, models, draft)

    def _place_value(
        self, index: int, register: Register, quantity: Quantity, models: Sequence[Meter], draft: _Draft
    ) -> None:
        scale = self._scales.find(register, quantity, models)
        if isinstance(scale, Problem):
            draft.problems.append(scale)
            draft.unknown.append((index, str(register.obis)))
            return
        draft.assumed += scale.from_table and not models
        limits = Limits.of(quantity, scale.exponent)
        step = ValueStep(
            index,
            quantity.name,
            quantity.unit or "",
            scale.exponent,
            limits,
            quantity.monotonic,
            register.obis,
        )
        draft.values.append(step)
