"""Data lines of ASCII telegrams: text → data sets (IEC 62056-21, 5.8 and annex C; DSMR-P1 writes the same).

    1-0:1.8.0 ( 000123.456 * kWh )                          address, one value with its unit
    0-1:24.2.1 ( 170102161005W ) ( 00000.107 * m3 )         several values
    1.8.1 ( 0012.3 * kWh ) 1.8.2 ( 0045.6 * kWh )           several data sets in a line; A-B: left out
    0-1:24.3.0 ( … ) ( m3 )                                 values may go on in the next line
    ( 00001.001 )

What each value means is the business of ``p1`` and whoever else reads lines. A line that is none costs only itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ciibridge.types import Number, Obis

_LINE: Final = re.compile(r"[^\r\n]+")
_DATA_SET: Final = re.compile(r"([^()]*)((?:\([^()]*\))+)")
_VALUE: Final = re.compile(r"\(([^()]*)\)")
_NUMBER: Final = re.compile(r"([+-]?)(\d{1,18})(?:\.(\d{0,9}))?", re.ASCII)
_ADDRESS: Final = re.compile(
    r"(?:(\d{1,3})-(\d{1,3}):)?(?:(\d{1,3}|[CFLP])\.(\d{1,3}|[CFLP])(?:\.(\d{1,3}))?|(F))(?:[*&](\d{1,3}))?",
    re.ASCII,
)
#: Letters of group C and D (IEC 62056-61): service values, faults, lists, logs.
_LETTERS: Final = {"C": 96, "F": 97, "L": 98, "P": 99}
_UNUSED: Final = 255
_LONGEST_SHOWN: Final = 24


class Entry(NamedTuple):
    """What stands between two parentheses."""

    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """An address and its values; ``offset`` counts characters from the beginning of the text."""

    address: Obis
    entries: tuple[Entry, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line, or the rest of one, that holds no data set."""

    message: str
    offset: int


def data_sets(text: str, begin: int = 0) -> Iterator[DataSet | BadLine]:
    """Read the data lines of ``text`` from ``begin`` on; an empty line is nothing."""
    last: DataSet | None = None
    for line in _LINE.finditer(text, begin):
        for found in _line(line.group(), line.start()):
            if isinstance(found, DataSet):
                if last is not None:
                    yield last
                last = found
            elif isinstance(found, BadLine):
                if last is not None:
                    yield last
                last = None
                yield found
            elif last is not None:
                last = DataSet(last.address, last.entries + found, last.offset)
            else:
                yield BadLine("a line of values without an address", line.start())
    if last is not None:
        yield last


def _line(line: str, offset: int) -> Iterator[DataSet | BadLine | tuple[Entry, ...]]:
    """Read the data sets of one line; bare values belong to the data set before."""
    position = 0
    while position < len(line):
        found = _DATA_SET.match(line, position)
        if found is None:
            if line[position:].strip():
                yield BadLine(f"{_shown(line[position:])} is no data set", offset + position)
            return
        name, values = found.group(1).strip(), found.group(2)
        entries = tuple([_entry(value) for value in _VALUE.findall(values)])
        code = obis(name)
        if code is not None:
            yield DataSet(code, entries, offset + position)
        elif name:
            yield BadLine(f"{_shown(name)} is no OBIS code", offset + position)
        elif position == 0:
            yield entries
        position = found.end()


def _entry(text: str) -> Entry:
    value, star, unit = text.rpartition("*")
    return Entry(value.strip(), unit.strip()) if star else Entry(text.strip())


def _shown(text: str) -> str:
    """Beginning of a text for a message, without its values: they may hold a serial number."""
    head = text.partition("(")[0].strip()[:_LONGEST_SHOWN]
    return repr(head) if head else "a line"


def obis(text: str) -> Obis | None:
    """Read an address. None: it is no OBIS code.

    A short one is about electricity (``1.8.0`` → 1-0:1.8.0), or about the meter itself (``C.1.0`` → 0-0:96.1.0, and
    ``F.F`` or, of heat meters, ``F`` → 0-0:97.97.0).
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    a, b, c, d, e, fault, f = found.groups()
    c, d = c or fault, d or fault
    groups = [
        int(a or (0 if c in _LETTERS else 1)),
        int(b or 0),
        _LETTERS.get(c) or int(c),
        _LETTERS.get(d) or int(d),
        int(e or 0),
        int(f or _UNUSED),
    ]
    return Obis(*groups) if max(groups) <= _UNUSED else None


def number(text: str) -> Number | None:
    """Read a decimal number with exactly its digits (``00123.40`` → 12340, -2); None: it is none."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    sign, whole, decimals = found.groups()
    mantissa = int(whole + (decimals or ""))
    return Number(-mantissa if sign == "-" else mantissa, -len(decimals or ""))
