"""Home Assistant's discovery messages of one meter: what is sent when, and what is taken away."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from ciibridge.publish.homeassistant import MeterDiscovery
from ciibridge.types import Message
from ciimodel.homeassistant import Discovery, Wishes, read

PLAN = read((files("ciimodel") / "homeassistant.json").read_bytes())
HOUR = 3600.0
NODE = "homeassistant/sensor/cii_house"
DEVICE = "homeassistant/device/cii_house/config"


def meta(*names: str, **more: Any) -> bytes:
    quantities = {name: {"kind": "x", "derived": False, "interval_s": 5} for name in names}
    return json.dumps({"profile": "1.0", "meter": "house", "quantities": quantities, **more}).encode()


def made(version: str = "2024.3", **options: Any) -> MeterDiscovery:
    return MeterDiscovery(Discovery(PLAN, Wishes(version)), alone=True, **options)


def topics(messages: list[Message], *, empty: bool = False) -> list[str]:
    """Last two parts of the topics of the messages with a payload, or of those without."""
    return ["/".join(m.topic.split("/")[2:-1]) for m in messages if bool(m.payload) is not empty]


def components(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.payload)["components"]
    return found


def test_what_changed_is_sent_retained() -> None:
    discovery = made()
    first = discovery.update(meta("power_import"))
    assert topics(first) == ["cii_house/power_import", "cii_house/meter_clock", "cii_house/link"]
    assert {(m.qos, m.retain, m.content_type) for m in first} == {(1, True, "application/json")}
    assert discovery.update(meta("power_import")) == []
    assert topics(discovery.update(meta("power_import", "energy_import"))) == ["cii_house/energy_import"]
    more = discovery.update(meta("power_import", "energy_import", manufacturer="Acme", model="M1"))
    assert len(more) == 4, "the device stands in each of them"
    assert json.loads(more[0].payload)["device"]["manufacturer"] == "Acme"


def test_a_live_value_expires_once_its_interval_is_learnt() -> None:
    discovery = made()
    unknown = json.loads(meta("power_import"))
    del unknown["quantities"]["power_import"]["interval_s"]
    assert "expire_after" not in json.loads(discovery.update(json.dumps(unknown).encode())[0].payload)
    assert json.loads(discovery.update(meta("power_import"))[0].payload)["expire_after"] == 60
    slow = json.loads(meta("power_import"))
    slow["quantities"]["power_import"]["interval_s"] = 900
    assert json.loads(discovery.update(json.dumps(slow).encode())[0].payload)["expire_after"] == 2700


def test_submeters_that_are_there_are_switched_on() -> None:
    channels = {"2": {"id": "00000012", "type": 3, "quantities": ["volume_gas"]}, "3": {"type": 7}}
    (gas,) = [m for m in made().update(meta(channels=channels)) if "channel" in m.topic]
    config = json.loads(gas.payload)
    assert gas.topic == f"{NODE}/channel2_volume_gas/config"
    assert config["state_topic"] == "cii/v1/house/channel/2/value/volume_gas"
    assert "enabled_by_default" not in config


def test_a_birth_message_brings_all_of_them_again() -> None:
    discovery = made()
    assert discovery.heard("homeassistant/status", b"online", retained=False) == []
    sent = discovery.update(meta("power_import"))
    assert discovery.heard("homeassistant/status", b"online", retained=False) == sent
    assert discovery.heard("homeassistant/status", b"offline", retained=True) == []


def test_what_an_earlier_run_left_goes_after_a_day_not_before() -> None:
    discovery = made()
    for name in ("power_import", "energy_import"):
        assert discovery.heard(f"{NODE}/{name}/config", b"{}", retained=True) == []
    assert discovery.tick(-30 * HOUR) == [], "the day begins with the first telegram"
    discovery.update(meta("power_import"))
    assert discovery.tick(0) == []
    assert discovery.tick(24 * HOUR) == []
    gone = discovery.tick(26 * HOUR)
    assert [(m.topic, m.payload, m.retain) for m in gone] == [(f"{NODE}/energy_import/config", b"", True)]
    assert discovery.tick(60 * HOUR) == []


def test_what_comes_late_stays() -> None:
    discovery = made()
    discovery.heard(f"{NODE}/energy_import/config", b"{}", retained=True)
    discovery.update(meta("power_import"))
    discovery.tick(0)
    discovery.update(meta("power_import", "energy_import"))
    assert discovery.tick(26 * HOUR) == []


def test_our_own_messages_coming_back_mean_nothing() -> None:
    discovery = made()
    (first, *_) = discovery.update(meta("power_import"))
    assert discovery.heard(first.topic, first.payload, retained=False) == []
    assert discovery.heard(first.topic, first.payload, retained=True) == []
    assert discovery.heard(f"{NODE}/energy_import/config", b"", retained=True) == []
    assert discovery.tick(0) == []
    assert discovery.tick(26 * HOUR) == []


@pytest.mark.parametrize("told", ["before", "after"])
def test_from_one_message_an_entity_to_one_a_meter(told: str) -> None:
    discovery = made("2024.11")
    old = [f"{NODE}/{name}/config" for name in ("energy_import", "power_import")]
    if told == "after":
        assert [m.topic for m in discovery.update(meta("power_import"))] == [DEVICE]
    for topic in old:
        assert discovery.heard(topic, b"{}", retained=True) == []
    answer = discovery.tick(0) if told == "after" else discovery.update(meta("power_import"))
    assert [(m.topic, m.retain) for m in answer] == [
        *((topic, False) for topic in old),
        (DEVICE, True),
        *((topic, True) for topic in old),
    ]
    assert {m.payload for m in answer[:2]} == {b'{"migrate_discovery":true}'}
    assert [m.payload for m in answer[3:]] == [b"", b""]
    assert discovery.tick(0) == []


def test_back_to_one_message_an_entity() -> None:
    discovery = made("2024.3")
    discovery.heard(DEVICE, b'{"components":{}}', retained=True)
    answer = discovery.update(meta("power_import"))
    assert (answer[0].topic, answer[0].payload) == (DEVICE, b'{"migrate_discovery":true}')
    assert (answer[-1].topic, answer[-1].payload, answer[-1].retain) == (DEVICE, b"", True)
    assert topics(answer[1:-1]) == ["cii_house/power_import", "cii_house/meter_clock", "cii_house/link"]


def test_a_device_keeps_what_comes_late_and_loses_it_after_a_day() -> None:
    discovery = made("2024.11")
    (first,) = discovery.update(meta("power_import"))
    assert set(components(first)) == {"power_import", "meter_clock", "link"}
    left = {
        "components": {"energy_import": {"platform": "sensor", "name": "x"}, "gone": {"platform": "sensor"}}
    }
    assert discovery.heard(DEVICE, json.dumps(left).encode(), retained=True) == []
    (second,) = discovery.tick(0)
    assert components(second)["energy_import"] == left["components"]["energy_import"]
    assert "gone" not in components(second)
    (third,) = discovery.tick(26 * HOUR)
    assert components(third)["energy_import"] == {"platform": "sensor"}
    (fourth,) = discovery.update(meta("power_import", "energy_import"))
    assert components(fourth)["energy_import"]["device_class"] == "energy"


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b"1", b'{"components":[]}', b'{"components":{"a":1}}', b"\xff"]
)
def test_what_others_put_there_does_no_harm(payload: bytes) -> None:
    for version in ("2024.3", "2024.11"):
        discovery = made(version)
        discovery.heard(DEVICE, payload, retained=True)
        discovery.heard(f"{NODE}/x/config", payload, retained=True)
        assert discovery.update(meta("power_import"))
        discovery.tick(26 * HOUR)


def test_switched_off_it_takes_all_away_and_says_nothing() -> None:
    discovery = made(enabled=False)
    assert discovery.filters("house") == (DEVICE, "homeassistant/+/cii_house/+/config")
    assert discovery.update(meta("power_import")) == []
    for topic in (DEVICE, f"{NODE}/power_import/config"):
        (answer,) = discovery.heard(topic, b"{}", retained=True)
        assert (answer.topic, answer.payload, answer.retain) == (topic, b"", True)
    assert discovery.tick(26 * HOUR) == []


def test_other_words() -> None:
    wishes = Wishes("2024.11", "de", "home/cii", "ha", "zev-{prefix}-{meter}")
    discovery = MeterDiscovery(Discovery(PLAN, wishes), alone=False)
    assert discovery.filters("house")[-1] == "ha/status"
    (message,) = discovery.update(meta("power_import", tariffs={"t1": {"label": "HT", "rank": "high"}}))
    assert message.topic == "ha/device/zev-home_cii-house/config"
    assert json.loads(message.payload)["device"]["name"] == "Smart Meter house"
    shown = components(message)["power_import"]
    assert shown["name"] == "Wirkleistung Bezug"
    assert shown["state_topic"] == "home/cii/v1/house/value/power_import"
    assert shown["unique_id"] == "zev-home_cii-house_power_import"
