"""Every meter and list of the schema: what is simulated comes out of the pipeline as what the household had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import ciimodel
import pytest
from ciibridge.errors import ConfigError
from ciibridge.normalise.positional import obis_of
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY, SYNTHETIC_KEY
from ciibridge.simulate.measure import measure
from ciibridge.types import Measured, Problem, Snapshot
from ciimodel.catalogue import Meter, PushList

CATALOGUE = ciimodel.load()
EVERY_LIST = [(m, pushed) for m in CATALOGUE.meters.values() if m.wire and m.wire.hdlc for pushed in m.lists]
EACH = pytest.mark.parametrize(("meter", "pushed"), EVERY_LIST, ids=[f"{m.id}-{p.id}" for m, p in EVERY_LIST])
#: Lists that say nothing of the maker: one power behind an address that several models use.
NAMELESS = {("aidon-6500", "list1"), ("lg-e350-embriq", "list1")}
NOON = datetime(2026, 5, 4, 10, 40, 15, tzinfo=UTC)


def decoded(octets: bytes, now: datetime, **settings: bytes | None) -> list[Snapshot | Problem]:
    pipeline = Pipeline(CATALOGUE, MeterSettings(id="simulated", **settings))
    return pipeline.feed(octets, now) + pipeline.finish()


def snapshot_of(octets: bytes, now: datetime, **settings: bytes | None) -> Snapshot:
    found = decoded(octets, now, **settings)
    assert [item for item in found if isinstance(item, Problem)] == []
    (snapshot,) = found
    assert isinstance(snapshot, Snapshot)
    return snapshot


def exact(measured: Measured) -> Fraction:
    return Fraction(measured.number.mantissa) * Fraction(10) ** measured.number.exponent


def check(meter: SimulatedMeter, pushed: PushList, snapshot: Snapshot, at: datetime) -> None:
    """Everything the list promises is there, with the household's value to the last digit the meter sends."""
    for element in pushed.elements:
        quantity = CATALOGUE.quantities.get(element.quantity or "")
        if quantity is None or element.obis is None or obis_of(element.obis)[2] == 24:
            continue  # sub-meters have a test of their own
        if quantity.place == "value":
            amount = measure(meter.household, at, obis_of(element.obis))
            measured = snapshot.values[quantity.name]
            step = Fraction(10) ** measured.number.exponent
            rest = Fraction(amount.numerator, amount.denominator) - exact(measured)
            assert (0 <= rest < step) if amount.counted else (abs(rest) <= step / 2), quantity.name
            assert measured.unit == quantity.unit
        elif quantity.place == "text":
            assert snapshot.texts[quantity.name] in quantity.states
        elif quantity.place == "time":
            assert snapshot.ts_source == "meter"
        else:
            assert snapshot.identity[quantity.name]
    assert snapshot.ts == at


@EACH
def test_plain(meter: Meter, pushed: PushList) -> None:
    simulated = SimulatedMeter(CATALOGUE, meter.id, lists=(pushed.id,))
    snapshot = snapshot_of(simulated.telegrams(NOON), NOON)
    if (meter.id, pushed.id) in NAMELESS:
        assert snapshot.model is None
        assert meter.id in snapshot.candidates
    else:
        assert snapshot.model == meter.id  # recognised, not told
    check(simulated, pushed, snapshot, NOON)


@EACH
@pytest.mark.parametrize("auth_key", [None, SYNTHETIC_AUTH_KEY], ids=["encrypted", "authenticated"])
def test_ciphered(meter: Meter, pushed: PushList, auth_key: bytes | None) -> None:
    simulated = SimulatedMeter(CATALOGUE, meter.id, lists=(pushed.id,), key=SYNTHETIC_KEY, auth_key=auth_key)
    octets = simulated.telegrams(NOON)
    snapshot = snapshot_of(octets, NOON, key=SYNTHETIC_KEY, auth_key=auth_key)
    check(simulated, pushed, snapshot, NOON)
    assert snapshot.reading is not None
    assert snapshot.reading.apdu.authenticated == (auth_key is not None)


def test_the_main_values_by_hand() -> None:
    meter = SimulatedMeter(CATALOGUE, "lg-e360")
    state = meter.household.at(NOON)
    values = snapshot_of(meter.telegrams(NOON), NOON).values
    net = sum(state.active_w)
    assert net < 0, "the sun shines at noon: this is the case with a sign"
    assert (values["power_import"].number.mantissa, values["power_export"].number.mantissa) == (0, -net)
    assert str(values["power_net"].number) == str(net)
    assert [str(values[f"voltage_l{n + 1}"].number) for n in range(3)] == [
        f"{volts // 10}.{volts % 10}" for volts in state.voltage_dv
    ]
    assert values["energy_import"].number.mantissa == state.registers.every.imported // 3600


