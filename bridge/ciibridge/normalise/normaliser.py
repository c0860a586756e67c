"""Reading → Snapshot: the registers of a telegram in the words of the profile.

    Reading ─► layout ─► values · texts · identity · clock ─► guard ─► derive ─► name ─► Snapshot

One Normaliser a meter. Pure: the only clock is the ``now`` it is given. It never raises on a reading, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from ciimodel.catalogue import Quantity, Resolved

from ciibridge.decode.mould import LiftedReading, Mould
from ciibridge.normalise.clock import Clock, Stamp
from ciibridge.normalise.codes import Codes
from ciibridge.normalise.compiled import Compiled, compile_layout
from ciibridge.normalise.corrections import Corrections
from ciibridge.normalise.guard import Guard, Limits
from ciibridge.normalise.identity import Namer
from ciibridge.normalise.layouts import Layout, Layouts
from ciibridge.normalise.plan import Plan
from ciibridge.normalise.records import RecordPlaces
from ciibridge.normalise.scale import number_of
from ciibridge.normalise.server import identification, server_text
from ciibridge.normalise.settings import MeterSettings
from ciibridge.normalise.submeters import SubMeters, Told
from ciibridge.normalise.texts import state_of, text_of
from ciibridge.types import Measured, MeterTime, Number, Problem, Reading, Register, Snapshot, Value

Finding = Snapshot | Problem
#: Compiled layouts kept: more than are lifted.
_MOST: Final = 32
#: Nothing was sent; an empty text is how ASCII telegrams say so.
_EMPTY: Final = (None, "")


class Normaliser:
    """The profile side of one meter's line."""

    def __init__(self, catalogue: Resolved, settings: MeterSettings) -> None:
        """Raise ConfigError when a setting is not in the catalogue."""
        settings.check(catalogue)
        self._layouts = Layouts(catalogue, settings)
        self._corrections = Corrections(catalogue.meters.values(), self._layouts.registry)
        self._codes = Codes(catalogue.meters.values(), catalogue.quantities.values())
        self._namer = Namer(settings.id, catalogue.quantities)
        self._clock = Clock(settings.clock)
        self._guard = Guard()
        self._past_guard = Guard()  # the past is read after the present, and its counters are lower
        self._submeters = SubMeters()
        self._records = RecordPlaces(
            catalogue.quantities.values(),
            catalogue.units,
            catalogue.meters.values(),
            settings.addresses,
            alone=settings.alone,
        )
        self._told: set[tuple[str, str]] = set()
        self._compiled: dict[Mould, Compiled | None] = {}
        self._general = 0  # telegrams that went the general way
        self._seq = 0
        self.withheld = 0  # values not published: implausible, or a counter that fell

    def not_before(self, time: datetime) -> None:
        """Take note that it is later than ``time``, UTC, whatever the receiver's clock shows."""
        self._clock.since = max(self._clock.since, time)

    @property
    def meter(self) -> str | None:
        """The level of the topics; None until the meter has said who it is."""
        return self._namer.meter

    @property
    def model(self) -> str | None:
        """Id of the meter model, when configured or recognised."""
        return self._layouts.model.id if self._layouts.model else None

    def take(self, reading: Reading, now: datetime, *, past: bool = False) -> list[Finding]:
        """One telegram, received at ``now`` (UTC): problems first, then the snapshot.

        ``past``: a row of a load profile; its time is ``reading.time`` and is not compared with ``now``. Before the meter has said who it is, snapshots are held back; see ``identity.Namer``.
        """
        lifted = reading if isinstance(reading, LiftedReading) and reading.lifted and not past else None
        if lifted is not None and (known := self._known(lifted, now)) is not None:
            return known
        found: list[Finding] = []
        if reading.shape == "positional":
            placed = self._layouts.give_codes(reading)
            if isinstance(placed, Problem):
                return [placed]
            reading = placed
        elif reading.shape == "records":
            reading = self._records.place(reading)
            self._submeters.recognised(self._records.models)
        elif reading.identification:
            reading = self._codes.apply(reading)
        elif reading.server_id:
            reading = self._corrections.apply(reading)
        layout, problems = self._layouts.find(reading)
        self._report(problems, found)
        withheld = self.withheld
        snapshot = self._read(reading, layout, now, found, past=past)
        if lifted is not None and snapshot.meter and self.withheld == withheld:
            self._learn(lifted, layout, snapshot)
        found += self._namer.name(snapshot)
        return found

    def _known(self, reading: LiftedReading, now: datetime) -> list[Finding] | None:
        """Take a telegram the compiled way; None: it must go the general one."""
        compiled = self._compiled.get(reading.mould)
        lifted = reading.lifted
        if (
            compiled is None
            or lifted is None
            or self._guard.withholds
            or self._layouts.known(reading) is not compiled.layout
            or (compiled.has_channels and compiled.general != self._general)
        ):
            return None
        mantissas = compiled.read(lifted)
        if mantissas is None:
            return None
        stamp = self._clock.stamp(compiled.clock_of(lifted), reading.time, self._layouts.zone, now)
        self._seq += 1
        snapshot = compiled.snapshot(
            mantissas,
            stamp,
            seq=self._seq,
            reading=reading,
            submeters=self._submeters.known,
            candidates=self._layouts.candidates,
        )
        return [snapshot] if stamp.problem is None else [stamp.problem, snapshot]

    def _learn(self, reading: LiftedReading, layout: Layout, snapshot: Snapshot) -> None:
        """Compile the way that ``reading`` has gone."""
        if len(self._compiled) >= _MOST:
            self._compiled.clear()
        self._compiled[reading.mould] = compile_layout(reading, layout, snapshot, self._guard, self._general)

    def finish(self) -> list[Finding]:
        """End the stream: what is held back gets the name of last resort."""
        return self._namer.give_up()

    def _report(self, problems: Iterable[Problem], found: list[Finding]) -> None:
        """Problems of a layout: each once a meter, not with every telegram."""
        for problem in problems:
            what = (problem.code, problem.quantity or problem.message)
            if what not in self._told:
                self._told.add(what)
                found.append(problem)

    def _read(
        self, reading: Reading, layout: Layout, now: datetime, found: list[Finding], *, past: bool
    ) -> Snapshot:
        self._general += 1
        plan = layout.plan
        registers = reading.registers
        unknown: dict[str, Value] = {
            code: value for index, code in plan.unknown if (value := registers[index].value) not in _EMPTY
        }
        guard = self._past_guard if past else self._guard
        values, derived = self._values(registers, layout, unknown, found, guard)
        below = self._channels(registers, plan, unknown, found, guard)
        if past:
            stamp = self._clock.past(reading.time, self._layouts.zone, now)
        else:
            stamp = self._stamp(reading, plan, now)
        if stamp.problem is not None:
            found.append(stamp.problem)
        self._seq += 1
        return Snapshot(
            meter=self._namer.meter or "",
            seq=self._seq,
            ts=stamp.ts,
            ts_source=stamp.source,
            rx=stamp.rx,
            values=values,
            texts=_texts(registers, plan, unknown),
            derived=derived,
            list=reading.list_object or reading.list_name,
            unknown=unknown,
            channels=below.values,
            channel_texts=below.texts,
            submeters=self._submeters.known,
            identity=_identity(reading, plan),
            reading=reading,
            model=self.model,
            candidates=self._layouts.candidates,
            clock_offset_s=stamp.offset_s,
            past=past,
        )

    def _values(
        self,
        registers: tuple[Register, ...],
        layout: Layout,
        unknown: dict[str, Value],
        found: list[Finding],
        guard: Guard,
    ) -> tuple[dict[str, Measured], tuple[str, ...]]:
        values: dict[str, Measured] = {}
        withheld: set[str] = set()
        check = guard.check
        for position, name, unit, exponent, limits, counter, obis in layout.plan.values:
            raw = registers[position].value
            if not isinstance(raw, Number):
                digits = number_of(registers[position])
                if digits is None:
                    if raw not in _EMPTY:
                        unknown[str(obis)] = raw
                    continue
                raw = digits
            number = Number(raw.mantissa, raw.exponent + exponent)
            verdict = check(name, number, limits, counter=counter)
            if verdict is True:
                values[name] = Measured(number, unit, obis, raw)
            else:
                withheld.add(name)
                self._withhold(verdict, found)
        derived: list[str] = []
        for recipe in layout.recipes:
            measured = recipe.cook(values, withheld)
            if measured is not None:
                values[recipe.name] = measured
                derived.append(recipe.name)
        if derived:
            values = {name: values[name] for name in layout.order if name in values}
        return values, tuple(derived)

    def _withhold(self, verdict: Problem | bool, found: list[Finding]) -> None:  # noqa: FBT001 - the guard's answer
        self.withheld += 1
        if isinstance(verdict, Problem):
            found.append(verdict)

    def _channels(
        self,
        registers: tuple[Register, ...],
        plan: Plan,
        unknown: dict[str, Value],
        found: list[Finding],
        guard: Guard,
    ) -> Told:
        if not plan.channels:
            return Told({}, {}, [])

        def read(register: Register, quantity: Quantity, name: str) -> Measured | Problem | None:
            scale = self._layouts.scales.find(register, quantity, self._layouts.models)
            if isinstance(scale, Problem):
                return scale
            raw = number_of(register)
            if raw is None:
                return None
            number = Number(raw.mantissa, raw.exponent + scale.exponent)
            limits = Limits.of(quantity, scale.exponent)
            verdict = guard.check(name, number, limits, counter=quantity.monotonic)
            if verdict is not True:
                self._withhold(verdict, found)
                return None
            return Measured(number, quantity.unit or "", register.obis, raw)

        pairs = [(registers[index], match) for index, match in plan.channels]
        told = self._submeters.read(pairs, read, unknown)
        self._report(told.problems, found)
        return told

    def _stamp(self, reading: Reading, plan: Plan, now: datetime) -> Stamp:
        clocks = (reading.registers[index].value for index in plan.clocks)
        clock = next((value for value in clocks if isinstance(value, MeterTime)), None)
        return self._clock.stamp(clock, reading.time, self._layouts.zone, now)


def _texts(registers: tuple[Register, ...], plan: Plan, unknown: dict[str, Value]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for index, quantity in plan.texts:
        register = registers[index]
        raw = text_of(register.value)
        if raw is None or (quantity.states and not raw):
            continue
        text = state_of(quantity, raw)
        if text is None:
            unknown[str(register.obis)] = register.value
        else:
            texts[quantity.name] = text
    return texts


def _identity(reading: Reading, plan: Plan) -> dict[str, str]:
    """Collect what the registers say, completed by what the envelope of the telegram says."""
    registers = reading.registers
    texts = ((name, text_of(registers[index].value)) for index, name in plan.identities)
    identity = {name: text for name, text in texts if text}
    if reading.server_id is not None:
        identity.setdefault("server_id", server_text(reading.server_id))
        number = identification(reading.server_id)
        if number is not None:
            identity.setdefault("identification", number)
    return identity
