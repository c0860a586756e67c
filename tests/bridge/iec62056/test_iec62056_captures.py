"""The recordings of IEC 62056-21 through the whole line, against what their sources assert."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import ciimodel
import pytest
from captures import Capture
from ciibridge.decode.ascii.lines import number, obis
from ciibridge.types import Number, Snapshot
from iec62056_parts import CAPTURES, TABLE, capture_names, codes, mended, run, snapshots

recordings = pytest.mark.parametrize("recording", CAPTURES, ids=capture_names)

CATALOGUE = ciimodel.load()


def mendable(recording: Capture) -> bytes:
    """The octets; where the BCC is wrong, with the one their text gives, so that the text can be compared."""
    return mended(recording.data) if "mended" in TABLE[recording.name] else recording.data


def test_the_table_is_of_all_captures_and_only_damage_is_refused() -> None:
    assert set(TABLE) == {c.name for c in CAPTURES}
    for c in CAPTURES:
        if "mended" in TABLE[c.name]:
            assert c.facts["damaged"]
            assert c.facts["verified"]["BCC"].startswith("FAIL")


@recordings
def test_the_table_is_true(recording: Capture) -> None:
    row = TABLE[recording.name]
    found = run(recording.data)
    assert codes(found) == row["problems"]
    assert len(snapshots(found)) == sum(frame in {"bcc", "none"} for frame in row["frames"])
    if "mended" in row:
        assert codes(run(mended(recording.data))) == row["mended"]
        assert row["why"]


@recordings
def test_octet_by_octet_is_the_same_as_at_once(recording: Capture) -> None:
    assert run(mendable(recording), piece=1) == run(mendable(recording))


def sent(snapshot: Snapshot, code: str) -> list[Any]:
    """What stands under a code of captures.json in the reading: as a text, or as number and unit."""
    assert snapshot.reading is not None
    read = obis(code)
    assert read is not None
    own = CATALOGUE.meters[snapshot.model].wire if snapshot.model else None
    ours = {obis(theirs): obis(to) for theirs, to in (own.codes if own else {}).items()}
    wanted = ours.get(read, read._replace(a=6) if ours else read)
    return [
        (Decimal(str(register.value)), register.spelling)
        if isinstance(register.value, Number)
        else register.value
        for register in snapshot.reading.registers
        if register.obis == wanted
    ]


@pytest.mark.parametrize("recording", [c for c in CAPTURES if c.facts["expect"]], ids=capture_names)
def test_values_are_those_the_source_asserts(recording: Capture) -> None:
    expect = recording.facts["expect"]
    snapshot = snapshots(run(mendable(recording)))[0]
    assert snapshot.reading is not None
    for code, fact in (expect["values"] or {}).items():
        (value,) = sent(snapshot, code)
        if isinstance(value, tuple):  # the source gives number and unit, or the text between the parentheses
            whole = f"{value[0]}*{value[1]}"
            assert whole == str(fact["value"]).strip() or value == (
                Decimal(str(fact["value"])),
                fact["unit"],
            )
        elif isinstance(fact["value"], str):
            assert value == fact["value"]
        else:
            assert Decimal(value) == Decimal(str(fact["value"]))
    if expect.get("objects"):
        assert len(snapshot.reading.registers) == expect["objects"]
    if expect["meter_id"]:
        assert expect["meter_id"] == snapshot.meter
    if expect["timestamp"]:
        local = snapshot.ts.astimezone(ZoneInfo("Europe/Zurich"))
        assert local.strftime("%Y-%m-%dT%H:%M:%S") == expect["timestamp"]


@recordings
def test_every_data_set_is_read(recording: Capture) -> None:
    """captures.json counts them; of what is sent twice, and of time of day and date, one stays."""
    count = 0
    twice = 0
    for snapshot in snapshots(run(mendable(recording))):
        assert snapshot.reading is not None
        # the device type of a heat meter is ours
        count += sum(register.class_id != 72 for register in snapshot.reading.registers)
        twice += any(register.type == "time" for register in snapshot.reading.registers)
    if recording.name.endswith("siemens-td3511-ch.txt"):
        twice += 2  # two sets, with the clock in each
    assert count + twice == recording.facts["structure"]["data_sets"]


def test_numbers_are_exact() -> None:
    """kWh to Wh is a shift of the point."""
    recording = next(c for c in CAPTURES if c.name.endswith("siemens-td3511-ch.txt"))
    (snapshot,) = snapshots(run(recording.data))
    assert snapshot.values["energy_import"].number == Number(31_550_191)
    assert str(snapshot.values["voltage_l1"].number) == "238.3"
    assert str(snapshot.values["power_import"].number) == "386"
    assert len(snapshot.values) == 20
    assert set(snapshot.unknown) == {"1-0:81.7.4", "1-0:81.7.15", "1-0:81.7.26"}
    assert number("-80.7") == snapshot.unknown["1-0:81.7.4"]