def test_sub_meters() -> None:
    meter = SimulatedMeter(CATALOGUE, "lg-e450", lists=("rwb-channels",))
    first = snapshot_of(meter.telegrams(NOON), NOON).channels
    later = snapshot_of(meter.telegrams(NOON + timedelta(days=1)), NOON + timedelta(days=1)).channels
    assert {number: list(values) for number, values in first.items()} == {
        1: ["volume_gas"],
        2: ["volume_water"],
        3: ["energy_heat"],
    }
    grown = {
        name: exact(later[number][name]) - exact(value)
        for number, values in first.items()
        for name, value in values.items()
    }
    assert grown == {
        "volume_gas": Fraction(430, 100),
        "volume_water": Fraction(385, 1000),
        "energy_heat": 31000,
    }


@pytest.mark.parametrize("key", [None, SYNTHETIC_KEY], ids=["plain", "ciphered"])
def test_hours_without_a_problem(key: bytes | None) -> None:
    """Read in pieces of an odd size; counters and invocation counters rise, nothing is withheld or replayed."""
    meter = SimulatedMeter(CATALOGUE, "lg-e450", key=key)
    pipeline = Pipeline(CATALOGUE, MeterSettings(key=key))
    start = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # the night the clocks go back
    sent = 0
    found: list[Snapshot | Problem] = []
    for number in range(120):
        at = start + timedelta(seconds=55 * number)
        octets = meter.telegrams(at)
        sent += 1
        for begin in range(0, len(octets), 37):
            found += pipeline.feed(octets[begin : begin + 37], at)
    problems = [item for item in found if isinstance(item, Problem)]
    assert problems == []
    snapshots = [item for item in found if isinstance(item, Snapshot)]
    assert len(snapshots) == sent
    assert {item.meter for item in snapshots} == {"lgz1030600000001"}
    energies = [item.values["energy_import"].number.mantissa for item in snapshots]
    assert energies == sorted(energies)
    assert energies[-1] > energies[0]


def test_without_the_key_the_line_says_so() -> None:
    meter = SimulatedMeter(CATALOGUE, "lg-e570", key=SYNTHETIC_KEY, auth_key=SYNTHETIC_AUTH_KEY)
    for settings, code in (
        ({}, "key_missing"),
        ({"key": bytes(16)}, "key_wrong"),
        ({"key": SYNTHETIC_KEY, "auth_key": bytes(16)}, "not_authentic"),
    ):
        (problem,) = decoded(meter.telegrams(NOON), NOON, **settings)
        assert isinstance(problem, Problem)
        assert problem.code == code


def test_the_same_moment_and_seed_are_the_same_octets() -> None:
    def octets(seed: int) -> bytes:
        return SimulatedMeter(CATALOGUE, "iskra-am550", seed=seed).telegrams(NOON)

    assert octets(4) == octets(4)
    assert octets(4) != octets(5)
    assert {snapshot_of(octets(seed), NOON).identity["device_name"] for seed in (4, 5)} == {
        "ISK1030000000005",
        "ISK1030000000006",
    }


def lists_at(meter: SimulatedMeter, at: datetime) -> list[str]:
    return [pushed.id for pushed in meter.due(at)]


def test_lists_of_an_operator_interleave() -> None:
    meter = SimulatedMeter(CATALOGUE, "lg-e450", operator="romande-energie")
    assert meter.interval_s == 5
    minute = NOON.replace(second=0)
    assert lists_at(meter, minute) == ["romande", "romande-tariffs"]
    assert lists_at(meter, minute + timedelta(seconds=3.9)) == ["romande", "romande-tariffs"]
    for second in range(5, 60, 5):
        assert lists_at(meter, minute + timedelta(seconds=second)) == ["romande"]
    both = decoded(meter.telegrams(minute), minute)
    assert [sorted(item.values)[0] for item in both if isinstance(item, Snapshot)] == [
        "current_l1",
        "energy_export_t1",
    ]


