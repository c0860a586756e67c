"""Sub-meters behind a simulated meter: gas, water, heat and cooling on the channels 1, 2, 3 and 5; channel 4 is not in use.

    0-n:24.1.0   attribute 6 serial number, 9 device type (EN 13757-3)
    0-n:96.1.0   serial number; in Belgium 96.1.1
    0-n:24.2.1   attribute 2 value, 3 scaler and unit; 24.2.3 not converted (Belgium), 24.3.0 in DSMR 2 and 3
    0-n:24.4.0   valve

A counter is a function of time: every day the same consumption, most of it around noon.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ciibridge.simulate import p1
from ciibridge.simulate.encode import Plain
from ciibridge.simulate.measure import Amount
from ciibridge.simulate.telegram import ScalerUnit
from ciibridge.types import Obis

_FIRST_DAY: Final = datetime(2020, 1, 1, tzinfo=UTC)
_CUBIC_METRE: Final = 13  # DLMS units (IEC 62056-6-2)
_WATT_HOUR: Final = 30
_UNITS: Final = {_CUBIC_METRE: "m³", _WATT_HOUR: "Wh"}
_CLIENT: Final = (24, 1, 0)
_VALUES: Final = ((24, 2, 1), (24, 2, 3), (24, 3, 0))
_SERIALS: Final = ((96, 1, 0), (96, 1, 1))
_VALVE: Final = (24, 4, 0)
_OPEN: Final = 1
_VALUE_OF_HOUR: Final = (24, 3, 0)
_SCALER_UNIT: Final = 3
_IDENTIFICATION_NUMBER: Final = 6


@dataclass(frozen=True, slots=True)
class SubMeter:
    """One channel; ``per_day`` in steps of ``scale``. An empty number: the channel is not in use."""

    number: str
    device_type: int
    scale: ScalerUnit
    per_day: int

    def value(self, obis: Obis, attribute: int, at: datetime) -> Plain | ScalerUnit:
        """Read an attribute of an object for which ``sub_meter`` found this channel."""
        group = obis[2:5]
        if group in _SERIALS or (group == _CLIENT and attribute == _IDENTIFICATION_NUMBER):
            return self.number.encode()
        if group == _VALVE:
            return _OPEN
        if group == _CLIENT:
            return self.device_type
        return self.scale if attribute == _SCALER_UNIT else self.counted(at)

    def entries(self, obis: Obis, local: datetime) -> list[str]:
        """Give what a DSMR-P1 telegram writes in the parentheses; a value is read every five minutes."""
        group = obis[2:5]
        if group == _VALVE:
            return [str(_OPEN)]
        if group in _SERIALS:
            return [p1.text(obis, self.number)]
        if group == _CLIENT:
            return [f"{self.device_type:03}"]
        read = local.replace(minute=local.minute - local.minute % 5, second=0)
        power = max(self.scale.scaler, 0)
        amount = Amount(self.counted(read) * 10**power, 10 ** max(-self.scale.scaler, 0), counted=True)
        text = p1.number(amount, _UNITS[self.scale.unit])
        if (
            group == _VALUE_OF_HOUR
        ):  # time, status, minutes, number of values, what, unit; the value on a line of its own
            digits, _, unit = text.partition("*")
            return [p1.time(read)[:-1], "00", "60", "1", f"0-{obis.b}:24.2.1", unit, digits]
        return [p1.time(read), text]

    def counted(self, at: datetime) -> int:
        """Count in steps of ``scale``."""
        days, rest = divmod(at - _FIRST_DAY, timedelta(days=1))
        turn = 2 * math.pi * (rest / timedelta(days=1))
        return days * self.per_day + math.floor(self.per_day * (turn - 0.9 * math.sin(turn)) / (2 * math.pi))


#: Channel → sub-meter.
_HEAT: Final = 3
_SUB_METERS: Final[dict[int, SubMeter]] = {
    1: SubMeter("30000001", 3, ScalerUnit(-2, _CUBIC_METRE), 430),  # gas
    2: SubMeter("70000002", 7, ScalerUnit(-3, _CUBIC_METRE), 385),  # water
    3: SubMeter("40000003", 4, ScalerUnit(3, _WATT_HOUR), 31),  # heat
    4: SubMeter("", 0, ScalerUnit(0, 255), 0),
    5: SubMeter("50000005", 10, ScalerUnit(3, _WATT_HOUR), 12),  # cooling
}


def counter_of(device_types: Collection[int]) -> SubMeter:
    """Find a sub-meter of one of these device types; what is not among them counts as the one for heat does."""
    found = [one for one in _SUB_METERS.values() if one.device_type in device_types]
    return found[0] if found else _SUB_METERS[_HEAT]


def sub_meter(obis: Obis) -> SubMeter | None:
    """Find the sub-meter that ``obis`` is about; None: it is about the meter itself."""
    about = obis.a == 0 and obis[2:5] in (_CLIENT, *_VALUES, *_SERIALS, _VALVE)
    return _SUB_METERS.get(obis.b) if about else None
