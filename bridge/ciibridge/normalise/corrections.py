"""What single devices send against the standard, corrected where the telegram itself proves which device it is.

    meters/*.yaml  corrections   nameplate · serial numbers ─┐
    Reading        server id  →  number on the nameplate ────┴─► Reading with what was meant

Which these are stands in the catalogue. So far all are numbers that SML sends with as few octets as they need: the sign of
the shorter ones is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ciimodel.catalogue import Correction, Meter

from ciibridge.normalise.registry import Registry
from ciibridge.normalise.server import identification
from ciibridge.types import Number, Reading, Register

_SERIAL_DIGITS: Final = 8


class Corrections:
    """The corrections of all models. Immutable."""

    def __init__(self, meters: Iterable[Meter], registry: Registry) -> None:
        self._registry = registry
        self._by_nameplate: dict[str, list[Correction]] = {}
        for meter in meters:
            for correction in meter.corrections:
                self._by_nameplate.setdefault(correction.nameplate, []).append(correction)

    def apply(self, reading: Reading) -> Reading:
        """Give the reading as it was meant."""
        number = identification(reading.server_id) if reading.server_id else None
        if number is None:
            return reading
        nameplate, serial = number[: -_SERIAL_DIGITS - 1], int(number[-_SERIAL_DIGITS:])
        known = self._by_nameplate.get(nameplate, ())
        mine = [c for c in known if any(each.first <= serial <= each.last for each in c.serials)]
        if not mine:
            return reading
        return replace(
            reading, registers=tuple(self._meant(register, mine) for register in reading.registers)
        )

    def _meant(self, register: Register, corrections: list[Correction]) -> Register:
        value = register.value
        if not isinstance(value, Number) or value.mantissa >= 0 or not register.octets:
            return register
        names = {quantity.name for quantity in self._registry.find(register.obis).quantities}
        if any(c.quantity in names and register.octets <= c.unsigned_octets for c in corrections):
            return register._replace(
                value=Number(value.mantissa + (1 << 8 * register.octets), value.exponent)
            )
        return register
