"""OBIS codes and patterns (IEC 62056-61): A-B:C.D.E, ``*`` for any value of a group, ``n`` for a sub-meter channel.

``n`` stands for 1 and above, so that ``0-n:96.1.0`` (a sub-meter) does not take ``0-0:96.1.0`` (the meter itself).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_GROUPS: Final = re.compile(r"([^-]+)-([^:]+):([^.]+)\.([^.]+)\.([^*]+|\*)(?:\*(.+))?")
_UNUSED_F: Final = "255"


@cache
def groups(code: str) -> tuple[str, ...]:
    """Give the six groups A to F of a code or pattern; F is 255 where it is not written (raises ValueError for no code)."""
    match = _GROUPS.fullmatch(code)
    if match is None:
        raise ValueError(f"{code!r} is not an OBIS code: write A-B:C.D.E, e.g. 1-0:1.7.0")
    return (*match.groups()[:5], match[6] or _UNUSED_F)


@cache
def overlap(one: str, other: str) -> bool:
    """Whether some code fits both patterns."""
    return all(map(_group_overlap, groups(one), groups(other)))


def _group_overlap(one: str, other: str) -> bool:
    if one == other or "*" in (one, other):
        return True
    if "n" in (one, other):
        number = other if one == "n" else one
        return number != "0"
    return False
