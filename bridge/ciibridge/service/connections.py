"""Which message goes over which connection: one a meter, each with its own last will, or one for all.

The process has a connection of its own in either case: it tells from the start whether the broker can be reached, even
while no meter has said its name yet, and its last will tells whether the bridge runs (``_bridge/<id>/availability``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ciimodel.catalogue import Resolved, Topic

from ciibridge.events import event
from ciibridge.normalise.identity import shortened
from ciibridge.publish.broker import Broker, BrokerSettings
from ciibridge.publish.mqtt import MqttConnection
from ciibridge.publish.outbox import MemoryOutbox, Outbox
from ciibridge.publish.retry import Backoff
from ciibridge.service.setup import Setup
from ciibridge.types import Message

_log: Final = logging.getLogger("ciibridge.mqtt")


class Connections:
    """The MQTT connections of this process.

    ``outbox`` gives the store of a connection by its meter's name, or "" for that of the process; ``backoff`` makes its
    patience.

    ``failure`` is done when a connection has ended with an exception, which is a bug.
    """

    def __init__(
        self,
        setup: Setup,
        catalogue: Resolved,
        *,
        outbox: Callable[[str], Outbox] | None = None,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        self._setup = setup
        self._broker = Broker(setup.broker, _log)
        self._outbox = outbox or (lambda _: MemoryOutbox(setup.outbox))
        self._catalogue = catalogue
        self._claimed: set[str] = set()  # meters that a task has asked for
        self._backoff = backoff
        self._running: dict[MqttConnection, asyncio.Task[None]] = {}
        self._wills: dict[str, tuple[MqttConnection, Message]] = {}  # meter → its connection, its offline
        self._online, self._offline = _bridge_availability(setup, catalogue)
        self._process = self._make("", setup.client_id, self._offline)
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
        if meter in self._claimed:
            _log.warning(
                "two ports deliver the same meter: keep one, or set different ids in [[meter]] if they are two meters",
                extra=event("same_meter_twice", meter=shortened(meter)),
            )
        self._claimed.add(meter)
        return self._connection(meter, will)

    def left_over(self, meter: str) -> None:
        """Send what an earlier process has left for a meter, though it has not said a word yet, and perhaps never will."""
        if not meter:
            self._process.look_again()
            return
        topic = self._catalogue.topics["availability"]
        will = _said(topic, topic.path.format(prefix=self._setup.prefix, meter=meter), b"offline")
        known = meter in self._wills
        connection = self._connection(meter, will)
        connection.look_again()
        if not known:
            connection.publish(will)

    def _connection(self, meter: str, will: Message) -> MqttConnection:
        if meter not in self._wills:
            connection = self._process
            if not self._setup.shared_connection:
                connection = self._make(meter, f"{self._setup.client_id}-{meter}", will)
                self._run(connection)
            self._wills[meter] = connection, will
        return self._wills[meter][0]

    def release(self, meter: str) -> None:
        """Take note that a meter is not read any more; its connection stays, for what still waits and for the next task."""
        self._claimed.discard(meter)

    async def move(self, broker: BrokerSettings) -> None:
        """Go over to another broker, or to other credentials, with everything that waits."""
        self._broker = Broker(broker, _log)
        wills = self._last_words()
        await asyncio.gather(*(c.move(self._broker, words) for c, words in wills.items()))

    async def begin_anew(self, setup: Setup) -> None:
        """Close all connections and begin as at the start, with another setup; what waits stays where it is."""
        await self.close()
        self._setup = setup
        self._broker = Broker(setup.broker, _log)
        self._running.clear()
        self._wills.clear()
        self._claimed.clear()
        self._online, self._offline = _bridge_availability(setup, self._catalogue)
        self._process = self._make("", setup.client_id, self._offline)
        self.start()

    async def close(self) -> None:
        """Publish ``offline`` for every meter and the process, wait a bounded time for confirmation, disconnect."""
        await asyncio.gather(*(c.close(words) for c, words in self._last_words().items()))
        await asyncio.wait(self._running.values())

    def _last_words(self) -> dict[MqttConnection, list[Message]]:
        """List what each connection says before it leaves a broker for good."""
        words: dict[MqttConnection, list[Message]] = {connection: [] for connection in self._running}
        for connection, will in self._wills.values():
            words[connection].append(will)
        words[self._process].append(self._offline)
        return words

    def _make(self, meter: str, client_id: str, will: Message) -> MqttConnection:
        return MqttConnection(
            self._broker, client_id=client_id, will=will, outbox=self._outbox(meter), backoff=self._backoff()
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
    return _said(topic, path, b"online"), _said(topic, path, b"offline")


def _said(topic: Topic, path: str, word: bytes) -> Message:
    return Message(path, word, topic.qos, topic.retain, content_type=topic.content_type)
