"""Lifted telegrams: from their values to a snapshot without a look at registers.

The general way (``normaliser``) has read such a telegram before; what it decided does not depend on the numbers and is kept:

    lifted    23 · 482939 · 0 · 236 · 2026-05-04 09:39:21 · …        integers, where the mould has its slots
    pick      place in it of each value of the plan, with the exponent it ends up with
    judge     lowest and highest mantissa; of a counter, the one before
    derive    sums over the values picked
    Form      names, units, exponents, codes, texts: all that does not change  ──► FormedSnapshot

A telegram that needs a decision (a value out of its limits, a counter that falls, a text or a sub-meter that changes) is
refused, and goes the general way, which is the judge of this one in the tests. ADR 38.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property
from math import ceil, floor
from operator import itemgetter, le
from typing import Any, Final, NamedTuple

from ciibridge.decode.mould import Lifted, LiftedReading
from ciibridge.normalise.clock import Stamp
from ciibridge.normalise.guard import Counter, Guard, Limits
from ciibridge.normalise.layouts import Layout
from ciibridge.normalise.scale import number_of
from ciibridge.types import Measured, MeterTime, Number, Obis, Snapshot

#: Farther from zero than any mantissa of 64 bits: no limit.
_FAR: Final = 1 << 80


class _Origin(NamedTuple):
    """Where a value of a form comes from."""

    name: str
    unit: str
    exponent: int
    obis: Obis | None  # None: derived
    raw_exponent: int  # before the scaler


@dataclass(frozen=True, eq=False)
class Form:
    """What the snapshots of one layout share. ``names`` and ``exponents`` are in the order of the values."""

    origins: tuple[_Origin, ...]
    names: tuple[str, ...]
    exponents: tuple[int, ...]
    shared: Mapping[str, Any]  # field of Snapshot → value

    def values(self, mantissas: tuple[int, ...]) -> dict[str, Measured]:
        """Give the values as every snapshot has them."""
        return {
            name: Measured(
                Number(mantissa, exponent), unit, obis, None if obis is None else Number(mantissa, raw)
            )
            for mantissa, (name, unit, exponent, obis, raw) in zip(mantissas, self.origins, strict=True)
        }


class FormedSnapshot(Snapshot):
    """A snapshot of which only the numbers are its own; its ``values`` are made only if somebody asks for them."""

    #: Mantissas in the order of the form; None: a copy that somebody has changed.
    mantissas: tuple[int, ...] | None = None
    form: Form

    @cached_property
    def values(self) -> dict[str, Measured]:
        """Values by name, in the order of the catalogue."""
        return self.form.values(self.mantissas or ())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the values, in their order."""
        return self.form.names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and all(
            getattr(self, name) == getattr(other, name) for name in _COMPARED
        )

    __hash__ = Snapshot.__hash__


_COMPARED: Final = tuple(field.name for field in fields(Snapshot) if field.compare)
_OWN: Final = frozenset(
    ("seq", "ts", "ts_source", "rx", "values", "submeters", "candidates", "reading", "clock_offset_s")
)


class _Term(NamedTuple):
    place: int  # among the mantissas picked, then the derived ones
    factor: int


@dataclass(frozen=True, eq=False)
class Compiled:
    """The way of one layout. Made by ``compile``; its counters are those of the guard."""

    layout: Layout
    form: Form
    pick: Callable[[Lifted], tuple[int, ...]]
    lows: tuple[int, ...]
    highs: tuple[int, ...]
    counters: tuple[tuple[int, Counter, int], ...]  # place, its memory, exponent
    derived: tuple[tuple[_Term, ...], ...]
    order: Callable[[tuple[int, ...]], tuple[int, ...]] | None
    clock: int | None  # slot
    fixed_clock: MeterTime | None
    general: int  # number of telegrams that had gone the general way; where there are sub-meters, this is to be valid
    has_channels: bool

    def read(self, lifted: Lifted) -> tuple[int, ...] | None:
        """Give the mantissas of the form, and note the counters; None: this telegram needs a decision."""
        mantissas = self.pick(lifted)
        if not (all(map(le, self.lows, mantissas)) and all(map(le, mantissas, self.highs))):
            return None
        for place, counter, exponent in self.counters:
            accepted = counter.accepted
            if mantissas[place] < accepted.mantissa or accepted.exponent != exponent or counter.claim:
                return None
        for place, counter, exponent in self.counters:
            if mantissas[place] != counter.accepted.mantissa:
                counter.accepted = Number(mantissas[place], exponent)
        if self.order is None:
            return mantissas
        every = list(mantissas)
        for terms in self.derived:
            every.append(sum([every[place] * factor for place, factor in terms]))
        return self.order(tuple(every))

    def clock_of(self, lifted: Lifted) -> MeterTime | None:
        """Give the clock object of the telegram."""
        if self.clock is None:
            return self.fixed_clock
        time = lifted[self.clock]
        return time if isinstance(time, MeterTime) else None

    def snapshot(
        self,
        mantissas: tuple[int, ...],
        stamp: Stamp,
        *,
        seq: int,
        reading: LiftedReading,
        submeters: object,
        candidates: object,
    ) -> FormedSnapshot:
        """Put the snapshot together."""
        snapshot = object.__new__(FormedSnapshot)
        vars(snapshot).update(
            self.form.shared,
            seq=seq,
            ts=stamp.ts,
            ts_source=stamp.source,
            rx=stamp.rx,
            submeters=submeters,
            candidates=candidates,
            reading=reading,
            clock_offset_s=stamp.offset_s,
            mantissas=mantissas,
            form=self.form,
        )
        return snapshot


