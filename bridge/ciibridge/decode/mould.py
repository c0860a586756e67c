"""Telegrams that come again with other numbers: what they share is kept once, as a mould.

    mould     model telegram, and which of its values is new each time      ──┐
    lifted    12043, 17, 2300, 2026-05-04 09:39:21, …                        ─┴─► LiftedReading

A ``LiftedReading`` is a ``Reading`` like any other, but its registers are made only if somebody asks for them: on the way to
``state`` nobody does. How the values are lifted out of the octets is the business of each decoder.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import Final, NamedTuple

from ciibridge.types import Apdu, MeterTime, Number, Reading, Register, Value

#: Place of the date-time of the APDU among the slots.
APDU_TIME: Final = -1

Lifted = tuple[int | MeterTime, ...]


class Slot(NamedTuple):
    """Where a lifted value belongs."""

    register: int  # index, or APDU_TIME
    exponent: int | None  # of a number, whose mantissa is lifted; None: a time


class LiftedReading(Reading):
    """A reading that was lifted; made by ``Mould.cast``."""

    #: One a slot; None: a copy that somebody has changed.
    lifted: Lifted | None = None
    mould: Mould

    @cached_property
    def registers(self) -> tuple[Register, ...]:
        """Registers in the order of the telegram."""
        registers = list(self.mould.model.registers)
        for (index, exponent), lifted in zip(self.mould.slots, self.lifted or (), strict=True):
            if index != APDU_TIME:
                value: Value = lifted if isinstance(lifted, MeterTime) else Number(lifted, exponent or 0)
                obis, _, *rest = registers[index]
                registers[index] = Register._make((obis, value, *rest))
        return tuple(registers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reading) and all(
            getattr(self, name) == getattr(other, name) for name in _COMPARED
        )

    __hash__ = Reading.__hash__


_COMPARED: Final = tuple(field.name for field in fields(Reading) if field.compare)


class Mould:
    """What all telegrams of one kind share. It is the ``layout`` of their readings, and immutable."""

    def __init__(self, model: Reading, slots: tuple[Slot, ...]) -> None:
        self.model: Final = model
        self.slots: Final = slots
        self._apdu_time = next((n for n, slot in enumerate(slots) if slot.register == APDU_TIME), None)
        self._shared = {**vars(model), "layout": self, "mould": self}
        del self._shared["registers"]

    def cast(self, apdu: Apdu, lifted: Lifted) -> LiftedReading:
        """Make the reading of ``apdu``, whose values are ``lifted``: one a slot."""
        reading = object.__new__(LiftedReading)
        parts = vars(reading)
        parts.update(self._shared)
        parts["apdu"] = apdu
        parts["lifted"] = lifted
        if self._apdu_time is not None:
            parts["time"] = lifted[self._apdu_time]
        return reading
