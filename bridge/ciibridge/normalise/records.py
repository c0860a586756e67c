"""M-Bus records without OBIS codes: which of them is a quantity stands in the catalogue (key ``mbus``).

    Record  energy negative, instantaneous, storage 0, tariff 1     ┐
    Quantity  energy_export_t1   mbus: energy negative   tariff t1  ┴─► Register  1-0:2.8.1

A meter that sends by itself, as master of the bus, is the meter of the line. Who answers a master is a sub-meter and
gets a channel: that of its primary address (1 to 99) where this is free, else the lowest that is. Where the addresses
are configured, they decide once and for all, so that a silent device does not move the others. Of its quantities
``channel_types`` chooses. An electricity meter that is alone on its line is the meter of the line as well (ADR 12). Past and
extreme values, and those of a subunit, are no quantities of the profile, unless the model is known to keep what it counts there
(``devices`` in ``schema/meters``, found by the header of the telegram). Many electricity sub-meters send their tariffs and no
total; it is their sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ciimodel.catalogue import Meter, Quantity, Unit

from ciibridge.decode.mbus import clock_of
from ciibridge.normalise.devices import DeviceModels
from ciibridge.normalise.positional import obis_of
from ciibridge.types import Device, Number, Obis, Reading, Record, Register

_CHANNELS: Final = range(1, 100)
_PHASES: Final = frozenset(("l1", "l2", "l3", "n"))
_TOTAL: Final = "total"
_CLIENT: Final = 72  # COSEM class of the M-Bus client: attribute 9 is the device type
_DEVICE_TYPE: Final = 9
_ELECTRICITY: Final = 2
_PRIMARY_DIGITS: Final = 3
_NUMBER_DIGITS: Final = 8
_ID_LETTERS: Final = 11  # KAM12345678
#: DLMS units (IEC 62056-6-2) that records have and the profile has not; any other is 254, "other unit".
_UNITS: Final[Mapping[str, int]] = {"J": 25, "J/h": 26}
_OTHER_UNIT: Final = 254
_COUNT: Final = 255

#: Quantity with its qualifiers, tariff, phase.
_Key = tuple[str, int, str | None]


class RecordPlaces:
    """Finds the registers of M-Bus readings, and remembers which device sits on which channel."""

    def __init__(
        self,
        quantities: Iterable[Quantity],
        units: Mapping[str, Unit],
        meters: Iterable[Meter] = (),
        addresses: Sequence[str] = (),
        *,
        alone: bool = False,
    ) -> None:
        self._alone = alone
        self._configured = _channels_of(addresses)
        self._known: dict[_Key, list[Quantity]] = {}
        for quantity in quantities:
            if quantity.mbus is not None:
                tariff = int(quantity.tariff.removeprefix("t")) if quantity.tariff else 0
                self._known.setdefault((quantity.mbus, tariff, quantity.phase), []).append(quantity)
        self._units = {symbol: unit.dlms for symbol, unit in units.items() if unit.dlms is not None}
        self._channels: dict[str, int] = {}
        self._models = DeviceModels(meters)
        #: Channel → model, of the devices whose header says it; a new object when something changed.
        self.models: Mapping[int, str] = {}

    def place(self, reading: Reading) -> Reading:
        """Give ``reading`` the registers that its records are."""
        device = reading.device
        if device is not None and self._alone and not device.master:
            device = replace(device, alone=True, master=device.type == _ELECTRICITY)
            reading = replace(reading, device=device)
        channel = 0 if device is None or device.master else self._channel(device)
        if device is None or channel is None:
            return reading
        known = self._models.find(device)
        if channel and len(known.models) == 1 and channel not in self.models:
            self.models = {**self.models, channel: known.models[0]}
        present = [record for record in reading.records if _is_present(record, known.storage)]
        if not device.master:
            present += _totals(present)
        captured = None if device.master else clock_of(reading.records, known.storage)
        registers = _who(device, channel)
        placed: set[str] = set()
        for record in present:
            quantity = self._find(record, device, known.qualifiers)
            if quantity is not None and quantity.name not in placed:  # the first stands for it
                placed.add(quantity.name)
                code = obis_of(quantity.obis[0])
                code = code if device.master else code._replace(b=channel)
                unit = _COUNT if record.unit is None else self._unit(record.unit)
                registers.append(Register(code, record.value, "", 0, unit, 3, captured=captured))
        return replace(reading, registers=tuple(registers))

    def _find(self, record: Record, device: Device, own: Mapping[str, str]) -> Quantity | None:
        qualifiers = [told for q in record.qualifiers if (told := own.get(q, q)) != _TOTAL]
        phase = next((q for q in qualifiers if q in _PHASES), None)
        known = self._known.get((_name(record.quantity, qualifiers), record.tariff, phase), ())
        for quantity in known:
            if not quantity.channel_types if device.master else device.type in quantity.channel_types:
                return quantity
        return None

    def _unit(self, symbol: str) -> int:
        return self._units.get(symbol) or _UNITS.get(symbol, _OTHER_UNIT)

    def _channel(self, device: Device) -> int | None:
        """Find the channel of a sub-meter; None when there are more of them than channels."""
        for address, configured in self._configured.items():
            if _answers_to(device, address):
                return configured
        name = device.id or f"address {device.address}"
        if name not in self._channels:
            taken = {*self._channels.values(), *self._configured.values()}
            wanted = (device.address, *_CHANNELS)
            free = (n for n in wanted if n in _CHANNELS and n not in taken)
            channel = next(free, None)
            if channel is None:
                return None
            self._channels[name] = channel
        return self._channels[name]


def _channels_of(addresses: Sequence[str]) -> dict[str, int]:
    """Give configured devices their channels: primary addresses their own, the others the lowest free in their order."""
    primary = {text: int(text) for text in addresses if _is_primary(text) and int(text) in _CHANNELS}
    free = (n for n in _CHANNELS if n not in primary.values())
    rest = [text for text in dict.fromkeys(addresses) if text not in primary]
    return primary | dict(zip(rest, free, strict=False))


def _is_primary(address: str) -> bool:
    return len(address) <= _PRIMARY_DIGITS


def _answers_to(device: Device, address: str) -> bool:
    """Whether this device is the one that is configured: by primary address, number, or number and maker."""
    if _is_primary(address):
        return device.address == int(address)
    if len(address) == _ID_LETTERS:
        return device.id == address
    number = device.id[-_NUMBER_DIGITS:]
    wanted = address.upper()[:_NUMBER_DIGITS]
    return len(number) == len(wanted) and all(w in ("F", n) for w, n in zip(wanted, number, strict=True))


def _name(quantity: str, qualifiers: Iterable[str]) -> str:
    """Write what was measured as the catalogue does: phase and tariff are told apart, positive is the usual direction."""
    silent = (*_PHASES, "positive")
    return " ".join((quantity, *(q for q in qualifiers if q not in silent)))


def _is_present(record: Record, storage: int) -> bool:
    where = (record.function, record.storage, record.subunit)
    return isinstance(record.value, Number) and where == ("instantaneous", storage, 0)


def _totals(present: list[Record]) -> list[Record]:
    """Sum the tariffs of each energy that has no total."""
    sums: dict[tuple[str, ...], list[Record]] = {}
    for record in present:
        if record.quantity.endswith("energy"):
            sums.setdefault((record.quantity, record.unit or "", *record.qualifiers), []).append(record)
    return [
        replace(records[0], value=_sum(records), tariff=0, raw=b"")
        for records in sums.values()
        if all(record.tariff for record in records)
    ]


def _sum(records: list[Record]) -> Number:
    numbers = [record.value for record in records if isinstance(record.value, Number)]
    exponent = min(number.exponent for number in numbers)
    return Number(sum(n.mantissa * 10 ** (n.exponent - exponent) for n in numbers), exponent)


def _who(device: Device, channel: int) -> list[Register]:
    """Write the identity of a device as registers: of a sub-meter with its type."""
    registers = []
    if channel:
        kind = Number(device.type)
        registers.append(Register(Obis(0, channel, 24, 1, 0), kind, class_id=_CLIENT, attribute=_DEVICE_TYPE))
    if device.id.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ?").strip("0") or (channel and device.id):
        registers.append(Register(Obis(0, channel, 96, 1, 0), device.id, class_id=1))
    return registers
