"""A household behind a meter: everything the connection point has at a moment, a pure function of time and seed.

    day (minutes)  →  **household** (seconds)  →  measure (OBIS codes)  →  telegram

Within a minute power moves in steps of five seconds around the minute's value; the steps of a minute sum to nothing
and never turn the flow round, so the registers stay the exact integral of the power:

    power    W   │▔▁▂▔▁▔▂▁▔▁▂▔│    energy(t) = Σ days + Σ minutes + Σ steps, whole W·s

Registers run from 2020 on. Asked twice for the same moment, also by another process, the answer is the same: a
counter never runs backwards because a simulator was started again.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from random import Random
from typing import Final, NamedTuple

from ciibridge.simulate.day import MINUTES, Day, Flows, Triple, day_of, flows, high_tariff, season_of

_STEP_S: Final = 5
_STEPS: Final = 60 // _STEP_S
_DAY_S: Final = MINUTES * 60
_STANDARD_TIME_S: Final = 3600  # UTC+1, all year
_FIRST_DAY: Final = date(2020, 1, 1)
_EPOCH: Final = date(1970, 1, 1).toordinal()

_NOMINAL_DV: Final = 2_318  # tenths of a volt
_SAG_DV_PER_KW: Final = 7  # a feeder of 0.16 Ω


class Registers(NamedTuple):
    """What the meter has counted, in W·s and var·s: in all tariffs, and in tariff 1."""

    every: Flows
    high: Flows


@dataclass(frozen=True, slots=True)
class State:
    """The connection point at one second. Powers: positive is drawn from the grid, positive var is inductive."""

    active_w: Triple
    reactive_var: Triple
    voltage_dv: Triple  # tenths of a volt
    frequency_mhz: int
    tariff: str  # t1 | t2
    registers: Registers

    def current_ma(self, phase: int) -> int:
        """Tell the current of a phase (0 to 2) in mA, from apparent power and voltage; none of a dead phase."""
        if not self.voltage_dv[phase]:
            return 0
        apparent = math.isqrt(self.active_w[phase] ** 2 + self.reactive_var[phase] ** 2)
        return 10_000 * apparent // self.voltage_dv[phase]


class Household:
    """The life of one household. ``phases`` = 1: everything is on L1, the other phases are dead."""

    def __init__(self, seed: int = 0, phases: int = 3) -> None:
        self._seed = seed
        self._phases = phases
        self._opening: dict[int, Registers] = {}
        random = Random(f"{seed}/start")  # noqa: S311 - a household, not a key
        self._latest: tuple[int, State] | None = None  # a telegram asks twenty times for one moment
        self._start = Flows(*(random.randrange(200_000, 900_000) * 3600 for _ in Flows._fields))

    def at(self, moment: datetime) -> State:
        """Everything at ``moment`` (aware), to the second. Raises ValueError before 2020."""
        seconds = math.floor(moment.astimezone(UTC).timestamp()) + _STANDARD_TIME_S
        if self._latest is None or self._latest[0] != seconds:
            self._latest = seconds, self._state(seconds)
        return self._latest[1]

    def _state(self, seconds: int) -> State:
        number, second_of_day = divmod(seconds, _DAY_S)
        minute, second = divmod(second_of_day, 60)
        day = self._day(number)
        active, reactive = day.active_w(minute), day.reactive_var(minute)
        random = Random(f"{self._seed}/{seconds // 60}")  # noqa: S311
        steps = _steps(random, active)
        now = _plus(active, steps[second // _STEP_S])
        return State(
            active_w=now,
            reactive_var=reactive,
            voltage_dv=self._voltage(random, now, seconds),
            frequency_mhz=50_000 + random.randint(-25, 25),
            tariff="t1" if high_tariff(day.weekday, minute) else "t2",
            registers=self._registers(number, minute, second, steps),
        )

    def _registers(self, number: int, minute: int, second: int, steps: list[Triple]) -> Registers:
        day = self._day(number)
        opening = self._opening_of(number)
        every, high = day.before(minute)
        active, reactive = day.active_w(minute), day.reactive_var(minute)
        running = _weighted([(every, 60)])
        for index in range(second // _STEP_S + 1):
            share = min(second - index * _STEP_S, _STEP_S)
            running = _weighted([(running, 1), (flows(_plus(active, steps[index]), reactive), share)])
        this_minute = _weighted([(running, 1), (every, -60)])
        in_high = high_tariff(day.weekday, minute)
        return Registers(
            _weighted([(opening.every, 1), (running, 1)]),
            _weighted([(opening.high, 1), (high, 60), (this_minute, int(in_high))]),
        )

    def _day(self, number: int) -> Day:
        if number < _FIRST_DAY.toordinal() - _EPOCH:
            raise ValueError(f"the simulated household starts on {_FIRST_DAY}: ask for a later moment")
        today = date.fromordinal(number + _EPOCH)
        return day_of(season_of(today.month), today.weekday(), self._seed, self._phases)

    def _opening_of(self, number: int) -> Registers:
        """Tell the registers at midnight. There are 28 different days, so years are a sum of 28 products."""
        if number not in self._opening:
            first = _FIRST_DAY.toordinal() - _EPOCH
            lived = Counter(self._day(past) for past in range(first, number))
            every = _weighted([(self._start, 1), *((day.total[0], 60 * n) for day, n in lived.items())])
            high = _weighted([(self._start, 0), *((day.total[1], 60 * n) for day, n in lived.items())])
            self._opening = {number: Registers(every, high)}
        return self._opening[number]

    def _voltage(self, random: Random, active: Triple, seconds: int) -> Triple:
        """Sag under load, rise with the sun, and drift with the hour as everybody's load does."""
        drift = round(14 * math.sin(2 * math.pi * (seconds % _DAY_S) / _DAY_S))
        l1, l2, l3 = (
            _NOMINAL_DV + drift + random.randint(-4, 4) - _SAG_DV_PER_KW * watts // 1000 for watts in active
        )
        return (l1, l2, l3) if self._phases == 3 else (l1, 0, 0)


def _steps(random: Random, active: Triple) -> list[Triple]:
    """Choose what each step of a minute adds to the phases: it sums to nothing, and is too small to turn a flow round."""
    bound = min(90, abs(sum(active)) // 8)
    columns: list[list[int]] = []
    for watts in active:
        up = [random.randint(0, min(bound, abs(watts) // 8)) for _ in range(_STEPS // 2)]
        column = up + [-value for value in up]
        random.shuffle(column)
        columns.append(column)
    return [(l1, l2, l3) for l1, l2, l3 in zip(*columns, strict=True)]


def _plus(left: Triple, right: Triple) -> Triple:
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]


def _weighted(parts: list[tuple[Flows, int]]) -> Flows:
    return Flows(*(sum(column) for column in zip(*([v * n for v in part] for part, n in parts), strict=True)))
