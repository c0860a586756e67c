"""A connection to the broker that never gives up: what is published here arrives, late if it must.

    publish() ──┬─ connected ───────────────► Session ──► broker
                └─ away ─┬─ retained: the last value of each topic is remembered ─┐
                         ├─ the last of each topic, while it is fresh ────────────┼─► sent on return
                         └─ ``later``: Outbox ────────────────────────────────────┘

Each connection has one last will (MQTT 3.1.2.5), so there is one a meter, or one for the whole process. On every
(re)connection all retained topics are sent again, since a broker may have lost them; then what waited follows in its
order under its ``later`` topic, slowly, beside the live values. ``publish`` never waits and never raises.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from paho.mqtt.client import topic_matches_sub

from ciibridge.events import event
from ciibridge.publish.broker import LOST, NO_ANSWER, UNSTABLE, Broker, Version
from ciibridge.publish.outbox import Entry, Outbox
from ciibridge.publish.retry import Backoff, Reason
from ciibridge.publish.session import Heard, Session
from ciibridge.types import Message

_log: Final = logging.getLogger(__name__)
#: Throttle of what waited: so many messages, then a pause. 100 a second is 8 hours of a 5 s meter in a minute.
_HISTORY_BATCH: Final = 10
_HISTORY_PAUSE_S: Final = 0.1
#: A connection that held so long was a good one: the next loss starts with short waits again.
_STABLE_S: Final = 30.0
_SHORT_LIVES: Final = 3
_LOOK_AGAIN_S: Final = 30.0
_CONNACK_S: Final = 10.0
_CONNACK_5_S: Final = 3.0
#: A live message that could not be sent is still news for so long: a telegram that came in while the connection was
#: being made is ``state``, not ``history``.
_FRESH_S: Final = 10.0


class MqttConnection:
    """One MQTT connection with its last will, its outbox and its memory of retained topics.

    ``run`` is to be started as a task; ``close`` ends it.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        client_id: str,
        will: Message | None,
        outbox: Outbox,
        backoff: Backoff | None = None,
    ) -> None:
        self.client_id = client_id
        self._broker = broker
        self._will = will
        self._outbox = outbox
        self._backoff = backoff or Backoff()
        self._session: Session | None = None
        self._retained: dict[str, Message] = {}
        self._fresh: dict[str, tuple[float, Message, Entry | None]] = {}
        self._hung_up = False  # it hung up on the last CONNECT, and is asked once more
        self._short_lives = 0  # connections in a row that did not hold
        self._closing = asyncio.Event()
        self._moved = asyncio.Event()
        self._waits = asyncio.Event()  # something is in the outbox
        self._listeners: dict[tuple[str, ...], Heard] = {}
        self.look_again()

    @property
    def connected(self) -> bool:
        """Messages go out now."""
        return self._session is not None

    @property
    def queued(self) -> int:
        """Messages that wait for the broker."""
        return len(self._outbox)

    @property
    def dropped(self) -> int:
        """Messages that were lost because too many waited, since the start."""
        return self._outbox.dropped

    def look_again(self) -> None:
        """Look into the outbox: something may have turned up there that was not put into it here."""
        if len(self._outbox):
            self._waits.set()

    def publish(self, message: Message) -> None:
        """Send now, or keep what must not be lost.

        A retained message is remembered until the next one of its topic. Another is kept only if its ``later`` names the
        topic under which it is to be published on the broker's return; without it, it is dropped.
        """
        if message.retain:
            if message.payload:
                self._retained[message.topic] = message
            else:
                self._retained.pop(message.topic, None)
        entry = None
        if message.later is not None:
            order = self._outbox.next_order()
            entry = Entry(order, replace(message, topic=message.later, expiry_s=None))
        if self._session is not None and self._session.send(message, entry):
            return
        if entry is not None:
            self._keep(entry)
        if not message.retain and message.later != message.topic:
            self._fresh[message.topic] = (time.monotonic(), message, entry)

    def subscribe(self, filters: Iterable[str], heard: Heard) -> None:
        """Hear what comes on these topics, on this connection and on every later one; in place of who heard them before."""
        wanted = tuple(filters)
        self._listeners[wanted] = heard
        if self._session is not None:
            self._session.subscribe(wanted)

    async def run(self) -> None:
        """Connect, hold, connect again, until ``close``. Failures are logged once each and counted."""
        versions = self._broker.versions()
        while not self._closing.is_set():
            broker = self._broker
            session, reason = await self._connect(versions[0])
            if self._closing.is_set():
                if session is not None:
                    session.abort(_CLOSING)  # without DISCONNECT, so that the broker sends the will
                return
            if broker is not self._broker:  # it moved meanwhile
                if session is not None:
                    await session.disconnect(timeout_s=0.2)
                versions = self._broker.versions()
                continue
            if session is None:
                versions = self._next_versions(versions, reason)
                if not versions:
                    self._broker.outage.failed(reason)
                    await self._pause(self._backoff.next_s())
                    versions = self._broker.versions()
                continue
            reason = await self._hold(session, versions[0])
            if not self._closing.is_set() and broker is self._broker:
                self._broker.outage.failed(reason)
                await self._pause(self._backoff.next_s())
            versions = self._broker.versions()

    async def move(self, broker: Broker, farewell: Iterable[Message], timeout_s: float = 1.0) -> None:
        """Leave this broker in good order, with last words that are for it alone, and go to another one."""
        self._broker = broker
        self._backoff.reset()
        self._moved.set()
        session = self._session
        if session is not None:
            for message in farewell:
                session.send(message)
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await session.flushed()
            await session.disconnect(timeout_s=0.2)

    async def close(self, farewell: Iterable[Message], timeout_s: float = 1.0) -> None:
        """Publish the last words (``offline``), wait for the broker's confirmation, disconnect; bounded in time."""
        for message in farewell:
            self.publish(message)
        session = self._session
        self._closing.set()
        if session is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await session.flushed()
        except TimeoutError:
            _log.warning(
                "%s: It did not confirm the last messages in time",
                self._broker.outage.subject,
                extra=event("not_confirmed", broker=self._broker.settings.url),
            )
        await session.disconnect(timeout_s=0.2)

    async def _connect(self, version: Version) -> tuple[Session | None, Reason]:
        session = Session(self._broker, version, self.client_id, self._will, self._heard)
        # A broker that chokes on MQTT 5 may just fall silent: do not wait long before the older protocol is tried.
        patience_s = _CONNACK_5_S if version is Version.V5 else _CONNACK_S
        opening = asyncio.ensure_future(session.open(patience_s))
        closing = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait({opening, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not opening.done():
            opening.cancel()
            session.abort(_CLOSING)
            return None, _CLOSING
        reason = opening.result()
        return (session, _CLOSING) if reason is None else (None, reason)

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - as Session calls it
        for filters, heard in self._listeners.items():
            if any(topic_matches_sub(pattern, topic) for pattern in filters):
                heard(topic, payload, retained)

    def _next_versions(self, versions: tuple[Version, ...], reason: Reason) -> tuple[Version, ...]:
        """List what to try at once; empty: an older protocol does not help.

        Some brokers say that they do not know MQTT 5, others fall silent or just hang up. So does one that dies or is restarted
        in this moment: one that hangs up is asked a second time.
        """
        hung_up, self._hung_up = self._hung_up, False
        if reason.words == NO_ANSWER.words and len(versions) > 1 and not hung_up:
            self._hung_up = True
            return versions
        if reason.code == "protocol" and len(versions) > 1:
            self._broker.refused_version()
        return versions[1:] if reason.code in {"protocol", NO_ANSWER.code} else ()

    async def _hold(self, session: Session, version: Version) -> Reason:
        """Send what is owed over a connection that stands, and stay until it ends."""
        self._session = session
        self._hung_up = False
        loop = asyncio.get_running_loop()
        since = loop.time()
        self._broker.speaks(version)
        self._broker.outage.recovered(f"connected (MQTT {version})")
        # first: what the broker has kept comes before our own retained messages take its place
        session.subscribe([topic for filters in self._listeners for topic in filters])
        for message in list(self._retained.values()):
            session.send(message)
        self._send_fresh(session)
        draining = asyncio.ensure_future(self._drain(session))
        try:
            reason = await session.keep()
        finally:
            self._session = None
            draining.cancel()
            for entry in session.undelivered():
                self._keep(entry)
        if loop.time() - since >= _STABLE_S:
            self._backoff.reset()
            self._short_lives = 0
            return reason
        self._short_lives += 1
        return UNSTABLE if reason is LOST and self._short_lives >= _SHORT_LIVES else reason

    def _send_fresh(self, session: Session) -> None:
        oldest = time.monotonic() - _FRESH_S
        for when, message, entry in self._fresh.values():
            if when >= oldest and session.send(message, entry) and entry is not None:
                self._outbox.settle((entry.order,))
        self._fresh.clear()

    async def _drain(self, session: Session) -> None:
        """Send what waited, oldest first, batch by batch; forget a batch when the broker has confirmed it."""
        while True:
            await self._waits.wait()
            self._waits.clear()
            if waiting := len(self._outbox):
                _log.info(
                    "%s: sending %d messages that waited",
                    self._broker.outage.subject,
                    waiting,
                    extra=event("catching_up", broker=self._broker.settings.url, messages=waiting),
                )
            while batch := await self._outbox.peek(_HISTORY_BATCH):
                for entry in batch:
                    while not session.send(entry.message) and not session.closed.done():
                        await session.flushed()  # it cannot keep up: let it catch up first
                        await asyncio.sleep(_HISTORY_PAUSE_S)
                await session.flushed()
                if session.closed.done():
                    return
                self._outbox.settle(entry.order for entry in batch)
                await asyncio.sleep(_HISTORY_PAUSE_S)
            # What is left cannot be read now, if the disk fails.
            asyncio.get_running_loop().call_later(_LOOK_AGAIN_S, self.look_again)

    def _keep(self, entry: Entry) -> None:
        self._outbox.put(entry)
        self._waits.set()

    async def _pause(self, wait_s: float) -> None:
        """Wait before the next try, unless the service ends or there is another broker to try."""
        self._moved.clear()
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._closing, self._moved)]
        await asyncio.wait(waiting, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        for waiter in waiting:
            waiter.cancel()


_CLOSING: Final = Reason("closing", "the service ends")
