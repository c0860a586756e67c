"""mosquitto: what is on the broker is what the files say, and what stays there is what may stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ciimodel
from check_table import Say, check, software
from ciimodel.topics import match
from house import House, house, wait_until
from line_parts import not_in_asyncapi, payload_faults, schema_faults
from mqtt_parts import Listener

_CATALOGUE = ciimodel.load()


@software("mosquitto", "mosquitto", "(the distribution's)")
@contextmanager
def _open(folder: Path, _say: Say) -> Iterator[House]:
    with house(folder) as made:
        made.wait_for_readings()
        yield made


@check("mosquitto", "every topic stands in the AsyncAPI document, with its QoS and retain")
def _topics(made: House) -> None:
    faults = not_in_asyncapi(made.heard)
    assert not faults, faults[:5]


@check("mosquitto", "every message has the QoS, retain, expiry and content type of the schema")
def _delivery(made: House) -> None:
    faults = schema_faults(made.heard)
    assert not faults, faults[:5]


@check("mosquitto", "every payload fits its JSON Schema and its Python model")
def _payloads(made: House) -> None:
    faults = payload_faults(made.heard)
    assert not faults, faults[:5]


@check("mosquitto", "one phase, three phases, encrypted, DSMR-P1, tariffs and sub-meters arrive")
def _kinds(made: House) -> None:
    assert made.last("flat", "value/voltage_l1") is not None
    assert made.last("flat", "value/voltage_l2") is None
    assert made.last_json("flat", "meta")["encrypted"] is True
    assert {made.last("house", f"value/voltage_l{phase}") is not None for phase in (1, 2, 3)} == {True}
    assert made.last_json("shop", "meta")["protocol"] == "dsmr-p1"
    assert made.last("shop", "text/tariff_active") in {"t1", "t2"}
    assert set(made.last_json("farm-1", "meta")["tariffs"]) == {"t1", "t2"}
    assert {made.last(f"farm-1/channel/{n}", f"value/{name}") is not None for n, name in _SUBMETERS} == {True}


_SUBMETERS = ((1, "volume_gas"), (2, "volume_water"), (3, "energy_heat"))


@check("mosquitto", "the broker says offline for a bridge that is killed, and online when it is back")
def _killed(made: House) -> None:
    bridge = made.bridge
    assert bridge is not None
    bridge.kill()
    topic = "cii/v1/house/availability"
    wait_until(lambda: made.listener.payloads(topic)[-1] == "offline", 5, "offline")
    wait_until(
        lambda: made.listener.payloads("cii/v1/_bridge/test/availability")[-1] == "offline", 5, "offline"
    )
    made.run_bridge()
    wait_until(lambda: made.listener.payloads(topic)[-1] == "online", 20, "online")


@check("mosquitto", "after a clean stop it keeps registers, texts, meta, diag and offline, and nothing live")
def _stopped(made: House) -> None:
    bridge = made.bridge
    assert bridge is not None
    # the quarter of an hour of the sub-meters is over: their registers are those of before the kill
    bridge.stop()
    before = {heard.topic: heard.payload for heard in made.heard if heard.retain}
    late = Listener(made.broker.port)
    try:
        wait_until(lambda: {heard.topic for heard in late.messages} >= set(before), 5, "all retained topics")
        kept = {heard.topic: heard.payload for heard in late.messages}
    finally:
        late.stop()
    assert kept == before
    for topic, payload in kept.items():
        name, levels = match(topic) or ("?", {})
        assert name != "?", topic
        if "quantity" in levels:
            kind = _CATALOGUE.quantities[levels["quantity"]].kind
            assert kind not in {"instantaneous", "demand"}, topic
        if name in {"availability", "bridge_availability"}:
            assert payload == "offline", topic
        assert name not in {"state", "history", "channel_state", "channel_history", "error", "raw"}, topic
    metas = [json.loads(payload) for topic, payload in kept.items() if topic.endswith("/meta")]
    assert len(metas) == 4
