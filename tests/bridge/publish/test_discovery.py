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
HAND_OVER = b'{"migrate_discovery":true}'


def meta(*names: str, **more: Any) -> bytes:
    quantities = {name: {"kind": "x", "derived": False, "interval_s": 5} for name in names}
    return json.dumps({"profile": "1.0", "meter": "house", "quantities": quantities, **more}).encode()


def made(version: str = "2024.3", **options: Any) -> MeterDiscovery:
    return MeterDiscovery(Discovery(PLAN, Wishes(version)), alone=True, **options)


def told(discovery: MeterDiscovery, document: bytes, at_s: float = 1) -> list[Message]:
    """What follows from a ``meta``, as soon as an earlier run has been heard."""
    discovery.update(document)
    return discovery.tick(at_s - 1) + discovery.tick(at_s)


def keys(messages: list[Message]) -> list[str]:
    """The entities of messages of the form with one an entity."""
    return [message.topic.split("/")[-2] for message in messages]


def components(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.payload)["components"]
    return found


def one(name: str) -> tuple[str, bytes]:
    """What an earlier run left of an entity."""
    config = {"name": "X", "unique_id": f"cii_house_{name}", "state_topic": "x"}
    return f"{NODE}/{name}/config", json.dumps({**config, "device": {"name": "old"}, "origin": {}}).encode()


def test_what_changed_is_sent_retained() -> None:
    discovery = made()
    assert discovery.tick(0) == []
    first = told(discovery, meta("power_import"))
    assert keys(first) == ["power_import", "meter_clock", "link"]
    assert {(m.qos, m.retain, m.content_type) for m in first} == {(1, True, "application/json")}
    assert told(discovery, meta("power_import")) == []
    assert keys(told(discovery, meta("power_import", "energy_import"))) == ["energy_import"]
    more = told(discovery, meta("power_import", "energy_import", manufacturer="Acme", model="M1"))
    assert len(more) == 4, "the device stands in each of them"
    assert json.loads(more[0].payload)["device"]["manufacturer"] == "Acme"


def test_a_live_value_expires_once_its_interval_is_learnt() -> None:
    discovery = made()
    document = json.loads(meta("power_import"))
    for interval_s, expected in ((None, None), (5, 60), (900, 2700)):
        document["quantities"]["power_import"] = {"interval_s": interval_s} if interval_s else {}
        (message, *_) = told(discovery, json.dumps(document).encode())
        assert json.loads(message.payload).get("expire_after") == expected


def test_submeters_that_are_there_are_switched_on() -> None:
    channels = {"2": {"id": "00000012", "type": 3, "quantities": ["volume_gas"]}, "3": {"type": 7}}
    (gas,) = [m for m in told(made(), meta(channels=channels)) if "channel" in m.topic]
    config = json.loads(gas.payload)
    assert gas.topic == f"{NODE}/channel2_volume_gas/config"
    assert config["state_topic"] == "cii/v1/house/channel/2/value/volume_gas"
    assert "enabled_by_default" not in config


def test_a_birth_message_brings_all_of_them_again() -> None:
    discovery = made()
    assert discovery.heard("homeassistant/status", b"online", retained=False) == []
    sent = told(discovery, meta("power_import"))
    assert discovery.heard("homeassistant/status", b"online", retained=False) == sent
    assert discovery.heard("homeassistant/status", b"offline", retained=True) == []


def test_what_an_earlier_run_left_goes_after_a_day_not_before() -> None:
    discovery = made()
    for name in ("power_import", "energy_import"):
        assert discovery.heard(*one(name), retained=True) == []
    assert discovery.tick(-30 * HOUR) == [], "the day begins with the first telegram"
    told(discovery, meta("power_import"))
    assert discovery.tick(24 * HOUR) == []
    gone = discovery.tick(26 * HOUR)
    assert [(m.topic, m.payload, m.retain) for m in gone] == [(f"{NODE}/energy_import/config", b"", True)]
    assert discovery.tick(60 * HOUR) == []


def test_what_comes_late_stays() -> None:
    discovery = made()
    discovery.heard(*one("energy_import"), retained=True)
    told(discovery, meta("power_import"))
    told(discovery, meta("power_import", "energy_import"))
    assert discovery.tick(26 * HOUR) == []


def test_our_own_messages_coming_back_mean_nothing() -> None:
    for version in ("2024.3", "2024.11"):
        discovery = made(version)
        (first, *_) = told(discovery, meta("power_import"))
        assert discovery.heard(first.topic, first.payload, retained=False) == []
        assert discovery.heard(first.topic, first.payload, retained=True) == []
        assert discovery.heard(f"{NODE}/energy_import/config", b"", retained=True) == []
        assert discovery.tick(2) == []
        assert discovery.tick(26 * HOUR) == []


