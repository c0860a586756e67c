"""Simulated telegrams of each protocol, read by somebody else's decoder, and forms that no model of the catalogue has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import ciimodel
import pytest
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY, SYNTHETIC_KEY
from ciibridge.simulate.mbus_frames import long_frame
from ciibridge.types import Problem, Snapshot
from ciimodel.catalogue import Meter, PushElement, Resolved
from meterbus import load as load_mbus
from smllib import SmlStreamReader

CATALOGUE: Final = ciimodel.load()
NOON: Final = datetime(2026, 5, 4, 10, 40, 15, tzinfo=UTC)
#: DSMR 2.2 and 3, DSMR 5, Belgium: what the lists of the catalogue have not.
NETHERLANDS_2: Final = ("0-0:96.1.1", "1-0:1.8.1", "1-0:1.8.2", "0-0:96.14.0", "1-0:1.7.0", "0-0:17.0.0",
    "0-0:96.3.10", "0-1:24.1.0", "0-1:96.1.0", "0-1:24.3.0", "0-1:24.4.0")  # fmt: skip
NETHERLANDS_5: Final = ("1-3:0.2.8", "0-0:1.0.0", "1-0:1.8.1", "0-0:96.7.21", "0-0:96.7.9", "1-0:99.97.0",
    "1-0:32.32.0", "1-0:32.36.0", "0-0:96.13.0", "1-0:1.7.0", "0-1:24.1.0", "0-1:96.1.0", "0-1:24.2.1")  # fmt: skip
BELGIUM: Final = ("0-0:96.1.4", "0-0:1.0.0", "1-0:1.4.0", "1-0:1.6.0", "1-0:1.7.0", "1-0:31.4.0", "0-0:17.0.0",
    "0-1:24.1.0", "0-1:96.1.1", "0-1:24.2.3", "0-2:24.1.0", "0-2:96.1.1", "0-2:24.2.1")  # fmt: skip


def catalogue(meter: Meter) -> Resolved:
    return CATALOGUE.model_copy(update={"meters": {meter.id: meter}})


def speaking(meter_id: str, protocol: str, mode: str = "push", **changes: Any) -> Meter:
    """The model with another protocol on its first interface."""
    meter = CATALOGUE.meters[meter_id]
    interface = meter.interfaces[0].model_copy(update={"protocol": protocol, "mode": mode})
    return meter.model_copy(update={"interfaces": [interface], **changes})


def p1_meter(codes: tuple[str, ...], *, checksum: bool = True) -> Meter:
    """A model that sends these codes as DSMR text."""
    names: dict[str, str] = {}
    for quantity in CATALOGUE.quantities.values():
        for code in quantity.obis:
            for n in (1, 2) if "n" in code else (0,):
                names.setdefault(code.replace("*:", "0:").replace("n", str(n)), quantity.name)
    elements = [PushElement(obis=code, class_id=1, attribute=2, quantity=names.get(code)) for code in codes]
    meter = CATALOGUE.meters["honeywell-as3000"]
    pushed = meter.lists[0].model_copy(update={"elements": elements})
    known = CATALOGUE.meters["lg-e360-dsmr"].wire
    assert known is not None
    wire = known.model_copy(update={"checksum": checksum, "identification": None})
    return meter.model_copy(update={"lists": [pushed], "wire": wire})


def read(octets: bytes, protocol: str, **settings: Any) -> Snapshot:
    pipeline = Pipeline(CATALOGUE, MeterSettings(**({"id": "home"} | settings)), protocol)
    found = pipeline.feed(octets, NOON) + pipeline.finish()
    assert [item for item in found if isinstance(item, Problem) and item.code != "model_unknown"] == []
    [snapshot] = [item for item in found if isinstance(item, Snapshot)]
    return snapshot


@pytest.mark.parametrize("transfer", ["short", "segments"])
def test_dlms_in_m_bus_frames(transfer: str) -> None:
    """One segment, or several; the same values as in HDLC frames."""
    model = "lg-e360" if transfer == "short" else "lg-e450"
    meter = speaking(model, "dlms-mbus")
    source = SimulatedMeter(catalogue(meter), model)
    octets = source.telegrams(NOON)
    assert octets[:1] + octets[3:7] == bytes.fromhex("68 68 53 ff") + octets[6:7]
    expected = SimulatedMeter(CATALOGUE, model).telegrams(NOON)
    assert read(octets, "dlms-mbus", model=model).values == read(expected, "dlms-hdlc", model=model).values
    ciphered = SimulatedMeter(catalogue(meter), model, key=SYNTHETIC_KEY, auth_key=SYNTHETIC_AUTH_KEY)
    opened = read(
        ciphered.telegrams(NOON), "dlms-mbus", key=SYNTHETIC_KEY, auth_key=SYNTHETIC_AUTH_KEY, model=model
    )
    assert opened.reading is not None
    assert opened.reading.apdu.authenticated
    assert octets.count(b"\x53\xff") == octets.count(bytes.fromhex("0167")) >= 1


def test_dsmr_2_without_checksum() -> None:
    meter = p1_meter(NETHERLANDS_2, checksum=False)
    octets = SimulatedMeter(catalogue(meter), meter.id).telegrams(NOON)
    assert octets.endswith(b"\r\n!\r\n")
    assert b"(0-1:24.2.1)(m3)\r\n(" in octets
    snapshot = read(octets, "dsmr-p1")
    assert snapshot.texts == {"tariff_active": "t1", "breaker_state": "connected"}
    assert {"power_import", "energy_import_t1", "power_limit"} <= set(snapshot.values)
    assert list(snapshot.channels[1]) == ["volume_gas"]
    assert snapshot.unknown.keys() <= {"0-1:24.4.0"}


def test_dsmr_5_with_counters_and_log() -> None:
    meter = p1_meter(NETHERLANDS_5)
    snapshot = read(SimulatedMeter(catalogue(meter), meter.id).telegrams(NOON), "dsmr-p1")
    values = {name: str(measured.number) for name, measured in snapshot.values.items()}
    assert (values["power_failures"], values["power_failures_long"]) == ("4", "1")
    assert (values["voltage_sags_l1"], values["voltage_swells_l1"]) == ("2", "0")
    assert '"duration_s":240' in snapshot.texts["power_failure_log"]
    assert snapshot.identity["protocol_version"] == "50"


def test_belgium() -> None:
    meter = p1_meter(BELGIUM)
    snapshot = read(SimulatedMeter(catalogue(meter), meter.id).telegrams(NOON), "dsmr-p1")
    assert snapshot.identity["protocol_version"] == "50217"
    assert {"current_limit", "power_limit"} <= set(snapshot.values)
    assert {n: list(values) for n, values in snapshot.channels.items()} == {
        1: ["volume_gas"],
        2: ["volume_water"],
    }
    assert snapshot.submeters[2].id == "70000002"


@pytest.mark.parametrize(
    "meter_id", sorted(m.id for m in CATALOGUE.meters.values() if m.interfaces[0].protocol == "sml")
)
def test_smllib_reads_every_sml_list(meter_id: str) -> None:
    for pushed in CATALOGUE.meters[meter_id].lists:
        octets = SimulatedMeter(CATALOGUE, meter_id, lists=(pushed.id,)).telegrams(NOON)
        reader = SmlStreamReader()
        reader.add(octets)
        frame = reader.get_frame()
        assert frame is not None
        theirs = {entry.obis: entry for entry in frame.get_obis()}
        snapshot = read(octets, "sml", model=meter_id)
        assert snapshot.reading is not None
        # it looks for the codes of electricity only
        assert len(theirs) == sum(register.obis.a == 1 for register in snapshot.reading.registers)
        for name, measured in snapshot.values.items():
            if measured.obis is not None:
                entry = theirs[bytes(measured.obis).hex()]
                assert round(entry.value * 10 ** (entry.scaler or 0), 4) == float(measured.number), name


def test_an_sml_value_with_an_escape_sequence_inside() -> None:
    octets = SimulatedMeter(CATALOGUE, "iskra-mt175", lists=("both",)).telegrams(NOON)
    assert octets.count(b"\x1b" * 4) == 2
    assert len(octets) % 4 == 0


@pytest.mark.parametrize("key", [None, SYNTHETIC_KEY])
def test_a_meter_that_is_master_of_an_m_bus(key: bytes | None) -> None:
    """Everything of the E450 that has a record, phases, tariffs and export too."""
    codes = ("0-0:96.1.0", "0-0:1.0.0", "1-0:1.7.0", "1-0:2.7.0", "1-0:3.7.0", "1-0:1.8.0", "1-0:2.8.0", "1-0:1.8.1",
        "1-0:2.8.2", "1-0:3.8.0", "1-0:32.7.0", "1-0:51.7.0", "1-0:21.7.0", "1-0:42.7.0", "1-0:14.7.0")  # fmt: skip
    names = {e: q.name for q in CATALOGUE.quantities.values() for e in (c.replace("*", "0") for c in q.obis)}
    elements = [PushElement(obis=code, class_id=3, attribute=2, quantity=names[code]) for code in codes]
    base = CATALOGUE.meters["kamstrup-382"]
    pushed = base.lists[0].model_copy(update={"elements": elements})
    meter = speaking("kamstrup-382", "mbus", lists=[pushed], phases=3)
    octets = SimulatedMeter(catalogue(meter), meter.id, key=key).telegrams(NOON)
    assert (octets[4], octets[6]) == (0x53, 0x5B)
    snapshot = read(octets, "mbus", key=key, id=None)
    assert set(snapshot.values) - set(snapshot.derived) == {names[c] for c in codes[2:]}
    plain = SimulatedMeter(CATALOGUE, "honeywell-as3000").household.at(NOON)
    assert str(snapshot.values["power_import"].number) == str(max(sum(plain.active_w), 0))
    assert snapshot.meter == "kam10000001"
    if key is None:
        # pyMeterBus knows answers only
        answer = long_frame(0x08, 1, b"\x72" + octets[7:-2])
        body = load_mbus(answer).records
        assert len(body) == len(codes) - 1
        energies = [float(record.parsed_value) for record in body if "Wh" in str(record.unit)]
        assert float(snapshot.values["energy_import"].number) in energies


def test_the_answer_of_a_meter_of_water() -> None:
    meter = speaking("gwf-mtkcoder", "mbus", "poll")
    codes = ("0-2:24.1.0", "0-2:96.1.0", "0-2:24.2.1")
    elements = [PushElement(obis=code, class_id=3, attribute=2, quantity="volume_water") for code in codes]
    meter = meter.model_copy(update={"lists": [meter.lists[0].model_copy(update={"elements": elements})]})
    octets = SimulatedMeter(catalogue(meter), meter.id).telegrams(NOON)
    snapshot = read(octets, "mbus")
    assert list(snapshot.channels) == [1]
    assert list(snapshot.channels[1]) == ["volume_water"]
    assert snapshot.submeters[1] == ("GWF10000001", 7, "gwf-mtkcoder")
