"""What is decided once for each layout: the meter model, the place of bare values, the plan.

    Reading ──► positional? codes from the catalogue ──► known layout? ──► Layout
                                                           │ no
                                                           └─► recognise the model · compile · choose what to derive

The model, once certain, stays: it is a property of the meter on this line, not of a telegram.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ciimodel.catalogue import Meter, Resolved

from ciibridge.normalise.derive import Recipe, possible, recipes
from ciibridge.normalise.detect import Evidence, recognise
from ciibridge.normalise.plan import Compiler, Plan
from ciibridge.normalise.positional import place
from ciibridge.normalise.registry import Registry
from ciibridge.normalise.scale import Scales
from ciibridge.normalise.settings import MeterSettings
from ciibridge.types import Problem, Reading

#: Layouts kept compiled. A meter has a handful of lists; a damaged line must not fill the memory.
_MOST: Final = 32


class Layout(NamedTuple):
    """A compiled layout: its plan, what is derived with it, and the names of all its values in order."""

    plan: Plan
    recipes: tuple[Recipe, ...]
    order: tuple[str, ...]


class Layouts:
    """The layouts of one meter, and the meter model they show."""

    def __init__(self, catalogue: Resolved, settings: MeterSettings) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self.registry: Final = Registry(catalogue.quantities.values())
        self.scales: Final = Scales(catalogue.units, settings.scalers)
        self._compiler = Compiler(catalogue.quantities, self.scales, self.registry)
        self._recipes = recipes(catalogue.quantities)
        self._rank = {name: rank for rank, name in enumerate(catalogue.quantities)}
        self._known: dict[Hashable, Layout] = {}
        self._pushed: set[str] = set()
        self.model: Meter | None = settings.find_model(catalogue)
        self.candidates: tuple[str, ...] = ()
        self.zone: ZoneInfo = settings.find_zone(self.model)

    @property
    def models(self) -> Sequence[Meter]:
        """The meter model, or all it cannot be told from."""
        return (self.model,) if self.model else [self._catalogue.meters[c] for c in self.candidates]

    def give_codes(self, reading: Reading) -> Reading | Problem:
        """Give a positional reading the OBIS codes of the list that fits."""
        placed = place(reading, self._possible(), self.registry, certain=self.model is not None)
        if isinstance(placed, Problem):
            return placed
        if self.model is None and len(placed.models) == 1:
            self._settle(placed.models[0])
        return placed.reading

    def known(self, reading: Reading) -> Layout | None:
        """Give the layout of a reading that names it, if it was found before."""
        return self._known.get(reading.layout)

    def find(self, reading: Reading) -> tuple[Layout, tuple[Problem, ...]]:
        """Find the layout of ``reading``, and, when it is new, what is wrong with it."""
        layout = self._known.get(reading.layout) if reading.layout is not None else None
        if layout is not None:
            return layout, ()
        key = _key(reading)
        layout = self._known.get(key)
        if layout is not None:
            if reading.layout is not None:
                self._remember(reading.layout, layout)
            return layout, ()
        self._recognise(reading)
        plan = self._compiler.compile(reading.registers, self.models)
        if not plan.names <= self._pushed:
            self._known.clear()  # what is pushed now is derived nowhere any more
        self._pushed |= plan.names
        chosen = possible(self._recipes, plan.names, self._pushed)
        names = sorted([*plan.names, *(recipe.name for recipe in chosen)], key=self._rank.__getitem__)
        layout = Layout(plan, chosen, tuple(names))
        self._remember(key, layout)
        if reading.layout is not None:
            self._remember(reading.layout, layout)
        return layout, plan.problems

    def _remember(self, key: Hashable, layout: Layout) -> None:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = layout

    def _possible(self) -> Sequence[Meter]:
        if self.model is not None:
            return (self.model,)
        operator = self._settings.find_operator(self._catalogue)
        meters = self._catalogue.meters
        if operator is None:
            return tuple(meters.values())
        return [meters[m] for m in dict.fromkeys(entry.meter for entry in operator.meters)]

    def _recognise(self, reading: Reading) -> None:
        if self.model is not None:
            return
        verdict = recognise(Evidence.of(reading, self.registry), self._possible())
        candidates = (verdict.model,) if verdict.model else verdict.candidates
        both = tuple(c for c in candidates if c in self.candidates)
        self.candidates = both or candidates or self.candidates
        if len(self.candidates) == 1:
            self._settle(self._catalogue.meters[self.candidates[0]])

    def _settle(self, model: Meter) -> None:
        self.model = model
        self.candidates = ()
        self.zone = self._settings.find_zone(model)
        self._known.clear()  # their scales were those of other models


def _key(reading: Reading) -> Hashable:
    """Collect everything of a reading but its values."""
    return (
        reading.shape,
        reading.identification,
        tuple(
            (r.obis, r.type, r.scaler, r.unit, r.spelling, r.class_id, r.attribute) for r in reading.registers
        ),
    )
