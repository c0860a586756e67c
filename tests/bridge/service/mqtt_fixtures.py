"""Fixtures for tests that talk to a real MQTT broker. A plugin of pytest: ``pytest_plugins = ("mqtt_fixtures",)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mqtt_parts import BrokerProcess, Listener, MakeBroker, find_mosquitto, free_port
from paho.mqtt.enums import MQTTProtocolVersion
from service_parts import Gate, Speech, TcpMeter, simulated


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which broker the tests talked to."""
    terminalreporter.write_line(
        f"MQTT broker: {find_mosquitto() or 'amqtt, which is MQTT 3.1.1 only: install mosquitto'}"
    )


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[MakeBroker]:
    """Make brokers (not started); they are stopped at the end. ``kind`` is mosquitto or amqtt."""
    made: list[BrokerProcess] = []

    def make(port: int | None = None, kind: str = "mosquitto", extra: str = "") -> BrokerProcess:
        made.append(BrokerProcess(tmp_path, port or free_port(), kind, extra))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def broker(make_broker: MakeBroker) -> BrokerProcess:
    """A running broker: mosquitto, else amqtt."""
    return make_broker(kind="mosquitto" if find_mosquitto() else "amqtt").start()


@pytest.fixture
def listen() -> Iterator[Callable[[int], Listener]]:
    """Make listeners; they are stopped at the end."""
    made: list[Listener] = []

    def make(port: int, *, version: MQTTProtocolVersion | None = None) -> Listener:
        made.append(Listener(port, version=version))
        return made[-1]

    yield make
    for listener in made:
        listener.stop()


@pytest.fixture
def talk() -> Iterator[Callable[..., TcpMeter]]:
    """Make meters that talk over TCP: a simulated E450, not encrypted, unless told otherwise."""
    made: list[TcpMeter] = []

    def make(speech: Speech | None = None, **options: Any) -> TcpMeter:
        made.append(TcpMeter(speech or simulated(), **options))
        return made[-1]

    yield make
    for meter in made:
        meter.stop()


@pytest.fixture
def gate(broker: BrokerProcess) -> Iterator[Gate]:
    """A way to the broker that can be opened and shut; shut at first."""
    made = Gate(free_port(), broker.port)
    yield made
    made.shut()
