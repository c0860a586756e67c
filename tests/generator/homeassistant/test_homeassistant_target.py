"""Home Assistant's discovery messages: topics of the schema, classes and units that go together, ids that stay."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from ciigen import topics
from ciigen.errors import TargetError, UsageError
from ciigen.pushed import interval_s, submeters
from ciigen.resolved import Kind, Place, Quantity, Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.homeassistant import TARGET
from ciigen.targets.homeassistant.discovery import release
from jinja2 import Environment
from selections import RESOLVED, by_language

VIEWS = ("components", "device")
Config = dict[str, Any]
#: What Home Assistant's sensor takes (components/sensor/const.py): class → units and state classes. None: no unit.
COUNTERS: set[str | None] = {"total", "total_increasing"}
CLASSES: dict[str | None, tuple[set[str | None], set[str | None]]] = {
    "power": ({"W", "kW"}, {"measurement"}),
    "reactive_power": ({"var"}, {"measurement"}),
    "apparent_power": ({"VA"}, {"measurement"}),
    "voltage": ({"V"}, {"measurement"}),
    "current": ({"A"}, {"measurement"}),
    "frequency": ({"Hz"}, {"measurement"}),
    "power_factor": ({None, "%"}, {"measurement"}),
    "energy": ({"Wh", "kWh"}, COUNTERS),
    "reactive_energy": ({"varh", "kvarh"}, COUNTERS),
    "gas": ({"m³"}, COUNTERS),
    "water": ({"m³"}, COUNTERS),
    "enum": ({None}, {None}),
    "timestamp": ({None}, {None}),
    None: ({None, "kvarh", "kVAh", "rad", "m³"}, {None, "measurement", *COUNTERS}),
}
#: Classes that came after the oldest minimum version.
SINCE = {"reactive_energy": "2025.6"}
THOUSANDS = {"Wh": "kWh", "varh": "kvarh", "VAh": "kVAh"}
LIVE = {Kind.INSTANTANEOUS, Kind.DEMAND}
#: Every key that a message may have, in the order in which it stands there.
KEYS = (
    *(
        "platform",
        "name",
        "unique_id",
        "object_id",
        "default_entity_id",
        "state_topic",
        "value_template",
        "qos",
    ),
    *("device_class", "options", "state_class", "unit_of_measurement", "suggested_display_precision"),
    *("entity_category", "icon", "expire_after", "enabled_by_default"),
    *("availability_topic", "payload_available", "payload_not_available", "device", "origin"),
)


EVERY = by_language(RESOLVED, ("house-1", "house_1", "flat"))
BOTH = pytest.mark.parametrize("view", VIEWS)


@cache
def text(view: str, selection: Selection) -> str:
    return TARGET.views[view].render(RESOLVED, selection)


def made(view: str, selection: Selection, resolved: Resolved | None = None) -> dict[str, Config]:
    source = TARGET.views[view].render(resolved, selection) if resolved else text(view, selection)
    found: dict[str, Config] = json.loads(source)
    return found


def entities(view: str, selection: Selection, resolved: Resolved | None = None) -> dict[str, Config]:
    """Unique id → what the entity says of itself."""
    messages = made(view, selection, resolved)
    if view == "components":
        return {message["unique_id"]: message for message in messages.values()}
    listed = [entity for message in messages.values() for entity in message["components"].values()]
    found = {entity["unique_id"]: entity for entity in listed}
    assert len(found) == len(listed), "a unique_id twice"
    return found


def quantity_of(entity: Config) -> Quantity | None:
    """The quantity on the topic of an entity; None for the time and the state of the link."""
    _, _, name = entity["state_topic"].rpartition("/")
    return RESOLVED.quantities.get(name)


@EVERY
@BOTH
def test_every_topic_is_a_topic_of_the_schema(view: str, selection: Selection) -> None:
    patterns = [
        re.sub(r"\\\{(\w+)\\\}", lambda match: f"(?:{RESOLVED.levels[match[1]]})", re.escape(topic.path))
        for topic in RESOLVED.topics.values()
    ]
    for unique_id, entity in entities(view, selection).items():
        level = next(
            level for level in sorted(selection.ids, key=len) if unique_id.startswith(f"cii_{level}_")
        )
        assert any(re.fullmatch(pattern, entity["state_topic"]) for pattern in patterns), entity[
            "state_topic"
        ]
        assert entity["state_topic"].startswith(f"cii/v1/{level}/")
        if "availability_topic" in entity:
            assert entity["availability_topic"] == f"cii/v1/{level}/availability"
            assert (entity["payload_available"], entity["payload_not_available"]) == ("online", "offline")
        else:
            assert unique_id == f"cii_{level}_link", "only the state of the link outlives the meter"


@EVERY
@BOTH
def test_each_quantity_has_its_entity(view: str, selection: Selection) -> None:
    found = entities(view, selection)
    numbers = [number for number, _ in submeters(RESOLVED, selection)]
    # every reading has a time, and every meter a link
    expected = {f"cii_{level}_{name}" for level in selection.ids for name in ("link", "meter_clock")}
    for level in selection.ids:
        for q in quantities(RESOLVED, selection):
            if topics.topic_of(RESOLVED, q):
                expected |= (
                    {f"cii_{level}_channel{n}_{q.name}" for n in numbers}
                    if topics.is_of_submeter(q)
                    else {f"cii_{level}_{q.name}"}
                )
    assert set(found) == expected


@EVERY
@BOTH
def test_class_unit_and_state_class_go_together(view: str, selection: Selection) -> None:
    settings = RESOLVED.consumers["homeassistant"].settings
    oldest = str(settings["min_version" if view == "components" else "device_discovery_since"])
    for unique_id, entity in entities(view, selection).items():
        device_class = entity.get("device_class")
        units, state_classes = CLASSES[device_class]
        assert entity.get("unit_of_measurement") in units, unique_id
        assert entity.get("state_class") in state_classes, unique_id
        assert release(SINCE.get(device_class or "", "2024.1")) <= release(oldest), (
            f"{oldest} drops {unique_id}"
        )
        quantity = quantity_of(entity)
        if quantity and quantity.place is Place.VALUE and quantity.unit:
            # divided where, and only where, the unit is a thousand times that of the topic
            unit = entity.get("unit_of_measurement", "1")
            assert unit == THOUSANDS.get(quantity.unit, quantity.unit)
            divided = "{{ value | float / 1000 }}" if quantity.unit in THOUSANDS else None
            assert entity.get("value_template") == divided, unique_id
            assert "state_class" in entity, f"{unique_id}: no statistics without"
            assert isinstance(entity["suggested_display_precision"], int)
        # an icon would cover that of the class
        assert "icon" not in entity or device_class in (None, "enum"), unique_id


@EVERY
@BOTH
def test_live_values_expire_and_registers_do_not(view: str, selection: Selection) -> None:
    for unique_id, entity in entities(view, selection).items():
        quantity = quantity_of(entity)
        if quantity is None:
            assert entity.get("expire_after") == (180 if unique_id.endswith("_link") else None)
        elif quantity.kind in LIVE:
            assert entity["expire_after"] == max(60, round(3 * interval_s(RESOLVED, selection, quantity)))
        else:
            assert "expire_after" not in entity, f"{unique_id} is a register, or a text"


@EVERY
@BOTH
def test_ids_are_unique_and_fit(view: str, selection: Selection) -> None:
    found = entities(view, selection)
    for unique_id, entity in found.items():
        assert re.fullmatch(r"[a-z0-9_-]+", unique_id)
        assert entity["default_entity_id"] == f"sensor.{entity['object_id']}"
        assert re.fullmatch(r"[a-z0-9_]+", entity["object_id"]), "Home Assistant would change it"
        assert entity["object_id"] == unique_id.removeprefix("cii_").replace("-", "_")
        assert entity["name"]
        assert [key for key in KEYS if key in entity] == list(entity)
    names = [entity["name"] for entity in found.values()]
    assert len(set(names)) == len(names) // len(selection.ids)


@EVERY
@BOTH
def test_each_meter_is_a_device(view: str, selection: Selection) -> None:
    seen = set()
    for topic, message in made(view, selection).items():
        assert re.fullmatch(r"homeassistant/(device|sensor/[a-zA-Z0-9_-]+)/[a-zA-Z0-9_-]+/config", topic)
        assert message["origin"] == {"name": "ciigen", "sw_version": f"profile {RESOLVED.version}"}
        (identifier,) = message["device"]["identifiers"]
        assert f"/{identifier}/" in topic
        seen.add(identifier)
        assert ("model" in message["device"]) == bool(selection.meter)
        if selection.meter:
            model = RESOLVED.meters[selection.meter]
            assert message["device"]["manufacturer"] == model.manufacturer
            assert message["device"]["model"] == model.model
    assert seen == {f"cii_{level}" for level in selection.ids}


@EVERY
def test_both_ways_give_the_same_entities(selection: Selection) -> None:
    ours = {
        unique_id: {key: value for key, value in entity.items() if key not in ("device", "origin")}
        for unique_id, entity in entities("components", selection).items()
    }
    theirs = {
        unique_id: {key: value for key, value in entity.items() if key != "platform"}
        for unique_id, entity in entities("device", selection).items()
    }
    # as long as no class lies between the two versions
    assert ours == theirs


def test_enumerations_have_the_texts_of_the_topic() -> None:
    found = entities("components", Selection(everything=True))
    tariff = found["cii_smartmeter_tariff_active"]
    assert (tariff["device_class"], tariff["options"]) == ("enum", ["t1", "t2", "t3", "t4"])
    assert tariff["state_topic"] == "cii/v1/smartmeter/text/tariff_active"
    assert "value_template" not in tariff
    link = found["cii_smartmeter_link"]
    diag: Any = RESOLVED.payloads["diag"]
    assert link["options"] == diag["properties"]["link"]["enum"]
    assert (link["state_topic"], link["value_template"]) == (
        "cii/v1/smartmeter/diag",
        "{{ value_json.link }}",
    )
    assert link["entity_category"] == "diagnostic"


def test_time_comes_from_the_reading() -> None:
    time = entities("device", Selection(meter="lg-e450"))["cii_smartmeter_meter_clock"]
    assert (time["state_topic"], time["value_template"]) == (
        "cii/v1/smartmeter/state",
        "{{ value_json.ts }}",
    )
    assert (time["device_class"], time["entity_category"]) == ("timestamp", "diagnostic")
    assert time["enabled_by_default"] is False


def test_submeters_are_off_until_asked_for() -> None:
    found = entities("components", Selection(meter="lg-e450", lang="de"))
    for number in (1, 2, 3, 4):
        gas = found[f"cii_smartmeter_channel{number}_volume_gas"]
        assert gas["state_topic"] == f"cii/v1/smartmeter/channel/{number}/value/volume_gas"
        assert (gas["device_class"], gas["unit_of_measurement"]) == ("gas", "m³")
        assert gas["enabled_by_default"] is False
        assert gas["name"].endswith(f", Kanal {number}")
    off = {
        unique_id for unique_id, entity in found.items() if entity.get("enabled_by_default", True) is False
    }
    assert {unique_id for unique_id in off if "_channel" not in unique_id} == {"cii_smartmeter_meter_clock"}
    assert not [unique_id for unique_id in entities("components", Selection()) if "_channel" in unique_id]


def test_identity_has_no_entity() -> None:
    found = entities("components", Selection(everything=True))
    assert not [
        q.name
        for q in RESOLVED.quantities.values()
        if q.place is Place.META and any(q.name in u for u in found)
    ]


def test_a_tariff_has_the_name_its_operator_gives_it() -> None:
    operator = RESOLVED.operators["ekz"]
    found = entities("components", Selection(operator="ekz"))
    assert found["cii_smartmeter_energy_import_t1"]["name"].endswith(f"({operator.tariffs['t1'].label})")
    plain = entities("components", Selection(meter="lg-e450"))
    assert "(" not in plain["cii_smartmeter_energy_import_t1"]["name"]


def settings(**changes: str) -> Resolved:
    old = RESOLVED.consumers["homeassistant"]
    new = old.model_copy(update={"settings": {**old.settings, **changes}})
    return RESOLVED.model_copy(update={"consumers": {**RESOLVED.consumers, "homeassistant": new}})


@BOTH
def test_a_class_is_there_from_its_version_on(view: str) -> None:
    selection = Selection(meter="lg-e450")
    name = "cii_smartmeter_reactive_energy_import"
    before = entities(view, selection)[name]
    assert "device_class" not in before
    later = entities(view, selection, settings(min_version="2025.10"))[name]
    assert later["device_class"] == "reactive_energy"
    assert {key: value for key, value in later.items() if key != "device_class"} == before


@pytest.mark.parametrize("reading", [0, 1, 7, 482939, 482000, 10**9 + 1, 10**12 + 1])
def test_the_template_divides_without_a_tail(reading: int) -> None:
    template = entities("components", Selection())["cii_smartmeter_energy_import"]["value_template"]
    made_of_it = Environment(autoescape=True).from_string(template).render(value=str(reading))
    assert Decimal(made_of_it) == Decimal(reading).scaleb(-3)


def test_other_prefixes() -> None:
    changed = settings(discovery_prefix="ha").model_copy(update={"prefix": "house/cii"})
    (topic, message), *_ = made("components", Selection(), changed).items()
    assert topic == "ha/sensor/house_cii_smartmeter/power_import/config"
    assert message["state_topic"] == "house/cii/v1/smartmeter/value/power_import"
    assert message["unique_id"] == "house_cii_smartmeter_power_import"


def test_an_enumeration_without_states_is_refused() -> None:
    bare = RESOLVED.quantities["tariff_active"].model_copy(update={"states": {}})
    broken = RESOLVED.model_copy(update={"quantities": {**RESOLVED.quantities, "tariff_active": bare}})
    with pytest.raises(TargetError, match=r"tariff_active.*schema/consumers/homeassistant\.yaml"):
        made("components", Selection(everything=True), broken)


def test_a_diag_without_link_is_refused() -> None:
    payloads = {**RESOLVED.payloads, "diag": {"properties": {}}}
    with pytest.raises(TargetError, match=r"link in schema/topics\.yaml"):
        made("device", Selection(), RESOLVED.model_copy(update={"payloads": payloads}))


def test_unknown_selection() -> None:
    with pytest.raises(UsageError, match="ekz"):
        text("components", Selection(operator="ekzz"))


def test_tree_has_each_meter_and_is_stable() -> None:
    tree = TARGET.tree(RESOLVED)
    assert set(tree) == {f"{m}/{name}.json" for m in RESOLVED.meters for name in ("discovery", "device")}
    assert tree == TARGET.tree(RESOLVED)
    assert all(source.endswith("}\n") for source in tree.values())


def test_shape() -> None:
    """The messages for the energy dashboard, word by word."""
    shared = {
        "availability_topic": "cii/v1/smartmeter/availability",
        "payload_available": "online",
        "payload_not_available": "offline",
        "device": {
            "identifiers": ["cii_smartmeter"],
            "name": "Smart Meter",
            "manufacturer": "Landis+Gyr",
            "model": "E450",
        },
        "origin": {"name": "ciigen", "sw_version": "profile 1.0"},
    }
    found = made("components", Selection(meter="lg-e450", lang="de"))
    assert found["homeassistant/sensor/cii_smartmeter/energy_import/config"] == {
        "name": RESOLVED.quantities["energy_import"].label["de"],
        "unique_id": "cii_smartmeter_energy_import",
        "object_id": "smartmeter_energy_import",
        "default_entity_id": "sensor.smartmeter_energy_import",
        "state_topic": "cii/v1/smartmeter/value/energy_import",
        "value_template": "{{ value | float / 1000 }}",
        "qos": 1,
        "device_class": "energy",
        "state_class": "total_increasing",
        "unit_of_measurement": "kWh",
        "suggested_display_precision": 3,
        **shared,
    }
    assert found["homeassistant/sensor/cii_smartmeter/power_net/config"] == {
        "name": RESOLVED.quantities["power_net"].label["de"],
        "unique_id": "cii_smartmeter_power_net",
        "object_id": "smartmeter_power_net",
        "default_entity_id": "sensor.smartmeter_power_net",
        "state_topic": "cii/v1/smartmeter/value/power_net",
        "device_class": "power",
        "state_class": "measurement",
        "unit_of_measurement": "W",
        "suggested_display_precision": 0,
        "expire_after": 60,
        **shared,
    }
    ((topic, whole),) = made("device", Selection(meter="lg-e450", lang="de")).items()
    assert topic == "homeassistant/device/cii_smartmeter/config"
    assert list(whole) == ["device", "origin", "components"]
    assert whole["device"] == shared["device"]
    assert whole["components"]["power_net"]["platform"] == "sensor"
