"""Data sets → registers: what DSMR-P1 and IEC 62056-21 write in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ciibridge.decode.ascii.lines import DataSet, Entry, number
from ciibridge.types import MeterTime, Register

CLASS_CLOCK: Final = 8
_CENTURY: Final = 2000
_FULL_DIGITS: Final = 12
_TIME_OF_DAY: Final = (0, 9, 1)
_DATE: Final = (0, 9, 2)


def as_sent(found: DataSet) -> Register:
    """Keep several values without a meaning known here as they were sent."""
    return Register(found.address, "".join(f"({_sent(entry)})" for entry in found.entries), "text")


def _sent(entry: Entry) -> str:
    return f"{entry.text}*{entry.unit}" if entry.unit else entry.text


def measured(found: DataSet, entry: Entry, captured: MeterTime | None = None) -> Register | None:
    """Read a number with its unit; None: it is no number."""
    value = number(entry.text)
    if value is None:
        return None
    return Register(found.address, value, "decimal", spelling=entry.unit, captured=captured)


def wall_clock(digits: str, *, season: str | None, deviation_min: int | None = None) -> MeterTime | None:
    """Read YYMMDDhhmm[ss]; None where a calendar does not know it."""
    digits = digits.ljust(_FULL_DIGITS, "0")
    if len(digits) != _FULL_DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    year, month, day, hour, minute, second = (int(digits[n : n + 2]) for n in range(0, _FULL_DIGITS, 2))
    try:
        local = datetime(_CENTURY + year, month, day, hour, minute, second)  # noqa: DTZ001 - wall clock as sent
    except ValueError:
        return None
    return MeterTime(local, deviation_min, None, season=season)


def join_clock(registers: list[Register], read: Callable[[str], MeterTime | None]) -> None:
    """Join time of day (0.9.1) and date (0.9.2) of meters that have no 1.0.0; the date stands for both.

    ``read`` is given the digits of the date and those of the time of day behind them. Of a meter that sends its clock in
    each of two data sets, the later one counts.
    """
    parts = {register.obis[2:5]: n for n, register in enumerate(registers)}
    if _TIME_OF_DAY not in parts or _DATE not in parts:
        return
    kept = (parts[_TIME_OF_DAY], parts[_DATE])
    registers[:] = [
        one for n, one in enumerate(registers) if n in kept or one.obis[2:5] not in (_TIME_OF_DAY, _DATE)
    ]
    parts = {register.obis[2:5]: n for n, register in enumerate(registers)}
    date, time = registers[parts[_DATE]], registers[parts[_TIME_OF_DAY]]
    if not isinstance(date.value, str) or not isinstance(time.value, str):
        return
    joined = read(re.sub(r"\D", "", date.value + time.value))
    if joined is not None:
        registers[parts[_DATE]] = date._replace(value=joined, type="time", class_id=CLASS_CLOCK)
        del registers[parts[_TIME_OF_DAY]]
