"""Units: one meaning for each spelling and each DLMS code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ciigen.checks.sound import Sound
from ciigen.errors import Finding


def spellings(sound: Sound) -> Iterator[Finding]:
    """Check that the symbol is a spelling of itself, and a spelling belongs to one unit."""
    owners: dict[str, str] = {}
    for symbol, unit in sound.units.items():
        known = unit.named("spellings")
        own = known.get(symbol)
        if own is None or own.value != 0:
            place = own or unit.at("spellings") or unit
            yield place.finding(f"the symbol {symbol} must be a spelling with power 0", f'add "{symbol}": 0')
        for spelling, node in known.items():
            first = owners.setdefault(spelling, symbol)
            if first != symbol:
                yield node.finding(f"is a spelling of {first} as well", "keep it at one unit")


def codes(sound: Sound) -> Iterator[Finding]:
    """Check that a DLMS code is given once."""
    owners: dict[object, str] = {}
    for symbol, unit in sound.units.items():
        code = unit.at("dlms")
        if code is None:
            continue
        first = owners.setdefault(code.value, symbol)
        if first != symbol:
            remedy = "look the code up in IEC 62056-6-2, table of units"
            yield code.finding(f"code {code.value} is that of {first} as well", remedy)


RULES: Final = (spellings, codes)
