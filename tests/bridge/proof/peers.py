"""A second decoder for each family, over every telegram that came out: gurux-dlms, dsmr-parser, pyMeterBus, smllib.

A comparison counts the values both read, and names those they read differently. Where the peer cannot read a telegram, or is
known to read it wrongly, the row of the capture in ``outcomes.yaml`` says so and why (``peer_cannot``, ``peer_differs``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import meterbus
from captures import Capture
from ciibridge.decode.dlms.notification import parse
from ciibridge.decode.dlms.reference import judge
from ciibridge.normalise.clock import to_utc
from ciibridge.types import MeterTime, Number, Register, Snapshot
from dsmr_parser import telegram_specifications
from dsmr_parser.exceptions import ParseError
from meterbus.exceptions import MBusError
from smllib import SmlStreamReader
from smllib.errors import CrcError
from smllib.sml import SmlGetListResponse, SmlListEntry

#: The zone dsmr-parser reads every time in.
AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")


@dataclass
class Comparison:
    """Values both decoders read, place → difference; or why the peer does not read the capture at all."""

    values: int = 0
    differing: dict[str, str] = field(default_factory=dict)
    cannot: str = ""


# -- DLMS: gurux-dlms ---------------------------------------------------------------------------------------------------


def gurux(one: Capture, snapshots: tuple[Snapshot, ...]) -> Comparison:
    result = Comparison()
    for number, snapshot in enumerate(snapshots):
        assert snapshot.reading is not None
        opinion = judge(snapshot.reading.apdu.data, parse(snapshot.reading.apdu.data).body)
        if opinion.agrees:
            result.values += len(snapshot.reading.registers) or len(snapshot.reading.values)
        else:
            result.differing[f"telegram {number}"] = opinion.differs or opinion.unable
    return result


# -- DSMR-P1: dsmr-parser -----------------------------------------------------------------------------------------------


@cache
def _readers() -> list[tuple[re.Pattern[str], Any]]:
    specifications = [getattr(telegram_specifications, name) for name in dir(telegram_specifications)]
    objects = [
        entry for s in specifications if isinstance(s, dict) and "objects" in s for entry in s["objects"]
    ]
    return [
        (re.compile(entry["obis_reference"], re.DOTALL | re.MULTILINE), entry["value_parser"])
        for entry in objects
    ]


def _lines(text: str) -> Iterator[tuple[str, Any, str | None]]:
    """(address, value, unit) for each line and each way in which a specification reads it; logs are left out."""
    for pattern, parser in _readers():
        for line in pattern.findall(text):
            try:
                found = parser.parse(line)
            except (ParseError, ValueError):  # another country's form of that line
                continue
            if not isinstance(found, list) and hasattr(found, "unit") and not hasattr(found, "buffer_length"):
                yield line.split("(")[0], found.value, found.unit


def dsmr_parser(one: Capture, snapshots: tuple[Snapshot, ...]) -> Comparison:
    """Of the ways in which dsmr-parser reads a line, one must be ours."""
    opinions: dict[str, list[bool]] = {}
    for snapshot in snapshots:
        assert snapshot.reading is not None
        registers = {str(r.obis): r for r in snapshot.reading.registers}
        for address, value, unit in _lines(snapshot.reading.apdu.data.decode("latin-1")):
            if address in registers:
                opinions.setdefault(address, []).append(_line_agrees(registers[address], value, unit))
    differing = {address: "read differently" for address, ours in opinions.items() if not any(ours)}
    return Comparison(len(opinions), differing)


def _line_agrees(register: Register, value: Any, unit: str | None) -> bool:
    ours = register.value
    if isinstance(ours, MeterTime):
        return isinstance(value, datetime) and to_utc(ours, AMSTERDAM) == value.astimezone(UTC)
    if isinstance(ours, Number):
        return Decimal(str(ours)) == value and unit in (register.spelling, None)
    text = str(ours)
    coded = text.encode().hex().upper()
    if isinstance(value, datetime):
        return False
    if isinstance(value, str | None):
        sent = value or ""
        return sent in (text, coded) or (
            sent.startswith(coded) and not bytes.fromhex(sent[len(coded) :]).strip()
        )
    return str(value) == coded or Decimal(text or "0") == value


# -- wired M-Bus: pyMeterBus --------------------------------------------------------------------------------------------


def pymeterbus(one: Capture, snapshots: tuple[Snapshot, ...]) -> Comparison:
    """It computes in floats."""
    (snapshot,) = snapshots
    assert snapshot.reading is not None
    try:
        theirs = [
            r.interpreted for r in meterbus.load(one.data).records if r.dib.parts[0] not in (0x0F, 0x1F)
        ]
    except MBusError as error:
        return Comparison(cannot=str(error))
    ours = [r for r in snapshot.reading.records if r.function != "manufacturer"]
    result = Comparison()
    if len(theirs) != len(ours):
        return Comparison(cannot=f"{len(theirs)} records instead of {len(ours)}")
    for number, (record, other) in enumerate(zip(ours, theirs, strict=True)):
        place = (record.storage, record.tariff, record.subunit)
        same = place == (
            other["storage_number"],
            int(other.get("tariff") or 0),
            int(other.get("device") or 0),
        )
        if isinstance(record.value, Number):
            own = Decimal(str(record.value))
            value = Decimal(str(other["value"]))
            same = same and abs(value - own) <= max(abs(own) / 1_000_000, Decimal("0.000001"))
        elif record.value is None:
            same = same and not isinstance(other["value"], int | float | Decimal)
        result.values += 1
        if not same:
            result.differing[f"record {number}"] = f"{other['value']} instead of {record.value}"
    return result


# -- SML: smllib --------------------------------------------------------------------------------------------------------


def smllib(one: Capture, snapshots: tuple[Snapshot, ...]) -> Comparison:
    try:
        theirs = list(_sml_lists(one.data))
    except ValueError as error:
        return Comparison(cannot=str(error))
    ours = [s.reading.registers for s in snapshots if s.reading]
    if [len(each) for each in ours] != [len(each) for each in theirs]:
        return Comparison(cannot=f"{[len(each) for each in theirs]} entries")
    result = Comparison()
    for mine, others in zip(ours, theirs, strict=True):
        for register, other in zip(mine, others, strict=True):
            result.values += 1
            if not _entry_agrees(register, other):
                result.differing[str(register.obis)] = f"{other.value} instead of {register.value}"
    return result


def _entry_agrees(register: Register, other: SmlListEntry) -> bool:
    facts = (str(register.obis).split("*")[0], register.unit, register.status, register.scaler or 0)
    if facts != (other.obis.obis_code.split("*")[0], other.unit, other.status, other.scaler or 0):
        return False
    if isinstance(register.value, Number):
        return bool(register.value == Number(other.value))
    sent = register.value if isinstance(register.value, bytes) else str(register.value).encode()
    return other.value in (sent.hex(), sent.decode("ascii", "replace"))


def _sml_lists(data: bytes) -> Iterator[list[SmlListEntry]]:
    reader = SmlStreamReader()
    reader.add(data)
    while True:
        try:
            frame = reader.get_frame()
        except CrcError:
            continue
        if frame is None:
            return
        bodies = [message.message_body for message in frame.parse_frame()]
        yield from (list(body.val_list) for body in bodies if isinstance(body, SmlGetListResponse))


@dataclass(frozen=True)
class Peer:
    """A decoder that somebody else wrote."""

    name: str
    compare: Callable[[Capture, tuple[Snapshot, ...]], Comparison]


#: Family → its peer.
PEERS: Final[Mapping[str, Peer]] = {
    "dlms-apdu": Peer("gurux-dlms", gurux),
    "dlms-hdlc": Peer("gurux-dlms", gurux),
    "dlms-mbus": Peer("gurux-dlms", gurux),
    "dsmr-p1": Peer("dsmr-parser", dsmr_parser),
    "mbus": Peer("pyMeterBus", pymeterbus),
    "sml": Peer("smllib", smllib),
}
