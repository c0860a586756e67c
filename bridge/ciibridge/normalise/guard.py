"""What must not be published: values no meter can have, and counters that run backwards.

A wrong scale shows as 2300 V or 660 A; one bad counter value spoils years of energy statistics. So a value outside
the limits of its quantity is withheld, and a counter that falls is withheld until three further telegrams confirm
the lower level (then the meter was exchanged or reset). Both are reported once, not with every telegram.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Final

from ciimodel.catalogue import Quantity

from ciibridge.types import Number, Problem

#: Telegrams that must confirm a lower counter before it is taken.
CONFIRMATIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """What a quantity may be: in its unit, and as mantissas of the usual numbers, those with ``exponent``."""

    minimum: Fraction | None
    maximum: Fraction | None
    exponent: int
    low: int | None
    high: int | None

    @classmethod
    def of(cls, quantity: Quantity, exponent: int) -> Limits:
        """Make the limits of ``quantity`` for numbers with ``exponent``; exact, not rounded through floats."""
        step = Fraction(10) ** exponent
        low = None if quantity.minimum is None else Fraction(str(quantity.minimum))
        high = None if quantity.maximum is None else Fraction(str(quantity.maximum))
        return cls(
            low,
            high,
            exponent,
            None if low is None else ceil(low / step),
            None if high is None else floor(high / step),
        )

    def allow(self, number: Number) -> bool:
        """Tell whether the quantity can have this value."""
        mantissa, exponent = number
        if exponent == self.exponent:
            return (self.low is None or mantissa >= self.low) and (self.high is None or mantissa <= self.high)
        # A float of the telegram has decimals of its own.
        value = Fraction(mantissa) * Fraction(10) ** exponent
        return not (
            (self.minimum is not None and value < self.minimum)
            or (self.maximum is not None and value > self.maximum)
        )

    def __str__(self) -> str:
        low = "" if self.minimum is None else f"{float(self.minimum):g}"
        high = "" if self.maximum is None else f"{float(self.maximum):g}"
        return f"{low} … {high}"


def less(a: Number, b: Number) -> bool:
    """Compare exactly, also numbers with different exponents."""
    if a.exponent == b.exponent:
        return a.mantissa < b.mantissa
    common = min(a.exponent, b.exponent)
    return bool(a.mantissa * 10 ** (a.exponent - common) < b.mantissa * 10 ** (b.exponent - common))


@dataclass(slots=True)
class Counter:
    """The accepted value of a counter, and the lower level that is being confirmed."""

    accepted: Number
    claim: Number | None = None
    confirmed: int = 0


class Guard:
    """The memory of what was accepted; one a meter."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter] = {}
        self._implausible: set[str] = set()

    @property
    def withholds(self) -> bool:
        """Whether a value is out of its limits at present."""
        return bool(self._implausible)

    def counter(self, name: str) -> Counter | None:
        """Give the memory of a counter; None: it never came."""
        return self._counters.get(name)

    def check(self, name: str, number: Number, limits: Limits, *, counter: bool) -> bool | Problem:
        """Judge a value. True: publish. False: withhold. A Problem: withhold and report it, the first time in a row.

        ``counter``: it never runs backwards.
        """
        if limits.allow(number):
            if self._implausible:
                self._implausible.discard(name)
            return not counter or self._count(name, number)
        if name in self._implausible:
            return False
        self._implausible.add(name)
        return Problem(
            "implausible",
            f"{name} = {number} is outside {limits} and was withheld",
            hint="If the value is right, its scaler or limit in the schema is wrong: set `model`, or tell us.",
            quantity=name,
        )

    def _count(self, name: str, number: Number) -> bool | Problem:
        counter = self._counters.get(name)
        if counter is None:
            self._counters[name] = Counter(number)
            return True
        if not less(number, counter.accepted):
            counter.accepted = number
            counter.claim = None
            return True
        if counter.claim is None:
            counter.claim = number
            counter.confirmed = 0
            return Problem(
                "counter_decreased",
                f"{name} fell from {counter.accepted} to {number} and is withheld until "
                f"{CONFIRMATIONS} telegrams confirm it",
                hint="Nothing to do if the meter was exchanged; else the line is disturbed.",
                quantity=name,
            )
        if less(number, counter.claim):  # a new level: begins from the start
            counter.claim = number
            counter.confirmed = 0
            return False
        counter.claim = number
        counter.confirmed += 1
        if counter.confirmed < CONFIRMATIONS:
            return False
        counter.accepted = number
        counter.claim = None
        return True
