"""Wired M-Bus application telegrams: Frame → Reading (EN 13757-3).

header    who sends, and how     records   DIF/VIF records        values   octets → numbers, text, times
fixed     two old counters       dif, vif  the blocks before the data

Records have no OBIS code. Which of them is a quantity of the profile stands in the catalogue; ``normalise.records``
looks it up.
"""

from __future__ import annotations

from ciibridge.decode.mbus import fixed, header, records
from ciibridge.decode.mbus.header import Header
from ciibridge.types import Apdu, Device, MeterTime, Reading, Record

__all__ = ["Header", "decode", "header"]


def decode(apdu: Apdu, head: Header) -> Reading:
    """Read a plain telegram whose header is ``head``.

    Raises ``DecodeError`` (bad_apdu) where it breaks the standard.
    """
    device = head.device
    if head.fixed:
        found, device = fixed.read(apdu.data, head)
    else:
        found = records.read(apdu.data, head.body, turned=head.turned).records
    return Reading((), "records", apdu, _time(found, device), records=found, device=device)


def _time(found: tuple[Record, ...], device: Device) -> MeterTime | None:
    """Find the time of the telegram: of a meter that sends by itself. That of a sub-meter is only that of its values."""
    return clock_of(found) if device.master else None


def clock_of(found: tuple[Record, ...], storage: int = 0) -> MeterTime | None:
    """Find the time of what stands in ``storage`` among the records of a device; of 0, the present time."""
    for record in found:
        if (
            record.quantity == "time"
            and isinstance(record.value, MeterTime)
            and (record.function, record.storage, record.qualifiers) == ("instantaneous", storage, ())
        ):
            return record.value
    return None
