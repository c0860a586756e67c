"""What the sources of the captures assert, against what came out: a list of differences, empty where all agrees.

The captures' own README says how the assertions are written. Where the asserting side is known to be wrong, or means
something else, the row of the capture in ``outcomes.yaml`` names the place and says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import ciimodel
from captures import Capture, capture
from ciibridge.decode.ascii.lines import obis
from ciibridge.publish.listing import Listing
from ciibridge.types import MeterTime, Number, Record, Snapshot
from walk import settings, walked

#: Of values that the source rounded (README of the captures, "golden master").
TOLERANCE: Final = Decimal("0.02")
PREFIXES: Final = {"k": 3, "M": 6}
DLMS_UNITS: Final = {unit.dlms: unit.symbol for unit in ciimodel.load().units.values()}

FUNCTIONS: Final = {
    "Instantaneous value": "instantaneous",
    "Maximum value": "maximum",
    "Minimum value": "minimum",
    "Value during error state": "error",
    "Manufacturer specific": "manufacturer",
    "More records follow": "manufacturer",
}
UNITS: Final = {"m^3": "m³", "m^3/h": "m³/h", "Â°C": "°C", "-": None}
#: What libmbus calls a quantity → what we call it, where it is not the same in small letters.
QUANTITIES: Final = {
    "Fabrication No": "fabrication number",
    "Time point (date & time)": "time",
    "Time point (date)": "date",
    "Model / Version": "model",
    "Parameter set identification": "parameter set",
    "Dimensionless": "number",
    "Special supplier information": "supplier information",
    "": "manufacturer specific",
}
MEDIA: Final = {
    "Other": 0, "Electricity": 2, "Gas": 3, "Heat: Outlet": 4, "Warm water (30-90Â°C)": 6, "Water": 7,
    "Bus/System": 14,
}  # fmt: skip
#: Units that libmbus shows in the place of a quantity.
UNIT_AS_QUANTITY: Final = ("%RH", "PW", "bat. time", "cust. ID")


def asserts(one: Capture) -> bool:
    """Whether the source says anything of this capture that can be compared."""
    return any(value for value in (one.facts["expect"] or {}).values())


def differences(one: Capture) -> dict[str, str]:
    """Place → what came out and what was asserted."""
    return dict(_differences(one, walked(one.name).snapshots))


def _differences(one: Capture, snapshots: tuple[Snapshot, ...]) -> Iterator[tuple[str, str]]:
    expect = one.facts["expect"]
    listings = [listing(one, snapshot) for snapshot in snapshots]
    seen: dict[str, Any] = {}
    for each in reversed(listings):  # of each code the first: what the source looked at
        seen |= each["values"]
    rounded = "golden master" in one.facts["expect_by"]
    for code, wanted in (expect.get("values") or {}).items():
        got = _register(seen, code)
        if got is None or not same(got, wanted, rounded=rounded):
            yield code, f"{got} is not {wanted}"
    identities = {text for s in snapshots for text in (*s.identity.values(), *_device_numbers(s))}
    if (wanted := expect.get("meter_id")) and wanted not in identities:
        yield "meter_id", f"none is {wanted[:4]}…"
    if (wanted := expect.get("timestamp")) and wanted not in _times(snapshots[0], listings[0]):
        yield "timestamp", f"{_times(snapshots[0], listings[0])} is not {wanted}"
    if wanted := expect.get("objects"):
        reading = snapshots[0].reading
        assert reading is not None
        numbers = sum(isinstance(register.value, Number) for register in reading.registers)
        listed = len(one.facts["structure"].get("push_objects", ()))
        sizes = {len(reading.registers), numbers, listed, len(reading.records)}
        if wanted not in sizes:
            yield "objects", f"{sizes} is not {wanted}"
    if plain := expect.get("plaintext_file"):
        other = walked(capture(plain).name).snapshots[0]
        if (other.values, other.ts) != (snapshots[0].values, snapshots[0].ts):
            yield "plaintext_file", "its values differ"
    if wanted := expect.get("records"):
        yield from _records(snapshots[0], wanted)
    if wanted := expect.get("slave"):
        yield from _slave(snapshots[0], wanted, one.facts["structure"]["frames"][0]["A"])
    if wanted := expect.get("record_values"):
        records = snapshots[0].reading.records if snapshots[0].reading else ()
        got = [Decimal(str(record.value)) for record in records[: len(wanted)]]
        if got != [Decimal(str(value)) for value in wanted]:
            yield "record_values", f"{got} is not {wanted}"


def listing(one: Capture, snapshot: Snapshot) -> dict[str, Any]:
    """One telegram as ``decode --obis`` prints it, exactly."""
    text = Listing(ciimodel.load(), settings(one.key)).write(snapshot)
    return dict(json.loads(text, parse_float=Decimal, parse_int=Decimal))


def _register(seen: dict[str, Any], code: str) -> dict[str, Any] | None:
    """Look up a code as the source writes it: A-B:C.D.E, with or without ``*255``, or as text telegrams do."""
    code = code.removesuffix("*255")
    if code in seen:
        return dict(seen[code])
    full = obis(code)
    if full is not None and str(full) in seen:
        return dict(seen[str(full)])
    short = [entry for full, entry in seen.items() if full.split(":")[-1] == code]
    return dict(short[0]) if short else None


def same(got: dict[str, Any], wanted: dict[str, Any], *, rounded: bool) -> bool:
    """A value as listed against one as asserted: in its unit, as the register was sent, or as the text it is."""
    expected, unit, value = wanted["value"], wanted["unit"], got["value"]
    if unit not in DLMS_UNITS and isinstance(
        unit, int
    ):  # one that the profile has no name for, as of an angle
        unit = None
    if unit is None or isinstance(expected, str):
        text = str(value)
        if str(expected) in (text, text.encode().hex(), text.encode().hex().upper()):
            return True
        numbers = [n for n in (value, got.get("raw")) if isinstance(n, Decimal)]
        if isinstance(value, str) and text.lstrip("-").replace(".", "", 1).isdigit():
            numbers.append(Decimal(text))
        return not isinstance(expected, str) and Decimal(str(expected)) in numbers
    symbol = DLMS_UNITS[unit] if isinstance(unit, int) else unit
    power = 0 if got["unit"] == symbol else PREFIXES.get(symbol[0], 0)
    bare = symbol if power == 0 else symbol[1:]
    if (got["unit"] or "").casefold() not in (bare.casefold(), bare.replace("m3", "m³").casefold()):
        return False
    allowed = TOLERANCE if rounded else 0
    return bool(abs(value.scaleb(-power) - Decimal(str(expected))) <= allowed)


def _device_numbers(snapshot: Snapshot) -> list[str]:
    """Numbers of M-Bus devices as libmbus shows them: without the maker, and without leading zeros."""
    device = snapshot.reading.device if snapshot.reading else None
    return [device.id[3:], device.id[3:].lstrip("0") or "0", device.id] if device else []


def _times(snapshot: Snapshot, listed: dict[str, Any]) -> set[str]:
    assert snapshot.reading is not None
    times = {str(listed["timestamp"]), snapshot.ts.strftime("%Y-%m-%dT%H:%M:%SZ")}
    records = (r.value for r in snapshot.reading.records if r.quantity == "time")
    local = [value.local for value in records if isinstance(value, MeterTime)]
    return times | {form for time in local for form in (time.isoformat(), f"{time:%Y-%m-%d %H:%M}")}


def _records(snapshot: Snapshot, listed: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    assert snapshot.reading is not None
    wanted = [e for e in listed if e["value"] or e["function"] != "More records follow"]
    records = snapshot.reading.records
    if len(records) != len(wanted):
        yield "records", f"{len(records)} are not {len(wanted)}"
        return
    for number, (record, other) in enumerate(zip(records, wanted, strict=True)):
        name = other["quantity"]
        told = (record.function, record.storage, record.tariff, record.subunit, record.quantity, record.unit)
        theirs = (
            FUNCTIONS[other["function"]],
            other["storage"],
            int(other.get("tariff", 0)),
            int(other.get("device", 0)),
            "" if name in UNIT_AS_QUANTITY else QUANTITIES.get(name, name.lower()),
            name if name in UNIT_AS_QUANTITY else UNITS.get(other.get("unit"), other.get("unit")),
        )
        if told != theirs or not _agrees(record, other["value"]):
            yield f"record {number}", f"{told} {_shown(record)} is not {theirs} {other['value']}"


def _agrees(record: Record, text: str) -> bool:
    if isinstance(record.value, Number):
        # libmbus prints six decimals; of a real of 32 bits all its binary digits, we the shortest that are this real
        theirs = Decimal(text)
        real = abs(theirs) / (1 << 24) if record.raw[0] & 0x0F == 5 else 0
        return abs(Decimal(str(record.value)) - theirs) <= Decimal("0.000001") + real
    return _shown(record) == text


def _shown(record: Record) -> str:
    """Write a value as libmbus does."""
    if isinstance(record.value, MeterTime):
        return f"{record.value.local.isoformat()}Z"
    return record.value.hex(" ").upper() if isinstance(record.value, bytes) else str(record.value)


def _slave(snapshot: Snapshot, slave: dict[str, str], address: int) -> Iterator[tuple[str, str]]:
    device = snapshot.reading.device if snapshot.reading else None
    assert device is not None
    ours = (
        device.id[:3],
        device.id[3:].lstrip("0"),
        device.version,
        device.type,
        f"{device.status:02X}",
        device.address,
    )
    theirs = (
        slave["Manufacturer"],
        slave["Id"].lstrip("0"),
        int(slave["Version"]),
        MEDIA[slave["Medium"]],
        slave["Status"],
        address,
    )
    if ours != theirs:
        yield "slave", f"{ours} is not {theirs}"
