"""Elements of a list → M-Bus records, and the telegram of a device that has them (EN 13757-3).

    push   68 L L 68 │ 53 FF │ 5B │ header │ records      a meter that is master of the bus and sends unasked
    poll   68 L L 68 │ 08 A  │ 72 │ header │ records      a device that answers its master (``bus``)

    header   identification number 4 (BCD) │ maker 2 │ version │ device type │ access │ status │ configuration 2
    record   DIF [DIFE: tariff] │ VIF [VIFE …] │ integer of 4 or 6 octets

With a key, records are encrypted in mode 5 (AES-128-CBC). Which record a quantity is stands in the catalogue (``mbus``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ciimodel.catalogue import Meter, PushElement, PushList, Quantity
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ciibridge.normalise.positional import obis_of
from ciibridge.simulate.identity import flag
from ciibridge.simulate.mbus_frames import BROADCAST, SND_UD, long_frame
from ciibridge.simulate.measure import measure
from ciibridge.simulate.submeters import counter_of, sub_meter

if TYPE_CHECKING:
    from ciibridge.simulate.meter import SimulatedMeter

RSP_UD: Final = 0x08
_CI_ANSWER: Final = 0x72
_CI_PUSH: Final = 0x5B
_VERSION: Final = 1
#: Medium of a model → device type (EN 13757-7).
_DEVICE_TYPES: Final = {"electricity": 2, "gas": 3, "heat": 4, "water": 7, "cooling": 0x0A}
_MODE_5: Final = 5
_BLOCK: Final = 16
_FILLER: Final = 0x2F
_STORAGE_1: Final = 0x40  # bit of a DIF
_NEGATIVE: Final = 0x3C
_PHASES: Final = {"l1": 1, "l2": 2, "l3": 3, "n": 4}
_LIVE, _REGISTER = (0x04, 4), (0x06, 6)  # DIF of an integer, and its octets
_TIME: Final = bytes((0x04, 0x6D))


class _Code(NamedTuple):
    """VIF of a quantity: ``table`` octet before it or 0, code and power of ten of the first of ``codes`` codes."""

    table: int
    first: int
    exponent: int
    codes: int


_CODES: Final = {
    "energy": _Code(0, 0x00, -3, 8),
    "power": _Code(0, 0x28, -3, 8),
    "volume": _Code(0, 0x10, -6, 8),
    "voltage": _Code(0xFD, 0x40, -9, 16),
    "current": _Code(0xFD, 0x50, -12, 16),
    "frequency": _Code(0xFB, 0x2C, -3, 4),
    "reactive energy": _Code(0xFB, 0x02, 3, 2),
    "reactive power": _Code(0xFB, 0x14, 0, 4),
}
_FACTOR: Final = 0x70  # VIFE: 10^(n - 6)


def telegram(meter: SimulatedMeter, pushed: PushList, at: datetime) -> bytes:
    """Write the telegram of one list, as its interface sends it. Raises ValueError for what has no record."""
    if meter.interface.mode == "poll":
        return long_frame(RSP_UD, 1, information(meter, [pushed], at, _CI_ANSWER))
    return long_frame(SND_UD, BROADCAST, information(meter, [pushed], at, _CI_PUSH))


def answer(meter: SimulatedMeter, lists: Iterable[PushList], at: datetime, *, more: bool) -> bytes:
    """Give the information of an answer, CI first; ``more``: another telegram follows."""
    return information(meter, lists, at, _CI_ANSWER, b"\x1f" if more else b"")


def information(
    meter: SimulatedMeter, lists: Iterable[PushList], at: datetime, ci: int, end: bytes = b""
) -> bytes:
    """Write CI, header and records. Raises ValueError for a quantity that has no record."""
    records = b"".join(_record(meter, element, at) for pushed in lists for element in pushed.elements) + end
    access = meter.counter & 0xFF
    number, rest = secondary_address(meter)
    configuration = 0
    if meter.key is not None:
        plain = bytes((_FILLER, _FILLER)) + records
        plain += bytes((_FILLER,)) * (-len(plain) % _BLOCK)
        start = rest[:2] + number + rest[2:] + bytes((access,)) * 8
        cipher = Cipher(algorithms.AES(meter.key), modes.CBC(start)).encryptor()
        records = cipher.update(plain) + cipher.finalize()
        configuration = _MODE_5 << 8 | len(plain) // _BLOCK << 4
    header = number + rest + bytes((access, 0)) + configuration.to_bytes(2, "little")
    return bytes((ci,)) + header + records


def secondary_address(meter: SimulatedMeter) -> tuple[bytes, bytes]:
    """Give the identification number (BCD, least significant octet first), and maker, version and device type."""
    letters = [ord(letter) - 64 for letter in flag(meter.meter)]
    maker = letters[0] << 10 | letters[1] << 5 | letters[2]
    version, kind = header(meter.meter)
    return bytes.fromhex(f"{meter.number:08}")[::-1], maker.to_bytes(2, "little") + bytes((version, kind))


def header(meter: Meter) -> tuple[int, int]:
    """Give version and device type of a model's telegrams."""
    if meter.wire is not None and meter.wire.devices:
        return meter.wire.devices[0].version, meter.wire.devices[0].type
    return _VERSION, _DEVICE_TYPES[meter.medium]


