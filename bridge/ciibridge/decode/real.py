"""Binary floating-point numbers as exact decimals."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

from ciibridge.types import Number


def exact(value: float, *, single: bool) -> Number | None:
    """Find the shortest decimal that is this binary number; None for what is no number.

    ``single``: it came as one of 32 bits.
    """
    if not math.isfinite(value):
        return None
    text = repr(value)
    if single:
        packed = struct.pack(">f", value)
        text = next(
            t for t in (f"{value:.{d}g}" for d in range(6, 10)) if struct.pack(">f", float(t)) == packed
        )
    sign, digits, exponent = Decimal(text).as_tuple()
    mantissa = int("".join(map(str, digits)))
    return Number(-mantissa if sign else mantissa, int(exponent))
