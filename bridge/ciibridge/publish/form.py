"""Snapshots of one form (``normalise.compiled``): the text around their numbers is made once.

    {"profile":"1.0","meter":"m","seq": 7 ,"ts":"…",…,"values":{"power_import": 28 ,"current_l1": 0.09 ,…},"derived":[…]}
    └──────────── template ────────────┘│└ template ┘                          │
                                      number                       mantissa 9, exponent -2

Numbers are written from integer and power of ten, never through a float. ``Messages.state`` writes any snapshot, and is the
judge of this in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from ciibridge.normalise.compiled import Form
from ciibridge.types import Number


class NumberTexts:
    """Writes the numbers of a form."""

    def __init__(self, form: Form) -> None:
        exponents = form.exponents
        self._fractions: Final = tuple((n, -exponent) for n, exponent in enumerate(exponents) if exponent < 0)
        self._multiples: Final = tuple(
            (n, 10**exponent) for n, exponent in enumerate(exponents) if exponent > 0
        )

    def of(self, mantissas: tuple[int, ...]) -> list[int | str]:
        """Give what ``str`` and ``%s`` write exactly: integers, and texts of numbers with decimals."""
        written: list[int | str] = list(mantissas)
        for place, decimals in self._fractions:
            mantissa = mantissas[place]
            if mantissa < 0:
                written[place] = str(Number(mantissa, -decimals))
            else:
                digits = str(mantissa)
                if len(digits) <= decimals:
                    digits = digits.rjust(decimals + 1, "0")
                written[place] = f"{digits[:-decimals]}.{digits[-decimals:]}"
        for place, factor in self._multiples:
            written[place] = mantissas[place] * factor
        return written


class StateTemplate:
    """The JSON of ``state`` for one form. ``tail``: the keys behind ``values``."""

    def __init__(self, form: Form, tail: Mapping[str, Any]) -> None:
        self._texts: Final = NumberTexts(form)
        values = ",".join(f"{_json(name)}:%s" for name in form.names)
        behind = "".join(f",{_json(key)}:{_json(value)}" for key, value in tail.items()).replace("%", "%%")
        self._body: Final = f',"values":{{{values}}}{behind}}}'

    def render(self, head: Mapping[str, Any], mantissas: tuple[int, ...]) -> bytes:
        """Write ``head`` and the values."""
        return orjson.dumps(head)[:-1] + (self._body % tuple(self._texts.of(mantissas))).encode()


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
