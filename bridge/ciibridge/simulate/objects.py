"""The objects of a simulated meter that is read: what it pushes, as COSEM objects, and a load profile of it.

    class 40  push setup     attribute 2: its object list           class 8  clock
    class 3   register       value, scaler and unit                 class 1  identities, texts
    class 7   load profile   1-0:99.1.0: clock, status, every register that counts, each quarter of an hour

The load profile is not kept but computed: the household is a pure function of time, so a row of last week is what a push
would have said then.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.clock import meter_time
from ciibridge.normalise.clock import to_utc
from ciibridge.normalise.positional import obis_of
from ciibridge.simulate.cosem import Asked
from ciibridge.simulate.encode import encode, encode_scaler_unit, head, structure
from ciibridge.simulate.meter import SimulatedMeter
from ciibridge.simulate.telegram import Element, capture_object
from ciibridge.types import Obis

_UNDEFINED: Final = 4
_DENIED: Final = 3
_VALUE: Final = 2
_SCALER_UNIT: Final = 3
_DATA: Final = 1
_REGISTER: Final = 3
_PROFILE: Final = 7
_CLOCK_CLASS: Final = 8
_PUSH_SETUP: Final = 40
_COUNTED: Final = 8  # group D of an OBIS code
CLOCK: Final = Obis(0, 0, 1, 0, 0)
DEVICE_NAME: Final = Obis(0, 0, 42, 0, 0)
PUSH_SETUP: Final = Obis(0, 0, 25, 9, 0)
LOAD_PROFILE: Final = Obis(1, 0, 99, 1, 0)
STATUS: Final = Obis(0, 0, 96, 10, 1)
_BY_RANGE: Final = 1
_BY_ENTRY: Final = 2


class MeterObjects:
    """The objects of one simulated meter. ``profile_days``: how long the load profile reaches back.

    ``by_range``: whether rows can be chosen by time; some meters can only give them by number. ``absent``: quarters that
    are missing, as after a power cut.
    """

    def __init__(
        self,
        meter: SimulatedMeter,
        *,
        period_s: int = 900,
        profile_days: int = 60,
        by_range: bool = True,
        absent: frozenset[datetime] = frozenset(),
    ) -> None:
        self._meter = meter
        self._pushed = meter.lists[0]
        self._push_setup = obis_of(self._pushed.object) if self._pushed.object else PUSH_SETUP
        self._period = timedelta(seconds=period_s)
        self._entries = int(timedelta(days=profile_days) / self._period)
        self._by_range = by_range
        self._absent = absent

    def get(self, asked: Asked, at: datetime) -> bytes | int:
        """Give the encoded value of an attribute at ``at``, or a data-access-result."""
        class_id, obis, attribute = asked.attribute
        if (class_id, obis) == (_PROFILE, LOAD_PROFILE):
            return self._profile(attribute, asked, at)
        if class_id == _PUSH_SETUP and attribute == _VALUE and obis == self._push_setup:
            return self._object_list(at)
        if (class_id, obis, attribute) == (_CLOCK_CLASS, CLOCK, _VALUE):
            return encode("octet-string", self._meter.clock(at))
        if (class_id, obis, attribute) == (_DATA, DEVICE_NAME, _VALUE):
            return encode("octet-string", self._meter.device_name)
        for element in self._meter.elements(self._pushed, at):
            if element.obis == obis and element.class_id == class_id:
                if attribute == element.attribute:
                    return element.encoded()
                if attribute == _SCALER_UNIT and class_id == _REGISTER and element.scaler_unit:
                    return encode_scaler_unit(*element.scaler_unit)
        return _UNDEFINED

    def _object_list(self, at: datetime) -> bytes:
        objects = [
            capture_object(element.class_id, element.obis, element.attribute)
            for element in self._meter.elements(self._pushed, at)
            if element.obis is not None
        ]
        return head("array", len(objects)) + b"".join(objects)

    def _captured(self, at: datetime) -> list[Element]:
        """Give what the profile captures beside clock and status: the registers that count."""
        return [
            element
            for element in self._meter.elements(self._pushed, at)
            if element.obis is not None and element.scaler_unit and element.obis.d == _COUNTED
        ]

    def _capture_objects(self, at: datetime) -> bytes:
        columns = [
            capture_object(_CLOCK_CLASS, CLOCK, _VALUE),
            capture_object(_DATA, STATUS, _VALUE),
            *(
                capture_object(element.class_id, element.obis, _VALUE)
                for element in self._captured(at)
                if element.obis is not None
            ),
        ]
        return head("array", len(columns)) + b"".join(columns)

    def _profile(self, attribute: int, asked: Asked, at: datetime) -> bytes | int:
        if attribute == _VALUE:
            return self._buffer(asked.selector, asked.selection, at)
        if attribute == 3:
            return self._capture_objects(at)
        simple = {
            4: ("double-long-unsigned", round(self._period.total_seconds())),
            5: ("enum", 1),
            7: ("double-long-unsigned", self._entries),
            8: ("double-long-unsigned", self._entries),
        }
        return encode(*simple[attribute]) if attribute in simple else _UNDEFINED

    def _buffer(self, selector: int, selection: Data | None, at: datetime) -> bytes | int:
        latest = at.astimezone(UTC)
        latest -= (latest - datetime(1970, 1, 1, tzinfo=UTC)) % self._period
        times = [latest - self._period * back for back in range(self._entries)][::-1]
        if selection is not None and selector == _BY_RANGE:
            if not self._by_range:
                return _DENIED
            begin, end = (self._moment(selection.elements[place]) for place in (1, 2))
            if begin is None or end is None:
                return _DENIED
            times = [time for time in times if begin <= time <= end]
        elif selection is not None and selector == _BY_ENTRY:
            begin_entry, end_entry = (int(str(selection.elements[place].value)) for place in (0, 1))
            times = times[begin_entry - 1 : end_entry or None]
        rows = [self._row(time) for time in times if time not in self._absent]
        return head("array", len(rows)) + b"".join(rows)

    def _moment(self, written: Data) -> datetime | None:
        """Read a time of a selection, by the meter's own clock."""
        time = meter_time(written.value) if isinstance(written.value, bytes) else None
        return to_utc(time, self._meter.zone) if time else None

    def _row(self, time: datetime) -> bytes:
        values = [element.encoded() for element in self._captured(time)]
        clock = encode("octet-string", self._meter.clock(time))
        return structure([clock, encode("unsigned", 0), *values])