def compile_layout(
    reading: LiftedReading, layout: Layout, snapshot: Snapshot, guard: Guard, general: int
) -> Compiled | None:
    """Compile what the general way made of ``reading``; None where it depends on more than numbers.

    Only to be called where nothing was withheld.
    """
    plan = layout.plan
    slots = {slot.register: place for place, slot in enumerate(reading.mould.slots)}
    numbers = {slot.register: slot.exponent for slot in reading.mould.slots}
    read_whole = [
        *(index for index, _ in plan.texts),
        *(index for index, _ in plan.identities),
        *(index for index, _ in plan.channels),
        *(index for index, _ in plan.unknown),
    ]
    if any(index in slots for index in read_whole) or not plan.values:
        return None
    picks: list[int] = []
    constants: list[int] = []
    origins: list[_Origin] = []
    lows: list[int] = []
    highs: list[int] = []
    counters: list[tuple[int, Counter, int]] = []
    for step in plan.values:
        raw = number_of(reading.registers[step.position])
        if raw is None:
            if reading.registers[step.position].value in (None, ""):
                continue  # nothing was sent, and as it is no slot, nothing will be
            return None
        if step.position in slots:
            if numbers[step.position] != raw.exponent:
                return None
            picks.append(slots[step.position])
        else:
            picks.append(len(reading.mould.slots) + len(constants))
            constants.append(raw.mantissa)
        exponent = raw.exponent + step.exponent
        low, high = _bounds(step.limits, exponent)
        lows.append(low)
        highs.append(high)
        if step.counter:
            counter = guard.counter(step.name)
            if counter is None:
                return None
            counters.append((len(origins), counter, exponent))
        origins.append(_Origin(step.name, step.unit, exponent, step.obis, raw.exponent))
    derived: list[tuple[_Term, ...]] = []
    places = {origin.name: place for place, origin in enumerate(origins)}
    for recipe in layout.recipes:
        terms = [(places[term.name], term.sign) for term in recipe.terms if term.name in places]
        if recipe.name not in snapshot.derived:
            continue
        exponent = min(origins[place].exponent for place, _ in terms)
        derived.append(
            tuple(_Term(place, sign * 10 ** (origins[place].exponent - exponent)) for place, sign in terms)
        )
        places[recipe.name] = len(origins)
        origins.append(_Origin(recipe.name, recipe.unit, exponent, None, 0))
    ordered = [places[name] for name in snapshot.values]
    clock = next((index for index in plan.clocks if _is_time(reading, index)), None)
    form = _form(snapshot, [origins[place] for place in ordered])
    compiled = Compiled(
        layout,
        form,
        _picker(picks, tuple(constants)),
        tuple(lows),
        tuple(highs),
        tuple(counters),
        tuple(derived),
        None if ordered == list(range(len(picks))) else _getter(ordered),
        None if clock is None else slots.get(clock),
        None if clock is None or clock in slots else _time(reading, clock),
        general,
        bool(plan.channels),
    )
    if len(ordered) != len(origins) or any(
        index != clock and index in slots and not _is_time(reading, index) for index in plan.clocks
    ):
        return None
    mantissas = compiled.read(reading.lifted or ())
    return compiled if mantissas is not None and form.values(mantissas) == snapshot.values else None


def _form(snapshot: Snapshot, origins: list[_Origin]) -> Form:
    shared = {name: getattr(snapshot, name) for name in _COMPARED if name not in _OWN}
    return Form(
        tuple(origins),
        tuple(origin.name for origin in origins),
        tuple(origin.exponent for origin in origins),
        shared,
    )


def _bounds(limits: Limits, exponent: int) -> tuple[int, int]:
    """Give the lowest and highest mantissa with ``exponent`` that ``limits`` allow; exact."""
    step = Fraction(10) ** exponent
    low = -_FAR if limits.minimum is None else ceil(limits.minimum / step)
    return low, _FAR if limits.maximum is None else floor(limits.maximum / step)


def _picker(places: list[int], constants: tuple[int, ...]) -> Callable[[Lifted], tuple[int, ...]]:
    get = _getter(places)
    if not constants:
        return get
    return lambda lifted: get(lifted + constants)


def _getter(places: list[int]) -> Callable[[Any], tuple[int, ...]]:
    if len(places) == 1:
        (place,) = places
        return lambda values: (values[place],)
    return itemgetter(*places)


def _is_time(reading: LiftedReading, index: int) -> bool:
    return isinstance(reading.registers[index].value, MeterTime)


def _time(reading: LiftedReading, index: int) -> MeterTime | None:
    value = reading.registers[index].value
    return value if isinstance(value, MeterTime) else None
