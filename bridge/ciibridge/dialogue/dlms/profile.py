"""The load profile of a meter: COSEM class 7, profile generic (IEC 62056-6-2, 5.3.6; usually 1-0:99.1.0).

    attribute   3 capture objects   4 capture period   5 sort method   7 entries in use   8 entries it can hold
                2 buffer: array of rows { clock, status, value, value … }

Rows are read by their time (selective access by range); from a meter that cannot do that, by their numbers. Null-data
stands for what follows from the row before: its time and the period, or the same value. A row without a time is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.shapes import CaptureObject as Attribute
from ciibridge.decode.dlms.values import convert, integer, logical_name
from ciibridge.dialogue import Part
from ciibridge.dialogue.dlms.answers import Refused
from ciibridge.dialogue.dlms.association import Association
from ciibridge.dialogue.dlms.requests import Selection
from ciibridge.dialogue.dlms.scalers import VALUE, Scalers
from ciibridge.dialogue.filling import Row
from ciibridge.normalise.clock import moved, to_utc
from ciibridge.types import Apdu, MeterTime, Number, Obis, Reading, Register, Value

_CLASS: Final = 7
_BUFFER: Final = 2
_CAPTURE_OBJECTS: Final = 3
_PERIOD: Final = 4
_SORT_METHOD: Final = 5
_IN_USE: Final = 7
_ENTRIES: Final = 8
_LIFO: Final = 2
_CLOCK_CLASS: Final = 8
_UNIX_TIME: Final = Obis(0, 0, 1, 1, 0)
_ROWS: Final = (axdr.ARRAY, axdr.COMPACT_ARRAY)
_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MeterClock(NamedTuple):
    """How the meter writes times: in which zone, and whether with their deviation from UTC."""

    zone: ZoneInfo
    with_deviation: bool = False

    def around(self, begin: datetime, end: datetime) -> tuple[MeterTime, MeterTime]:
        """Write the ends of a range in UTC so that it holds all of it.

        Without a deviation an hour in autumn has two meanings: an hour more is asked for, and sorted out later.
        """
        more = timedelta() if self.with_deviation else _HOUR
        return self.write(begin - more), self.write(end + more)

    def write(self, at: datetime) -> MeterTime:
        """Write a time in UTC as the meter does."""
        local = at.astimezone(self.zone)
        offset = local.utcoffset() or timedelta()
        deviation_min = round(offset.total_seconds() / 60) if self.with_deviation else None
        return MeterTime(local.replace(tzinfo=None), deviation_min, None)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a meter says of its profile; ``period`` zero: captured by events, not by the clock."""

    obis: Obis
    columns: tuple[Attribute | None, ...]  # None: a part of an attribute, without meaning for us
    period: timedelta
    lifo: bool = False
    in_use: int | None = None
    holds: timedelta | None = None

    @property
    def readable(self) -> bool:
        """Whether its rows have a time."""
        return any(_is_time(column) for column in self.columns)


def describe(association: Association, obis: Obis) -> Part[Profile | Refused]:
    """Read what stands in the profile ``obis``."""
    wanted = (_CAPTURE_OBJECTS, _PERIOD, _SORT_METHOD, _IN_USE, _ENTRIES)
    answers = yield from association.get_all([Attribute(_CLASS, obis, number) for number in wanted])
    objects = answers[0]
    if isinstance(objects, Refused):
        return objects
    period, sort, in_use, entries = (
        integer(answer) if isinstance(answer, Data) else None for answer in answers[1:]
    )
    step = timedelta(seconds=min(max(period or 0, 0), 366 * 86_400))
    holds = step * entries if entries and step and entries < 1_000_000 else None
    columns = tuple(_column(entry) for entry in objects.elements)
    return Profile(obis, columns, step, sort == _LIFO, in_use, holds)


