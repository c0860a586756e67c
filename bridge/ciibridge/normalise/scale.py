"""The power of ten of a register: telegram, then the user's setting, then meter model, then the quantity's own.

A telegram that brings scaler and unit explains itself. One that does not is read with the table of its meter model,
because the same OBIS code has another scale on another model (voltage 1 V or 0.1 V); a fact of the quantity's name
wins over one of its family. Everything stays an integer and a power of ten, so only units that are a power of ten
away from the profile's are converted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ciimodel.catalogue import Meter, Quantity, Unit

from ciibridge.types import Problem, Register

#: DLMS units (IEC 62056-6-2, table of scaler_unit) that are not a unit of the profile but a power of ten from one.
_CONVERTIBLE: Final[dict[int, tuple[str, int]]] = {
    14: ("m³", 0),  # corrected volume
    19: ("m³", -3),  # litre
    56: ("1", -2),  # percent
}


class Scale(NamedTuple):
    """``value × 10^exponent`` is in the unit of the quantity."""

    exponent: int
    from_table: bool  # the telegram did not say it


class Scales:
    """Finds the scale of registers; ``configured``: what the user set, quantity or family → power of ten."""

    def __init__(self, units: Mapping[str, Unit], configured: Mapping[str, int]) -> None:
        self._units = units
        self._configured = configured

    def find(self, register: Register, quantity: Quantity, models: Sequence[Meter]) -> Scale | Problem:
        """Find the scale of ``register`` as ``quantity``.

        ``models``: the meter model, or all it cannot be told from. A Problem when the unit is not that of the quantity,
        or when the models differ.
        """
        power = 0
        if register.unit is not None:
            found = _unit_power(register.unit, quantity.unit, self._units)
            if found is None:
                return Problem(
                    "unit_unknown",
                    f"{register.obis} comes in DLMS unit {register.unit}, which is not {quantity.unit} "
                    f"({quantity.name})",
                    hint="The register is shown as it came under `obis`; send us the telegram.",
                    quantity=quantity.name,
                )
            power = found
        if register.scaler is not None:
            return Scale(register.scaler + power, from_table=False)
        exponents = {self._table(quantity, model) for model in models or (None,)}
        if len(exponents) > 1:
            return Problem(
                "model_ambiguous",
                f"{register.obis} ({quantity.name}) has another scale on each of "
                f"{', '.join(model.id for model in models)}",
                hint="Set `model` in the configuration; until then the register is shown as it came under `obis`.",
                quantity=quantity.name,
            )
        return Scale(exponents.pop() + power, from_table=True)

    def _table(self, quantity: Quantity, model: Meter | None) -> int:
        keys = (quantity.name, quantity.family)
        for key in keys:
            if key in self._configured:
                return self._configured[key]
        for key in keys if model else ():
            fact = model.registers.get(key) if model else None
            if fact is not None and fact.scaler is not None:
                return fact.scaler
        return quantity.scaler


def _unit_power(code: int, symbol: str | None, units: Mapping[str, Unit]) -> int | None:
    """Find the power of ten from DLMS unit ``code`` to the profile's unit ``symbol``; None: not convertible."""
    if symbol is not None and units[symbol].dlms == code:
        return 0
    target, power = _CONVERTIBLE.get(code, (None, 0))
    return power if symbol is not None and target == symbol else None
