"""One day of a household, minute by minute: what runs when, on which phase, and the sun on the roof.

A day is made of its season, its weekday and the seed, and of nothing else, so the same seed always lives the same
life. Powers are whole watts and vars, constant within a minute; what is below a minute is added in ``household``
without changing the sum. Days have 24 hours of standard time (UTC+1): tariff clocks do not follow summer time.

    reactive +         QII  │  QI       import P > 0, reactive Q > 0 (inductive): quadrant I
                     ───────┼───────    +Q = QI + QII, −Q = QIII + QIV (IEC 62053-23)
    reactive −        QIII  │  QIV
                    export     import
"""

from __future__ import annotations

import math
from array import array
from functools import cached_property, lru_cache
from itertools import accumulate
from random import Random
from typing import Final, Literal, NamedTuple

MINUTES: Final = 24 * 60

Season = Literal["winter", "spring", "summer", "autumn"]
Triple = tuple[int, int, int]


class _Climate(NamedTuple):
    """What the season decides."""

    heating: float  # share of the time the heat pump runs
    sun_w: int  # of the roof at noon without clouds
    sunrise: int  # minute of the day
    sunset: int


_CLIMATE: Final[dict[Season, _Climate]] = {
    "winter": _Climate(0.55, 2_600, 8 * 60, 16 * 60 + 40),
    "spring": _Climate(0.25, 5_600, 6 * 60 + 10, 19 * 60 + 10),
    "summer": _Climate(0.06, 7_200, 4 * 60 + 50, 20 * 60 + 20),
    "autumn": _Climate(0.30, 3_900, 6 * 60 + 40, 17 * 60 + 50),
}
_SEASON_OF_MONTH: Final[tuple[Season, ...]] = (
    *("winter", "winter", "spring", "spring", "spring", "summer"),
    *("summer", "summer", "autumn", "autumn", "autumn", "winter"),
)
_SATURDAY: Final = 5
#: High tariff from 7:00 to 20:00, Monday to Friday; the rest is low. Tariff 1 is high in Switzerland.
_HIGH_TARIFF: Final = range(7 * 60, 20 * 60)

_BASE_W: Final[Triple] = (55, 35, 70)
_FRIDGE_W: Final = 85
_KETTLE_W: Final = 2_050
_HEAT_PUMP_W: Final = 820  # a phase
_HEAT_PUMP_VAR: Final = 380  # a motor: inductive
_INVERTER_VAR: Final = -45  # a phase; the filter of the inverter is a capacitor


class Flows(NamedTuple):
    """How fast each register of the meter grows, in W and var."""

    imported: int
    exported: int
    q1: int
    q2: int
    q3: int
    q4: int
    imported_l1: int
    imported_l2: int
    imported_l3: int
    exported_l1: int
    exported_l2: int
    exported_l3: int


def flows(active: Triple, reactive: Triple) -> Flows:
    """Share power out to the registers. The three phases are netted, as Swiss meters do: p1 + p2 + p3 is one flow."""
    p, q = sum(active), sum(reactive)
    quadrant = _quadrant(p, q)
    amount = abs(q)
    return Flows(
        max(p, 0),
        max(-p, 0),
        *(amount if quadrant == number else 0 for number in (1, 2, 3, 4)),
        *(max(phase, 0) for phase in active),
        *(max(-phase, 0) for phase in active),
    )


def _quadrant(p: int, q: int) -> int:
    if q >= 0:
        return 1 if p >= 0 else 2
    return 4 if p >= 0 else 3


def season_of(month: int) -> Season:
    """Season of a month, 1 to 12."""
    return _SEASON_OF_MONTH[month - 1]


def high_tariff(weekday: int, minute: int) -> bool:
    """Whether tariff 1 (high) is on; Monday is 0."""
    return weekday < _SATURDAY and minute in _HIGH_TARIFF


