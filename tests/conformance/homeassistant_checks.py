"""Home Assistant, from nothing: onboarding, the MQTT integration, the bridge's discovery, the energy dashboard."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import solar_checks
from check_table import NotRun, Say, check, software
from homeassistant_world import BLUEPRINT, PER_ENTITY, PER_METER, HomeAssistant
from house import METERS, house, wait_until
from installs import HOME_ASSISTANT, HOME_ASSISTANT_DEVICE, home_assistant, installed, newer_python

#: Loggers of what is proven; a line of another at the start of Home Assistant is not about us.
_LOGGERS: Final = (
    "components.mqtt",
    "components.sensor",
    "components.energy",
    "components.recorder",
    "helpers.entity",
)
_THOUSANDTHS: Final = {"kWh": 1000, "kvarh": 1000, "kVAh": 1000}
_DEVICE_FORM: Final = "homeassistant-device"
_BOTH: Final = ("homeassistant", _DEVICE_FORM)


@contextmanager
def _open(version: str, base: str | None, folder: Path, say: Say) -> Iterator[HomeAssistant]:
    if base is None:
        raise NotRun(f"Home Assistant {version} wants Python 3.12, which this machine does not have")
    with installed(home_assistant(version, base), say) as venv, house(folder, PER_ENTITY) as made:
        yield HomeAssistant(venv, version, made)


software("homeassistant", "Home Assistant", HOME_ASSISTANT)(partial(_open, HOME_ASSISTANT, sys.executable))
software(_DEVICE_FORM, "Home Assistant, one message a meter,", HOME_ASSISTANT_DEVICE)(
    partial(_open, HOME_ASSISTANT_DEVICE, newer_python())
)


@check(_BOTH, "a new installation takes the MQTT integration by its own config flow")
def _integrate(home: HomeAssistant) -> None:
    home.onboard()
    assert home.call("config")["version"] == home.version
    flow = home.call("config/config_entries/flow", {"handler": "mqtt"})
    done = home.call(
        f"config/config_entries/flow/{flow['flow_id']}",
        {"broker": "127.0.0.1", "port": home.house.broker.port},
    )
    assert (done["type"], done.get("errors")) == ("create_entry", None), done


@check(_BOTH, "every quantity that comes is an entity, with its device class, state class and unit")
def _entities(home: HomeAssistant) -> None:
    home.house.wait_for_readings()
    wait_until(lambda: "sensor.farm_1_channel3_energy_heat" in home.promised(), 20, "the last of discovery")
    wanted = {i for i, config in home.promised().items() if config.get("enabled_by_default", True)}
    wait_until(_slowly(lambda: wanted <= set(home.sensors())), 30, "all entities")
    found, promised = home.sensors(), home.promised()
    assert set(found) == {i for i, config in promised.items() if config.get("enabled_by_default", True)}
    for entity, state in found.items():
        for key in ("device_class", "state_class", "unit_of_measurement"):
            assert state["attributes"].get(key) == promised[entity].get(key), (entity, key)
    assert len(found) > 50, len(found)


@check(_BOTH, "each has the value of its topic, kWh where the topic has Wh")
def _values(home: HomeAssistant) -> None:
    wait_until(_slowly(lambda: not _without_value(home)), 30, "a value of every entity")
    states, promised = home.sensors(), home.promised()
    payloads: dict[str, list[str]] = {}
    for heard in home.house.heard:
        payloads.setdefault(heard.topic, []).append(heard.payload)
    for entity, state in states.items():
        config = promised[entity]
        said = payloads[config["state_topic"]]
        if "value_json" in config.get("value_template", ""):
            assert state["state"] == json.loads(said[-1])["link"] == "ok", entity
        elif "unit_of_measurement" in config or "state_class" in config:
            divisor = _THOUSANDTHS.get(config.get("unit_of_measurement"), 1)
            assert Decimal(state["state"]) in {Decimal(text) / divisor for text in said[-30:]}, (
                entity,
                state["state"],
            )
        else:
            assert state["state"] in said, entity


@check(_BOTH, "each meter is one device, a sub-meter's gas, water and heat among its entities")
def _devices(home: HomeAssistant) -> None:
    (devices,) = home.ask({"type": "config/device_registry/list"})
    ours = {i[1]: device for device in devices for i in device["identifiers"] if i[0] == "mqtt"}
    assert set(ours) == {f"cii_{meter.id}" for meter in METERS}
    assert (ours["cii_farm-1"]["manufacturer"], ours["cii_farm-1"]["model"]) == ("Landis+Gyr", "E450")
    states = home.sensors()
    classes = {n: states[f"sensor.farm_1_channel{n}"]["attributes"]["device_class"] for n in _SUBMETERS}
    assert classes == {"1_volume_gas": "gas", "2_volume_water": "water", "3_energy_heat": "energy"}


_SUBMETERS = ("1_volume_gas", "2_volume_water", "3_energy_heat")


@check(
    _DEVICE_FORM,
    "from one message an entity to one a meter and back, every entity keeps its id, name and state",
)
def _hand_over(home: HomeAssistant) -> None:
    home.ask(
        {"type": "config/entity_registry/update", "entity_id": "sensor.house_energy_import", "name": "Mine"}
    )
    before, states = home.registry(), set(home.sensors())
    assert before["sensor.house_energy_import"][1] == "Mine"
    for config, form in ((PER_METER, "device"), (PER_ENTITY, "sensor"), (PER_METER, "device")):
        bridge = home.house.bridge
        assert bridge is not None
        bridge.stop()
        home.discovery = config
        home.house.run_bridge(config)
        wait_until(_slowly(lambda form=form: _forms(home) == {form}), 40, f"only messages of the form {form}")
        wait_until(
            _slowly(lambda: not _without_value(home) and set(home.sensors()) == states), 20, f"all by {form}"
        )
        assert home.registry() == before
    # it warns of each old topic when that is cleared, which its own documentation asks for
    home.excused = [
        line for line in _complaints(home) if "Received a conflicting MQTT discovery message" in line
    ]


def _forms(home: HomeAssistant) -> set[str]:
    """The forms of the discovery messages that lie on the broker: sensor, device."""
    last = {h.topic: h.payload for h in home.house.heard if h.topic.startswith("homeassistant/")}
    return {topic.split("/")[1] for topic, payload in last.items() if payload and topic.endswith("/config")}


@check(_BOTH, "the energy dashboard takes import, export and gas, and finds nothing wrong with them")
def _energy(home: HomeAssistant) -> None:
    price = {"entity_energy_price": None, "number_energy_price": None}
    sources = [
        {
            "type": "grid",
            "flow_from": [{"stat_energy_from": "sensor.house_energy_import", "stat_cost": None, **price}],
            "flow_to": [{"stat_energy_to": "sensor.house_energy_export", "stat_compensation": None, **price}],
            "cost_adjustment_day": 0,
        },
        {"type": "gas", "stat_energy_from": "sensor.farm_1_channel1_volume_gas", "stat_cost": None, **price},
    ]
    home.ask({"type": "energy/save_prefs", "energy_sources": sources})

    def issues() -> Any:
        home.call("services/compile_statistics/now", {})
        time.sleep(1)
        return home.ask({"type": "energy/validate"})[0]["energy_sources"]

    found = issues()
    end = time.monotonic() + 30
    while found != [[], []] and time.monotonic() < end:
        found = issues()
    assert found == [[], []], found


@check(
    _BOTH,
    "the bridge is killed: every entity but the link becomes unavailable; it is back: so are they",
)
def _killed(home: HomeAssistant) -> None:
    bridge = home.house.bridge
    assert bridge is not None
    bridge.kill()
    wait_until(
        _slowly(lambda: _available(home) <= {f"sensor.{m.id.replace('-', '_')}_link" for m in METERS}),
        15,
        "unavailable",
    )
    home.house.run_bridge(home.discovery)
    wait_until(_slowly(lambda: len(_available(home)) == len(home.sensors())), 40, "all of them available")


@check(
    _BOTH,
    "Home Assistant starts anew: it finds the meters again, and the bridge answers its birth message",
)
def _restart(home: HomeAssistant) -> None:
    before = set(home.sensors())
    count = len(home.house.listener.of("homeassistant/status"))
    sent = home.told("house")
    home.restart()
    wait_until(
        lambda: "online" in home.house.listener.payloads("homeassistant/status")[count:],
        60,
        "its birth message",
    )
    wait_until(lambda: home.told("house") > sent, 10, "the answer")
    wait_until(
        _slowly(lambda: set(home.sensors()) == before and not _without_value(home)), 40, "all entities again"
    )


@check(
    _BOTH,
    "the blueprint switches by solar surplus, with its shortest run and pause, and off when the meter is silent",
)
def _surplus(home: HomeAssistant) -> None:
    solar_checks.night(home.house)
    home.ask({"type": "input_boolean/create", "name": "Heat pump"})
    inputs = {"power": "sensor.house_power_net", "device": "input_boolean.heat_pump", **solar_checks.QUICK}
    path = f"ciigen/{BLUEPRINT.name}"
    automation = {"alias": "Solar surplus", "use_blueprint": {"path": path, "input": inputs}}
    home.call("config/automation/config/1", automation)
    wait_until(_slowly(lambda: _state(home, "automation.solar_surplus") == "on"), 20, "the automation runs")
    solar_checks.see_it_switch(home.house, _slowly(lambda: _state(home, "input_boolean.heat_pump") == "on"))
    complaints = [
        line for line in home.log.read_text("utf-8").splitlines() if "components.automation" in line
    ]
    assert not complaints, complaints[:5]


def _state(home: HomeAssistant, entity: str) -> str | None:
    """The state of an entity; None while there is none."""
    found = [state["state"] for state in home.call("states") if state["entity_id"] == entity]
    return found[0] if found else None


@check(_BOTH, "it has nothing to complain of in its log")
def _log(home: HomeAssistant) -> None:
    complaints = [line for line in _complaints(home) if line not in home.excused]
    assert not complaints, complaints[:5]


def _complaints(home: HomeAssistant) -> list[str]:
    lines = home.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [
        line
        for line in lines
        if (" WARNING " in line or " ERROR " in line) and any(logger in line for logger in _LOGGERS)
    ]


@check(_BOTH, "discovery is switched off in the bridge: the entities go")
def _switched_off(home: HomeAssistant) -> None:
    bridge = home.house.bridge
    assert bridge is not None
    bridge.stop()
    home.house.run_bridge("[homeassistant]\nenabled = false\n")
    wait_until(_slowly(lambda: not home.sensors()), 30, "no entity any more")


def _slowly(condition: Callable[[], bool]) -> Callable[[], bool]:
    """Ask Home Assistant four times a second, not a hundred times."""

    def asked() -> bool:
        time.sleep(0.25)
        return condition()

    return asked


def _without_value(home: HomeAssistant) -> set[str]:
    return {
        entity for entity, state in home.sensors().items() if state["state"] in {"unknown", "unavailable"}
    }


def _available(home: HomeAssistant) -> set[str]:
    return {entity for entity, state in home.sensors().items() if state["state"] != "unavailable"}
