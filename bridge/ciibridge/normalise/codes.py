"""Text telegrams of meters that count no electricity: their short codes in the codes of the profile (key ``codes``).

    6.8(0029.055*MWh)     read as an electricity meter means it   1-0:6.8.0
    SIEC2WR5  ──►  siemens-2wr5: 1-0:6.8.0 is 0-1:24.2.1    ──►   0-1:24.1.0 (4, heat)   0-1:24.2.1   29.055 MWh

Such a meter is a sub-meter on channel 1, as it is on an M-Bus. What no entry names is shown below medium 6 (IEC 62056-61: heat), so
that it is never taken for a register of electricity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ciimodel.catalogue import Meter, Quantity

from ciibridge.normalise.positional import obis_of
from ciibridge.types import Number, Obis, Reading, Register

_ELECTRICITY: Final = 1
_HEAT: Final = 6
_CLIENT: Final = 72  # COSEM class of the M-Bus client: attribute 9 is the device type
_DEVICE_TYPE: Final = 9


@dataclass(frozen=True, slots=True)
class _Own:
    """What one model means by its codes, and its device type (EN 13757-3)."""

    identification: re.Pattern[str]
    codes: Mapping[Obis, Obis]
    device_type: int


class Codes:
    """The codes of all models that have their own. Immutable."""

    def __init__(self, meters: Iterable[Meter], quantities: Iterable[Quantity]) -> None:
        types = {q.medium: q.channel_types[0] for q in reversed(list(quantities)) if q.channel_types}
        self._own = [
            _Own(
                re.compile(meter.wire.identification, re.IGNORECASE),
                {obis_of(theirs): obis_of(ours) for theirs, ours in meter.wire.codes.items()},
                types[meter.medium],
            )
            for meter in meters
            if meter.wire is not None and meter.wire.codes and meter.wire.identification
        ]

    def apply(self, reading: Reading) -> Reading:
        """Give the reading in the codes of the profile."""
        line = reading.identification or ""
        own = next((one for one in self._own if one.identification.search(line)), None)
        if own is None:
            return reading
        channel = next(iter(own.codes.values())).b
        who = Register(
            Obis(0, channel, 24, 1, 0), Number(own.device_type), class_id=_CLIENT, attribute=_DEVICE_TYPE
        )
        return replace(reading, registers=(who, *(_meant(register, own) for register in reading.registers)))


def _meant(register: Register, own: _Own) -> Register:
    code = register.obis
    elsewhere = code._replace(a=_HEAT) if code.a == _ELECTRICITY else code
    return register._replace(obis=own.codes.get(code, elsewhere))
