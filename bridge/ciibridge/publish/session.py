"""One MQTT connection from CONNECT to its end: paho-mqtt's client, driven by our event loop.

paho offers its network loop in three calls (``loop_read``, ``loop_write``, ``loop_misc``). Driven from the event loop they
save a thread and two context switches a message, every callback runs where the rest runs, and sending never waits: what
the kernel does not take stays in paho's buffer until the socket is writable. Only name look-up, TCP and TLS handshake block;
they run in a thread of their own, which may be abandoned (a daemon: a dead DNS server must not delay the end of the service).

A session is used once. What it could not deliver, it hands back.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ciibridge.publish.broker import (
    LOST,
    NO_ANSWER,
    NO_CONNACK,
    SILENT,
    Broker,
    Version,
    answered,
    unreachable,
)
from ciibridge.publish.outbox import Entry
from ciibridge.publish.retry import Reason
from ciibridge.types import Message

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

#: Unacknowledged messages at a time; a broker with MQTT 5 may ask for fewer (Receive Maximum, 3.2.2.3.3).
WINDOW: Final = 20
#: Messages that wait for room in the window; beyond it the broker counts as too slow to be there.
BACKLOG: Final = 10_000
_MISC_EVERY_S: Final = 1.0
#: A broker that has not confirmed a message for so long gets no further ones that must not be lost: they go to the outbox,
#: from where they reach the disk. So a kill of this process costs what was read in this time, not in a long silence.
_STALLED_S: Final = 2.0


#: Takes a message that was subscribed to: topic, payload, and whether it is an old one that the broker had kept.
Heard = Callable[[str, bytes, bool], None]


class Session:
    """A connection that is being made, stands, or has ended (``closed`` is done then and says why)."""

    def __init__(
        self,
        broker: Broker,
        version: Version,
        client_id: str,
        will: Message | None,
        heard: Heard | None = None,
    ) -> None:
        settings = broker.settings
        self._heard = heard
        self._broker = broker
        self._version = version
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[Reason] = self._loop.create_future()
        self._window = WINDOW
        self._in_flight: deque[tuple[MQTTMessageInfo, Message, Entry | None]] = deque()
        self._confirmed_at = float("-inf")  # when the broker last confirmed, or nothing was to be confirmed
        self._waiting: deque[tuple[Message, Entry | None]] = deque()
        self._accepted = self._confirmed = 0  # messages with QoS 1, in the order in which they were taken
        self._settled: asyncio.Event = asyncio.Event()
        self._writing = False
        self._properties: dict[tuple[int | None, str | None], Properties] = {}
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=True if version is Version.V311 else None,
            protocol=MQTTProtocolVersion.MQTTv311 if version is Version.V311 else MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages = 0  # the window is ours: paho does not heed Receive Maximum
        client.connect_timeout = 10.0
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        if settings.tls is not None:
            client.tls_set_context(settings.tls)
        if will is not None:
            properties = None
            if version is Version.V5 and will.content_type is not None:
                properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
                properties.ContentType = will.content_type
            client.will_set(will.topic, will.payload, will.qos, will.retain, properties)

    async def open(self, timeout_s: float) -> Reason | None:
        """Connect; None when it stands, else why not. ``timeout_s``: from CONNECT sent to CONNACK received."""
        error = await self._connect_in_thread()
        if error is not None:
            return unreachable(self._broker.settings, error)
        if (sock := self._client.socket()) is None:
            return NO_ANSWER  # closed again while CONNECT was being written
        # Only now: until here the client belonged to the thread, and callbacks must run in the loop.
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_socket_close = self._on_socket_close
        if self._version is Version.V5:
            self._client.on_publish = self._on_publish
        self._loop.add_reader(sock, self._read)
        self._watch_writing()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await asyncio.wait((self._opened, self.closed), return_when=asyncio.FIRST_COMPLETED)
        if self.closed.done():
            return self.closed.result()
        if not self._opened.done():
            self.abort(NO_CONNACK)
            return NO_CONNACK
        return None

    async def keep(self) -> Reason:
        """Send pings and wait until the connection has ended; returns why."""
        while not self.closed.done():
            await asyncio.wait({self.closed}, timeout=_MISC_EVERY_S)
            self._client.loop_misc()
            self._watch_writing()
        return self.closed.result()

    def send(self, message: Message, entry: Entry | None = None) -> bool:
        """Send or queue a message; False if it was not taken because the session has ended or cannot keep up.

        ``entry`` is handed back by ``undelivered`` if the broker has not confirmed the message before the end.
        """
        if self.closed.done():
            return False
        if message.qos == 0:
            # The kernel takes nothing any more: a live value that waits is worth less than the next one.
            return not self._client.want_write() and self._publish(message) is not None
        now_s = self._loop.time()
        if not self._in_flight:
            self._confirmed_at = now_s
        elif entry is not None and now_s - self._confirmed_at > _STALLED_S:
            return False
        if len(self._in_flight) >= self._window or self._waiting:
            if len(self._waiting) >= BACKLOG:
                return False
            self._waiting.append((message, entry))
        elif not self._send_confirmed(message, entry):
            return False
        self._accepted += 1
        return True

    def subscribe(self, filters: Iterable[str]) -> None:
        """Hear what comes on these topics; the broker answers with what it has kept of them before it takes what we send."""
        if wanted := [(topic, 0) for topic in filters]:
            self._client.subscribe(wanted)
            self._watch_writing()

    def undelivered(self) -> list[Entry]:
        """After the end: the entries that the broker has not confirmed, in their order."""
        entries = [entry for _, _, entry in self._in_flight] + [entry for _, entry in self._waiting]
        self._in_flight.clear()
        self._waiting.clear()
        return [entry for entry in entries if entry is not None]

    async def flushed(self) -> None:
        """Wait until the broker has confirmed everything that was sent until now, or the session has ended."""
        until = self._accepted
        while self._confirmed < until and not self.closed.done():
            self._settled.clear()
            waiter = asyncio.ensure_future(self._settled.wait())
            await asyncio.wait((waiter, self.closed), return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()

    async def disconnect(self, timeout_s: float) -> None:
        """End the session in good order: the broker does not send the will."""
        if self.closed.done():
            return
        self._client.disconnect()
        self._watch_writing()
        await asyncio.wait({self.closed}, timeout=timeout_s)
        self.abort(LOST)

    def abort(self, reason: Reason) -> None:
        """End the session at once, without DISCONNECT."""
        if sock := self._client.socket():
            self._on_socket_close(self._client, None, sock)
            self._client.on_socket_close = None
            sock.close()
        self._end(reason)

    # -- paho's side -------------------------------------------------------------------------------------------------

    def _connect_in_thread(self) -> asyncio.Future[Exception | None]:
        done: asyncio.Future[Exception | None] = self._loop.create_future()
        settings = self._broker.settings

        def deliver(error: Exception | None) -> None:
            if done.done():
                self.abort(LOST)  # nobody waits any more
            else:
                done.set_result(error)

        def connect() -> None:
            error: Exception | None = None
            try:
                self._client.connect(settings.host, settings.port, settings.keepalive_s)
            except (OSError, ValueError) as caught:  # ValueError: a host name that IDNA cannot encode
                error = caught
            with suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits
                self._loop.call_soon_threadsafe(deliver, error)

        threading.Thread(target=connect, name="mqtt-connect", daemon=True).start()
        return done

    def _publish(self, message: Message) -> MQTTMessageInfo | None:
        info = self._client.publish(
            message.topic, message.payload, message.qos, message.retain, self._properties_of(message)
        )
        self._watch_writing()
        return info if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def _send_confirmed(self, message: Message, entry: Entry | None) -> bool:
        info = self._publish(message)
        if info is None:
            return False
        self._in_flight.append((info, message, entry))
        return True

    def _properties_of(self, message: Message) -> Properties | None:
        if self._version is Version.V311:
            return None
        key = (message.expiry_s, message.content_type)
        if (properties := self._properties.get(key)) is None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            if message.expiry_s is not None:
                properties.MessageExpiryInterval = message.expiry_s
            if message.content_type is not None:
                properties.ContentType = message.content_type
            self._properties[key] = properties
        return properties

    def _read(self) -> None:
        self._client.loop_read()
        # TLS may hold whole packets that the selector cannot see.
        while isinstance(sock := self._client.socket(), ssl.SSLSocket) and sock.pending():
            self._client.loop_read()
        before = self._confirmed
        while self._in_flight and self._in_flight[0][0].is_published():  # acknowledged in order: 4.6
            self._in_flight.popleft()
            self._confirmed += 1
        while self._waiting and len(self._in_flight) < self._window and not self.closed.done():
            message, entry = self._waiting[0]
            if not self._send_confirmed(message, entry):
                break
            self._waiting.popleft()
        if self._confirmed > before:
            self._confirmed_at = self._loop.time()
            self._settled.set()
        self._watch_writing()

    def _watch_writing(self) -> None:
        sock = self._client.socket()
        wanted = sock is not None and self._client.want_write()
        if sock is not None and wanted is not self._writing:
            if wanted:
                self._loop.add_writer(sock, self._write)
            else:
                self._loop.remove_writer(sock)
            self._writing = wanted

    def _write(self) -> None:
        self._client.loop_write()
        self._watch_writing()

    def _on_connect(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._end(answered(code.value))
            return
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        if not self._opened.done():
            self._opened.set_result(None)

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._end(answered(code.value))
        elif code.getName() == "Keep alive timeout":
            self._end(SILENT)
        else:
            self._end(LOST if self._opened.done() else NO_ANSWER)

    def _on_publish(
        self, _client: Client, _data: object, mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:  # only PUBACK can say so, and only in MQTT 5 (3.4.2.1)
            for info, message, _ in self._in_flight:
                if info.mid == mid:
                    self._broker.refuses(message.topic, answered(code.value))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if self._heard is not None:
            self._heard(message.topic, bytes(message.payload), message.retain)

    def _on_socket_close(self, _client: Client, _data: object, sock: SocketLike) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)
        self._writing = False

    def _end(self, reason: Reason) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)
        self._settled.set()
