"""A household is a function of time; its registers are the exact integral of its power."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from ciibridge.simulate.day import MINUTES, Day, Flows, flows, high_tariff, season_of
from ciibridge.simulate.household import Household, State
from hypothesis import given, settings
from hypothesis import strategies as st

START = datetime(2026, 5, 4, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def flow(state: State) -> Flows:
    return flows(state.active_w, state.reactive_var)


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize(
    "start",
    [
        START.replace(hour=10),  # the sun turns the flow round
        START.replace(hour=18, minute=50),  # low tariff begins at 19:00 UTC, 20:00 standard time
        datetime(2026, 2, 28, 22, 50, tzinfo=UTC),  # midnight of the household, and another season
        datetime(2026, 10, 25, 0, 50, tzinfo=UTC),  # clocks go back: not this one
    ],
)
def test_every_register_is_the_sum_of_every_second(seed: int, start: datetime) -> None:
    household = Household(seed)
    before = household.at(start)
    for second in range(1, 20 * 60):
        after = household.at(start + second * SECOND)
        grown = [b - a for a, b in zip(before.registers.every, after.registers.every, strict=True)]
        assert grown == list(flow(before)), start + second * SECOND
        in_high = [b - a for a, b in zip(before.registers.high, after.registers.high, strict=True)]
        assert in_high == (list(flow(before)) if before.tariff == "t1" else [0] * len(grown))
        before = after


moments = st.integers(0, 15 * 366 * 86400).map(
    lambda seconds: datetime(2020, 1, 2, tzinfo=UTC) + seconds * SECOND
)


@settings(max_examples=60, deadline=None)
@given(moment=moments, later=st.timedeltas(timedelta(0), timedelta(days=40)))
def test_registers_never_run_backwards(moment: datetime, later: timedelta) -> None:
    first, second = HOUSE.at(moment).registers, HOUSE.at(moment + later).registers
    assert all(a <= b for a, b in zip(first.every, second.every, strict=True))
    assert all(a <= b for a, b in zip(first.high, second.high, strict=True))
    assert all(high <= every for every, high in zip(second.every, second.high, strict=True))


def test_another_process_sees_the_same() -> None:
    """A simulator that is started again goes on where it was; nothing hangs on how Python hashes."""
    moment = datetime(2026, 5, 4, 9, 39, 21, tzinfo=UTC)
    program = (
        "import datetime as d; from ciibridge.simulate.household import Household;"
        f"print(Household(3).at(d.datetime.fromisoformat({moment.isoformat()!r})))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    told = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str(HOUSE.at(moment))
    assert HOUSE.at(moment.replace(microsecond=999_999)) == HOUSE.at(moment)


HOUSE = Household(3)


def test_another_seed_is_another_household() -> None:
    assert Household(1).at(START) != Household(2).at(START)


def test_a_day_has_everything() -> None:
    """Base load, kettle, heat pump, sun, evening: what makes a day plausible can be seen in its numbers."""
    day = [HOUSE.at(START + timedelta(minutes=minute)) for minute in range(MINUTES)]
    net = [sum(state.active_w) for state in day]
    assert min(net) < -1500  # the sun
    assert max(net) > 3000  # cooking with the heat pump
    assert 100 < min(value for value in net[:240] if value > 0) < 400  # the night
    assert max(state.active_w[1] for state in day) > 2000  # the kettle, on L2 only
    assert {state.tariff for state in day} == {"t1", "t2"}
    grown = [b - a for a, b in zip(day[0].registers.every, day[-1].registers.every, strict=True)]
    assert all(grown), "each register grows in a day, all four quadrants too"
    imported_kwh = grown[0] / 3_600_000
    assert 5 < imported_kwh < 30


def test_voltage_is_around_230_and_sags_with_load() -> None:
    states = [HOUSE.at(START + timedelta(minutes=minute)) for minute in range(MINUTES)]
    volts = [value / 10 for state in states for value in state.voltage_dv]
    assert 222 < min(volts) < max(volts) < 238
    loaded = [s.voltage_dv[1] for s in states if s.active_w[1] > 1500]
    idle = [s.voltage_dv[1] for s in states if 0 <= s.active_w[1] < 100]
    assert sum(loaded) / len(loaded) < sum(idle) / len(idle) - 5


def test_current_follows_from_apparent_power_and_voltage() -> None:
    state = State((2300, 0, -460), (0, 230, 0), (2300, 2300, 2300), 50_000, "t1", HOUSE.at(START).registers)
    assert [state.current_ma(phase) for phase in range(3)] == [10_000, 1_000, 2_000]


def test_single_phase_has_all_on_l1() -> None:
    single = Household(3, phases=1)
    for hour in range(24):
        state = single.at(START + timedelta(hours=hour))
        assert state.active_w[1:] == state.reactive_var[1:] == state.voltage_dv[1:] == (0, 0)


@pytest.mark.parametrize(
    ("p", "q", "field"), [(1, 1, "q1"), (-1, 1, "q2"), (-1, -1, "q3"), (1, -1, "q4"), (0, 1, "q1")]
)
def test_quadrants(p: int, q: int, field: str) -> None:
    found = flows((p, 0, 0), (q, 0, 0))
    assert {name for name in ("q1", "q2", "q3", "q4") if getattr(found, name)} == {field}


def test_phases_are_netted() -> None:
    assert flows((1000, -300, -200), (0, 0, 0))[:2] == (500, 0)
    assert flows((1000, -1300, 0), (0, 0, 0))[:2] == (0, 300)
    assert flows((1000, -300, -200), (0, 0, 0))[6:] == (1000, 0, 0, 0, 300, 200)


def test_high_tariff_by_hour() -> None:
    assert high_tariff(0, 7 * 60)
    assert not high_tariff(0, 7 * 60 - 1)
    assert high_tariff(4, 20 * 60 - 1)
    assert not high_tariff(4, 20 * 60)
    assert not high_tariff(5, 12 * 60)
    tuesday_noon = datetime(2026, 5, 5, 10, 0, tzinfo=UTC)
    assert HOUSE.at(tuesday_noon).tariff == "t1"
    assert HOUSE.at(tuesday_noon + timedelta(hours=12)).tariff == "t2"


def test_a_day_adds_up_to_its_minutes() -> None:
    day = Day("autumn", 2, seed=5, phases=3)
    every, high = day.before(MINUTES)
    assert (every, high) == day.total
    assert day.before(0) == (Flows(*[0] * 12), Flows(*[0] * 12))


def test_seasons() -> None:
    assert [season_of(month) for month in (1, 2, 3, 6, 9, 12)] == [
        "winter",
        "winter",
        "spring",
        "summer",
        "autumn",
        "winter",
    ]


def test_before_the_beginning() -> None:
    with pytest.raises(ValueError, match="starts on 2020-01-01"):
        Household().at(datetime(2019, 12, 30, tzinfo=UTC))
