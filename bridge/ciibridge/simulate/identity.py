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
_SERVER_OCTETS: Final = 10
_ELECTRICITY: Final = "0a01"
#: What the patterns of the catalogue are made of: digits \d{8}, a class [23], an anchor, a plain character.
_TOKEN: Final = re.compile(r"(?:\\d|\[0-9\])(?:\{(\d+)[^}]*\})?|\[([^]]+)\]|[\^$]|([A-Za-z0-9])")


def device_name(meter: Meter, number: int) -> str:
    """Logical device name of the ``number``-th simulated meter of this model, 16 characters.

    Raises ConfigError when the pattern of the model is beyond us.
    """
    pattern = meter.wire.device_name if meter.wire else None
    if pattern is None:
        return f"{flag(meter)}{number:0{_NAME_OCTETS - 3}}"
    name = _numbered(_skeleton(pattern).ljust(_NAME_OCTETS, "#"), number)
    if not re.match(pattern, name):
        raise ConfigError(
            f"no device name like {pattern} comes to mind for {meter.id}: give one with --serial"
        )
    return name


def device_type(meter: Meter) -> str:
    """Meter type as the model writes it, with zeros for its digits, e.g. 6800000BN245.

    Raises ConfigError when the pattern of the model is beyond us.
    """
    pattern = meter.wire.device_type if meter.wire else None
    if pattern is None:
        return f"{_NO_FLAG}-{meter.model}"
    text = _numbered(_skeleton(pattern), 0)
    if not re.search(pattern, text):
        raise ConfigError(
            f"{meter.id} cannot be simulated: no meter type like {pattern} comes to mind; write `device_type` in "
            f"schema/meters/{meter.id}.yaml with letters, digits, [ ] and \\d only"
        )
    return text


def identification(meter: Meter) -> str:
    """Identification line of text telegrams, without the slash: FLAG id, 5 and the model (IEC 62056-21, 6.3.2).

    Raises ConfigError when the pattern of the model is beyond us.
    """
    pattern = meter.wire.identification if meter.wire else None
    usual = f"{flag(meter)}5{meter.model}"
    if pattern is None or re.search(pattern, usual, re.IGNORECASE):
        return usual
    text = _numbered(_skeleton(pattern), 1)
    if not re.search(pattern, text, re.IGNORECASE):
        raise ConfigError(
            f"{meter.id} cannot be simulated: no identification like {pattern} comes to mind; write `identification` in "
            f"schema/meters/{meter.id}.yaml with letters, digits, [ ] and \\d only"
        )
    return text


def server_id(meter: Meter, number: int) -> bytes:
    """SML server id: ten octets that begin as the model's do and end with a number (DIN 43863-5).

    Raises ConfigError when the pattern of the model is beyond us.
    """
    pattern = meter.wire.sml_server if meter.wire else None
    begin = _ELECTRICITY + flag(meter).encode().hex() if pattern is None else _first(pattern)
    digits = begin.ljust(2 * (_SERVER_OCTETS - 4), "0") + f"{number:08x}"
    if len(digits) != 2 * _SERVER_OCTETS or (pattern and not re.search(pattern, digits)):
        raise ConfigError(
            f"{meter.id} cannot be simulated: no server id like {pattern} comes to mind; write `sml_server` in "
            f"schema/meters/{meter.id}.yaml with hexadecimal digits only"
        )
    return bytes.fromhex(digits)


def list_name(meter: Meter) -> str | None:
    """List identifier that a list of the model names as one of its elements."""
    return meter.wire.list_name[0] if meter.wire and meter.wire.list_name else None


def flag(meter: Meter) -> str:
    """FLAG id of the maker, three letters."""
    return meter.wire.flag[0] if meter.wire and meter.wire.flag else _NO_FLAG


def system_title(meter: Meter, name: str) -> bytes:
    """System title: FLAG id and five octets made of the digits of the device name (IEC 62056-5-3, 4.3.4)."""
    digits = int(re.sub(r"\D", "", name) or "0")
    return flag(meter).encode() + (digits % (1 << 40)).to_bytes(5, "big")


def _skeleton(pattern: str) -> str:
    """Write what fits a pattern, of alternatives the first, with # for the digits."""
    return "".join(_expanded(token) for token in _TOKEN.finditer(pattern.partition("|")[0]))


def _first(pattern: str) -> str:
    """Write the first alternative of a pattern of plain characters: ^(0649|0901) is 0649."""
    return _skeleton(pattern.replace("(", "").replace(")", ""))


def _expanded(token: re.Match[str]) -> str:
    """One token of a pattern; # is a digit to be filled in."""
    repeats, choice, plain = token.groups()
    if plain or choice:
        return str(plain or choice[-1])  # of [23], the three-phase model
    return "" if token.group() in "^$" else "#" * int(repeats or 1)


def _numbered(skeleton: str, number: int) -> str:
    places = [place for place, character in enumerate(skeleton) if character == "#"]
    characters = list(skeleton)
    digits = f"{number % 10 ** len(places):0{len(places)}}" if places else ""
    for place, digit in zip(places, digits, strict=True):
        characters[place] = digit
    return "".join(characters)
