"""Simulated P1 telegrams: what comes out of the line is what the household had, and dsmr-parser reads them too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ciimodel
import pytest
from ciibridge.normalise.positional import obis_of
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.simulate import SimulatedMeter, p1
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY, SYNTHETIC_KEY
from ciibridge.simulate.measure import Amount, measure
from ciibridge.types import Problem, Snapshot
from ciimodel.catalogue import PushElement, Resolved
from dsmr_parser import telegram_specifications
from dsmr_parser.parsers import TelegramParser

CATALOGUE = ciimodel.load()
NOON = datetime(2026, 5, 4, 10, 40, 15, tzinfo=UTC)
#: Everything P1 has that the list of ewb has not: clock, identity, tariffs, texts, sub-meters.
MORE = (
    "1-3:0.2.8",
    "0-0:1.0.0",
    "0-0:96.1.1",
    "1-0:1.8.1",
    "1-0:1.8.2",
    "0-0:96.14.0",
    "0-0:96.3.10",
    "0-0:96.13.0",
    "1-0:13.7.0",
    "1-0:14.7.0",
    "0-1:24.1.0",
    "0-1:96.1.0",
    "0-1:24.2.1",
    "0-3:24.1.0",
    "0-3:96.1.0",
    "0-3:24.2.1",
    "0-4:96.1.0",
    "1-0:99.9.9",
)


def with_more(*codes: str) -> Resolved:
    """The catalogue with a longer list of the AS3000."""
    meter = CATALOGUE.meters["honeywell-as3000"]
    names = {code: q.name for q in CATALOGUE.quantities.values() for code in q.obis}
    known = {"1-0:" + code.removeprefix("1-*:"): name for code, name in names.items() if "*" in code}
    known |= names | {
        f"0-{n}:{c}": names[f"0-n:{c}"] for n in range(1, 5) for c in ("24.1.0", "96.1.0", "24.2.1")
    }
    elements = [PushElement(obis=code, class_id=1, attribute=2, quantity=known.get(code)) for code in codes]
    pushed = meter.lists[0].model_copy(update={"elements": [*meter.lists[0].elements, *elements]})
    meters = CATALOGUE.meters | {meter.id: meter.model_copy(update={"lists": [pushed]})}
    return CATALOGUE.model_copy(update={"meters": meters})


def snapshot_of(octets: bytes, now: datetime = NOON, **settings: Any) -> Snapshot:
    pipeline = Pipeline(CATALOGUE, MeterSettings(**({"id": "simulated"} | settings)), "dsmr-p1")
    found = pipeline.feed(octets, now) + pipeline.finish()
    assert [item for item in found if isinstance(item, Problem)] == []
    (snapshot,) = found
    assert isinstance(snapshot, Snapshot)
    return snapshot


def test_every_value_of_the_list_of_ewb_to_its_last_digit() -> None:
    simulated = SimulatedMeter(CATALOGUE, "honeywell-as3000", operator="ewb")
    assert simulated.protocol == "dsmr-p1"
    snapshot = snapshot_of(simulated.telegrams(NOON))
    for element in simulated.lists[0].elements:
        assert element.obis is not None
        amount = measure(simulated.household, NOON, obis_of(element.obis))
        number = snapshot.values[element.quantity or ""].number
        step = Fraction(10) ** number.exponent
        rest = Fraction(amount.numerator, amount.denominator) - number.mantissa * step
        assert (0 <= rest < step) if amount.counted else (abs(rest) <= step / 2), element.obis
    assert set(snapshot.values) - set(snapshot.derived) == {e.quantity for e in simulated.lists[0].elements}


def test_clock_identity_tariffs_texts_and_sub_meters() -> None:
    simulated = SimulatedMeter(with_more(*MORE), "honeywell-as3000", seed=5)
    snapshot = snapshot_of(simulated.telegrams(NOON), id=None)
    assert (snapshot.ts, snapshot.ts_source) == (NOON, "meter")
    assert snapshot.meter == "10000006"
    assert snapshot.identity == {"protocol_version": "50", "serial_utility": "10000006"}
    assert snapshot.texts == {
        "tariff_active": "t1",
        "breaker_state": "connected",
        "message_text": "simulated",
    }
    values = {name: str(measured.number) for name, measured in snapshot.values.items()}
    assert abs(Decimal(values["frequency"]) - 50) < 1
    assert -1 <= Decimal(values["power_factor"]) <= 1
    total = int(values["energy_import_t1"]) + int(values["energy_import_t2"])
    assert 0 <= int(values["energy_import"]) - total <= 1
    assert {n: list(c) for n, c in snapshot.channels.items()} == {1: ["volume_gas"], 3: ["energy_heat"]}
    assert {n: told[:2] for n, told in snapshot.submeters.items()} == {1: ("30000001", 3), 3: ("40000003", 4)}
    assert snapshot.unknown == {}


def test_dsmr_parser_reads_it() -> None:
    simulated = SimulatedMeter(with_more(*MORE[:8], *MORE[10:13]), "honeywell-as3000")
    text = simulated.telegrams(NOON).decode()
    read = TelegramParser(telegram_specifications.V5).parse(text)  # raises where the CRC is wrong
    values = snapshot_of(text.encode()).values
    assert read.P1_MESSAGE_TIMESTAMP.value == NOON
    assert read.ELECTRICITY_USED_TARIFF_1.value * 1000 == Decimal(str(values["energy_import_t1"].number))
    assert read.CURRENT_ELECTRICITY_DELIVERY.value * 1000 == Decimal(str(values["power_export"].number))
    assert read.INSTANTANEOUS_VOLTAGE_L1.value == Decimal(str(values["voltage_l1"].number))
    assert bytes.fromhex(read.EQUIPMENT_IDENTIFIER.value) == b"10000001"
    assert read.get_mbus_device_by_channel(1).MBUS_METER_READING.unit == "m3"


@pytest.mark.parametrize("auth_key", [None, SYNTHETIC_AUTH_KEY], ids=["encrypted", "authenticated"])
def test_ciphered(auth_key: bytes | None) -> None:
    simulated = SimulatedMeter(CATALOGUE, "honeywell-as3000", key=SYNTHETIC_KEY, auth_key=auth_key)
    snapshot = snapshot_of(simulated.telegrams(NOON), key=SYNTHETIC_KEY, auth_key=auth_key)
    plain = SimulatedMeter(CATALOGUE, "honeywell-as3000").telegrams(NOON)
    assert snapshot.values == snapshot_of(plain).values
    assert snapshot.reading is not None
    assert (snapshot.reading.apdu.encrypted, snapshot.reading.apdu.authenticated) == (
        True,
        auth_key is not None,
    )


@pytest.mark.parametrize("key", [None, SYNTHETIC_KEY], ids=["plain", "ciphered"])
def test_minutes_without_a_problem(key: bytes | None) -> None:
    """Read in pieces of an odd size; counters rise, nothing is withheld or replayed."""
    simulated = SimulatedMeter(CATALOGUE, "honeywell-as3000", key=key)
    pipeline = Pipeline(CATALOGUE, MeterSettings(id="simulated", key=key), "dsmr-p1")
    found = []
    for step in range(120):
        now = NOON + timedelta(seconds=10 * step)
        octets = simulated.telegrams(now)
        for begin in range(0, len(octets), 97):
            found += pipeline.feed(octets[begin : begin + 97], now)
    assert len(found) == 120
    assert all(isinstance(item, Snapshot) for item in found)


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (Amount(193), "W", "00.193*kW"),
        (Amount(123456789), "W", "123456.789*kW"),
        (Amount(-5), "W", "-00.005*kW"),
        (Amount(7199, 3600, counted=True), "Wh", "000000.001*kWh"),
        (Amount(2301, 10), "V", "230.1*V"),
        (Amount(86, 100), "A", "000.86*A"),
        (Amount(-987, 1000), "1", "-0.987"),
    ],
)
def test_numbers(amount: Amount, unit: str, text: str) -> None:
    assert p1.number(amount, unit) == text


def test_a_unit_that_p1_does_not_know() -> None:
    with pytest.raises(ValueError, match="P1 has no form for rad"):
        p1.number(Amount(1), "rad")


def test_summer_and_winter() -> None:
    simulated = SimulatedMeter(with_more("0-0:1.0.0"), "honeywell-as3000")
    summer = simulated.telegrams(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    winter = simulated.telegrams(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    assert b"(261025023000S)" in summer
    assert b"(261025023000W)" in winter
