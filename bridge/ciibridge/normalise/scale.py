"""The power of ten of a register: telegram, then the user's setting, then meter model, then the quantity's own.

A telegram that brings scaler and unit explains itself, and so does text that spells the unit (``kWh``). One that does not is read with the table of its meter model,
because the same OBIS code has another scale on another model (voltage 1 V or 0.1 V); a fact of the quantity's name
wins over one of its family. Everything stays an integer and a power of ten, so only units that are a power of ten
away from the profile's are converted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ciimodel.catalogue import Meter, Quantity, Unit

from ciibridge.decode.ascii.lines import number
from ciibridge.types import Number, Problem, Register

#: DLMS units (IEC 62056-6-2, table of scaler_unit) that are not a unit of the profile but a power of ten from one.
_CONVERTIBLE: Final[dict[int, tuple[str, int]]] = {
    14: ("m³", 0),  # corrected volume
    19: ("m³", -3),  # litre
    56: ("1", -2),  # percent
}


#: Type of a value that an ASCII telegram sends without a unit.
_TEXT: Final = "text"
_ONE: Final = "1"


class Scale(NamedTuple):
    """``value × 10^exponent`` is in the unit of the quantity."""

    exponent: int
    from_table: bool  # the telegram did not say it


def number_of(register: Register) -> Number | None:
    """Give the value of a register as a number; the digits of an ASCII telegram are one (``00013``)."""
    value = register.value
    if isinstance(value, Number):
        return value
    return number(value) if register.type == _TEXT and isinstance(value, str) else None


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
        if register.spelling is not None:
            spelled = _spelled_power(register.spelling, quantity.unit, self._units)
            return (
                _foreign(register, quantity, register.spelling)
                if spelled is None
                else Scale(spelled, from_table=False)
            )
        if register.type == _TEXT and not self._stated(quantity, models):
            # Digits without a unit have their own decimals, and mean something only where no unit is needed.
            return Scale(0, from_table=False) if quantity.unit == _ONE else _foreign(register, quantity, "")
        if register.unit is not None:
            found = _unit_power(register.unit, quantity.unit, self._units)
            if found is None:
                return _foreign(register, quantity, f"DLMS unit {register.unit}")
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

    def _stated(self, quantity: Quantity, models: Sequence[Meter]) -> bool:
        """Whether the user or the meter model says in which power of ten the unit comes."""
        keys = (quantity.name, quantity.family)
        return any(key in self._configured for key in keys) or any(
            (fact := model.registers.get(key)) is not None and fact.scaler is not None
            for model in models
            for key in keys
        )

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


def _foreign(register: Register, quantity: Quantity, unit: str) -> Problem:
    comes = f"comes in {unit}, which is not" if unit else "comes without a unit and should be in"
    return Problem(
        "unit_unknown",
        f"{register.obis} {comes} {quantity.unit} ({quantity.name})",
        hint="The register is shown as it came under `obis`; send us the telegram.",
        quantity=quantity.name,
    )


def _spelled_power(spelling: str, symbol: str | None, units: Mapping[str, Unit]) -> int | None:
    """Find the power of ten from a unit as spelled to ``symbol``: as listed, else in other capitals if that is clear."""
    known = units[symbol].spellings if symbol is not None else {}
    if spelling in known:
        return known[spelling]
    powers = {power for listed, power in known.items() if listed.casefold() == spelling.casefold()}
    return powers.pop() if len(powers) == 1 else None


def _unit_power(code: int, symbol: str | None, units: Mapping[str, Unit]) -> int | None:
    """Find the power of ten from DLMS unit ``code`` to the profile's unit ``symbol``; None: not convertible."""
    if symbol is not None and units[symbol].dlms == code:
        return 0
    target, power = _CONVERTIBLE.get(code, (None, 0))
    return power if symbol is not None and target == symbol else None
