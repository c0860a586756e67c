"""What a meter shows under an OBIS code, against the household's state taken apart by hand."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from ciibridge.simulate.household import Household
from ciibridge.simulate.measure import Amount, measure
from ciibridge.types import Obis

HOUSE = Household(1)
NIGHT = datetime(2026, 5, 4, 1, 7, 3, tzinfo=UTC)
NOON = datetime(2026, 5, 4, 10, 37, 48, tzinfo=UTC)


def read(c: int, d: int, e: int = 0, moment: datetime = NOON) -> Amount:
    return measure(HOUSE, moment, Obis(1, 0, c, d, e))


@pytest.mark.parametrize("moment", [NIGHT, NOON])
@pytest.mark.parametrize("phase", [None, 0, 1, 2])
def test_power_in_every_guise(moment: datetime, phase: int | None) -> None:
    state = HOUSE.at(moment)
    p = sum(state.active_w) if phase is None else state.active_w[phase]
    q = sum(state.reactive_var) if phase is None else state.reactive_var[phase]
    first = 0 if phase is None else 20 + 20 * phase
    plus_p, minus_p, plus_q, minus_q = (read(first + c, 7, moment=moment).numerator for c in (1, 2, 3, 4))
    assert (plus_p - minus_p, plus_q - minus_q) == (p, q)
    assert 0 in (plus_p, minus_p)
    assert sum(read(first + c, 7, moment=moment).numerator for c in (5, 6, 7, 8)) == abs(q)
    assert read(first + 15, 7, moment=moment) == Amount(abs(p))
    assert read(first + 16, 7, moment=moment) == Amount(p)
    apparent = read(first + (9 if p >= 0 else 10), 7, moment=moment).numerator
    assert apparent == math.isqrt(p * p + q * q)
    factor = read(first + 13, 7, moment=moment)
    assert factor.numerator / factor.denominator == pytest.approx(abs(p) / apparent)


def test_line_values() -> None:
    state = HOUSE.at(NOON)
    for phase, c in enumerate((20, 40, 60)):
        assert read(c + 12, 7) == Amount(state.voltage_dv[phase], 10)
        assert read(c + 11, 7) == Amount(state.current_ma(phase), 1000)
    assert read(14, 7) == Amount(state.frequency_mhz, 1000)
    assert read(90, 7) == Amount(sum(state.current_ma(phase) for phase in range(3)), 1000)
    assert 0 <= read(91, 7).numerator <= read(90, 7).numerator


def test_registers_by_tariff_and_quadrant() -> None:
    def wh(c: int, e: int = 0) -> int:
        return read(c, 8, e).numerator

    for c in (1, 2, 5, 6, 7, 8):
        assert wh(c, 1) + wh(c, 2) == wh(c)
    assert wh(3) == wh(5) + wh(6)
    assert wh(4) == wh(7) + wh(8)
    assert wh(15) == wh(1) + wh(2)
    assert wh(16) == wh(1) - wh(2)
    assert read(21, 8).counted


def test_averages_are_the_registers_difference() -> None:
    quarter = NOON.replace(minute=30, second=0)
    for c in (1, 2):
        last = read(c, 5)
        grown = (
            read(c, 8, moment=quarter).numerator
            - read(c, 8, moment=quarter - timedelta(minutes=15)).numerator
        )
        assert last == Amount(grown, 900)
        running = read(c, 4)
        grown = read(c, 8).numerator - read(c, 8, moment=quarter).numerator
        assert running == Amount(grown, 468)
    assert read(1, 6, moment=NIGHT + timedelta(hours=22)) >= read(1, 5, moment=NIGHT + timedelta(hours=22))
    assert read(1, 4, moment=quarter) == read(1, 7, moment=quarter)


@pytest.mark.parametrize(
    ("amount", "scaler", "raw"),
    [
        (Amount(2318, 10), 0, 232),
        (Amount(2318, 10), -1, 2318),
        (Amount(2318, 10), -3, 231800),
        (Amount(3599, 3600, counted=True), 0, 0),
        (Amount(7200, 3600, counted=True), 0, 2),
        (Amount(71999 * 10, 3600, counted=True), 1, 19),
        (Amount(1499, 1000), 0, 1),
        (Amount(1500, 1000), 0, 2),
        (Amount(-1500, 1000), 0, -1),
        (Amount(941, 1000), -2, 94),
    ],
)
def test_a_register_is_cut_and_a_live_value_rounded(amount: Amount, scaler: int, raw: int) -> None:
    assert amount.raw(scaler) == raw


@pytest.mark.parametrize(
    "obis", [Obis(1, 0, 99, 7, 0), Obis(1, 0, 1, 99, 0), Obis(1, 0, 1, 8, 7), Obis(0, 0, 1, 8, 0)]
)
def test_what_a_household_has_not(obis: Obis) -> None:
    with pytest.raises(LookupError, match=f"a simulated household has no {obis}"):
        measure(HOUSE, NOON, obis)
