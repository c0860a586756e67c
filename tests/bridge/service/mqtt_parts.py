"""A real MQTT broker as a process, and a client that writes down what is published there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

_AMQTT = """
import asyncio, sys
from amqtt.broker import Broker
PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
async def main():
    await Broker({"listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:" + sys.argv[1]}}, "plugins": PLUGINS}).start()
    await asyncio.Event().wait()
asyncio.run(main())
"""


def find_mosquitto() -> str | None:
    """The binary of the mosquitto broker; Debian puts it where ordinary users do not look."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A TCP port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], timeout_s: float = 5.0, what: str = "it") -> None:
    """Wait for a condition; fail with ``what`` if it does not come."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {timeout_s:g} s")
        time.sleep(0.01)


def spoken() -> MQTTProtocolVersion:
    """The version that the broker of the tests speaks: amqtt, which stands in for mosquitto, knows only 3.1.1."""
    return MQTTProtocolVersion.MQTTv5 if find_mosquitto() else MQTTProtocolVersion.MQTTv311


class BrokerProcess:
    """A broker of our own; ``stop`` kills it without ceremony, as a power cut does."""

    def __init__(self, folder: Path, port: int, kind: str, extra: str = "") -> None:
        self.port = port
        self.log = folder / f"broker-{port}.log"
        if kind == "mosquitto":
            binary = find_mosquitto()
            if binary is None:
                pytest.fail("this test needs MQTT 5: install mosquitto (Debian: apt install mosquitto)")
            config = folder / f"broker-{port}.conf"
            listener = "" if "listener" in extra else f"listener {port} 127.0.0.1\n"
            access = "" if "allow_anonymous" in extra else "allow_anonymous true\n"
            user = (
                "user root\n" if os.geteuid() == 0 else ""
            )  # else it drops its rights and cannot read our files
            config.write_text(f"{user}{listener}{access}{extra}\n")
            self._command = [binary, "-c", str(config), "-v"]
        else:
            self._command = [sys.executable, "-c", _AMQTT, str(port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> BrokerProcess:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(self._listens, what=f"start of the broker ({self.log.read_text()})")
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@dataclass(frozen=True)
class Heard:
    topic: str
    payload: str
    qos: int
    retain: bool
    expiry_s: int | None
    content_type: str | None


def _subscribe(client: Client, version: MQTTProtocolVersion) -> None:
    if version is MQTTProtocolVersion.MQTTv5:
        client.subscribe("#", options=SubscribeOptions(qos=1, retainAsPublished=True))
    else:
        client.subscribe("#", qos=1)


class Listener:
    """Subscribes to everything and writes it down. ``retain`` is as the publisher sent it (MQTT 5) once subscribed."""

    def __init__(self, port: int, *, version: MQTTProtocolVersion | None = None) -> None:
        version = version or spoken()
        self.messages: list[Heard] = []
        self._subscribed = False
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.on_connect = lambda client, *_: _subscribe(client, version)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(lambda: self._subscribed, what="subscription")

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        properties = getattr(message, "properties", None)
        self.messages.append(
            Heard(
                message.topic,
                message.payload.decode(errors="replace"),
                message.qos,
                message.retain,
                getattr(properties, "MessageExpiryInterval", None),
                getattr(properties, "ContentType", None),
            )
        )

    def of(self, topic: str) -> list[Heard]:
        return [heard for heard in list(self.messages) if heard.topic == topic]

    def payloads(self, topic: str) -> list[str]:
        return [heard.payload for heard in self.of(topic)]

    def wait(self, topic: str, payload: str | None = None, timeout_s: float = 5.0) -> Heard:
        """The first message on ``topic`` (with ``payload``), when it has come."""

        def found() -> list[Heard]:
            return [heard for heard in self.of(topic) if payload in (None, heard.payload)]

        wait_until(found, timeout_s, f"{topic} = {payload}")
        return found()[0]

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Say something, as another client would."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


MakeBroker = Callable[..., BrokerProcess]
