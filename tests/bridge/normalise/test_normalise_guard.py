"""Implausible values and falling counters."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ciibridge.normalise.guard import Guard, Limits, less
from ciibridge.types import Number, Problem
from ciimodel.catalogue import Resolved
from hypothesis import given
from hypothesis import strategies as st
from normalise_parts import small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


ANY = Limits(None, None, 0, None, None)
numbers = st.builds(Number, st.integers(-(10**12), 10**12), st.integers(-6, 6))


def value(number: Number) -> Fraction:
    return number.mantissa * Fraction(10) ** number.exponent


def counts(guard: Guard, *mantissas: int) -> list[bool | str]:
    verdicts = [guard.check("energy", Number(m), ANY, counter=True) for m in mantissas]
    return [v.code if isinstance(v, Problem) else v for v in verdicts]


@pytest.mark.parametrize(
    ("exponent", "mantissa", "allowed"),
    [
        (0, 500, True),
        (0, 501, False),
        (0, -1, False),
        (0, 0, True),
        (-1, 5000, True),
        (-1, 5001, False),
        (1, 51, False),
    ],
)
def test_limits_are_exact_at_every_scale(
    small: Resolved, exponent: int, mantissa: int, *, allowed: bool
) -> None:
    limits = Limits.of(small.quantities["voltage_l1"], exponent)
    assert limits.allow(Number(mantissa, exponent)) is allowed


@given(numbers, st.integers(-3, 3))
def test_limits_do_not_depend_on_the_exponent_they_were_made_for(number: Number, exponent: int) -> None:
    low, high = Fraction(-1, 3), Fraction(12345, 10)
    step = Fraction(10) ** exponent
    limits = Limits(low, high, exponent, -int(-low // step), int(high // step))
    assert limits.allow(number) is (low <= value(number) <= high)


@given(numbers, numbers)
def test_numbers_are_compared_exactly(a: Number, b: Number) -> None:
    assert less(a, b) is (value(a) < value(b))


def test_an_implausible_value_is_reported_once_in_a_row(small: Resolved) -> None:
    guard = Guard()
    limits = Limits.of(small.quantities["voltage_l1"], 0)
    first = guard.check("voltage_l1", Number(2300), limits, counter=False)
    assert isinstance(first, Problem)
    assert first.code == "implausible"
    assert first.quantity == "voltage_l1"
    assert "2300 is outside 0 … 500" in first.message
    assert guard.check("voltage_l1", Number(2301), limits, counter=False) is False
    assert guard.check("voltage_l1", Number(230), limits, counter=False) is True
    assert isinstance(guard.check("voltage_l1", Number(2300), limits, counter=False), Problem)


def test_a_counter_may_stand_or_rise() -> None:
    assert counts(Guard(), 5, 5, 6, 1000) == [True, True, True, True]


def test_a_fall_is_withheld_until_three_telegrams_confirm_it() -> None:
    guard = Guard()
    assert counts(guard, 100, 7, 7, 8, 8, 9) == [True, "counter_decreased", False, False, True, True]
    assert counts(guard, 8) == ["counter_decreased"]  # from the new level on


def test_one_disturbed_value_changes_nothing() -> None:
    assert counts(Guard(), 100, 7, 101, 7, 102) == [
        True,
        "counter_decreased",
        True,
        "counter_decreased",
        True,
    ]


def test_a_claim_that_falls_again_begins_anew() -> None:
    assert counts(Guard(), 100, 50, 50, 20, 20, 20, 21) == [
        True,
        "counter_decreased",
        False,
        False,
        False,
        False,
        True,
    ]


def test_counters_with_another_exponent_are_the_same_counter() -> None:
    guard = Guard()
    assert guard.check("e", Number(1234, 1), ANY, counter=True) is True
    assert guard.check("e", Number(12340, 0), ANY, counter=True) is True
    assert isinstance(guard.check("e", Number(12339, 0), ANY, counter=True), Problem)


@given(st.lists(st.integers(0, 20), max_size=60))
def test_what_is_published_falls_only_after_four_low_values_in_a_row(mantissas: list[int]) -> None:
    guard = Guard()
    accepted: int | None = None
    low = 0
    for mantissa in mantissas:
        verdict = guard.check("energy", Number(mantissa), ANY, counter=True)
        low = low + 1 if accepted is not None and mantissa < accepted else 0
        if verdict is True:
            assert accepted is None or mantissa >= accepted or low >= 4
            accepted, low = mantissa, 0