@pytest.mark.parametrize("first", ["old", "telegram"])
def test_from_one_message_an_entity_to_one_a_meter(first: str) -> None:
    discovery = made("2024.11")
    old = [one(name) for name in ("energy_import", "power_import")]
    if first == "telegram":
        assert [m.topic for m in told(discovery, meta("power_import"))] == [DEVICE]
    for topic, payload in old:
        assert discovery.heard(topic, payload, retained=True) == []
    discovery.update(meta("power_import"))
    # one step a second, however often it is asked; the first, after what there may be to hear
    ticks = [step for at_s in (10, 10.4, 11, 11.4, 12, 12.4, 13, 13.4, 14) if (step := discovery.tick(at_s))]
    hand_over, (whole,), clear = ticks
    assert [(m.topic, m.payload, m.retain) for m in hand_over] == [
        (topic, HAND_OVER, False) for topic, _ in old
    ]
    assert (whole.topic, whole.retain) == (DEVICE, True)
    # what has not come yet goes over as the earlier run told it
    assert set(components(whole)) == {"power_import", "meter_clock", "link", "energy_import"}
    assert components(whole)["energy_import"] == {
        "platform": "sensor",
        "name": "X",
        "unique_id": "cii_house_energy_import",
        "state_topic": "x",
    }
    assert components(whole)["power_import"]["name"] == "Power import"
    assert [(m.topic, m.payload, m.retain) for m in clear] == [(topic, b"", True) for topic, _ in old]


def test_back_to_one_message_an_entity() -> None:
    before = made("2024.11")
    (device,) = told(before, meta("power_import", "energy_import"))
    discovery = made("2024.3")
    discovery.heard(device.topic, device.payload, retained=True)
    (hand_over,) = told(discovery, meta("power_import"))
    assert (hand_over.topic, hand_over.payload, hand_over.retain) == (DEVICE, HAND_OVER, False)
    new = discovery.tick(2)
    assert sorted(keys(new)) == ["energy_import", "link", "meter_clock", "power_import"]
    # carried over, it is the very message that this form has for it
    (late,) = [m for m in new if "energy_import" in m.topic]
    (ours,) = [m for m in told(made("2024.3"), meta("energy_import")) if "energy_import" in m.topic]
    assert (late.topic, json.loads(late.payload)) == (ours.topic, json.loads(ours.payload))
    (clear,) = discovery.tick(3)
    assert (clear.topic, clear.payload, clear.retain) == (DEVICE, b"", True)
    gone = discovery.tick(26 * HOUR)
    assert [(m.topic, m.payload) for m in gone] == [(f"{NODE}/energy_import/config", b"")]


def test_a_device_keeps_what_comes_late_and_loses_it_after_a_day() -> None:
    discovery = made("2024.11")
    (first,) = told(discovery, meta("power_import"))
    assert set(components(first)) == {"power_import", "meter_clock", "link"}
    late = {"platform": "sensor", "name": "x", "unique_id": "y"}
    left = {"components": {"energy_import": late, "gone": {"platform": "sensor"}}}
    assert discovery.heard(DEVICE, json.dumps(left).encode(), retained=True) == []
    (second,) = discovery.tick(1)
    assert components(second)["energy_import"] == late
    assert "gone" not in components(second)
    (third,) = discovery.tick(26 * HOUR)
    assert components(third)["energy_import"] == {"platform": "sensor"}
    (fourth,) = told(discovery, meta("power_import", "energy_import"), 30 * HOUR)
    assert components(fourth)["energy_import"]["device_class"] == "energy"


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"[]",
        b"1",
        b'{"components":[]}',
        b'{"components":{"a":1}}',
        b'{"unique_id":1}',
        b'"unique_id"',
        b"\xff",
    ],
)
def test_what_others_put_there_does_no_harm(payload: bytes) -> None:
    for version in ("2024.3", "2024.11"):
        discovery = made(version)
        discovery.heard(DEVICE, payload, retained=True)
        discovery.heard(f"{NODE}/x/config", payload, retained=True)
        discovery.update(meta("power_import"))
        assert [m for at_s in range(6) for m in discovery.tick(at_s) if m.payload not in {b"", HAND_OVER}]
        discovery.tick(26 * HOUR)


def test_switched_off_it_takes_all_away_and_says_nothing() -> None:
    discovery = made(enabled=False)
    assert discovery.filters("house") == (DEVICE, "homeassistant/+/cii_house/+/config")
    assert told(discovery, meta("power_import")) == []
    for topic in (DEVICE, f"{NODE}/power_import/config"):
        (answer,) = discovery.heard(topic, b"{}", retained=True)
        assert (answer.topic, answer.payload, answer.retain) == (topic, b"", True)
    assert discovery.tick(26 * HOUR) == []


def test_other_words() -> None:
    wishes = Wishes("2024.11", "de", "home/cii", "ha", "zev-{prefix}-{meter}")
    discovery = MeterDiscovery(Discovery(PLAN, wishes), alone=False)
    assert discovery.filters("house")[-1] == "ha/status"
    (message,) = told(discovery, meta("power_import", tariffs={"t1": {"label": "HT", "rank": "high"}}))
    assert message.topic == "ha/device/zev-home_cii-house/config"
    assert json.loads(message.payload)["device"]["name"] == "Smart Meter house"
    shown = components(message)["power_import"]
    assert shown["name"] == "Wirkleistung Bezug"
    assert shown["state_topic"] == "home/cii/v1/house/value/power_import"
    assert shown["unique_id"] == "zev-home_cii-house_power_import"
