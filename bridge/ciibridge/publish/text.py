"""How values stand in a payload: exact numbers, UTC times, JSON.

Numbers are written from their integer and power of ten, never through a float: 9 with exponent -2 is ``0.09``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson

from ciibridge.normalise.texts import text_of
from ciibridge.types import Measured, Number, Value


def exact(number: Number) -> orjson.Fragment:
    """Write ``number`` as a JSON number with all its decimals."""
    return orjson.Fragment(str(number))


def exact_values(values: Mapping[str, Measured]) -> dict[str, orjson.Fragment]:
    """Write values as a JSON object of exact numbers."""
    return {name: orjson.Fragment(str(measured.number)) for name, measured in values.items()}


def json_value(value: Value) -> orjson.Fragment | str | bool:
    """Write a value as sent: number, text, boolean; octets in hex, times as RFC 3339."""
    if isinstance(value, Number):
        return exact(value)
    return value if isinstance(value, bool) else text_of(value) or ""


def utc_text(time: datetime) -> str:
    """RFC 3339 in UTC, to the second: ``2026-05-04T09:39:21Z``."""
    return time.isoformat()[:19] + "Z"


def utc_text_ms(time: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond: ``2026-05-04T09:39:21.402Z``."""
    return time.isoformat(timespec="milliseconds")[:23] + "Z"
