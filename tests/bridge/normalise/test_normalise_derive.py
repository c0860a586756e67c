"""What the meter does not send itself."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ciibridge.normalise.derive import Recipe, possible, recipes
from ciibridge.types import Measured, Number
from ciimodel.catalogue import Resolved
from hypothesis import given
from hypothesis import strategies as st
from normalise_parts import small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


small_numbers = st.builds(Number, st.integers(-(10**9), 10**9), st.integers(-4, 4))


def measured(mantissa: int, exponent: int = 0) -> Measured:
    return Measured(Number(mantissa, exponent), "W", None)


@pytest.fixture
def book(small: Resolved) -> dict[str, Recipe]:
    return {recipe.name: recipe for recipe in recipes(small.quantities)}


def names(found: tuple[Recipe, ...]) -> list[str]:
    return [recipe.name for recipe in found]


def test_net_is_import_minus_export(book: dict[str, Recipe]) -> None:
    values = {"power_import": measured(28), "power_export": measured(500)}
    assert book["power_net"].cook(values, ()) == Measured(Number(-472), "W", None)


def test_all_operands_are_needed_unless_any_will_do(book: dict[str, Recipe]) -> None:
    assert book["power_net"].cook({"power_import": measured(28)}, ()) is None
    total = book["energy_import"].cook({"energy_import_t2": measured(7)}, ())
    assert total is not None
    assert total.number == Number(7)


def test_a_withheld_operand_spoils_the_sum(book: dict[str, Recipe]) -> None:
    assert book["energy_import"].cook({"energy_import_t2": measured(7)}, {"energy_import_t1"}) is None


@given(small_numbers, small_numbers)
def test_exact_for_any_exponents(small: Resolved, a: Number, b: Number) -> None:
    recipe = next(r for r in recipes(small.quantities) if r.name == "power_net")
    values = {"power_import": Measured(a, "W", None), "power_export": Measured(b, "W", None)}
    net = recipe.cook(values, ())
    assert net is not None
    exact = a.mantissa * Fraction(10) ** a.exponent - b.mantissa * Fraction(10) ** b.exponent
    assert net.number.mantissa * Fraction(10) ** net.number.exponent == exact
    assert net.number.exponent == min(a.exponent, b.exponent)


def test_a_derived_operand_is_computed_first(small: Resolved, book: dict[str, Recipe]) -> None:
    order = list(book)
    assert order.index("energy_import") < order.index("energy_net")
    found = possible(tuple(book.values()), {"energy_import_t1", "energy_export"}, ())
    assert names(found) == ["energy_import", "energy_net"]


def test_nothing_the_meter_pushes_is_derived(book: dict[str, Recipe]) -> None:
    everything = tuple(book.values())
    assert names(possible(everything, {"power_import", "power_export"}, ())) == ["power_net"]
    assert names(possible(everything, {"power_import", "power_export"}, {"power_net"})) == []
    assert names(possible(everything, {"power_import", "power_export", "power_net"}, ())) == []


def test_a_circle_in_the_catalogue_ends(small: Resolved) -> None:
    quantities = dict(small.quantities)
    for name, other in (("power_import", "power_export"), ("power_export", "power_import")):
        derive = {"plus": [other], "minus": [], "need": "all"}
        quantities[name] = type(quantities[name]).model_validate(
            quantities[name].model_dump() | {"derive": derive}
        )
    assert {"power_import", "power_export"} <= {recipe.name for recipe in recipes(quantities)}
