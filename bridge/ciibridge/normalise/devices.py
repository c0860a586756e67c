"""Which model a device of an M-Bus is: the header of its telegrams against the catalogue (key ``devices``).

    72 │ identification number │ maker, version, device type │ …       (EN 13757-3)
                                 └─ LGB    40h      03 ──► lg-g350, whose value stands in storage 1

Makers give every model a version of its own, so these three say which it is; devices that are sold under two names are alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ciimodel.catalogue import Meter

from ciibridge.types import Device


class DeviceModel(NamedTuple):
    """What the catalogue knows of a device; of one it does not know, what the standard says."""

    models: tuple[str, ...] = ()  # ids; several are alike
    storage: int = 0  # of the records that hold what it counts
    qualifiers: Mapping[str, str] = {}  # what the maker's own extensions mean


_UNKNOWN = DeviceModel()


class DeviceModels:
    """The headers of all models of the catalogue."""

    def __init__(self, meters: Iterable[Meter]) -> None:
        self._known: dict[tuple[str, int, int], DeviceModel] = {}
        for meter in meters:
            for device in meter.wire.devices if meter.wire else ():
                for flag in meter.wire.flag if meter.wire else ():
                    key = (flag, device.version, device.type)
                    before = self._known.get(key, _UNKNOWN)
                    self._known[key] = DeviceModel(
                        (*before.models, meter.id),
                        device.storage,
                        {**before.qualifiers, **(meter.wire.qualifiers if meter.wire else {})},
                    )

    def find(self, device: Device) -> DeviceModel:
        """Find what is known of ``device``."""
        return self._known.get((device.id[:3], device.version, device.type), _UNKNOWN)
