"""From the bytes of a meter to a real broker: what arrives there, and what happens when a part is away."""

from __future__ import annotations

import json
import logging
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ciimodel
import jsonschema
import pytest
from ciibridge.publish import mqtt as mqtt_module
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY as AUTH_KEY
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from ciimodel.topics import match
from mqtt_parts import BrokerProcess, Listener, MakeBroker, find_mosquitto, free_port, wait_until
from paho.mqtt.enums import MQTTProtocolVersion
from service_parts import (
    METER_ID,
    Gate,
    PtyMeter,
    ServiceProcess,
    TcpMeter,
    remember,
    service_in_thread,
    simulated,
    write_config,
)

pytest_plugins = ("mqtt_fixtures",)
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)"),
]
Listen = Callable[..., Listener]
MakeMeter = Callable[..., TcpMeter]
METER = f"cii/v1/{METER_ID}"
NO_DISK = "/proc/ciibridge/state.db"


def seqs(listener: Listener, topic: str) -> list[int]:
    return [json.loads(payload)["seq"] for payload in listener.payloads(topic)]


# -- what arrives --------------------------------------------------------------------------------------------------------


def test_every_message_is_as_the_schema_says(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    catalogue = ciimodel.load()
    heard = listen(broker.port)
    config = write_config(
        tmp_path, broker.port, f'port = "{talk().url}"\noperator = "ekz"', mqtt="raw = true"
    )
    with service_in_thread(config):
        heard.wait(f"{METER}/state")
        heard.wait(f"{METER}/value/power_import")
        heard.wait(f"{METER}/raw")
    heard.wait(f"{METER}/availability", "offline")
    seen = set()
    for message in list(heard.messages):
        name, _ = match(message.topic)  # type: ignore[misc]
        topic = catalogue.topics[name]
        seen.add(name)
        assert (message.qos, message.expiry_s, message.content_type) == (
            topic.qos,
            topic.expiry_s,
            topic.content_type,
        ), message.topic
        assert message.retain is topic.retain, message.topic
        schema = catalogue.payloads[topic.payload]
        if topic.payload != "raw":
            text = message.payload
            jsonschema.validate(text if schema.get("type") == "string" else json.loads(text), schema)
    assert seen >= {
        "availability",
        "meta",
        "state",
        "value_live",
        "value_counter",
        "diag",
        "bridge_availability",
        "raw",
    }


def test_availability_follows_the_telegrams_and_the_end(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    silent = talk(lambda: b"")
    config = write_config(tmp_path, broker.port, f'port = "{silent.url}"\nid = "house"')
    with service_in_thread(config):
        heard.wait("cii/v1/house/availability", "offline")
        assert json.loads(heard.wait("cii/v1/house/diag").payload)["link"] == "waiting"
        silent.say(simulated())
        heard.wait("cii/v1/house/availability", "online")
        wait_until(lambda: '"link":"ok"' in heard.payloads("cii/v1/house/diag")[-1], what="diag ok")
    wait_until(lambda: heard.payloads("cii/v1/house/availability")[-1] == "offline")
    assert heard.payloads("cii/v1/_bridge/test/availability") == ["online", "offline"]


def test_over_a_serial_port(tmp_path: Path, broker: BrokerProcess, listen: Listen) -> None:
    heard = listen(broker.port)
    meter = PtyMeter(simulated())
    config = write_config(tmp_path, broker.port, f'port = "{meter.path}"\nmodel = "lg-e450"')
    try:
        with service_in_thread(config):
            state = json.loads(heard.wait(f"{METER}/state").payload)
    finally:
        meter.stop()
    assert state["meter"] == METER_ID
    assert state["values"]["power_net"] == state["values"]["power_import"] - state["values"]["power_export"]


def test_one_connection_for_all_and_no_value_topics(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    meters = [f'port = "{talk().url}"\nid = "{name}"' for name in ("a", "b")]
    settings = 'one_connection = "process"\nvalue_topics = false\nprefix = "home/cii"'
    with service_in_thread(write_config(tmp_path, broker.port, *meters, mqtt=settings)):
        for name in ("a", "b"):
            heard.wait(f"home/cii/v1/{name}/state")
    for name in ("a", "b"):
        heard.wait(f"home/cii/v1/{name}/availability", "offline")
    assert not [message.topic for message in heard.messages if "/value/" in message.topic]
    if find_mosquitto():
        clients = set(re.findall(r"as (ciibridge\S*) \(", broker.log.read_text()))
        assert clients == {"ciibridge-test"}


# -- ends ----------------------------------------------------------------------------------------------------------------


def test_a_killed_process_leaves_its_will(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    process = ServiceProcess(write_config(tmp_path, broker.port, f'port = "{talk().url}"'))
    heard.wait(f"{METER}/availability", "online")
    heard.wait(f"{METER}/state")
    process.kill()
    heard.wait(f"{METER}/availability", "offline")
    heard.wait("cii/v1/_bridge/test/availability", "offline")
    assert listen(broker.port).wait(f"{METER}/availability", "offline").retain


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter, number: signal.Signals
) -> None:
    heard = listen(broker.port)
    process = ServiceProcess(write_config(tmp_path, broker.port, f'port = "{talk().url}"'))
    heard.wait(f"{METER}/state")
    status, seconds, log = process.terminate(number)
    assert (status, seconds < 2) == (0, True), log
    heard.wait(f"{METER}/availability", "offline")
    heard.wait("cii/v1/_bridge/test/availability", "offline")
    assert "Traceback" not in log
    assert METER_ID not in log, "a whole serial number in the log"


def test_without_broker_and_port_it_runs_and_ends_in_good_order(tmp_path: Path) -> None:
    process = ServiceProcess(write_config(tmp_path, free_port(), 'port = "/dev/none"\nid = "house"'))
    wait_until(lambda: process.log.count("Trying again") >= 2, what="start")
    time.sleep(0.5)
    assert process.running
    status, seconds, log = process.terminate()
    assert (status, seconds < 2) == (0, True), log
    warnings = [line for line in log.splitlines() if "WARNING" in line]
    assert len([line for line in warnings if "nothing listens on 127.0.0.1" in line]) == 1
    assert len([line for line in warnings if "there is no such port" in line]) == 1
    assert "Traceback" not in log


# -- the broker is away --------------------------------------------------------------------------------------------------


def test_a_broker_that_is_there_later_gets_everything_in_order(
    tmp_path: Path, broker: BrokerProcess, gate: Gate, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    config = write_config(tmp_path, gate.port, f'port = "{talk(every_s=0.1).url}"')
    remember(config)
    with service_in_thread(config):
        time.sleep(1)
        gate.open()
        heard.wait(f"{METER}/availability", "online")
        first_live = json.loads(heard.wait(f"{METER}/state").payload)["seq"]
        assert first_live > 3
        wait_until(lambda: {*everything(heard)} >= {*range(1, first_live)}, what="all of the history")
    history = seqs(heard, f"{METER}/history")
    assert history == list(range(1, first_live)), "in order, all of it, and nothing twice"
    numbers = everything(heard)
    assert numbers == list(range(1, len(numbers) + 1))


def everything(heard: Listener) -> list[int]:
    """All telegrams that arrived, live or late."""
    return sorted({*seqs(heard, f"{METER}/state"), *seqs(heard, f"{METER}/history")})


def test_a_broker_that_restarts_loses_nothing(
    *,
    tmp_path: Path,
    broker: BrokerProcess,
    gate: Gate,
    listen: Listen,
    talk: MakeMeter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    before = listen(broker.port)
    gate.open()
    config = write_config(tmp_path, gate.port, f'port = "{talk(every_s=0.1).url}"')
    remember(config)
    with service_in_thread(config):
        before.wait(f"{METER}/state")
        gate.shut()
        broker.stop()
        had = everything(before)
        time.sleep(0.7)
        broker.start()
        after = listen(broker.port)
        gate.open()
        first_live = json.loads(after.wait(f"{METER}/state").payload)["seq"]
        wait_until(lambda: {*had, *everything(after)} >= {*range(1, first_live)}, what="all of the history")
        # The broker kept nothing: what is retained must have been sent again.
        for topic in ("availability", "meta", "value/energy_import", "diag"):
            assert after.wait(f"{METER}/{topic}").payload
        after.wait("cii/v1/_bridge/test/availability", "online")
    history = seqs(after, f"{METER}/history")
    assert history
    assert history == sorted(set(history))
    together = sorted({*had, *everything(after)})
    assert together == list(range(1, len(together) + 1)), "nothing lost"
    assert len([text for text in caplog.messages if "Trying again" in text and "broker" in text]) <= 3


def test_a_broker_that_starts_after_the_bridge(
    tmp_path: Path, make_broker: MakeBroker, listen: Listen, talk: MakeMeter
) -> None:
    port = free_port()
    with service_in_thread(write_config(tmp_path, port, f'port = "{talk().url}"')):
        time.sleep(0.3)
        make_broker(port).start()
        listen(port).wait(f"{METER}/state")


def test_a_recording_is_delivered_before_the_service_ends(
    tmp_path: Path, broker: BrokerProcess, listen: Listen
) -> None:
    heard = listen(broker.port)
    speech = simulated()
    recording = tmp_path / "recording.bin"
    recording.write_bytes(b"".join(speech() for _ in range(30)))
    process = ServiceProcess(write_config(tmp_path, broker.port, f'port = "{recording}"\nclock = "meter"'))
    assert process.wait() == 0, process.log
    wait_until(lambda: everything(heard) == list(range(1, 31)), what="all telegrams")
    assert "Traceback" not in process.log


def test_a_full_outbox_drops_the_oldest_and_says_so(
    *,
    tmp_path: Path,
    broker: BrokerProcess,
    gate: Gate,
    listen: Listen,
    talk: MakeMeter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    heard = listen(broker.port)
    meter = f'port = "{talk(every_s=0.05).url}"'
    config = write_config(tmp_path, gate.port, meter, mqtt="outbox = 5", outbox=NO_DISK)
    with service_in_thread(config):
        wait_until(lambda: "outbox is full" in caplog.text, what="overflow")
        gate.open()
        first_live = json.loads(heard.wait(f"{METER}/state").payload)["seq"]
        # The events that tell of the loss and of the disk may have taken the room of telegrams.
        wait_until(lambda: len(seqs(heard, f"{METER}/history")) >= 2, what="history")
        wait_until(
            lambda: json.loads(heard.payloads(f"{METER}/diag")[-1]).get("dropped"), what="diag.dropped"
        )
    history = seqs(heard, f"{METER}/history")
    assert history[0] >= first_live - 5
    assert len([text for text in caplog.messages if "outbox is full" in text]) == 1


def test_a_broker_that_knows_only_3_1_1(
    *,
    tmp_path: Path,
    make_broker: MakeBroker,
    listen: Listen,
    talk: MakeMeter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """amqtt does not refuse MQTT 5, it falls silent; the wait for that is shortened here."""
    monkeypatch.setattr(mqtt_module, "_CONNACK_5_S", 0.3)
    caplog.set_level(logging.INFO, "ciibridge")
    broker = make_broker(kind="amqtt").start()
    heard = listen(broker.port, version=MQTTProtocolVersion.MQTTv311)
    with service_in_thread(write_config(tmp_path, broker.port, f'port = "{talk().url}"')):
        heard.wait(f"{METER}/availability", "online")
        heard.wait(f"{METER}/state")
    heard.wait(f"{METER}/availability", "offline")
    assert len([text for text in caplog.messages if "going on with 3.1.1" in text]) == 1


# -- the broker does not let us in ---------------------------------------------------------------------------------------


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """A password file of mosquitto: meter / right."""
    tool = shutil.which("mosquitto_passwd", path="/usr/bin:/usr/local/bin:/bin")
    assert tool, "mosquitto_passwd comes with mosquitto"
    path = tmp_path / "passwords"
    subprocess.run([tool, "-b", "-c", path, "meter", "right"], check=True, stderr=subprocess.DEVNULL)
    return path


def test_a_wrong_password_is_said_and_tried_again(
    tmp_path: Path,
    make_broker: MakeBroker,
    passwords: Path,
    talk: MakeMeter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    broker = make_broker(extra=f"allow_anonymous false\npassword_file {passwords}").start()
    for password, expected in (("not-this-one", "is not allowed"), ("right", "connected (MQTT 5)")):
        settings = f'username = "meter"\npassword = "{password}"'
        with service_in_thread(write_config(tmp_path, broker.port, f'port = "{talk().url}"', mqtt=settings)):
            wait_until(lambda words=expected: words in caplog.text, what=expected)  # type: ignore[misc]
    assert "not-this-one" not in caplog.text


def test_a_password_that_was_changed_on_the_broker_is_said_and_cured_without_a_restart(
    tmp_path: Path,
    make_broker: MakeBroker,
    passwords: Path,
    talk: MakeMeter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    right = passwords.read_text()
    broker = make_broker(extra=f"allow_anonymous false\npassword_file {passwords}").start()
    settings = 'username = "meter"\npassword = "right"'
    with service_in_thread(write_config(tmp_path, broker.port, f'port = "{talk().url}"', mqtt=settings)):
        wait_until(lambda: "connected (MQTT 5)" in caplog.text, what="connection")
        broker.stop()
        passwords.write_text("")
        broker.start()
        wait_until(lambda: "is not allowed" in caplog.text, what="refusal")
        broker.stop()
        passwords.write_text(right)
        broker.start()
        wait_until(lambda: "connected (MQTT 5) again after" in caplog.text, 10, "connection")
    assert caplog.text.count("is not allowed") == 1


def test_a_name_that_is_not_known_at_boot_is_said_once_and_found_later(
    tmp_path: Path,
    broker: BrokerProcess,
    talk: MakeMeter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    known = threading.Event()
    look_up = socket.getaddrinfo

    def names(host: Any, *more: Any, **options: Any) -> Any:
        if host != "nas.invalid":
            return look_up(host, *more, **options)
        if not known.is_set():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up("127.0.0.1", *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", names)
    settings = f'url = "mqtt://nas.invalid:{broker.port}"'
    with service_in_thread(write_config(tmp_path, broker.port, f'port = "{talk().url}"', mqtt=settings)):
        wait_until(lambda: "the name 'nas.invalid' is not known" in caplog.text, what="failure")
        time.sleep(0.5)
        known.set()
        wait_until(lambda: "connected (MQTT 5) again after" in caplog.text, 10, "connection")
    assert caplog.text.count("is not known") == 1


def test_topics_that_the_broker_refuses_are_said_once(
    tmp_path: Path, make_broker: MakeBroker, talk: MakeMeter, caplog: pytest.LogCaptureFixture
) -> None:
    rights = tmp_path / "acl"
    rights.write_text("topic read #\n")
    rights.chmod(0o700)
    broker = make_broker(extra=f"acl_file {rights}").start()
    with service_in_thread(write_config(tmp_path, broker.port, f'port = "{talk().url}"')):
        wait_until(lambda: "refuses messages" in caplog.text, what="refusal")
        time.sleep(0.5)
    refused = [text for text in caplog.messages if "refuses messages" in text]
    assert len(refused) == 1
    assert "allow the user to write" in refused[0]


def test_two_bridges_with_one_id_are_told_apart(
    tmp_path: Path, broker: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    first = write_config(tmp_path, broker.port, 'port = "/dev/none"', name="a.toml")
    second = write_config(tmp_path, broker.port, 'port = "/dev/none"', name="b.toml")
    with service_in_thread(first):
        wait_until(lambda: "as ciibridge-test" in broker.log.read_text(), what="connection")
        with service_in_thread(second):
            wait_until(lambda: "nother client with the same client id" in caplog.text, what="takeover")


# -- the meter is away, or not understood --------------------------------------------------------------------------------


def test_a_port_that_comes_and_goes(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    port = free_port()
    heard = listen(broker.port)
    with service_in_thread(
        write_config(tmp_path, broker.port, f'port = "tcp://127.0.0.1:{port}"\nid = "house"')
    ):
        wait_until(
            lambda: any('"link":"port_error"' in text for text in heard.payloads("cii/v1/house/diag")),
            what="port_error",
        )
        event = json.loads(heard.wait("cii/v1/house/error").payload)
        meter = talk(port=port)
        heard.wait("cii/v1/house/availability", "online")
        meter.stop()
        wait_until(lambda: heard.payloads("cii/v1/house/availability")[-1] == "offline", what="offline")
        count = len(heard.of("cii/v1/house/state"))
        talk(port=port)
        wait_until(lambda: len(heard.of("cii/v1/house/state")) > count, what="next telegram")
        wait_until(lambda: heard.payloads("cii/v1/house/availability")[-1] == "online", what="online")
    assert event["code"] == "port_error"
    assert "nothing listens on this port" in event["message"]
    assert event["hint"]
    assert len([text for text in caplog.messages if "nothing listens on this port" in text]) <= 2, (
        "once an outage"
    )


def test_garbage_is_reported_and_left_behind(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    """What 2400 baud looks like when it is read with another rate: octets, but no frame among them."""
    garbage = bytes((7 * n * n + 3 * n) % 251 for n in range(4000)) * 2
    meter = talk(lambda: garbage, every_s=0.05)
    heard = listen(broker.port)
    with service_in_thread(write_config(tmp_path, broker.port, f'port = "{meter.url}"\nid = "house"')):
        wait_until(
            lambda: any('"link":"bad_frames"' in text for text in heard.payloads("cii/v1/house/diag")),
            what="bad_frames",
        )
        heard.wait("cii/v1/house/error")
        assert not heard.of("cii/v1/house/state")
        meter.say(simulated())
        heard.wait("cii/v1/house/state")
        heard.wait("cii/v1/house/availability", "online")
        wait_until(lambda: '"link":"ok"' in heard.payloads("cii/v1/house/diag")[-1], what="diag ok")


@pytest.mark.parametrize(
    ("key", "state"),
    [("", "key_missing"), ('key = "0F0E0D0C0B0A09080706050403020100"', "key_wrong")],
)
def test_a_key_that_does_not_fit(
    *, tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter, key: str, state: str
) -> None:
    heard = listen(broker.port)
    meter = talk(simulated("lg-e570", key=KEY))
    with service_in_thread(write_config(tmp_path, broker.port, f'port = "{meter.url}"\nid = "house"\n{key}')):
        event = json.loads(heard.wait("cii/v1/house/error").payload)
        wait_until(
            lambda: any(f'"link":"{state}"' in text for text in heard.payloads("cii/v1/house/diag")),
            what=state,
        )
    assert event["code"] == state
    assert "key" in event["hint"]
    assert not heard.of("cii/v1/house/state")
    assert "online" not in heard.payloads("cii/v1/house/availability")


def test_an_encrypted_meter_with_its_key(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    config = write_config(
        tmp_path,
        broker.port,
        f'port = "{talk(simulated("lg-e570", key=KEY, auth_key=AUTH_KEY)).url}"\nid = "house"\nkey = "{KEY.hex()}"',
    )
    with service_in_thread(config):
        meta = json.loads(heard.wait("cii/v1/house/meta").payload)
        heard.wait("cii/v1/house/state")
    assert meta["encrypted"] is True
    assert KEY.hex() not in "".join(message.payload for message in heard.messages).lower()


def test_two_ports_of_one_meter(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter, caplog: pytest.LogCaptureFixture
) -> None:
    heard = listen(broker.port)
    meters = [f'port = "{talk().url}"' for _ in range(2)]
    with service_in_thread(write_config(tmp_path, broker.port, *meters)):
        wait_until(lambda: "two ports deliver the same meter" in caplog.text, what="warning")
        heard.wait(f"{METER}/state")


# -- Home Assistant ------------------------------------------------------------------------------------------------------

CONFIG = f"homeassistant/sensor/cii_{METER_ID}"


def _after_table(config: Path, table: str) -> Path:
    config.write_text(f"{config.read_text()}\n[homeassistant]\n{table}\n")
    return config


def test_home_assistant_is_told_after_meta_again_at_its_birth_and_no_more_when_switched_off(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    heard = listen(broker.port)
    config = write_config(tmp_path, broker.port, f'port = "{talk().url}"\nmodel = "lg-e450"')
    with service_in_thread(_after_table(config, 'language = "de"')):
        told = heard.wait(f"{CONFIG}/energy_import/config")
        assert (told.qos, told.retain) == (1, True)
        assert json.loads(told.payload)["device_class"] == "energy"
        topics = [message.topic for message in list(heard.messages)]
        assert topics.index(f"{METER}/meta") < topics.index(f"{CONFIG}/energy_import/config")
        before = len(heard.of(f"{CONFIG}/energy_import/config"))
        heard.publish("homeassistant/status", "online")
        wait_until(lambda: len(heard.of(f"{CONFIG}/energy_import/config")) > before, what="all of it again")
    late = listen(broker.port)
    late.wait(f"{CONFIG}/power_net/config")
    with service_in_thread(
        _after_table(write_config(tmp_path, broker.port, f'port = "{talk().url}"'), "enabled = false")
    ):
        topics = {m.topic for m in late.messages if m.topic.startswith("homeassistant/")}
        wait_until(
            lambda: {late.payloads(topic)[-1] for topic in topics} == {""}, what="all of it taken away"
        )


def test_home_assistant_is_changed_over_to_one_message_a_meter(
    tmp_path: Path, broker: BrokerProcess, listen: Listen, talk: MakeMeter
) -> None:
    meter = f'port = "{talk().url}"\nmodel = "lg-e450"'
    with service_in_thread(_after_table(write_config(tmp_path, broker.port, meter), "")):
        listen(broker.port).wait(f"{CONFIG}/power_net/config")
    heard = listen(broker.port)
    with service_in_thread(
        _after_table(write_config(tmp_path, broker.port, meter), 'min_version = "2024.11"')
    ):
        heard.wait(f"{CONFIG}/power_net/config", '{"migrate_discovery":true}')
        heard.wait(f"homeassistant/device/cii_{METER_ID}/config")
        heard.wait(f"{CONFIG}/power_net/config", "")
        heard.wait(f"{CONFIG}/link/config", "")
    topics = {m.topic for m in heard.messages if m.topic.startswith("homeassistant/sensor/")}
    assert {heard.payloads(topic)[-1] for topic in topics} == {""}