class Day:
    """The minutes of one day. ``phases`` = 1: everything is connected to L1."""

    def __init__(self, season: Season, weekday: int, seed: int, phases: int) -> None:
        self.weekday = weekday
        self._active = tuple(array("i", bytes(4 * MINUTES)) for _ in range(3))
        self._reactive = tuple(array("i", bytes(4 * MINUTES)) for _ in range(3))
        self._phases = phases
        random = Random(f"{seed}/{season}/{weekday}")  # noqa: S311 - a household, not a key
        climate = _CLIMATE[season]
        self._always_on(random)
        self._people(random, weekend=weekday >= _SATURDAY)
        self._heat_pump(random, climate)
        self._sun(random, climate)

    def active_w(self, minute: int) -> Triple:
        """Active power of the phases in W; negative is export."""
        l1, l2, l3 = self._active
        return l1[minute], l2[minute], l3[minute]

    def reactive_var(self, minute: int) -> Triple:
        """Reactive power of the phases in var; positive is inductive."""
        l1, l2, l3 = self._reactive
        return l1[minute], l2[minute], l3[minute]

    @cached_property
    def total(self) -> tuple[Flows, Flows]:
        """Sums over the day in W·min and var·min: all, and the part in the high tariff."""
        every = [flows(self.active_w(m), self.reactive_var(m)) for m in range(MINUTES)]
        high = [flow for m, flow in enumerate(every) if high_tariff(self.weekday, m)]
        return _sum(every), _sum(high)

    @cached_property
    def _before(self) -> tuple[list[Flows], list[Flows]]:
        nothing = Flows(*(0,) * len(Flows._fields))
        every = [flows(self.active_w(m), self.reactive_var(m)) for m in range(MINUTES)]
        high = [flow if high_tariff(self.weekday, m) else nothing for m, flow in enumerate(every)]
        return (
            list(accumulate(every, _add, initial=nothing)),
            list(accumulate(high, _add, initial=nothing)),
        )

    def before(self, minute: int) -> tuple[Flows, Flows]:
        """Add up from midnight to the start of ``minute`` in W·min and var·min: all, and those in the high tariff."""
        every, high = self._before
        return every[minute], high[minute]

    def _add(self, start: int, minutes: int, phase: int, watts: int, var: int = 0) -> None:
        line = phase if self._phases == 3 else 0
        for minute in range(max(start, 0), min(start + minutes, MINUTES)):
            self._active[line][minute] += watts
            self._reactive[line][minute] += var

    def _always_on(self, random: Random) -> None:
        for phase, watts in enumerate(_BASE_W):
            self._add(0, MINUTES, phase, watts, -8)
        for start in range(random.randrange(40), MINUTES, 55):
            self._add(start, 17, 0, _FRIDGE_W, 50)

    def _people(self, random: Random, *, weekend: bool) -> None:
        morning = random.randint(*((465, 540) if weekend else (370, 410)))
        for start in (morning, morning + random.randint(30, 60), 16 * 60 + random.randrange(60)):
            self._add(start, random.randint(2, 4), 1, _KETTLE_W)
        self._add(morning - 10, 60, 2, 160, -15)
        if weekend or random.random() < 0.4:
            self._cook(random, 11 * 60 + 30 + random.randrange(20))
        evening = 18 * 60 + random.randrange(40)
        self._cook(random, evening)
        self._add(17 * 60, 6 * 60 - random.randrange(50), 2, 240, -35)
        if weekend or random.random() < 0.4:  # washing: heats first, then turns
            start = random.randrange(9 * 60, 20 * 60)
            self._add(start, 14, 2, 1_950)
            self._add(start + 14, 60, 2, 210, 120)

    def _cook(self, random: Random, start: int) -> None:
        for plate in range(2):
            minute = start + 6 * plate
            while minute < start + 40:
                on = random.randint(2, 5)
                self._add(minute, on, plate, 1_450 + 250 * plate)
                minute += on + random.randint(1, 4)

    def _heat_pump(self, random: Random, climate: _Climate) -> None:
        minute = random.randrange(60)
        while minute < MINUTES:
            on = random.randint(18, 32)
            for phase in range(3):
                self._add(minute, on, phase, _HEAT_PUMP_W + random.randint(-40, 40), _HEAT_PUMP_VAR)
            minute += on + round(on * (1 - climate.heating) / climate.heating)

    def _sun(self, random: Random, climate: _Climate) -> None:
        clear = random.uniform(0.55, 1.0)
        sky = clear
        for minute in range(climate.sunrise, climate.sunset):
            sky += 0.08 * (clear - sky) + random.gauss(0, 0.03)
            sky = min(max(sky, 0.1), 1.0)
            height = math.sin(math.pi * (minute - climate.sunrise) / (climate.sunset - climate.sunrise))
            watts = round(climate.sun_w * height**1.3 * sky / 3)
            for phase in range(3):
                self._add(minute, 1, phase, -watts, _INVERTER_VAR)


@lru_cache(maxsize=4 * 28)
def day_of(season: Season, weekday: int, seed: int, phases: int) -> Day:
    """Make a day; meters with the same seed share it, for a household's 28 days take a quarter of a second."""
    return Day(season, weekday, seed, phases)


def _add(left: Flows, right: Flows) -> Flows:
    return Flows(*(a + b for a, b in zip(left, right, strict=True)))


def _sum(parts: list[Flows]) -> Flows:
    return Flows(*(sum(column) for column in zip(*parts, strict=True))) if parts else Flows(*(0,) * 12)
