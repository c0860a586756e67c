"""Who a simulated meter says it is: names that fit the model and that no real meter has.

A serial number is all zeros but its end (LGZ1030600000001), a key counts up (0001…0F): whoever sees one in a log or
on a broker knows at once that it is made up.
"""

from __future__ import annotations

import re
from typing import Final

from ciimodel.catalogue import Meter

from ciibridge.errors import ConfigError

#: Keys for demonstrations and tests; a real one never looks like this.
SYNTHETIC_KEY: Final = bytes(range(0x10))
SYNTHETIC_AUTH_KEY: Final = bytes(range(0xD0, 0xE0))

_NAME_OCTETS: Final = 16  # of a COSEM logical device name (IEC 62056-6-2)
_NO_FLAG: Final = "SIM"
#: What the patterns of the catalogue are made of: digits \d{8}, a class [23], an anchor, a plain character.
_TOKEN: Final = re.compile(r"(?:\\d|\[0-9\])(?:\{(\d+)[^}]*\})?|\[([^]]+)\]|[\^$]|([A-Za-z0-9])")


def device_name(meter: Meter, number: int) -> str:
    """Logical device name of the ``number``-th simulated meter of this model, 16 characters.

    Raises ConfigError when the pattern of the model is beyond us.
    """
    pattern = meter.wire.device_name if meter.wire else None
    if pattern is None:
        return f"{flag(meter)}{number:0{_NAME_OCTETS - 3}}"
    skeleton = "".join(_expanded(token) for token in _TOKEN.finditer(pattern)).ljust(_NAME_OCTETS, "#")
    name = _numbered(skeleton, number)
    if not re.match(pattern, name):
        raise ConfigError(
            f"no device name like {pattern} comes to mind for {meter.id}: give one with --serial"
        )
    return name


def flag(meter: Meter) -> str:
    """FLAG id of the maker, three letters."""
    return meter.wire.flag[0] if meter.wire and meter.wire.flag else _NO_FLAG


def system_title(meter: Meter, name: str) -> bytes:
    """System title: FLAG id and five octets made of the digits of the device name (IEC 62056-5-3, 4.3.4)."""
    digits = int(re.sub(r"\D", "", name) or "0")
    return flag(meter).encode() + (digits % (1 << 40)).to_bytes(5, "big")


def _expanded(token: re.Match[str]) -> str:
    """One token of a pattern; # is a digit to be filled in."""
    repeats, choice, plain = token.groups()
    if plain or choice:
        return str(plain or choice[-1])  # of [23], the three-phase model
    return "" if token.group() in "^$" else "#" * int(repeats or 1)


def _numbered(skeleton: str, number: int) -> str:
    places = [place for place, character in enumerate(skeleton) if character == "#"]
    characters = list(skeleton)
    for place, digit in zip(places, f"{number % 10 ** len(places):0{len(places)}}", strict=True):
        characters[place] = digit
    return "".join(characters)
