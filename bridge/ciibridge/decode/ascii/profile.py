r"""A load profile as text: the answer to P.01 → stretches of rows (IEC 62056-21 programming mode; VDEW specification 2.1).

    P.01(0260504120000)(00)(15)(2)(1-0:1.8.0)(kWh)(1.5)(kW)     header: time of the first row, status, period in minutes,
    (000219.252)(0.386)                                         number of channels, then code and unit of each
    (000219.348)(0.384)                                         a row; the next one is a period later
    P.01(0260504130000)(C0)(15)(2)(1-0:1.8.0)(kWh)(1.5)(kW)     a new header after an interruption, and for another status
    (000219.601)(0.372)
    P.01(ERROR), P.01()                                         no rows of that time

The time is YYMMDDhhmm[ss], mostly behind a digit for the season (ZSTs11, ZSTs13): 0 winter time, 1 summer time, 2 UTC. It
is that of the end of the period. Status is hexadecimal, 2 to 8 digits; the last two are the same for all makers:

    80 supply failed   40 came back   20 clock was set   10 reset   08 season changed
    04 measured value disturbed   02 clock stood still   01 fatal error          with one of these a row is not used

Form and bits as in the manual of LEM EM4T II+ (4.2.1, 4.2.6), which follows VDEW 2.1, and as public readers of EMH LZQJ, MetCom and
Iskraemeco MT83 meters show their answers. Whether a status is that of all rows up to the next header or of the first alone,
makers see differently; what may be wrong is not used. Nothing is scaled here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from ciibridge.decode.ascii.iec62056 import SEASONS
from ciibridge.decode.ascii.lines import DataSet, Entry, obis
from ciibridge.decode.ascii.registers import measured, wall_clock
from ciibridge.types import MeterTime, Obis, Register

_LINE: Final = re.compile(r"(P\.\d{1,3}(?:\.\d{1,3})?)?((?:\([^()]*\))+)", re.ASCII)
_ENTRY: Final = re.compile(r"\(([^()]*)\)")
_TIME: Final = re.compile(r"([012])?(\d{10}|\d{12})", re.ASCII)
_STATUS: Final = re.compile(r"[0-9A-Fa-f]{2,8}")
_MINUTES: Final = re.compile(r"0{0,3}[1-9]\d{0,4}", re.ASCII)
_CHANNELS: Final = re.compile(r"0?[1-9]\d?", re.ASCII)
_HEAD: Final = 4  # entries before the channels
_NOTHING: Final = ("", "ERROR")
#: Bits of the status with which a row is not used, and why.
_INVALID: Final = {
    0x04: "measured value disturbed",
    0x02: "the meter's clock stood still",
    0x01: "fatal error of the meter",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows without an interruption: the first is of ``begin``, each other ``period`` after the one before."""

    begin: MeterTime
    period: timedelta
    status: int
    rows: tuple[tuple[Register, ...] | None, ...]  # None: a row that cannot be read

    @property
    def invalid(self) -> str:
        """Why its rows are not to be used; "": they are."""
        return ", ".join(word for bit, word in _INVALID.items() if self.status & bit)


@dataclass(frozen=True, slots=True)
class _Header:
    begin: MeterTime
    status: int
    period: timedelta
    channels: tuple[tuple[Obis | None, str], ...]


def decode(text: str) -> tuple[list[Stretch], list[str]]:
    """Read an answer: its stretches in the order they were sent, and what in it is not understood.

    A row that is not understood leaves its place in the stretch; rows under a header that is not understood are left out.
    """
    stretches: list[Stretch] = []
    faults: list[str] = []
    header: _Header | None = None
    rows: list[tuple[Register, ...] | None] = []

    def close() -> None:
        if header is not None and rows:
            stretches.append(Stretch(header.begin, header.period, header.status, tuple(rows)))
        rows.clear()

    for number, line in enumerate(re.split(r"[\r\n]+", text), start=1):
        stripped = line.strip("\0! ")
        if not stripped:
            continue
        found = _LINE.fullmatch(stripped)
        entries = _ENTRY.findall(found.group(2)) if found else []
        new = _header(entries)
        if found is not None and (found.group(1) or new is not None):
            close()
            header = new
            if new is None and "".join(entries) not in _NOTHING:
                faults.append(f"line {number}: a header that is not understood")
        elif header is not None:
            row = _row(header, entries)
            rows.append(row)
            if row is None:
                faults.append(f"line {number}: not its {len(header.channels)} values")
        elif found is None:
            faults.append(f"line {number}: no values in parentheses")
    close()
    return stretches, faults


def _header(entries: list[str]) -> _Header | None:
    """Read the entries of a header; None: it is none."""
    if len(entries) <= _HEAD:
        return None
    time, status, minutes, channels = entries[:_HEAD]
    begin = _TIME.fullmatch(time)
    if not (
        begin and _STATUS.fullmatch(status) and _MINUTES.fullmatch(minutes) and _CHANNELS.fullmatch(channels)
    ):
        return None
    if len(entries) != _HEAD + 2 * int(channels):
        return None
    season, deviation_min = SEASONS.get(begin.group(1) or "", (None, None))
    clock = wall_clock(begin.group(2), season=season, deviation_min=deviation_min)
    if clock is None:
        return None
    codes = tuple(
        (obis(code.strip()), unit.strip()) for code, unit in zip(entries[4::2], entries[5::2], strict=True)
    )
    return _Header(clock, int(status, 16), timedelta(minutes=int(minutes)), codes)


def _row(header: _Header, entries: list[str]) -> tuple[Register, ...] | None:
    """Read the values of a row; those without a number or without a known code are left out. None: it is no row."""
    if len(entries) != len(header.channels):
        return None
    registers = []
    for (code, unit), text in zip(header.channels, entries, strict=True):
        value, _, own = text.partition("*")
        entry = Entry(value.strip(), own.strip() or unit)
        if code is not None and (register := measured(DataSet(code, (entry,), 0), entry)) is not None:
            registers.append(register)
    return tuple(registers)
