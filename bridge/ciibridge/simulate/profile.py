"""The load profile of a simulated meter as text (IEC 62056-21, P.01; its form stands in ``decode.ascii.profile``).

    begin;end ─► P.01(…)(08)(15)(2)(1.8.0)(kWh)(2.8.0)(kWh)   a row a quarter of an hour, of the registers that count

It is not kept but computed, as the one of ``objects``: a row of last week is what the meter showed then.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from ciimodel.catalogue import PushList

from ciibridge.decode.ascii.lines import obis
from ciibridge.simulate.meter import SimulatedMeter

_PERIOD: Final = timedelta(minutes=15)
_DAYS: Final = 60
_STAMP: Final = re.compile(r"([012])?(\d{10})(\d\d)?", re.ASCII)
_COUNTED: Final = 8  # group D of what counts
_LINE: Final = re.compile(r"(?:1-\d+:)?([^(]+)\(([^()*]+)\*([^()]+)\)")
_SEASON_CHANGED: Final = 0x08
_SUPPLY_FAILED: Final = 0x80
_DISTURBED: Final = 0x04


class LoadProfile:
    """``absent``: quarters that are missing, as after a power cut; ``disturbed``: those whose values are not to be trusted."""

    def __init__(
        self,
        meter: SimulatedMeter,
        *,
        absent: Collection[datetime] = (),
        disturbed: Collection[datetime] = (),
    ) -> None:
        self._meter = meter
        self._absent = absent
        self._disturbed = disturbed

    def lines(self, begin: str, end: str, at: datetime) -> list[str] | None:
        """Give header and rows from ``begin`` to ``end`` ("": without a limit) at ``at``; None: these are no times."""
        latest = at.astimezone(UTC)
        latest -= (latest - datetime(1970, 1, 1, tzinfo=UTC)) % _PERIOD
        first = latest - timedelta(days=_DAYS)
        try:
            since = max(self._moment(begin), first) if begin else first
            until = min(self._moment(end), latest) if end else latest
        except ValueError:
            return None
        lines: list[str] = []
        before: datetime | None = None
        status = 0
        time = first + -((first - since) // _PERIOD) * _PERIOD
        while time <= until:
            if time not in self._absent:
                last, status = status, self._status(time, before)
                if before is None or time - before != _PERIOD or status != last:
                    lines.append(self._header(time, status))
                lines.append("".join(f"({value})" for _, value, _ in self._values(time)))
                before = time
            time += _PERIOD
        return lines

    def _moment(self, written: str) -> datetime:
        """Read what a reader wrote, by the clock on the wall; raises ValueError."""
        found = _STAMP.fullmatch(written)
        if found is None:
            raise ValueError(written)
        season, digits, seconds = found.groups()
        local = datetime.strptime(digits + (seconds or "00"), "%y%m%d%H%M%S")  # noqa: DTZ007 - its zone follows
        if season == "2":
            return local.replace(tzinfo=UTC)
        return local.replace(tzinfo=self._meter.zone, fold=int(season == "0")).astimezone(UTC)

    def _status(self, time: datetime, before: datetime | None) -> int:
        status = _DISTURBED if time in self._disturbed else 0
        if before is not None:
            status |= _SUPPLY_FAILED if time - before != _PERIOD else 0
            status |= _SEASON_CHANGED if self._summer(time) != self._summer(before) else 0
        return status

    def _summer(self, time: datetime) -> bool:
        return bool(time.astimezone(self._meter.zone).dst())

    def _header(self, time: datetime, status: int) -> str:
        local = time.astimezone(self._meter.zone)
        channels = self._values(time)
        head = f"({int(self._summer(time))}{local:%y%m%d%H%M%S})({status:02X})({_PERIOD // timedelta(minutes=1)})"
        return f"P.01{head}({len(channels)})" + "".join(f"({code})({unit})" for code, _, unit in channels)

    def _values(self, time: datetime) -> list[tuple[str, str, str]]:
        """Give code, value and unit of the registers that count."""
        found: dict[str, tuple[str, str, str]] = {}
        for pushed in self._meter.meter.lists:
            for line in self._meter.lines(_counting(pushed), time):
                if parts := _LINE.fullmatch(line):
                    code, value, unit = parts.groups()
                    found.setdefault(code, (code, value, unit))
        return list(found.values())


def _counting(pushed: PushList) -> PushList:
    elements = [element for element in pushed.elements if element.obis and _counts(element.obis)]
    return pushed.model_copy(update={"elements": elements})


def _counts(code: str) -> bool:
    found = obis(code)
    return found is not None and found.d == _COUNTED
