"""Quantities the meter does not push, computed from those it does.

``power_net`` = import − export, and the total of the tariffs where a meter sends no total. A quantity is derived only
as long as the meter has never pushed it itself: of two sources the meter's own is the right one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ciimodel.catalogue import Quantity

from ciibridge.types import Measured, Number


class _Term(NamedTuple):
    name: str
    sign: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one quantity is computed."""

    name: str
    unit: str
    terms: tuple[_Term, ...]
    need_all: bool

    def cook(self, values: Mapping[str, Measured], withheld: Collection[str]) -> Measured | None:
        """Compute the value, exactly; None when an operand is missing (or withheld: the sum of the rest is wrong)."""
        mantissa = 0
        exponent = 0
        found = False
        for name, sign in self.terms:
            measured = values.get(name)
            if measured is None:
                if self.need_all or name in withheld:
                    return None
                continue
            number = measured.number
            if not found:
                mantissa, exponent, found = sign * number.mantissa, number.exponent, True
            elif number.exponent == exponent:
                mantissa += sign * number.mantissa
            elif number.exponent > exponent:
                mantissa += sign * number.mantissa * 10 ** (number.exponent - exponent)
            else:
                mantissa = mantissa * 10 ** (exponent - number.exponent) + sign * number.mantissa
                exponent = number.exponent
        return Measured(Number(mantissa, exponent), self.unit, None) if found else None


def recipes(quantities: Mapping[str, Quantity]) -> tuple[Recipe, ...]:
    """Collect all recipes of the catalogue, those that others need first."""
    found: dict[str, Recipe] = {}
    for quantity in quantities.values():
        _visit(quantity, quantities, found, ())
    return tuple(found.values())


def _visit(
    quantity: Quantity, quantities: Mapping[str, Quantity], found: dict[str, Recipe], above: tuple[str, ...]
) -> None:
    if quantity.derive is None or quantity.unit is None or quantity.name in found or quantity.name in above:
        return
    operands = [*quantity.derive.plus, *quantity.derive.minus]
    for operand in operands:
        _visit(quantities[operand], quantities, found, (*above, quantity.name))
    terms = [_Term(n, 1) for n in quantity.derive.plus] + [_Term(n, -1) for n in quantity.derive.minus]
    found[quantity.name] = Recipe(
        quantity.name, quantity.unit, tuple(terms), need_all=quantity.derive.need == "all"
    )


def possible(
    all_recipes: Iterable[Recipe], names: Collection[str], pushed: Collection[str]
) -> tuple[Recipe, ...]:
    """Choose the recipes that a telegram with the quantities ``names`` can serve; none of a quantity in ``pushed``."""
    at_hand = set(names)
    chosen: list[Recipe] = []
    for recipe in all_recipes:
        if recipe.name in pushed or recipe.name in at_hand:
            continue
        there = [term.name in at_hand for term in recipe.terms]
        if all(there) if recipe.need_all else any(there):
            chosen.append(recipe)
            at_hand.add(recipe.name)
    return tuple(chosen)
