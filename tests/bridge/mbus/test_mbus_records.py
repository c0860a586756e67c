"""M-Bus records of real devices against what libmbus, wmbusmeters and pyMeterBus read, and through the whole line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import ciimodel
import pytest
from captures import Capture, capture, load_captures
from ciibridge.decode.mbus import decode, header
from ciibridge.framing.mbus import MbusFramer
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.listing import Listing
from ciibridge.types import Apdu, Frame, MeterTime, Number, Problem, Reading, Snapshot

NOW: Final = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
#: Capture → quantities and values that come out of it.
QUANTITIES_OF: Final = json.loads(Path(__file__).with_name("quantities.json").read_text(encoding="utf-8"))
CAPTURES: Final = load_captures("mbus")
AMIS: Final = capture("mbus/amis-td3511-netz-ooe-example.bin")
ERRORS: Final = [c for c in CAPTURES if c.name.startswith("mbus/error-")]
PLAIN: Final = [c for c in CAPTURES if c not in ERRORS and c.name != AMIS.name]


def names(captures: list[Capture]) -> Any:
    return pytest.mark.parametrize("one", captures, ids=lambda c: c.name.split("/")[1])


def frame_of(one: Capture) -> Frame:
    (frame,) = MbusFramer().feed(one.data)
    assert isinstance(frame, Frame)
    return frame


def read(one: Capture) -> Reading:
    frame = frame_of(one)
    return decode(Apdu(frame.information, 0), header.read(frame))


def run(data: bytes, key: bytes | None = None, piece: int = 1 << 20, **more: Any) -> list[Any]:
    pipeline = Pipeline(ciimodel.load(), MeterSettings(id="house", key=key, clock="meter", **more), "mbus")
    found: list[Any] = []
    for begin in range(0, len(data), piece):
        found += pipeline.feed(data[begin : begin + piece], NOW)
    return found + pipeline.finish()


def snapshots(found: list[Any]) -> list[Snapshot]:
    return [s for s in found if isinstance(s, Snapshot)]


def codes(found: list[Any]) -> list[str]:
    return [p.code for p in found if isinstance(p, Problem)]


def by_name(one: Capture) -> dict[tuple[str, str, int], Decimal]:
    return {
        (r.quantity, r.function, r.storage): Decimal(str(r.value))
        for r in reversed(read(one).records)
        if isinstance(r.value, Number) and not r.tariff
    }


def test_wmbusmeters_agrees_on_the_multical() -> None:
    one = capture("mbus/multical-wmbusmeters.bin")
    fields = one.facts["expect"]["fields"]
    got = by_name(one)
    now = "instantaneous"
    assert got["energy", now, 0] == fields["total_energy_consumption_kwh"] * 1000
    assert str(got["volume", now, 0]) == str(fields["total_volume_m3"])
    assert got["volume flow", now, 0] == Decimal(str(fields["volume_flow_m3h"]))
    assert got["flow temperature", now, 0] == Decimal(str(fields["t1_temperature_c"]))
    assert got["return temperature", now, 0] == Decimal(str(fields["t2_temperature_c"]))
    assert round(got["operating time", now, 0] / 3600, 6) == Decimal(str(fields["operating_time_h"]))
    own = {r.qualifiers: r.value for r in read(one).records if r.quantity == "manufacturer specific"}
    assert own[("manufacturer 07",)] == Number(fields["forward_energy_m3c"])
    assert own[("manufacturer 08",)] == Number(fields["return_energy_m3c"])


def test_wmbusmeters_agrees_on_the_sensostar() -> None:
    one = capture("mbus/sensostar-wmbusmeters.bin")
    fields = one.facts["expect"]["fields"]
    got = by_name(one)
    now = "instantaneous"
    assert got["energy", now, 0] == fields["total_kwh"] * 1000
    assert got["energy", now, 1] == fields["target_kwh"] * 1000
    assert got["energy", now, 2] == fields["target_2_kwh"] * 1000
    assert got["volume", now, 0] == Decimal(str(fields["total_water_m3"]))
    assert got["volume", now, 1] == Decimal(str(fields["target_water_m3"]))
    assert got["power", now, 0] == fields["power_kw"]
    assert got["power", "maximum", 0] == Decimal(str(fields["power_max_kw"])) * 1000
    assert got["volume flow", "maximum", 0] == Decimal(str(fields["flow_water_max_m3h"]))
    assert got["flow temperature", now, 0] == fields["forward_c"]
    assert got["return temperature", now, 0] == fields["return_c"]
    assert got["temperature difference", now, 0] == Decimal(str(fields["difference_c"]))
    assert got["on time", now, 0] == fields["on_time_h"] * 3600
    assert got["fabrication number", now, 0] == int(fields["fabrication_no"], 16)
    times = {(r.quantity, r.storage): r.value for r in read(one).records}
    assert times["date", 1] == fields["target_date"]
    clock = times["time", 0]
    assert isinstance(clock, MeterTime)
    assert clock.local.isoformat(" ")[:16] == fields["meter_datetime"]


def test_a_meter_that_is_master_of_the_bus() -> None:
    (snapshot,) = snapshots(run(AMIS.data, AMIS.key))
    values = {name: str(measured.number) for name, measured in snapshot.values.items()}
    wanted = AMIS.facts["expect"]["values"]
    names = {
        "1.8.0": "energy_import", "2.8.0": "energy_export", "1.7.0": "power_import", "2.7.0": "power_export",
        "3.7.0": "reactive_power_import", "4.7.0": "reactive_power_export",
        "3.8.1": "reactive_energy_import_t1", "4.8.1": "reactive_energy_export_t1",
    }  # fmt: skip
    assert values == {name: str(wanted[code]["value"]) for code, name in names.items()} | {
        "power_net": "-117"
    }
    for code, name in names.items():
        assert snapshot.values[name].unit == wanted[code]["unit"]
    assert snapshot.reading is not None
    assert snapshot.reading.apdu.encrypted
    own = [r for r in snapshot.reading.records if r.qualifiers == ("manufacturer 04",)]
    assert [str(r.value) for r in own] == [str(wanted["1.128.0"]["value"])]
    time = snapshot.reading.time
    assert time is not None
    assert (time.local.isoformat(), time.dst) == (AMIS.facts["expect"]["timestamp"], True)
    assert (snapshot.ts.isoformat(), snapshot.ts_source) == ("2014-07-01T06:12:31+00:00", "message")


def test_its_key_is_missing_or_wrong() -> None:
    assert codes(run(AMIS.data)) == ["key_missing"]
    assert codes(run(AMIS.data, bytes(16))) == ["key_wrong"]
    assert codes(run(AMIS.data, bytes(32))) == ["key_wrong"]


@names(ERRORS)
def test_errors_of_the_device_are_told(one: Capture) -> None:
    (problem,) = run(one.data)
    assert problem.code == "device_error"
    assert one.facts["expect"]["slave"]["Error"].lower() in problem.message


@names(PLAIN)
def test_sub_meters_get_a_channel_and_their_quantity(one: Capture) -> None:
    expected = QUANTITIES_OF.get(one.name.split("/")[1], {})
    (snapshot,) = snapshots(run(one.data))
    assert snapshot.values == {}
    address = one.facts["structure"]["frames"][0]["A"]
    channel = address if 1 <= address <= 99 else 1
    device = read(one).device
    assert device is not None
    assert {n: (who.id, who.type) for n, who in snapshot.submeters.items()} == {
        channel: (device.id, device.type)
    }
    got = {name: f"{m.number} {m.unit}" for name, m in snapshot.channels.get(channel, {}).items()}
    assert got == expected
    listing = json.loads(Listing(ciimodel.load()).write(snapshot))
    assert len(listing["records"]) == len(read(one).records)


def test_a_device_that_keeps_its_value_in_storage_1() -> None:
    """The G350 gives the value of the last full hour, with its time; of an unknown device storage 1 is the past."""
    one = capture("mbus/lg-g350-gas.bin")
    (snapshot,) = snapshots(run(one.data))
    assert snapshot.submeters[1].model == "lg-g350"
    assert snapshot.reading is not None
    (volume,) = [r for r in snapshot.reading.registers if r.captured is not None]
    times = [r.value for r in snapshot.reading.records if r.quantity == "time"]
    assert [volume.captured] == times
    version = one.data.index(b"\x40\x03")  # behind the maker's letters: version and device type
    other = bytearray(one.data)
    other[version] += 1
    other[-2] = (other[-2] + 1) & 0xFF
    (snapshot,) = snapshots(run(bytes(other)))
    assert snapshot.submeters[1].model is None
    assert snapshot.channels == {}


def test_phases_by_the_extensions_of_a_maker() -> None:
    one = capture("mbus/saia-burgess-ale3.bin")
    (snapshot,) = snapshots(run(one.data, alone=True))
    assert snapshot.model == "saia-burgess-ale3"
    wanted = {
        "voltage_l1": "223",
        "voltage_l2": "0",
        "voltage_l3": "0",
        "current_l1": "0.0",
        "power_import": "0",
    }
    assert {name: str(snapshot.values[name].number) for name in wanted} == wanted


def test_devices_that_want_the_same_channel() -> None:
    """Three devices with address 0 or 1: the first gets channel 1, and keeps it."""
    water, gas = capture("mbus/siemens-water.bin"), capture("mbus/itron-cyble-gas.bin")
    coder = capture("mbus/gwf-mtkcoder-water.bin")
    stream = b"".join(c.data for c in (water, gas, coder, water))
    found = snapshots(run(stream))
    assert [sorted(s.channels) for s in found] == [[1], [4], [2], [1]]
    assert {n: who.id for n, who in found[-1].submeters.items()} == {
        1: "LSE08021382",
        2: "GWF00182007",
        4: "ACW10020387",
    }


@names(CAPTURES)
def test_octet_by_octet_is_the_same(one: Capture) -> None:
    stream = b"\x10\x5b\x01\x5c\x16" + one.data + b"\xe5" + one.data
    assert run(stream, one.key, piece=1) == run(stream, one.key) == run(stream, one.key, piece=11)


@names(PLAIN)
def test_truncations_cost_no_other_telegram(one: Capture) -> None:
    noise = bytes(range(0x20, 0x60))
    for size in range(1, len(one.data), 17):
        found = run(noise + one.data[:size] + noise + one.data + noise)
        assert len(snapshots(found)) == 1
        assert codes(found)
