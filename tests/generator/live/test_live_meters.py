"""What a retained meta says is what is generated; what it says wrongly is told, and the other meters are there all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ciigen.live.meters import LiveChannel, LiveMeter, read
from ciigen.pushed import interval_s, submeters, tariff_name
from ciigen.target import Selection, discover, quantities, takes_live
from hypothesis import given
from hypothesis import strategies as st
from selections import RESOLVED

META: dict[str, Any] = {
    "profile": "1.0",
    "meter": "house-1",
    "identity": {"device_name": "LGZ1030600000001"},
    "model_id": "lg-e450",
    "operator": "ekz",
    "tariffs": {"t1": {"label": "Day", "rank": "high"}},
    "quantities": {
        "power_import": {"kind": "instantaneous", "derived": False, "interval_s": 20.5},
        "energy_import_t1": {"kind": "cumulative", "derived": False},
    },
    "channels": {"2": {"id": "00000012", "type": 3, "quantities": ["volume_gas"]}},
}


def topic(level: str) -> str:
    return f"cii/v1/{level}/meta"


def payload(**changes: Any) -> bytes:
    return json.dumps({key: value for key, value in (META | changes).items() if value is not None}).encode()


def of(**changes: Any) -> LiveMeter:
    found = read(RESOLVED, {topic("house-1"): payload(**changes)})
    assert not found.notes
    return found.meters[0]


def test_a_meter_is_what_its_meta_says() -> None:
    assert of() == LiveMeter(
        "house-1",
        (("power_import", 20.5), ("energy_import_t1", 0.0), ("device_name", 0.0)),
        (LiveChannel(2, ("volume_gas", "channel_id", "channel_type")),),
        "lg-e450",
        "ekz",
        (("t1", "Day"),),
        (("device_name", "LGZ1030600000001"),),
    )


def test_what_it_does_not_say_is_absent() -> None:
    meter = of(identity=None, model_id=None, operator=None, tariffs=None, channels=None)
    assert meter == LiveMeter("house-1", (("power_import", 20.5), ("energy_import_t1", 0.0)))


def test_a_model_or_operator_of_a_newer_schema_is_no_obstacle() -> None:
    meter = of(model_id="acme-x1", operator="nobody")
    assert (meter.model, meter.operator) == (None, None)
    assert meter.tariffs == (("t1", "Day"),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"online", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[]", "it is no JSON object"),
        (payload(profile="2.0"), "it is of profile 2.0, this ciigen knows 1.x"),
        (payload(profile=None), "it is of profile (none given)"),
        (payload(quantities=["power_import"]), "its quantities is no JSON object"),
        (payload(quantities={}, identity={}, channels={}), "it lists no quantity"),
    ],
)
def test_a_message_that_is_no_meta_is_told_and_left_out(content: bytes, words: str) -> None:
    found = read(RESOLVED, {topic("bad"): content, topic("house-1"): payload()})
    assert [meter.id for meter in found.meters] == ["house-1"]
    assert found.notes[0].startswith(f"{topic('bad')} is left out: {words}")


def test_a_quantity_that_is_not_known_is_told_and_the_others_are_there() -> None:
    listed = {**META["quantities"], "phase_of_moon": {"kind": "instantaneous", "derived": False}}
    found = read(RESOLVED, {topic("house-1"): payload(quantities=listed)})
    assert found.notes == ("house-1 also sends phase_of_moon, which this ciigen does not know: is it old?",)
    assert "power_import" in found.meters[0].names


@given(
    st.dictionaries(
        st.sampled_from([topic("a"), topic("A"), "x/meta", topic("b")]),
        st.one_of(
            st.binary(max_size=40),
            st.recursive(
                st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from([*META, "1", "label", "interval_s"]), inner, max_size=5)
                ),
                max_leaves=12,
            ).map(
                lambda value: json.dumps(
                    {"profile": "1.0", "quantities": {"power_net": value}, "x": value}
                ).encode()
            ),
        ),
        max_size=4,
    )
)
def test_nothing_that_a_broker_holds_makes_it_fail(messages: dict[str, bytes]) -> None:
    found = read(RESOLVED, messages)
    assert len(found.meters) <= len(messages)
    for meter in found.meters:
        assert all(name in RESOLVED.quantities for name in meter.names)


BOTH = Selection(
    ids=("a", "b"),
    live=(
        LiveMeter(
            "a", (("power_import", 0.0), ("power_net", 40.0)), (LiveChannel(3, ("volume_gas",)),), "lg-e450"
        ),
        LiveMeter("b", (("voltage_l1", 1.0),), operator="ekz", tariffs=(("t2", "Night"),)),
    ),
)


def test_a_selection_is_of_all_meters_and_of_each() -> None:
    def names(selection: Selection) -> set[str]:
        return {quantity.name for quantity in quantities(RESOLVED, selection)}

    assert names(BOTH) == {"power_import", "power_net", "volume_gas", "voltage_l1"}
    assert names(BOTH.of("a")) == {"power_import", "power_net", "volume_gas"}
    assert names(BOTH.of("b")) == {"voltage_l1"}
    assert (BOTH.of("a").meter, BOTH.of("b").operator) == ("lg-e450", "ekz")
    assert [(n, [q.name for q in below]) for n, below in submeters(RESOLVED, BOTH.of("a"))] == [
        (3, ["volume_gas"])
    ]
    assert submeters(RESOLVED, BOTH.of("b")) == []


def test_the_interval_learnt_goes_before_that_of_the_model() -> None:
    one = BOTH.of("a")
    assert interval_s(RESOLVED, one, RESOLVED.quantities["power_net"]) == 40
    of_model = interval_s(RESOLVED, Selection(meter="lg-e450"), RESOLVED.quantities["power_import"])
    assert interval_s(RESOLVED, one, RESOLVED.quantities["power_import"]) == of_model > 0


def test_tariffs_are_called_as_the_meter_says_else_as_its_operator_does() -> None:
    assert tariff_name(RESOLVED, BOTH.of("b"), "t2") == "Night"
    assert tariff_name(RESOLVED, BOTH.of("b"), "t1") == RESOLVED.operators["ekz"].tariffs["t1"].label
    assert tariff_name(RESOLVED, BOTH.of("a"), "t1") is None


#: (output, view) which is of one meter only, and says so.
OF_ONE_METER = {("evcc", "template"), ("smartgridready", "eid")}


@pytest.mark.parametrize("target", [t for t in discover().values() if takes_live(t)], ids=lambda t: t.name)
def test_every_target_for_a_house_names_the_topics_of_each_meter_and_no_other(target: Any) -> None:
    """A target that asks for the quantities of all meters at once would give meter b those of meter a."""
    live = (
        LiveMeter("one", (("power_net", 5.0), ("voltage_l1", 5.0))),
        LiveMeter("two", (("power_net", 5.0), ("energy_import", 5.0))),
    )
    selection = Selection(ids=("one", "two"), live=live, source="mqtt://broker")
    for name, view in target.views.items():
        if (target.name, name) in OF_ONE_METER:
            continue
        text = view.render(RESOLVED, selection)
        assert "two/value/voltage_l1" not in text, name
        assert "one/value/energy_import" not in text, name
