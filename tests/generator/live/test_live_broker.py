"""``--from`` against real brokers: MQTT 5 and 3.1.1, with and without TLS and password, and against what is no broker."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ciigen import cli
from ciigen.live.broker import LiveError, parse_address, retained
from mqtt_parts import BrokerProcess, MakeBroker, find_mosquitto, free_port, spoken, wait_until
from openhab_dsl import things
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

pytest_plugins = ("mqtt_fixtures",)
# paho leaves the socket of a failed handshake to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
TOPIC = "cii/v1/+/meta"
BOTH = pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])


def meta(level: str, *names: str) -> bytes:
    listed = {name: {"kind": "instantaneous", "derived": False, "interval_s": 5} for name in names}
    return json.dumps({"profile": "1.0", "meter": level, "quantities": listed}).encode()


def publish(port: int, version: MQTTProtocolVersion, messages: dict[str, bytes]) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=version)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic, payload in messages.items():
        client.publish(topic, payload, qos=1, retain=True).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["ciigen", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def started(make_broker: MakeBroker, kind: str, extra: str = "") -> BrokerProcess:
    if kind == "mosquitto" and find_mosquitto() is None:
        kind = "amqtt"
    return make_broker(kind=kind, extra=extra).start()


@BOTH
def test_what_is_retained_below_the_prefix_is_what_is_generated(
    kind: str, make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    broker = started(make_broker, kind)
    version = MQTTProtocolVersion.MQTTv311 if kind == "amqtt" else spoken()
    messages = {
        "cii/v1/house-1/meta": meta("house-1", "power_net", "voltage_l1"),
        "cii/v1/house-2/meta": meta("house-2", "energy_import"),
        "cii/v1/house-1/value/energy_import": b"5",
        "other/v1/house-3/meta": meta("house-3", "power_net"),
    }
    publish(broker.port, version, messages)
    url = f"mqtt://127.0.0.1:{broker.port}"
    assert run(monkeypatch, "openhab", "--from", url) == 0
    printed, said = capfd.readouterr()
    assert said == f"{url}: 2 meters live: house-1, house-2\n"
    found = things(printed)
    assert {uid: sorted(thing.channels) for uid, thing in found.items() if "topic" in uid} == {
        "mqtt:topic:house-1": ["power_net", "voltage_l1"],
        "mqtt:topic:house-2": ["energy_import"],
    }
    assert f"ciigen openhab --things --from {url}\n" in printed

    assert run(monkeypatch, "openhab", "--from", url, "--prefix", "other") == 0
    assert "other/v1/house-3/value/power_net" in capfd.readouterr().out
    assert run(monkeypatch, "openhab", "--from", url, "--id", "house-2") == 0
    assert "house-1" not in capfd.readouterr().out
    assert run(monkeypatch, "openhab", "--from", url, "--id", "house-9") == 2
    assert f"--id house-9 is not live on {url}: did you mean house-2 or house-1?" in capfd.readouterr().err


@BOTH
def test_a_broker_without_meters_is_told(
    kind: str, make_broker: MakeBroker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ciigen.options._WAIT_S", 0.3)
    broker = started(make_broker, kind)
    assert run(monkeypatch, "iobroker", "--from", f"127.0.0.1:{broker.port}") == 1
    printed, said = capfd.readouterr()
    assert printed == ""
    assert f"mqtt://127.0.0.1:{broker.port} has no meter on {TOPIC} → does the bridge run" in said
    assert "--prefix" in said


@pytest.fixture
def guarded(make_broker: MakeBroker, tmp_path: Path) -> BrokerProcess:
    """A broker that wants user and password, and lets ada read nothing of ours."""
    if find_mosquitto() is None:
        pytest.fail(
            "this test needs a broker with passwords: install mosquitto (Debian: apt install mosquitto)"
        )
    secrets, rights = tmp_path / "passwords", tmp_path / "rights"
    secrets.write_text("bob:secret\nada:secret\n")
    subprocess.run(["mosquitto_passwd", "-U", str(secrets)], check=True)
    rights.write_text("user bob\ntopic readwrite #\nuser ada\ntopic read nothing\n")
    extra = f"allow_anonymous false\npassword_file {secrets}\nacl_file {rights}\n"
    return make_broker(kind="mosquitto", extra=extra).start()


def test_a_password_comes_from_a_file_or_the_environment_and_is_never_shown(
    guarded: BrokerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ciigen.options._WAIT_S", 0.3)
    url = f"mqtt://bob@127.0.0.1:{guarded.port}"
    (tmp_path / "secret").write_text("secret\n")
    nothing = "has no meter on"  # which is said only to those who were let in
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(monkeypatch, "openhab", "--from", url, "--password-file", str(tmp_path / "secret")) == 1
    assert nothing in capfd.readouterr().err
    monkeypatch.setenv("CIIGEN_MQTT_PASSWORD", "secret")
    assert run(monkeypatch, "openhab", "--from", url) == 1
    assert nothing in capfd.readouterr().err
    monkeypatch.setenv("CIIGEN_MQTT_PASSWORD", "open sesame")
    assert run(monkeypatch, "openhab", "--from", url) == 1
    said = capfd.readouterr().err
    assert "it refuses the connection" in said
    assert "--password-file" in said
    assert "sesame" not in said
    assert "open" not in repr(parse_address(url, password="open sesame"))


def test_a_password_is_asked_for_where_somebody_can_answer(
    guarded: BrokerProcess, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ciigen.options._WAIT_S", 0.3)
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda _: True})())
    asked: list[str] = []
    monkeypatch.setattr("typer.prompt", lambda text, **_: asked.append(text) or "secret")
    assert run(monkeypatch, "openhab", "--from", f"mqtt://bob@127.0.0.1:{guarded.port}") == 1
    assert asked == [f"Password of bob at mqtt://127.0.0.1:{guarded.port}"]
    assert "has no meter on" in capfd.readouterr().err


def test_without_a_user_a_guarded_broker_refuses(guarded: BrokerProcess) -> None:
    with pytest.raises(LiveError, match=r"it refuses the connection: .*mqtt://USER@"):
        retained(parse_address(f"mqtt://127.0.0.1:{guarded.port}"), TOPIC, at_most_s=0.3)


def answering(reply: bytes | None) -> Iterator[int]:
    """A port that takes a connection and answers ``reply``; None: it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                if reply is None:
                    connection.close()
                else:
                    connection.sendall(reply)
                    held.append(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()
    thread.join(5)


@pytest.fixture
def hangs_up() -> Iterator[int]:
    yield from answering(None)


@pytest.fixture
def says_nothing() -> Iterator[int]:
    yield from answering(b"")


@pytest.fixture
def a_web_server() -> Iterator[int]:
    yield from answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_port_that_hangs_up(hangs_up: int) -> None:
    with pytest.raises(LiveError, match="closed the connection without an answer → if the port expects TLS"):
        retained(parse_address(f"127.0.0.1:{hangs_up}"), TOPIC, at_most_s=0.2)


def test_a_port_that_says_nothing(says_nothing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = dict.fromkeys((MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311), 0.2)
    monkeypatch.setattr("ciigen.live.broker._PATIENCE_S", patience)
    with pytest.raises(LiveError, match="takes the connection and says nothing → is it an MQTT broker"):
        retained(parse_address(f"127.0.0.1:{says_nothing}"), TOPIC, at_most_s=0.2)
    with pytest.raises(
        LiveError, match="does not answer → check address and firewall, and whether this is the TLS port"
    ):
        retained(parse_address(f"mqtts://127.0.0.1:{says_nothing}"), TOPIC, at_most_s=0.2)


def test_a_port_that_speaks_something_else(a_web_server: int, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = dict.fromkeys((MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311), 0.2)
    monkeypatch.setattr("ciigen.live.broker._PATIENCE_S", patience)
    with pytest.raises(LiveError, match=rf"mqtt://127.0.0.1:{a_web_server}: "):
        retained(parse_address(f"127.0.0.1:{a_web_server}"), TOPIC, at_most_s=0.2)
    with pytest.raises(LiveError, match=r"no TLS .*→ is this the TLS port"):
        retained(parse_address(f"mqtts://127.0.0.1:{a_web_server}"), TOPIC, at_most_s=0.2)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mqtt://127.0.0.1:{port}", "nothing listens there → does the broker run"),
        ("mqtt://nobody.invalid", "the name nobody.invalid is not known → write its IP address"),
    ],
)
def test_a_broker_that_cannot_be_reached(url: str, words: str) -> None:
    with pytest.raises(LiveError, match=re.escape(words)):
        retained(parse_address(url.format(port=free_port())), TOPIC, at_most_s=0.2)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "shown"),
    [
        ("mqtt://broker", "broker", 1883, None, "mqtt://broker"),
        ("broker", "broker", 1883, None, "mqtt://broker"),
        ("mqtts://ada%40home@broker", "broker", 8883, "ada@home", "mqtts://broker"),
        ("mqtt://[::1]:1884", "::1", 1884, None, "mqtt://[::1]:1884"),
    ],
)
def test_addresses(url: str, host: str, port: int, user: str | None, shown: str) -> None:
    address = parse_address(url)
    assert (address.host, address.port, address.user, address.url) == (host, port, user, shown)


@pytest.fixture
def demo() -> Iterator[int]:
    """``make demo``: four simulated meters and an embedded broker."""
    port = free_port()
    program = "from ciibridge.cli import main; main()"
    command = [sys.executable, "-c", program, "demo", "--port", str(port), "--seconds", "100", "--no-table"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait(20)


def test_the_four_meters_of_the_demo(
    demo: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def all_there() -> bool:
        try:
            found = retained(parse_address(f"127.0.0.1:{demo}"), TOPIC, at_most_s=1)
        except LiveError:
            return False
        return len(found) == 4

    wait_until(all_there, 60, "the demo")
    assert run(monkeypatch, "openhab", "--from", f"mqtt://127.0.0.1:{demo}") == 0
    found = things(capfd.readouterr().out)
    assert {uid.rpartition(":")[2] for uid in found if ":topic:" in uid} == {
        "lgz1030600000002",
        "aew-house",
        "ewb-house",
        "romande-house",
    }
    # what only one of them sends, and what none of them does
    having = [uid for uid, thing in found.items() if "energy_import_t2" in thing.channels]
    assert having == ["mqtt:topic:romande-house"]
    assert not [uid for uid, thing in found.items() if "reactive_power_import" in thing.channels]