def test_three_intervals() -> None:
    meter = SimulatedMeter(CATALOGUE, "lg-e450", lists=("rwb", "rwb-tariffs", "rwb-channels"), interval_s=7)
    start = datetime(2026, 5, 4, tzinfo=UTC)
    ticks = [start + timedelta(seconds=second) for second in range(0, 3600, 7)]
    seen = [name for at in ticks for name in lists_at(meter, at)]
    assert {name: seen.count(name) for name in ("rwb", "rwb-tariffs", "rwb-channels")} == {
        "rwb": len(ticks),
        "rwb-tariffs": 60,
        "rwb-channels": 4,
    }


def test_configurations_of_one_push_setup_are_not_mixed() -> None:
    """An operator's catalogue names what it had over the years; the newest stands first."""
    assert [p.id for p in SimulatedMeter(CATALOGUE, "lg-e450", operator="ekz").lists] == ["vse2026"]


def test_a_hand_made_serial() -> None:
    meter = SimulatedMeter(CATALOGUE, "lg-e450", serial="LGZ1030699999999")
    assert snapshot_of(meter.telegrams(NOON), NOON).identity["device_name"] == "LGZ1030699999999"


@pytest.mark.parametrize(
    ("meter_id", "options", "said"),
    [
        ("lg-e45", {}, "did you mean lg-e450"),
        ("lg-e450", {"lists": ("vse2062",)}, "lg-e450 has no list 'vse2062': did you mean vse2026?"),
        ("lg-e360", {"lists": ("x",)}, "lg-e360 has no list 'x': it has vse2026"),
        ("lg-e450", {"operator": "ekzz"}, "did you mean ekz"),
        ("lg-e450", {"operator": "ewb"}, "ewb has no lg-e450 in the catalogue, only honeywell-as3000"),
        ("lg-e450", {"auth_key": bytes(16)}, "auth_key without key"),
        ("lg-e450", {"key": bytes(24)}, "give keys of 32 or 64 digits"),
        ("lg-e450", {"key": bytes(32), "auth_key": bytes(16)}, "both alike"),
        ("kamstrup-382", {"key": bytes(32)}, "give keys of 32 digits"),
        ("lg-e450", {"general": True}, "give a key"),
        ("kamstrup-382", {"general": True, "key": bytes(16)}, "a way of DLMS"),
        ("lg-e450", {"serial": "LGZ10306500000011"}, "serial: write 1 to 16"),
    ],
)
def test_what_cannot_be_simulated(meter_id: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        SimulatedMeter(CATALOGUE, meter_id, **options)  # type: ignore[arg-type]
    assert said in str(raised.value)


def test_a_model_without_facts_of_its_line() -> None:
    meter = CATALOGUE.meters["lg-e450"].model_copy(update={"wire": None})
    catalogue = CATALOGUE.model_copy(update={"meters": {meter.id: meter}})
    with pytest.raises(ConfigError, match=r"lg-e450.yaml has no HDLC addresses"):
        SimulatedMeter(catalogue, meter.id)


def test_a_list_that_asks_for_what_a_household_has_not() -> None:
    meter = CATALOGUE.meters["lg-e360"]
    odd = meter.lists[0].elements[3].model_copy(update={"obis": "1-0:99.7.0"})
    pushed = meter.lists[0].model_copy(update={"elements": [*meter.lists[0].elements[:3], odd]})
    catalogue = CATALOGUE.model_copy(
        update={"meters": {meter.id: meter.model_copy(update={"lists": [pushed]})}}
    )
    with pytest.raises(
        ConfigError, match=r"lg-e360, list vse2026, element 4 \(1-0:99.7.0\): a simulated household has no"
    ):
        SimulatedMeter(catalogue, meter.id).telegrams(NOON)


@pytest.mark.parametrize("octets", [16, 32])
@pytest.mark.parametrize("tagged", [False, True])
@pytest.mark.parametrize("meter_id", ["lg-e450", "sagemcom-t210-d"])
def test_general_ciphering_and_both_lengths_of_keys(octets: int, meter_id: str, *, tagged: bool) -> None:
    key, auth_key = bytes(range(octets)), bytes(range(100, 100 + octets)) if tagged else None
    meter = SimulatedMeter(CATALOGUE, meter_id, key=key, auth_key=auth_key, general=True)
    settings = MeterSettings(key=key, auth_key=auth_key)
    pipeline = Pipeline(CATALOGUE, settings, meter.protocol)
    found = pipeline.feed(meter.telegrams(NOON), NOON) + pipeline.finish()
    (snapshot,) = (item for item in found if isinstance(item, Snapshot))
    assert "power_import" in snapshot.values
    assert snapshot.reading is not None
    assert (snapshot.reading.apdu.encrypted, snapshot.reading.apdu.authenticated) == (True, tagged)
