"""Reading → Snapshot, all parts together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ciibridge.normalise import MeterSettings, Normaliser
from ciibridge.types import Apdu, MeterTime, Number, Obis, Problem, Reading, Register, Snapshot, SubMeter
from ciimodel.catalogue import Resolved
from hypothesis import given
from hypothesis import strategies as st
from normalise_parts import NOW, local, reading, register, small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


NAME = register("0-0:42.0.0", "AAA1012")
MAKER = Apdu(b"", 0, system_title=b"AAA12345")
VOLT = Apdu(b"\0" * 50, 0, "ceff", "03", "blocks")


@pytest.fixture
def normaliser(small: Resolved) -> Normaliser:
    return Normaliser(small, MeterSettings())


def only(found: list[Snapshot | Problem]) -> Snapshot:
    assert len(found) == 1, found
    assert isinstance(found[0], Snapshot)
    return found[0]


def split(found: list[Snapshot | Problem]) -> tuple[list[str], Snapshot]:
    *problems, snapshot = found
    assert isinstance(snapshot, Snapshot)
    return [problem.code for problem in problems if isinstance(problem, Problem)], snapshot


def texts(snapshot: Snapshot) -> dict[str, str]:
    return {name: str(measured.number) for name, measured in snapshot.values.items()}


def test_a_telegram_in_the_words_of_the_profile(normaliser: Normaliser) -> None:
    telegram = reading(
        NAME,
        register("1-1:1.8.0", 482939),
        register("1-0:1.7.0", 28),
        register("1-0:2.7.0", 0),
        register("1-0:32.7.0", 236),
        register("1-0:31.7.0", 9),
        register("0-0:96.14.0", "0002"),
        register("0-0:96.13.0", ""),
        register("0-0:1.0.0", local("2026-05-04T11:39:21", None, 0x81)),
        register("1-0:99.1.0", 7),
        apdu=VOLT,
        list_object="0-8:25.9.0",
    )
    snapshot = only(normaliser.take(telegram, NOW))
    assert snapshot.meter == "aaa1012"
    assert (snapshot.model, snapshot.candidates, snapshot.seq) == ("volt", (), 1)
    assert (snapshot.ts, snapshot.ts_source, snapshot.rx) == (
        datetime(2026, 5, 4, 9, 39, 21, tzinfo=UTC),
        "meter",
        NOW,
    )
    assert snapshot.list == "0-8:25.9.0"
    assert texts(snapshot) == {
        "power_import": "28",
        "power_export": "0",
        "power_net": "28",
        "voltage_l1": "236",
        "current_l1": "0.09",
        "energy_import": "482939",
    }
    assert next(iter(snapshot.values)) == "power_import"  # the order of the catalogue, not of the telegram
    assert snapshot.derived == ("power_net",)
    assert snapshot.values["current_l1"].raw == Number(9)
    assert snapshot.values["energy_import"].obis == Obis(1, 1, 1, 8, 0)
    assert snapshot.values["power_net"].obis is None
    assert snapshot.texts == {"tariff_active": "t2", "message_text": ""}
    assert snapshot.identity == {"device_name": "AAA1012"}
    assert snapshot.unknown == {"1-0:99.1.0": Number(7)}


def test_the_model_stays_when_a_list_says_nothing_of_it(normaliser: Normaliser) -> None:
    normaliser.take(reading(NAME, apdu=VOLT), NOW)
    snapshot = only(normaliser.take(reading(register("1-0:32.7.0", 230)), NOW))
    assert (snapshot.model, snapshot.seq) == ("volt", 2)
    assert texts(snapshot) == {"voltage_l1": "230"}


def test_a_value_whose_scale_depends_on_the_model_waits_for_it(normaliser: Normaliser) -> None:
    """Flag AAA only: volt or decivolt. 2300 must not be published as volts."""
    unsure = reading(
        register("0-0:96.1.0", "7"), register("1-0:32.7.0", 2300), register("1-0:1.7.0", 5), apdu=MAKER
    )
    codes, snapshot = split(normaliser.take(unsure, NOW))
    assert codes == ["model_ambiguous"]
    assert snapshot.candidates == ("decivolt", "volt")
    assert texts(snapshot) == {"power_import": "5"}
    assert snapshot.unknown == {"1-0:32.7.0": Number(2300)}
    assert split(normaliser.take(unsure, NOW))[0] == []  # said once
    sure = reading(register("1-0:32.7.0", 2300), apdu=Apdu(b"", 0, "cf", "03"))
    snapshot = only(normaliser.take(sure, NOW))
    assert (snapshot.model, texts(snapshot)) == ("decivolt", {"voltage_l1": "230.0"})
    assert (
        texts(only(normaliser.take(unsure, NOW)))["voltage_l1"] == "230.0"
    )  # the first layout is compiled anew


def test_the_operator_narrows_the_choice(small: Resolved) -> None:
    normaliser = Normaliser(small, MeterSettings(operator="city"))
    unsure = reading(register("0-0:96.1.0", "7"), register("1-0:32.7.0", 2300), apdu=MAKER)
    assert only(normaliser.take(unsure, NOW)).model == "decivolt"


def test_the_configured_model_wins(small: Resolved) -> None:
    normaliser = Normaliser(small, MeterSettings(model="decivolt"))
    snapshot = only(normaliser.take(reading(NAME, register("1-0:32.7.0", 2300), apdu=VOLT), NOW))
    assert (snapshot.model, texts(snapshot)) == ("decivolt", {"voltage_l1": "230.0"})


def test_an_unknown_model_without_scales_in_the_telegram_is_told_once(normaliser: Normaliser) -> None:
    telegram = reading(register("0-0:96.1.0", "7"), register("1-0:31.7.0", 123))
    codes, snapshot = split(normaliser.take(telegram, NOW))
    assert codes == ["model_unknown"]
    assert texts(snapshot) == {"current_l1": "1.23"}
    assert split(normaliser.take(telegram, NOW))[0] == []


def test_an_unknown_model_that_sends_its_scales_needs_no_table(normaliser: Normaliser) -> None:
    telegram = reading(register("0-0:96.1.0", "7"), register("1-0:32.7.0", 2300, scaler=-1, unit=35))
    assert texts(only(normaliser.take(telegram, NOW))) == {"voltage_l1": "230.0"}


def test_a_unit_that_does_not_fit_stays_visible(normaliser: Normaliser) -> None:
    telegram = reading(register("0-0:96.1.0", "7"), register("1-0:1.8.0", 5, scaler=6, unit=25))
    codes, snapshot = split(normaliser.take(telegram, NOW))
    assert codes == ["unit_unknown"]
    assert snapshot.values == {}
    assert snapshot.unknown == {"1-0:1.8.0": Number(5)}


def test_implausible_values_and_falling_counters_are_withheld_and_counted(small: Resolved) -> None:
    normaliser = Normaliser(small, MeterSettings(model="volt", id="m"))
    normaliser.take(reading(register("1-0:1.8.1", 100), register("1-0:1.8.2", 50)), NOW)
    bad = reading(register("1-0:32.7.0", 2300), register("1-0:1.8.1", 99), register("1-0:1.8.2", 51))
    codes, snapshot = split(normaliser.take(bad, NOW))
    assert sorted(codes) == ["counter_decreased", "implausible"]
    assert texts(snapshot) == {"energy_import_t2": "51"}  # and no total of a part
    assert normaliser.withheld == 2
    codes, _ = split(normaliser.take(bad, NOW))
    assert codes == []
    assert normaliser.withheld == 4


def test_a_derived_quantity_ends_when_the_meter_pushes_it(small: Resolved) -> None:
    normaliser = Normaliser(small, MeterSettings(model="volt", id="m"))
    tariffs = reading(register("1-0:1.8.1", 100), register("1-0:1.8.2", 50))
    assert only(normaliser.take(tariffs, NOW)).derived == ("energy_import",)
    normaliser.take(reading(register("1-0:1.8.0", 151)), NOW)
    assert only(normaliser.take(tariffs, NOW)).derived == ()


def test_values_that_are_not_what_they_should_be(small: Resolved) -> None:
    normaliser = Normaliser(small, MeterSettings(model="volt", id="m"))
    telegram = reading(
        register("1-0:1.7.0", "text"),
        register("1-0:2.7.0", None),
        register("0-0:96.14.0", "0009"),
        register("0-0:1.0.0", b"\xff" * 12),
        register("0-0:42.0.0", None),
        register("0-0:96.1.0", b"\x01\x02"),
        register("0-0:96.1.5", None),
    )
    snapshot = only(normaliser.take(telegram, NOW))
    assert snapshot.values == {}
    assert snapshot.texts == {}
    assert snapshot.unknown == {"1-0:1.7.0": "text", "0-0:96.14.0": "0009"}
    assert snapshot.identity == {"serial": "0102"}
    assert snapshot.ts_source == "receiver"


def test_the_same_quantity_twice(small: Resolved) -> None:
    normaliser = Normaliser(small, MeterSettings(model="volt", id="m"))
    telegram = reading(register("1-1:1.7.0", 5), register("1-2:1.7.0", 6), register("1-1:1.7.0", 7))
    snapshot = only(normaliser.take(telegram, NOW))
    assert snapshot.unknown == {"1-2:1.7.0": Number(6)}
    assert texts(snapshot)["power_import"] in ("5", "7")


def test_other_attributes_and_the_push_setup_are_no_values(small: Resolved) -> None:
    normaliser = Normaliser(small, MeterSettings(model="volt", id="m"))
    telegram = reading(
        register("0-8:25.9.0", "x", class_id=40, attribute=1),
        register("1-0:1.7.0", 5, class_id=3, attribute=3),
        register("1-0:2.7.0", 6, class_id=3),
    )
    snapshot = only(normaliser.take(telegram, NOW))
    assert texts(snapshot) == {"power_export": "6"}
    assert snapshot.unknown == {}


def test_a_positional_telegram(normaliser: Normaliser) -> None:
    telegram = reading(
        shape="positional",
        types=("double-long-unsigned", "double-long-unsigned", "octet-string"),
        values=(Number(28), Number(5), "12345"),
        apdu=MAKER,
    )
    snapshot = only(normaliser.take(telegram, NOW))
    assert (snapshot.meter, snapshot.model, texts(snapshot)) == ("12345", "volt", {"power_import": "28"})
    unknown = reading(shape="positional", types=("long",), values=(Number(1),))
    for _ in range(2):  # the link has no other way to know
        (problem,) = normaliser.take(unknown, NOW)
        assert isinstance(problem, Problem)
        assert problem.code == "unknown_layout"


class TestSubMeters:
    @pytest.fixture
    def normaliser(self, small: Resolved) -> Normaliser:
        return Normaliser(small, MeterSettings(id="m"))

    def client(self, channel: int, number: str | int, kind: int) -> tuple[Register, Register]:
        code = f"0-{channel}:24.1.0"
        return (
            register(code, number, class_id=72, attribute=6),
            register(code, kind, class_id=72, attribute=9),
        )

    def test_the_type_tells_what_the_value_is(self, normaliser: Normaliser) -> None:
        gas = register("0-1:24.2.1", 812394, class_id=4, scaler=-3, unit=13)
        water = register("0-2:24.2.1", 5, class_id=4, scaler=0, unit=13)
        telegram = reading(gas, water, *self.client(1, "00000012", 3), *self.client(2, "77", 7))
        snapshot = only(normaliser.take(telegram, NOW))
        assert snapshot.values == {}
        assert {n: {q: str(m.number) for q, m in v.items()} for n, v in snapshot.channels.items()} == {
            1: {"volume_gas": "812.394"},
            2: {"volume_water": "5"},
        }
        assert snapshot.submeters == {1: SubMeter("00000012", 3), 2: SubMeter("77", 7)}
        assert snapshot.unknown == {}

    def test_the_type_of_an_earlier_telegram_counts(self, normaliser: Normaliser) -> None:
        value = reading(register("0-1:24.2.1", 5, class_id=4, scaler=0, unit=13))
        before = only(normaliser.take(value, NOW))
        assert (before.channels, before.unknown) == ({}, {"0-1:24.2.1": Number(5)})
        normaliser.take(reading(*self.client(1, "12", 3)), NOW)
        after = only(normaliser.take(value, NOW))
        assert (list(after.channels[1]), after.unknown) == (["volume_gas"], {})

    @pytest.mark.parametrize("empty", ["", 0, "00000000"])
    def test_an_empty_number_is_a_channel_not_in_use(self, normaliser: Normaliser, empty: str | int) -> None:
        telegram = reading(*self.client(1, empty, 3), register("0-1:24.2.1", 0, class_id=4))
        snapshot = only(normaliser.take(telegram, NOW))
        assert (snapshot.channels, snapshot.submeters, snapshot.unknown) == ({}, {}, {})

    def test_dsmr_sends_the_type_as_text_and_the_number_under_96(self, normaliser: Normaliser) -> None:
        telegram = reading(
            register("0-1:24.1.0", "003"),
            register("0-1:96.1.0", "G7"),
            register("0-1:24.2.1", 5, scaler=0, unit=13),
        )
        snapshot = only(normaliser.take(telegram, NOW))
        assert list(snapshot.channels[1]) == ["volume_gas"]
        assert snapshot.submeters == {1: SubMeter("G7", 3)}

    def test_counters_of_sub_meters_are_guarded_too(self, normaliser: Normaliser) -> None:
        type_ = register("0-1:24.1.0", "3")
        normaliser.take(reading(type_, register("0-1:24.2.1", 9, scaler=0, unit=13)), NOW)
        codes, snapshot = split(
            normaliser.take(reading(type_, register("0-1:24.2.1", 8, scaler=0, unit=13)), NOW)
        )
        assert (codes, snapshot.channels) == (["counter_decreased"], {})

    def test_a_unit_that_does_not_fit(self, normaliser: Normaliser) -> None:
        telegram = reading(register("0-1:24.1.0", "3"), register("0-1:24.2.1", 9, scaler=0, unit=25))
        codes, snapshot = split(normaliser.take(telegram, NOW))
        assert (codes, snapshot.unknown) == (["unit_unknown"], {"0-1:24.2.1": Number(9)})


values = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=8),
    st.binary(max_size=12),
    st.builds(Number, st.integers(-(2**64), 2**64), st.integers(-128, 127)),
    st.builds(MeterTime, st.datetimes(), st.none() | st.integers(-720, 840), st.none() | st.integers(0, 255)),
)
codes = st.sampled_from(
    [
        obis
        for q in small_catalogue().quantities.values()
        for obis in [q.obis[0].replace("*", "0").replace("n", "1")]
    ]
)
registers = st.builds(
    lambda code, value, class_id, scaler, unit, attribute: register(
        code, value, class_id=class_id, scaler=scaler, unit=unit, attribute=attribute
    ),
    codes | st.just("7-7:7.7.7"),
    values,
    st.sampled_from([None, 1, 3, 4, 8, 40, 72]),
    st.none() | st.integers(-128, 127),
    st.none() | st.integers(0, 255),
    st.integers(-1, 10),
)
readings = st.builds(
    lambda parts, shape, kinds, title: Reading(
        tuple(parts),
        shape,
        Apdu(b"", 0, system_title=title),
        types=tuple(kinds),
        values=tuple([Number(1)] * len(kinds)),
    ),
    st.lists(registers, max_size=12),
    st.sampled_from(["pairs", "positional"]),
    st.lists(st.sampled_from(["double-long-unsigned", "octet-string"]), max_size=4),
    st.none() | st.just(b"AAA12345"),
)


@given(st.lists(readings, max_size=8))
def test_no_reading_makes_it_fail_and_no_telegram_is_lost(telegrams: list[Reading]) -> None:
    normaliser = Normaliser(small_catalogue(), MeterSettings())
    found: list[Snapshot | Problem] = []
    for number, telegram in enumerate(telegrams):
        found += normaliser.take(telegram, NOW + timedelta(seconds=5 * number))
    found += normaliser.finish()
    snapshots = [item for item in found if isinstance(item, Snapshot)]
    refused = [item for item in found if isinstance(item, Problem) and item.code == "unknown_layout"]
    assert len(snapshots) + len(refused) == len(telegrams)
    assert [s.seq for s in snapshots] == list(range(1, len(snapshots) + 1))
    assert all(s.meter for s in snapshots)