def read_range(
    association: Association, profile: Profile, span: tuple[datetime, datetime], clock: MeterClock
) -> Part[Data | Refused]:
    """Read the rows of a time in UTC, both ends inclusive; perhaps some before and after it."""
    answer = yield from association.get(
        Attribute(_CLASS, profile.obis, _BUFFER), Selection(*clock.around(*span))
    )
    return answer


def read_entries(
    association: Association, profile: Profile, begin: datetime, now: datetime
) -> Part[Data | Refused]:
    """Read the newest rows, as many as there can be since ``begin``."""
    in_use = profile.in_use or 0
    count = in_use if not profile.period else min(in_use, int((now - begin) / profile.period) + 2)
    if count < 1:
        return Data(axdr.ARRAY, (), 0, 0)
    selection = Selection(1, count) if profile.lifo else Selection(in_use - count + 1, in_use)
    answer = yield from association.get(Attribute(_CLASS, profile.obis, _BUFFER), selection)
    return answer


def rows(profile: Profile, buffer: Data, scalers: Scalers, clock: MeterClock, near: datetime) -> list[Row]:
    """Read the rows of a buffer, oldest first, each time once. ``near``: a moment shortly before the first row.

    Rows that have another number of values than the profile has columns are left out, and so are those without a time.
    """
    if buffer.type not in _ROWS:
        return []
    entries = list(buffer.elements)
    if profile.lifo:
        entries.reverse()
    state = _State(near)
    found: dict[datetime, Row] = {}
    for entry in entries:
        if len(entry.elements) == len(profile.columns):
            row = _row(profile, entry.elements, scalers, clock.zone, state)
            if row is not None:
                found.setdefault(row.at, row)
    return [found[at] for at in sorted(found)]


@dataclass(slots=True)
class _State:
    """What a row takes from the one before."""

    near: datetime
    at: datetime | None = None
    values: dict[int, Register] = field(default_factory=dict)


def _row(
    profile: Profile, values: tuple[Data, ...], scalers: Scalers, zone: ZoneInfo, state: _State
) -> Row | None:
    at: datetime | None = None
    registers = []
    for index, (column, data) in enumerate(zip(profile.columns, values, strict=True)):
        if column is None:
            continue
        if _is_time(column):
            at = at or _time(column, data, zone, state, profile.period)
            continue
        if data.type != axdr.NULL:
            scaler, unit = scalers.of(column.obis) if column.attribute == VALUE else (None, None)
            value = convert(data)
            state.values[index] = Register(
                column.obis, value, data.type, scaler, unit, column.class_id, column.attribute
            )
        if index in state.values:
            registers.append(state.values[index])
    if at is None:
        return None
    state.at = at
    utc = MeterTime(at.replace(tzinfo=None), 0, None)
    reading = Reading(tuple(registers), "objects", Apdu(b"", 0), time=utc, list_object=str(profile.obis))
    return Row(at, reading)


def _time(column: Attribute, data: Data, zone: ZoneInfo, state: _State, period: timedelta) -> datetime | None:
    if data.type == axdr.NULL:
        return moved(state.at, period) if state.at is not None and period else None
    value: Value = convert(data, clock=True)
    if isinstance(value, MeterTime):
        return to_utc(value, zone, state.at or state.near)
    if isinstance(value, Number) and column.class_id != _CLOCK_CLASS:
        return moved(_EPOCH, _SECOND, value.mantissa)
    return None


def _is_time(column: Attribute | None) -> bool:
    return (
        column is not None
        and column.attribute == VALUE
        and (column.class_id == _CLOCK_CLASS or column.obis == _UNIX_TIME)
    )


def _column(entry: Data) -> Attribute | None:
    """Read one capture object: class, logical name, attribute, and the part of it (0: the whole)."""
    fields = entry.elements
    if len(fields) < 4:
        return None
    class_id, code, attribute, part = (
        integer(fields[0]),
        logical_name(fields[1]),
        integer(fields[2]),
        integer(fields[3]),
    )
    if class_id is None or code is None or attribute is None or part:
        return None
    return Attribute(class_id, code, attribute)
