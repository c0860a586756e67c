"""Listening to what is published on a broker, by whomever: for ``status``, ``check`` and ``doctor``.

    Ear.open ──► subscribed ──► hear(Overheard) … ──► quiet ──► Ear.close

It has a client id of its own and no last will, so nobody notices it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ciibridge.publish.broker import Broker, BrokerSettings, Version
from ciibridge.publish.retry import Reason
from ciibridge.publish.session import Session
from ciibridge.publish.trial import connect_once
from ciibridge.types import Message

_log: Final = logging.getLogger(__name__)
#: The highest: a message comes with the QoS with which it was published.
_QOS: Final = 2
_SUBACK_S: Final = 5.0
_REFUSED: Final = 0x80
_MAY_NOT_READ: Final = Reason(
    "not_authorised",
    "the user may not subscribe to these topics",
    "Give username and password, or allow the user to read the prefix on the broker.",
)


@dataclass(frozen=True, slots=True)
class Overheard:
    """A message as it arrived.

    ``retain``: kept by the broker from before; with ``as_published`` (MQTT 5 only) as the publisher sent it.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry_s: int | None = None
    content_type: str | None = None


class Ear:
    """Listens to ``filters``; ``hear`` is called in the event loop with each message."""

    def __init__(
        self,
        settings: BrokerSettings,
        filters: Sequence[str],
        hear: Callable[[Overheard], None],
        *,
        as_published: bool = False,
        client_id: str | None = None,
        broker: Broker | None = None,
    ) -> None:
        self._broker = broker or Broker(settings, _log)
        self._client_id = client_id or f"ciibridge-look-{os.getpid()}"
        self._filters = filters
        self._hear = hear
        self._as_published = as_published
        self._session: _Listening | None = None
        self._keeping: asyncio.Task[Reason] | None = None
        self._last_s = 0.0

    @property
    def version(self) -> Version | None:
        """The protocol that is spoken; None: no connection stands."""
        return self._session.version if self._session is not None else None

    async def open(self) -> Reason | None:
        """Connect and subscribe; None when the broker has confirmed it, else why not."""
        made = await connect_once(
            self._broker,
            lambda version: _Listening(
                self._broker, version, self._client_id, self._heard, as_published=self._as_published
            ),
        )
        if isinstance(made, Reason):
            return made
        self._session = made
        self._keeping = asyncio.create_task(made.keep())
        return await made.listen(self._filters)

    async def quiet(self, silence_s: float, bound_s: float) -> None:
        """Wait until nothing has come for ``silence_s``, at most ``bound_s``: then what the broker keeps has arrived."""
        loop = asyncio.get_running_loop()
        self._last_s, end_s = loop.time(), loop.time() + bound_s
        while (now_s := loop.time()) < min(self._last_s + silence_s, end_s) and not self._lost:
            await asyncio.sleep(min(self._last_s + silence_s, end_s) - now_s)

    async def say(self, message: Message, timeout_s: float) -> bool:
        """Publish a message with QoS 1; True when the broker has confirmed it in time, whatever it thinks of it."""
        if self._session is None or not self._session.send(message):
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._session.flushed()
        except TimeoutError:
            return False
        return not self._lost

    def lost(self) -> Reason | None:
        """Tell why the connection has ended; None: it stands."""
        return self._session.closed.result() if self._session is not None and self._lost else None

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.disconnect(timeout_s=1.0)
        if self._keeping is not None:
            await self._keeping

    @property
    def _lost(self) -> bool:
        return self._session is None or self._session.closed.done()

    def _heard(self, message: Overheard) -> None:
        self._last_s = asyncio.get_running_loop().time()
        self._hear(message)


class _Listening(Session):
    """A session that tells all of a message."""

    def __init__(
        self,
        broker: Broker,
        version: Version,
        client_id: str,
        told: Callable[[Overheard], None],
        *,
        as_published: bool,
    ) -> None:
        super().__init__(broker, version, client_id, None)
        self.version = version
        self._told = told
        self._as_published = as_published
        self._granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def listen(self, filters: Sequence[str]) -> Reason | None:
        """Subscribe; None when the broker has granted it."""
        self._client.on_subscribe = self._on_subscribe
        if self.version is Version.V5:
            options = SubscribeOptions(qos=_QOS, retainAsPublished=self._as_published)
            self._client.subscribe([(topic, options) for topic in filters])
        else:
            self._client.subscribe([(topic, _QOS) for topic in filters])
        self._watch_writing()
        await asyncio.wait(
            (self._granted, self.closed), timeout=_SUBACK_S, return_when=asyncio.FIRST_COMPLETED
        )
        if self.closed.done():
            return self.closed.result()
        if not self._granted.done():
            return Reason("no_answer", "it does not answer a subscription", "Look at the broker's log.")
        return None if self._granted.result() else _MAY_NOT_READ

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        _mid: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if not self._granted.done():
            self._granted.set_result(all(code.value < _REFUSED for code in codes))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        properties = getattr(message, "properties", None)
        self._told(
            Overheard(
                message.topic,
                bytes(message.payload),
                message.qos,
                message.retain,
                getattr(properties, "MessageExpiryInterval", None),
                getattr(properties, "ContentType", None),
            )
        )


class Asked(Broker):
    """A broker that remembers why it refused a message (MQTT 5 only) instead of logging it."""

    refusal: Reason | None = None

    def refuses(self, topic: str, reason: Reason) -> None:  # noqa: ARG002 - as Broker calls it
        """Take note of it."""
        self.refusal = self.refusal or reason
