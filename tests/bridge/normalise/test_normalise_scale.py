"""The power of ten of a register, and units."""

from __future__ import annotations

import pytest
from ciibridge.normalise.scale import Scale, Scales
from ciibridge.types import Problem
from ciimodel.catalogue import Resolved
from normalise_parts import register, small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


@pytest.fixture
def scales(small: Resolved) -> Scales:
    return Scales(small.units, {})


def test_telegram_wins_over_model_and_default(small: Resolved, scales: Scales) -> None:
    voltage = small.quantities["voltage_l1"]
    sent = register("1-0:32.7.0", 2300, scaler=-3, unit=35)
    assert scales.find(sent, voltage, [small.meters["decivolt"]]) == Scale(-3, from_table=False)


def test_model_wins_over_default_and_name_over_family(small: Resolved, scales: Scales) -> None:
    model = [small.meters["decivolt"]]
    assert scales.find(register("1-0:32.7.0", 1), small.quantities["voltage_l1"], model) == Scale(
        -1, from_table=True
    )
    assert scales.find(register("1-0:52.7.0", 1), small.quantities["voltage_l2"], model) == Scale(
        -2, from_table=True
    )


def test_default_where_the_model_says_nothing(small: Resolved, scales: Scales) -> None:
    current = small.quantities["current_l1"]
    for models in ([], [small.meters["volt"]]):
        assert scales.find(register("1-0:31.7.0", 1), current, models) == Scale(-2, from_table=True)


def test_setting_wins_over_model_but_not_over_telegram(small: Resolved) -> None:
    scales = Scales(small.units, {"voltage": -3})
    voltage, model = small.quantities["voltage_l2"], [small.meters["decivolt"]]
    assert scales.find(register("1-0:52.7.0", 1), voltage, model) == Scale(-3, from_table=True)
    sent = register("1-0:52.7.0", 1, scaler=0, unit=35)
    assert scales.find(sent, voltage, model) == Scale(0, from_table=False)


def test_models_that_differ_are_a_problem_and_models_that_agree_are_not(
    small: Resolved, scales: Scales
) -> None:
    models = [small.meters["volt"], small.meters["decivolt"]]
    problem = scales.find(register("1-0:32.7.0", 2300), small.quantities["voltage_l1"], models)
    assert isinstance(problem, Problem)
    assert problem.code == "model_ambiguous"
    assert "volt, decivolt" in problem.message
    assert problem.quantity == "voltage_l1"
    assert scales.find(register("1-0:1.7.0", 1), small.quantities["power_import"], models) == Scale(
        0, from_table=True
    )


@pytest.mark.parametrize(
    ("code", "quantity", "unit", "exponent"),
    [
        ("0-1:24.2.1", "volume_gas", 13, -2),
        ("0-1:24.2.1", "volume_gas", 14, -2),  # corrected volume
        ("0-1:24.2.1", "volume_gas", 19, -5),  # litre
        ("1-0:13.7.0", "power_factor", 56, -4),  # percent
        ("1-0:13.7.0", "power_factor", 255, -2),
    ],
)
def test_units_a_power_of_ten_away(
    small: Resolved, scales: Scales, *, code: str, quantity: str, unit: int, exponent: int
) -> None:
    sent = register(code, 12, scaler=-2, unit=unit)
    assert scales.find(sent, small.quantities[quantity], []) == Scale(exponent, from_table=False)


@pytest.mark.parametrize("unit", [25, 29, 13, 200])
def test_another_unit_is_not_guessed(small: Resolved, scales: Scales, unit: int) -> None:
    problem = scales.find(
        register("1-0:1.8.0", 1, scaler=0, unit=unit), small.quantities["energy_import"], []
    )
    assert isinstance(problem, Problem)
    assert problem.code == "unit_unknown"
    assert f"DLMS unit {unit}" in problem.message
