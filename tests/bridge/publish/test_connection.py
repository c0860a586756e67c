"""A connection against a broker of our own, octet by octet: refusals, silence, slowness, and what is kept meanwhile.

fixed header (MQTT 5, 2.1)   packet type × 16 + flags · remaining length (1 to 4 octets) · the rest
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from ciibridge.publish import mqtt as mqtt_module
from ciibridge.publish import session as session_module
from ciibridge.publish.broker import Broker, BrokerSettings
from ciibridge.publish.mqtt import MqttConnection
from ciibridge.publish.outbox import MemoryOutbox
from ciibridge.publish.retry import Backoff
from ciibridge.types import Message

CONNECT, PUBLISH, PUBACK, PINGREQ, DISCONNECT = 1, 3, 4, 12, 14
ACCEPTED = {4: b"\x20\x02\x00\x00", 5: b"\x20\x03\x00\x00\x00"}
WILL = Message("m/availability", b"offline", 1, retain=True)
ONLINE = Message("m/availability", b"online", 1, retain=True)


def state(number: int) -> Message:
    return Message("m/state", b"%d" % number, 1, retain=False, later="m/history")


def live(number: int) -> Message:
    return Message("m/value", b"%d" % number, 0, retain=False, expiry_s=60, content_type="text/plain")


#: CONNACK of MQTT 3.1.1: unacceptable protocol version.
REFUSED = b"\x20\x02\x00\x01"


@dataclass
class FakeBroker:
    """Answers CONNECT as told, and acknowledges what is published if ``acknowledges``."""

    connack: Callable[[int], bytes | None] = (
        ACCEPTED.__getitem__
    )  # by protocol level; None: hang up; b"": say nothing
    acknowledges: bool = True
    reads: bool = True
    versions: list[int] = field(default_factory=list)
    published: list[tuple[str, bytes, int]] = field(default_factory=list)
    unacknowledged: list[int] = field(default_factory=list)
    most_unacknowledged: int = 0
    pings: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    port: int = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 16)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        version = 0
        try:
            while True:
                kind, body, flags = await self._packet(reader)
                if kind == CONNECT:
                    version = body[6]
                    self.versions.append(version)
                    answer = self.connack(version)
                    if answer is None:
                        return
                    writer.write(answer)
                elif kind == PUBLISH:
                    self._take(body, flags, version, writer)
                elif kind == PINGREQ:
                    self.pings += 1
                elif kind == DISCONNECT:
                    return
                while not self.reads:
                    await asyncio.sleep(0.01)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes, int]:
        first = (await reader.readexactly(1))[0]
        length, shift = 0, 0
        while True:
            octet = (await reader.readexactly(1))[0]
            length |= (octet & 127) << shift
            shift += 7
            if octet < 128:
                return first >> 4, await reader.readexactly(length), first & 15

    def _take(self, body: bytes, flags: int, version: int, writer: asyncio.StreamWriter) -> None:
        (size,) = struct.unpack_from(">H", body)
        topic, rest, qos = body[2 : 2 + size].decode(), body[2 + size :], flags >> 1 & 3
        if qos:
            (mid,) = struct.unpack_from(">H", rest)
            rest = rest[2:]
            self.unacknowledged.append(mid)
            self.most_unacknowledged = max(self.most_unacknowledged, len(self.unacknowledged))
        if version == 5:
            rest = rest[1 + rest[0] :]
        self.published.append((topic, rest, qos))
        if qos and self.acknowledges:
            self.acknowledge(writer)

    def acknowledge(self, writer: asyncio.StreamWriter) -> None:
        for mid in self.unacknowledged:
            writer.write(b"\x40\x02" + struct.pack(">H", mid))
        self.unacknowledged.clear()

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in self.published if name == topic]


Play = Callable[[FakeBroker, MqttConnection], Awaitable[None]]


def play(fake: FakeBroker, script: Play, *, keepalive_s: int = 60, outbox: int = 1000) -> None:
    """Run a script with a connection to the fake broker; both are closed afterwards."""

    async def go() -> None:
        server = await fake.start()
        settings = BrokerSettings("127.0.0.1", fake.port, keepalive_s=keepalive_s)
        connection = MqttConnection(
            Broker(settings, logging.getLogger("test.mqtt")),
            client_id="test",
            will=WILL,
            outbox=MemoryOutbox(outbox),
            backoff=Backoff(first_s=0.02, longest_s=0.05),
        )
        running = asyncio.create_task(connection.run())
        try:
            await script(fake, connection)
        finally:
            fake.reads = fake.acknowledges = True
            await connection.close([WILL], timeout_s=0.2)
            await asyncio.wait_for(running, 1)
            server.close()
            for writer in fake.writers:
                writer.close()
            await asyncio.sleep(0)

    asyncio.run(go())


async def until(condition: Callable[[], object], timeout_s: float = 3.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


def test_messages_before_the_connection_are_sent_when_it_stands() -> None:
    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        connection.publish(ONLINE)
        connection.publish(state(1))
        connection.publish(state(2))
        connection.publish(live(1))
        await until(lambda: len(fake.published) >= 4)
        # The newest of each topic is still news; what came before it is history.
        assert sorted(fake.published) == [
            ("m/availability", b"online", 1),
            ("m/history", b"1", 1),
            ("m/state", b"2", 1),
            ("m/value", b"1", 0),
        ]
        assert connection.queued == 0

    play(FakeBroker(), script)


def test_what_is_not_fresh_any_more_is_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_module, "_FRESH_S", -1.0)

    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        connection.publish(state(1))
        connection.publish(live(1))
        await until(lambda: fake.published)
        assert fake.published == [("m/history", b"1", 1)]

    play(FakeBroker(), script)


def test_unconfirmed_messages_of_a_lost_connection_come_again_in_order() -> None:
    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        await until(lambda: connection.connected)
        fake.acknowledges = False
        for number in range(5):
            connection.publish(state(number))
        await until(lambda: len(fake.payloads("m/state")) == 5)
        fake.unacknowledged.clear()
        fake.acknowledges = True
        fake.writers[-1].transport.abort()
        await until(lambda: not connection.connected)
        connection.publish(state(5))
        await until(lambda: len(fake.payloads("m/history")) == 5)
        assert fake.payloads("m/history") == [b"0", b"1", b"2", b"3", b"4"]
        assert fake.payloads("m/state")[-1] == b"5"

    play(FakeBroker(), script)


def test_retained_topics_are_sent_again_with_their_last_value_and_cleared_ones_are_not() -> None:
    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        for message in (ONLINE, Message("m/a", b"1", 1, retain=True), Message("m/a", b"2", 1, retain=True)):
            connection.publish(message)
        connection.publish(Message("m/b", b"1", 1, retain=True))
        connection.publish(Message("m/b", b"", 1, retain=True))
        await until(lambda: len(fake.published) >= 2)
        fake.published.clear()
        fake.writers[-1].transport.abort()
        await until(lambda: len(fake.published) >= 2)
        assert fake.published == [("m/availability", b"online", 1), ("m/a", b"2", 1)]

    play(FakeBroker(), script)


@pytest.mark.parametrize("answer", [REFUSED, None, b""], ids=["refuses", "hangs up", "says nothing"])
def test_a_broker_without_mqtt_5(
    answer: bytes | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(mqtt_module, "_CONNACK_5_S", 0.1)
    fake = FakeBroker(connack=lambda version: answer if version == 5 else ACCEPTED[4])

    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        for _ in range(2):
            await until(lambda: connection.connected)
            connection.publish(state(1))
            await until(lambda: fake.published)
            fake.writers[-1].transport.abort()
            await until(lambda: not connection.connected)
        await until(lambda: connection.connected)
        # A clear refusal is remembered; a broker that only hung up may have had another reason, and is asked twice.
        each = [5, 4] if answer is not None else [5, 5, 4]
        assert fake.versions == ([5, 4, 4, 4] if answer == REFUSED else each * 3)

    play(fake, script)
    said = [text for text in caplog.messages if "going on with 3.1.1" in text]
    assert len(said) == 1
    assert ("it does not take MQTT 5" if answer == REFUSED else "it does not answer MQTT 5") in said[0]


def test_a_broker_that_dies_while_it_is_asked_is_asked_again_in_the_same_tongue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    answers = iter([None, ACCEPTED[5]])
    fake = FakeBroker(connack=lambda _: next(answers))

    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        await until(lambda: connection.connected)
        assert fake.versions == [5, 5]

    play(fake, script)
    assert "3.1.1" not in caplog.text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x86, "user name or password is wrong"),
        (0x87, "not allowed"),
        (0x88, "not available"),
        (0x97, "reason code 151"),
    ],
)
def test_refusals_in_words_once(code: int, words: str, caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeBroker(connack=lambda _: bytes((0x20, 3, 0, code, 0)))

    async def script(fake: FakeBroker, _connection: MqttConnection) -> None:
        await until(lambda: len(fake.versions) >= 4)

    play(fake, script)
    assert len(caplog.messages) == 1
    assert words in caplog.messages[0]


def test_a_connection_that_is_taken_over_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        await until(lambda: connection.connected)
        fake.writers[-1].write(b"\xe0\x02\x8e\x00")
        await until(lambda: "another client with the same client id" in caplog.text)

    play(FakeBroker(), script)


def test_a_broker_that_falls_silent_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        await until(lambda: connection.connected)
        await until(lambda: "does not answer any more" in caplog.text, 5)
        assert fake.pings >= 1

    play(FakeBroker(), script, keepalive_s=1)


def test_the_brokers_receive_maximum_is_kept() -> None:
    """CONNACK with property 0x21, Receive Maximum = 3 (MQTT 5, 3.2.2.3.3): a client that sends more is thrown out."""
    fake = FakeBroker(connack=lambda _: b"\x20\x06\x00\x00\x03\x21\x00\x03", acknowledges=False)

    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        await until(lambda: connection.connected)
        for number in range(30):
            connection.publish(state(number))
        await until(lambda: len(fake.published) == 3)
        await asyncio.sleep(0.05)
        assert fake.most_unacknowledged == 3
        fake.acknowledges = True
        fake.acknowledge(fake.writers[-1])
        await until(lambda: len(fake.published) == 30)
        assert fake.payloads("m/state") == [b"%d" % number for number in range(30)]

    play(fake, script)


def test_a_broker_that_confirms_nothing_does_not_hold_us_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "BACKLOG", 50)
    fake = FakeBroker(acknowledges=False)

    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        await until(lambda: connection.connected)
        for number in range(100):
            connection.publish(state(number))
        assert connection.queued == 100 - session_module.WINDOW - 50, (
            "what is beyond the window and its queue waits"
        )
        await until(lambda: len(fake.published) == session_module.WINDOW)
        fake.acknowledges = True
        fake.acknowledge(fake.writers[-1])
        await until(lambda: len(fake.published) == 100)
        assert fake.payloads("m/state") == [b"%d" % number for number in range(70)]
        assert fake.payloads("m/history") == [b"%d" % number for number in range(70, 100)]

    play(fake, script)


def test_a_broker_that_reads_nothing_costs_live_values_only(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBroker()
    value = Message("m/value", b"x" * 10_000, 0, retain=False)

    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        await until(lambda: connection.connected)
        fake.reads = False
        begin = time.monotonic()
        for _ in range(2000):  # 20 MB, more than the kernel takes
            connection.publish(value)
        assert time.monotonic() - begin < 1
        connection.publish(state(1))
        fake.reads = True
        await until(lambda: fake.payloads("m/state"), 5)
        assert len(fake.payloads("m/value")) < 2000
        assert connection.connected

    play(fake, script)


def test_the_outbox_overflows_at_its_oldest_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_module, "_FRESH_S", -1.0)

    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        for number in range(10):
            connection.publish(state(number))
        assert (connection.queued, connection.dropped) == (3, 7)
        await until(lambda: len(fake.published) == 3)
        assert fake.payloads("m/history") == [b"7", b"8", b"9"]

    play(FakeBroker(), script, outbox=3)


def test_close_says_the_last_words_before_it_disconnects() -> None:
    fake = FakeBroker()

    async def script(_fake: FakeBroker, connection: MqttConnection) -> None:
        connection.publish(ONLINE)
        await until(lambda: connection.connected)

    play(fake, script)
    assert fake.payloads("m/availability") == [b"online", b"offline"]


def test_close_does_not_wait_for_a_broker_that_does_not_confirm(caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> float:
        fake = FakeBroker(acknowledges=False)
        server = await fake.start()
        broker = Broker(BrokerSettings("127.0.0.1", fake.port), logging.getLogger("test.mqtt"))
        connection = MqttConnection(broker, client_id="test", will=WILL, outbox=MemoryOutbox())
        running = asyncio.create_task(connection.run())
        await until(lambda: connection.connected)
        begin = time.monotonic()
        await connection.close([WILL], timeout_s=0.3)
        await running
        server.close()
        return time.monotonic() - begin

    assert asyncio.run(go()) < 0.8
    assert "did not confirm the last messages" in caplog.text


def test_close_while_connecting(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeBroker(connack=lambda _: b"")

    async def script(fake: FakeBroker, _connection: MqttConnection) -> None:
        await until(lambda: fake.versions)

    begin = time.monotonic()
    play(fake, script)
    assert time.monotonic() - begin < 1
    assert caplog.messages == []


def test_a_broker_that_stops_confirming_gets_no_more_of_what_must_not_be_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that it reaches the disk, and a kill does not cost what was read during a long silence."""
    monkeypatch.setattr(session_module, "_STALLED_S", 0.3)
    fake = FakeBroker()

    async def script(fake: FakeBroker, connection: MqttConnection) -> None:
        await until(lambda: connection.connected)
        connection.publish(state(1))
        await until(lambda: not fake.unacknowledged and fake.payloads("m/state"))
        await asyncio.sleep(0.5)  # nothing to confirm is no silence
        fake.acknowledges = False
        connection.publish(state(2))
        connection.publish(state(3))
        await asyncio.sleep(0.5)
        connection.publish(state(4))
        connection.publish(live(1))
        assert connection.queued == 1
        await until(lambda: fake.payloads("m/value"))
        fake.acknowledges = True
        fake.acknowledge(fake.writers[-1])
        await until(lambda: connection.queued == 0)
        connection.publish(state(5))
        await until(lambda: len(fake.payloads("m/state")) == 4)
        assert fake.payloads("m/state") == [b"1", b"2", b"3", b"5"]
        assert fake.payloads("m/history") == [b"4"]

    play(fake, script)
