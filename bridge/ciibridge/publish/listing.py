"""A telegram as its OBIS codes: what ``ciibridge decode --obis`` prints. Pure.

    {"timestamp": "2026-05-04T11:39:21", "meter_id": "LGZ…", "values": {"1-0:31.7.0": {"value": 0.09, "unit": "A", "raw": 9}}}

Close to the telegram: codes, texts and times as sent, in the order they were sent, nothing withheld and nothing derived.
M-Bus records, of which only some are registers, follow under ``records``. Values are scaled; ``raw`` is the register as sent where the scale is not in the telegram but from the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from ciimodel.catalogue import Meter, Quantity, Resolved

from ciibridge.normalise.clock import to_utc
from ciibridge.normalise.identity import best_identity
from ciibridge.normalise.registry import Registry
from ciibridge.normalise.scale import Scales, number_of
from ciibridge.normalise.settings import MeterSettings
from ciibridge.normalise.texts import time_text
from ciibridge.publish.text import exact, json_value, utc_text
from ciibridge.types import MeterTime, Number, Problem, Record, Register, Snapshot

_CLASS_CLOCK: Final = 8
_NO_ZONE: Final = ZoneInfo("UTC")  # not used: the deviation is given


class Listing:
    """Writes snapshots of one meter as JSON keyed by OBIS code."""

    def __init__(self, catalogue: Resolved, settings: MeterSettings | None = None) -> None:
        self._catalogue = catalogue
        self._registry = Registry(catalogue.quantities.values())
        self._scales = Scales(catalogue.units, (settings or MeterSettings()).scalers)
        self._symbols = {unit.dlms: unit.symbol for unit in catalogue.units.values() if unit.dlms is not None}

    def write(self, snapshot: Snapshot) -> bytes:
        """Make the JSON of one telegram."""
        values: dict[str, Any] = {}
        for register in snapshot.reading.registers if snapshot.reading else ():
            if register.value is not None:
                code = str(register.obis)
                values[f"{code};{register.attribute}" if code in values else code] = self._entry(
                    register, snapshot
                )
        document: dict[str, Any] = {
            "timestamp": _timestamp(snapshot),
            "meter_id": best_identity(snapshot.identity, self._catalogue.quantities),
            "values": values,
        }
        if snapshot.reading and snapshot.reading.records:
            document["records"] = [_record(record) for record in snapshot.reading.records]
        return orjson.dumps(document)

    def _entry(self, register: Register, snapshot: Snapshot) -> dict[str, Any]:
        quantity = self._quantity(register, snapshot)
        value = number_of(register) if quantity else register.value
        if not isinstance(value, Number):
            return {"value": json_value(register.value), "unit": None}
        scale = self._scales.find(register, quantity, self._models(snapshot)) if quantity else None
        if quantity is None or scale is None or isinstance(scale, Problem):
            number = Number(value.mantissa, value.exponent + (register.scaler or 0))
            return {
                "value": exact(number),
                "unit": self._symbols.get(register.unit) if register.unit else register.spelling,
            }
        number = Number(value.mantissa, value.exponent + scale.exponent)
        entry: dict[str, Any] = {"value": exact(number), "unit": quantity.unit}
        if scale.from_table and scale.exponent:
            entry["raw"] = exact(value)
        return entry

    def _quantity(self, register: Register, snapshot: Snapshot) -> Quantity | None:
        """Find the quantity with a unit that this register is; of a sub-meter, by its type."""
        match = self._registry.find(register.obis)
        if match.channel is None:
            return next((quantity for quantity in match.quantities if quantity.unit), None)
        who = snapshot.submeters.get(match.channel)
        return next((q for q in match.quantities if who and who.type in q.channel_types), None)

    def _models(self, snapshot: Snapshot) -> Sequence[Meter]:
        names = (snapshot.model,) if snapshot.model else snapshot.candidates
        return [self._catalogue.meters[name] for name in names]


def _record(record: Record) -> dict[str, Any]:
    """Write an M-Bus record; what is the usual is left out."""
    value = record.value
    number = exact(value) if isinstance(value, Number) else json_value(value)
    more = {
        "function": record.function if record.function != "instantaneous" else None,
        "storage": record.storage,
        "tariff": record.tariff,
        "subunit": record.subunit,
        "qualifiers": list(record.qualifiers),
    }
    entry = {"quantity": record.quantity, "value": number, "unit": record.unit}
    return entry | {key: told for key, told in more.items() if told}


def _timestamp(snapshot: Snapshot) -> str | None:
    """Write the time of the telegram: UTC where the meter gives its deviation, else local as sent."""
    reading = snapshot.reading
    if reading is None:
        return None
    clocks = (register.value for register in reading.registers if register.class_id == _CLASS_CLOCK)
    time = next((value for value in clocks if isinstance(value, MeterTime)), reading.time)
    utc = to_utc(time, _NO_ZONE) if time is not None and time.deviation_min is not None else None
    if utc is not None:
        return utc_text(utc)
    return time_text(time) if time else None
