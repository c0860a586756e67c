"""dsmr-parser as the second opinion: every line that some specification of it can read, with what it reads there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from dsmr_parser import telegram_specifications
from dsmr_parser.exceptions import ParseError


@cache
def _readers() -> list[tuple[re.Pattern[str], Any]]:
    specifications = [getattr(telegram_specifications, name) for name in dir(telegram_specifications)]
    objects = [
        entry for s in specifications if isinstance(s, dict) and "objects" in s for entry in s["objects"]
    ]
    return [
        (re.compile(entry["obis_reference"], re.DOTALL | re.MULTILINE), entry["value_parser"])
        for entry in objects
    ]


Read = tuple[str, Decimal | str | datetime, str | None]


def read(text: str) -> Iterator[Read]:
    """(address, value, unit) for each line and each way to read it; logs are left out."""
    for pattern, parser in _readers():
        for line in pattern.findall(text):
            try:
                found = parser.parse(line)
            except (ParseError, ValueError):  # another country's form of that line
                continue
            if isinstance(found, list) or not hasattr(found, "unit") or hasattr(found, "buffer_length"):
                continue
            yield line.split("(")[0], found.value, found.unit
