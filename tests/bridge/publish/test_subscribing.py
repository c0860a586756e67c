"""What a connection hears of others: on a real broker, over a reconnect, and by whoever asked last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from ciibridge.publish.broker import Broker, BrokerSettings
from ciibridge.publish.mqtt import MqttConnection
from ciibridge.publish.outbox import MemoryOutbox
from ciibridge.publish.retry import Backoff
from mqtt_parts import BrokerProcess, Listener, find_mosquitto

pytest_plugins = ("mqtt_fixtures",)
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)"),
]
Kept = ("others/old", b"kept", True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def test_what_is_kept_and_what_comes_is_heard_by_the_last_who_asked(
    broker: BrokerProcess, listen: Callable[[int], Listener]
) -> None:
    first: list[Any] = []
    second: list[Any] = []
    others = listen(broker.port)
    others.publish("others/old", "kept", retain=True)

    def say(topic: str, payload: str) -> asyncio.Future[None]:
        return asyncio.ensure_future(asyncio.to_thread(others.publish, topic, payload))

    async def scenario() -> None:
        settings = Broker(BrokerSettings("127.0.0.1", broker.port), logging.getLogger("test"))
        connection = MqttConnection(
            settings, client_id="hears", will=None, outbox=MemoryOutbox(10), backoff=Backoff(first_s=0.05)
        )
        connection.subscribe(["others/+"], lambda *heard: first.append(heard))
        task = asyncio.create_task(connection.run())
        await until(lambda: first == [Kept])
        connection.subscribe(["others/+"], lambda *heard: second.append(heard))
        await until(lambda: second == [Kept])
        await say("elsewhere", "no")
        await say("others/new", "now")
        await until(lambda: second[1:] == [("others/new", b"now", False)])
        # the connection is lost: a client with the same id takes it over
        other = MqttConnection(settings, client_id="hears", will=None, outbox=MemoryOutbox(10))
        taking_over = asyncio.create_task(other.run())
        await until(lambda: other.connected and not connection.connected)
        await other.close([])
        await taking_over
        await until(lambda: second[2:] == [Kept])
        assert first == [Kept]
        await connection.close([])
        await task

    asyncio.run(scenario())