def _record(meter: SimulatedMeter, element: PushElement, at: datetime) -> bytes:
    """Write one record; what stands in the header has none."""
    if element.obis is None:
        return b""
    obis = obis_of(element.obis)
    if sub_meter(obis) is not None:
        quantity = _of_channel(meter) if (obis.c, obis.d) in ((24, 2), (24, 3)) else None
        if quantity is None:
            return b""
        counter = counter_of(quantity.channel_types)
        devices = meter.meter.wire.devices if meter.meter.wire else []
        storage = devices[0].storage if devices else 0
        return _encoded(quantity, counter.scale.scaler, counter.counted(at), storage)
    quantity = meter.catalogue.quantities.get(element.quantity or "")
    if quantity is None or quantity.place == "meta":
        return b""
    if quantity.kind == "timestamp":
        return _TIME + _type_f(at.astimezone(meter.zone))
    fact = meter.fact(quantity)
    scaler = quantity.scaler if fact is None or fact.scaler is None else fact.scaler
    return _encoded(quantity, scaler, measure(meter.household, at, obis).raw(scaler))


def _of_channel(meter: SimulatedMeter) -> Quantity | None:
    """Find the quantity that a device of this medium counts."""
    _, kind = header(meter.meter)
    known = meter.catalogue.quantities.values()
    return next((quantity for quantity in known if kind in quantity.channel_types), None)


def _encoded(quantity: Quantity, scaler: int, value: int, storage: int = 0) -> bytes:
    """Write a record. ``storage``: 0 or 1, the place of its value."""
    name, _, qualifier = (quantity.mbus or "").rpartition(" ")
    if qualifier != "negative":
        name = quantity.mbus or ""
    code = _CODES.get(name)
    if code is None:
        raise ValueError(f"{quantity.name} has no M-Bus record")
    dif, octets = _REGISTER if quantity.kind == "cumulative" else _LIVE
    tariff = int(quantity.tariff.removeprefix("t")) if quantity.tariff else 0
    dif |= _STORAGE_1 * storage
    head = bytes((dif | 0x80, (tariff & 3) << 4)) if tariff else bytes((dif,))
    if tariff > 3:
        head = bytes((*head[:-1], head[-1] | 0x80, (tariff >> 2) << 4))
    vifes = [_NEGATIVE] if qualifier == "negative" else []
    if quantity.phase:
        vifes += [0x7C, _PHASES[quantity.phase]]
    step = scaler - code.exponent
    if not 0 <= step < code.codes:  # the first code and a factor
        vifes.append(_FACTOR + step + 6)
        step = 0
    chain = [*([code.table & 0x7F] if code.table else []), code.first + step, *vifes]
    vif = bytes(octet | 0x80 for octet in chain[:-1]) + bytes(chain[-1:])
    return head + vif + value.to_bytes(octets, "little", signed=True)


def _type_f(local: datetime) -> bytes:
    """Write date and minute (type F)."""
    year = local.year - 2000
    return bytes(
        (
            local.minute,
            local.hour | (0x80 if local.dst() else 0),
            local.day | (year & 7) << 5,
            local.month | year >> 3 << 4,
        )
    )
