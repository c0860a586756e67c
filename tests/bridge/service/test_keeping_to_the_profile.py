"""`ciibridge check`: what keeps to the profile passes, and each rule that is broken is found, named and has its remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import ciimodel
import pytest
from ciibridge.cli import main
from ciibridge.publish.overhear import Overheard
from ciibridge.service.conformance import Conformance, Heard, breaches
from mqtt_parts import BrokerProcess, Listener, find_mosquitto, free_port
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from service_parts import METER_ID, TcpMeter, service_in_thread, write_config
from typer.testing import CliRunner, Result

pytest_plugins = ("mqtt_fixtures",)
CATALOGUE = ciimodel.load()
M = "cii/v1/house"
STATE: dict[str, Any] = {
    "profile": "1.0",
    "meter": "house",
    "seq": 7,
    "ts": "2026-05-04T09:39:21Z",
    "ts_source": "meter",
    "values": {"power_import": 28, "voltage_l1": 236.4},
}
FACTS = {"kind": "instantaneous", "derived": False, "decimals": 0}
META: dict[str, Any] = {
    "profile": "1.0",
    "meter": "house",
    "quantities": {
        "power_import": {**FACTS, "unit": "W"},
        "voltage_l1": {**FACTS, "unit": "V"},
        "energy_import": {**FACTS, "unit": "Wh", "kind": "cumulative"},
    },
}
DIAG = {"ts": "2026-05-04T09:39:21Z", "link": "ok"}


def said(
    topic: str,
    payload: object,
    *,
    qos: int | None = None,
    retain: bool | None = None,
    expiry_s: int | None = None,
    **changed: Any,
) -> Overheard:
    """Publish as the profile wants it, but for what is given. ``changed``: keys of a JSON payload."""
    name = topic.split("/", maxsplit=1)[0]
    live = name == "value" and "energy" not in topic
    wants = {"state": (1, False), "value": (0, False) if live else (1, True), "diag": (0, True)}.get(
        name, (1, True)
    )
    text = json.dumps({**payload, **changed}) if isinstance(payload, dict) else str(payload)
    return Overheard(
        f"{M}/{topic}",
        text.encode(),
        wants[0] if qos is None else qos,
        wants[1] if retain is None else retain,
        60 if live and expiry_s is None else expiry_s,
    )


GOOD = [
    said("availability", "online"),
    said("meta", META),
    said("diag", DIAG),
    said("state", STATE),
    said("value/power_import", "28"),
    said("value/energy_import", "482939"),
]


def judge(*messages: Overheard, sees_retain: bool = True) -> list[Heard]:
    conformance = Conformance(CATALOGUE, "cii", sees_retain=sees_retain)
    for message in messages:
        conformance.hear(message)
    return conformance.report()


def test_what_keeps_to_the_profile_passes() -> None:
    report = judge(*GOOD)
    assert list(breaches(report)) == []
    assert [heard.name for heard in report] == [
        "availability",
        "diag",
        "meta",
        "state",
        "value_counter",
        "value_live",
    ]


@pytest.mark.parametrize(
    ("message", "rule", "words"),
    [
        (said("value/power_import", "28", qos=1), "qos", "QoS 1"),
        (said("value/power_import", "28", retain=True), "retain", "it is retained"),
        (said("value/energy_import", "482939", retain=False), "retain", "it is not retained"),
        (said("value/power_import", "28", expiry_s=0), "expiry", "expiry 0 s"),
        (said("value/power_import", "28", expiry_s=3600), "expiry", "expiry 3600 s"),
        (said("value/power_import", "0.028 kW"), "payload", "no plain decimal number"),
        (said("value/power_import", "nan"), "payload", "no plain decimal number"),
        (said("value/power_import", "2.8e1"), "payload", "no plain decimal number"),
        (said("value/power_import", "-28"), "implausible power_import", "power_import = -28 W cannot be"),
        (said("value/voltage_l1", "23640"), "implausible voltage_l1", "cannot be"),
        (said("value/energy_import", "482938"), "fell", "fell to 482938"),
        (said("value/heat_of_the_moment", "1"), "quantity heat_of_the_moment", "no quantity"),
        (said("state", STATE, seq=6), "seq", "seq 6 after 7"),
        (said("state", STATE, seq=8, ts="2026-05-04T09:39:20Z"), "ts", "ts 2026-05-04T09:39:20Z after"),
        (said("state", STATE, ts="2026-05-04T11:39:22+02:00"), "schema ts", "does not match"),
        (
            said("state", STATE, values={"power_import": None}),
            "schema values.power_import",
            "None is not of type",
        ),
        (said("state", STATE, values={"power": 28}), "quantity power", "no quantity 'power'"),
        (said("state", STATE, meter="garden"), "meter", "not the level"),
        (said("state", "{"), "payload", "cannot be read"),
        (said("state", "[" * 100_000), "payload", "cannot be read"),
        (
            said("meta", META, quantities={"power_import": {**FACTS, "unit": "V"}}),
            "unit power_import",
            "in V",
        ),
        (said("availability", "Online"), "schema", "is not one of"),
        (said("power", "28"), "topic", "no such topic"),
        (said("value/frequency", "50"), "not_in_meta", "frequency is not in meta.quantities"),
    ],
)
def test_each_breach_is_found_and_is_the_only_one(message: Overheard, rule: str, words: str) -> None:
    found = list(breaches(judge(*GOOD, message)))
    assert rule in [breach.rule for breach in found]
    (breach,) = [breach for breach in found if breach.rule == rule]
    assert words in breach.words
    assert breach.remedy


def test_what_comes_again_is_counted_once_a_topic() -> None:
    (breach,) = breaches(judge(*GOOD, *[said("value/power_import", "28", qos=1)] * 3))
    assert (breach.rule, breach.count) == ("qos", 3)


def test_what_is_missing_of_a_meter() -> None:
    report = judge(said("state", STATE))
    missing = [heard.topic for heard in report if "missing" in heard.breaches]
    assert missing == [f"{M}/availability", f"{M}/diag", f"{M}/meta"]


def test_telegrams_of_a_meter_that_is_offline() -> None:
    (breach,) = breaches(judge(*GOOD, said("availability", "offline"), said("state", STATE, seq=8)))
    assert breach.rule == "offline"


def test_what_mqtt_3_does_not_show_is_not_judged() -> None:
    new = [said("meta", META, retain=False), said("value/power_import", "28", expiry_s=0)]
    assert not list(breaches(judge(*GOOD, *new, sees_retain=False)))


@pytest.mark.parametrize(
    ("topic", "rule"),
    [("cii/v2/house/state", "version"), ("cii/v1/My.House/state", "level"), ("cii/v1/house", "topic")],
)
def test_topics_that_are_none(topic: str, rule: str) -> None:
    (breach,) = breaches(judge(Overheard(topic, b"1", 1, retain=False)))
    assert breach.rule == rule


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


needs_broker = pytest.mark.skipif(
    find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)"
)


@pytest.mark.broker
@needs_broker
def test_our_own_bridge_keeps_to_it_and_another_publisher_does_not(
    tmp_path: Any, broker: BrokerProcess, listen: Callable[..., Listener], talk: Callable[..., TcpMeter]
) -> None:
    heard = listen(broker.port)
    url = f"mqtt://127.0.0.1:{broker.port}"
    with service_in_thread(write_config(tmp_path, broker.port, f'port = "{talk().url}"')):
        heard.wait(f"cii/v1/{METER_ID}/state")
        result = check(url, "--seconds", "2")
        assert result.exit_code == 0, result.output
        assert "1 meter," in result.output
        other = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        other.connect("127.0.0.1", broker.port)
        other.loop_start()
        other.publish("cii/v1/other/state", b'{"power": 1}', qos=1, retain=True).wait_for_publish(5)
        other.disconnect()
        other.loop_stop()
        result = check(url, "--seconds", "1", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    rules = {topic["topic"]: [b["rule"] for b in topic["breaches"]] for topic in document["topics"]}
    assert rules["cii/v1/other/state"][0] == "retain"
    assert rules["cii/v1/other/meta"] == ["missing"]
    assert not any(found for topic, found in rules.items() if "other" not in topic)
    assert document["meters"] == [METER_ID, "other"]


def test_nothing_there_nobody_there_and_wrong_use(broker: BrokerProcess) -> None:
    result = check(f"mqtt://127.0.0.1:{broker.port}", "--seconds", "1")
    assert (result.exit_code, "Does anybody publish there?" in result.output) == (1, True)
    result = check(f"mqtt://127.0.0.1:{free_port()}")
    assert result.exit_code == 1
    assert "nothing listens" in result.stderr
    assert check("nas").exit_code == 2
