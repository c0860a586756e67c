"""Which message goes over which connection: one a meter, each with its own last will, or one for all.

The process has a connection of its own in either case: it tells from the start whether the broker can be reached, even
while no meter has said its name yet, and its last will tells whether the bridge runs (``_bridge/<id>/availability``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.publish.broker import Broker
from ciibridge.publish.mqtt import MqttConnection
from ciibridge.publish.outbox import MemoryOutbox, Outbox
from ciibridge.publish.retry import Backoff
from ciibridge.service.setup import Setup
from ciibridge.types import Message

_log: Final = logging.getLogger("ciibridge.mqtt")


class Connections:
    """The MQTT connections of this process. ``outbox`` makes the store of a connection, ``backoff`` its patience.

    ``failure`` is done when a connection has ended with an exception, which is a bug.
    """

    def __init__(
        self,
        setup: Setup,
        catalogue: Resolved,
        *,
        outbox: Callable[[], Outbox] | None = None,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        self._setup = setup
        self._broker = Broker(setup.broker, _log)
        self._outbox = outbox or (lambda: MemoryOutbox(setup.outbox))
        self._backoff = backoff
        self._running: dict[MqttConnection, asyncio.Task[None]] = {}
        self._wills: dict[str, tuple[MqttConnection, Message]] = {}  # meter → its connection, its offline
        self._online, self._offline = _bridge_availability(setup, catalogue)
        self._process = self._make(setup.client_id, self._offline)
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def connected(self) -> bool:
        """The broker is there, as far as the process's own connection knows."""
        return self._process.connected

    @property
    def queued(self) -> int:
        """Messages that wait for the broker, of all connections."""
        return sum(connection.queued for connection in self._running)

    def start(self) -> None:
        """Connect; from here on every connection runs until ``close``."""
        self._process.publish(self._online)
        self._run(self._process)

    def of(self, meter: str, will: Message) -> MqttConnection:
        """Return the connection of a meter; made and started when it is asked for first."""
        if meter in self._wills:
            _log.warning(
                "two ports deliver the same meter: keep one, or set different ids in [[meter]] if they are two meters"
            )
            return self._wills[meter][0]
        connection = self._process
        if not self._setup.shared_connection:
            connection = self._make(f"{self._setup.client_id}-{meter}", will)
            self._run(connection)
        self._wills[meter] = connection, will
        return connection

    async def close(self) -> None:
        """Publish ``offline`` for every meter and the process, wait a bounded time for confirmation, disconnect."""
        last_words: dict[MqttConnection, list[Message]] = {connection: [] for connection in self._running}
        for connection, will in self._wills.values():
            last_words[connection].append(will)
        last_words[self._process].append(self._offline)
        await asyncio.gather(*(connection.close(words) for connection, words in last_words.items()))
        await asyncio.wait(self._running.values())

    def _make(self, client_id: str, will: Message) -> MqttConnection:
        return MqttConnection(
            self._broker, client_id=client_id, will=will, outbox=self._outbox(), backoff=self._backoff()
        )

    def _run(self, connection: MqttConnection) -> None:
        task = self._running[connection] = asyncio.create_task(connection.run(), name="mqtt")
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Pass on what ended a connection; only a bug does, since everything else is tried again."""
        if not task.cancelled() and (error := task.exception()) and not self.failure.done():
            self.failure.set_exception(error)


def _bridge_availability(setup: Setup, catalogue: Resolved) -> tuple[Message, Message]:
    topic = catalogue.topics["bridge_availability"]
    path = topic.path.format(prefix=setup.prefix, bridge=setup.bridge_id)
    online, offline = (
        Message(path, word, topic.qos, topic.retain, content_type=topic.content_type)
        for word in (b"online", b"offline")
    )
    return online, offline
