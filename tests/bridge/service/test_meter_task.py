"""One meter's task with a port, a clock and a connection of our own: silence, losses, bugs, and what is told."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import ciimodel
import pytest
from ciibridge.errors import TransportError
from ciibridge.normalise.identity import shortened
from ciibridge.normalise.settings import MeterSettings
from ciibridge.publish.messages import Messages
from ciibridge.publish.retry import Backoff
from ciibridge.service import meter as meter_module
from ciibridge.service.meter import MeterTask
from ciibridge.service.meter_setup import MeterSetup
from ciibridge.service.state import State
from ciibridge.simulate import SimulatedMeter
from ciibridge.transport import LinkSettings
from ciibridge.types import Message
from service_parts import METER_ID

CATALOGUE = ciimodel.load()
NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)
TELEGRAM = SimulatedMeter(CATALOGUE, "lg-e450").telegrams(NOW)
METER = f"cii/v1/{METER_ID}"


class Port:
    """A transport that plays a script: octets, an error to raise, or None for silence for ever."""

    name = "port"

    def __init__(self, *script: bytes | Exception | None) -> None:
        self._script = list(script)
        self.opened = 0

    async def open(self) -> None:
        self.opened += 1
        if self._script and isinstance(self._script[0], TransportError) and str(self._script[0]) == "open":
            raise self._script.pop(0)  # type: ignore[misc]

    async def read(self) -> bytes:
        if not self._script or self._script[0] is None:
            if self._script:
                self._script.pop(0)
            await asyncio.Event().wait()
        item = self._script.pop(0)
        if isinstance(item, Exception):
            raise item
        assert isinstance(item, bytes)
        await asyncio.sleep(0)
        return item

    async def close(self) -> None:
        pass


class Wire:
    """A connection that keeps what is published."""

    queued = 0
    dropped = 0

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        self.messages.append(message)

    def payloads(self, topic: str) -> list[str]:
        return [
            message.payload.decode(errors="replace") for message in self.messages if message.topic == topic
        ]


class Bench:
    """A meter's task on the bench; ``now`` is its clock."""

    def __init__(
        self,
        port: Port,
        monkeypatch: pytest.MonkeyPatch,
        *,
        raw: bool = False,
        name: str | None = None,
        state: State | None = None,
        protocol: str = "dlms-hdlc",
    ) -> None:
        monkeypatch.setattr(meter_module, "open_transport", lambda _url, _link: port)
        self.now = NOW
        self.set_by = timedelta(0)
        self.wire = Wire()
        self.asked: list[str] = []
        settings = MeterSettings(id=name)
        self.task = MeterTask(
            MeterSetup("port", LinkSettings(), settings, protocol),
            CATALOGUE,
            Messages(CATALOGUE, settings, protocol=protocol),
            self._connect,
            raw=raw,
            backoff=Backoff(first_s=0.001, longest_s=0.001),
            clock=lambda: self.now,
            steady=self._steady_s,
            state=state,
        )

    def _steady_s(self) -> float:
        """Time passes as ``now`` is moved: the clock of the machine is right."""
        return self.now.timestamp() - self.set_by.total_seconds()

    def set_clock(self, by: timedelta) -> None:
        """Set the clock of the machine, while no time passes."""
        self.now += by
        self.set_by += by

    def _connect(self, meter: str, will: Message) -> Wire:
        assert will.payload == b"offline"
        self.asked.append(meter)
        return self.wire

    def diag(self) -> dict[str, object]:
        return dict(json.loads(self.wire.payloads(f"cii/v1/{self.asked[0]}/diag")[-1]))


def go(
    bench: Callable[[], Bench],
    then: Callable[[Bench], Awaitable[None]],
    *,
    seconds: float = 0.1,
    until: Callable[[Bench], object] | None = None,
) -> Bench:
    """Run the task for a moment, or ``until`` something has happened, then ``then``."""

    async def play() -> Bench:
        made = bench()
        running = asyncio.create_task(made.task.run())
        if until is None:
            await asyncio.sleep(seconds)
        else:
            async with asyncio.timeout(10):
                while not until(made):
                    await asyncio.sleep(0.001)
        await then(made)
        running.cancel()
        await asyncio.wait({running})
        return made

    return asyncio.run(play())


async def nothing(_bench: Bench) -> None:
    pass


def test_the_connection_is_asked_for_when_the_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = go(lambda: Bench(Port(TELEGRAM[:300], TELEGRAM[300:], None), monkeypatch), nothing)
    assert bench.asked == [METER_ID]
    assert bench.wire.payloads(f"{METER}/availability") == ["offline", "online"]
    assert len(bench.wire.payloads(f"{METER}/state")) == 1


def test_silence_is_stale_and_the_next_telegram_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait(bench: Bench) -> None:
        for seconds, expected in ((29, "ok"), (2, "stale")):
            bench.now += timedelta(seconds=seconds)
            bench.task.tick()
            assert bench.task.link == expected
        assert bench.wire.payloads(f"{METER}/availability")[-1] == "offline"
        assert bench.diag()["link"] == "stale"
        bench.task._feed(TELEGRAM)
        assert bench.wire.payloads(f"{METER}/availability")[-1] == "online"
        assert bench.diag()["link"] == "ok"

    go(lambda: Bench(Port(TELEGRAM, None), monkeypatch), wait)


@pytest.mark.parametrize("hours", [-2, -1, 1, 2, 24 * 365 * 56])
def test_a_clock_that_is_set_makes_no_meter_stale_and_none_immortal(
    hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def jump(bench: Bench) -> None:
        bench.set_clock(timedelta(hours=hours))
        for seconds, expected in ((0, "ok"), (29, "ok"), (2, "stale")):
            bench.now += timedelta(seconds=seconds)
            bench.task.tick()
            assert bench.task.link == expected
        assert bench.diag()["age_s"] == 31.0

    bench = go(lambda: Bench(Port(TELEGRAM, None), monkeypatch), jump)
    events = [json.loads(text) for text in bench.wire.payloads(f"{METER}/error")]
    assert [event["code"] for event in events] == ["clock_jumped"], "once"
    assert ("forward" in events[0]["message"]) is (hours > 0)


def test_a_clock_that_is_set_makes_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    async def jump(bench: Bench) -> None:
        bench.now += timedelta(seconds=5)
        bench.set_clock(timedelta(hours=2))
        bench.task._feed(SimulatedMeter(CATALOGUE, "lg-e450").telegrams(bench.now))

    bench = go(lambda: Bench(Port(TELEGRAM, None), monkeypatch, state=State()), jump)
    codes = [json.loads(text)["code"] for text in bench.wire.payloads(f"{METER}/error")]
    assert "gap" not in codes
    assert len(bench.wire.payloads(f"{METER}/state")) == 2


def test_silence_is_a_gap_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(bench: Bench) -> None:
        for seconds in (20, 600):
            bench.now += timedelta(seconds=seconds)
            bench.task._feed(SimulatedMeter(CATALOGUE, "lg-e450").telegrams(bench.now))

    bench = go(lambda: Bench(Port(TELEGRAM, None), monkeypatch, state=State()), silence)
    (event,) = [json.loads(text) for text in bench.wire.payloads(f"{METER}/error")]
    states = [json.loads(text) for text in bench.wire.payloads(f"{METER}/state")]
    assert (event["code"], event["message"]) == ("gap", "no telegram for 10 min")
    assert (event["from"], event["to"]) == (states[1]["ts"], states[2]["ts"])
    assert states[2]["seq"] == states[0]["seq"] + 2
    assert bench.task._pipeline.diagnostics(bench.now).problems["gap"] == 1


def test_telegrams_that_nobody_can_date_wait_for_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    timeless = "ISK5\\2M550T-1012"
    speech = f"/{timeless}\r\n\r\n1-0:1.7.0(00.123*kW)\r\n1-0:1.8.0(000012.345*kWh)\r\n!\r\n".encode()

    def bench() -> Bench:
        made = Bench(Port(speech, None), monkeypatch, name="house", protocol="dsmr-p1")
        made.set_clock(datetime(1970, 1, 1, tzinfo=UTC) - NOW)
        return made

    async def play(bench: Bench) -> None:
        assert bench.wire.payloads("cii/v1/house/value/power_import") == ["123"], "live values carry no time"
        bench.now += timedelta(seconds=10)
        bench.task._feed(speech)
        assert not bench.wire.payloads("cii/v1/house/state")
        bench.now += timedelta(seconds=10)
        bench.set_clock(NOW - bench.now)
        bench.task._feed(speech)

    wire = go(bench, play).wire
    late = [json.loads(text) for text in wire.payloads("cii/v1/house/history")]
    (now,) = [json.loads(text) for text in wire.payloads("cii/v1/house/state")]
    assert [state["ts"] for state in (*late, now)] == [
        "2026-05-04T09:39:02Z",
        "2026-05-04T09:39:12Z",
        "2026-05-04T09:39:22Z",
    ]
    assert [state["seq"] for state in (*late, now)] == [1, 2, 3]
    assert {state["ts_source"] for state in late} == {"receiver"}
    assert not [
        message
        for message in wire.messages
        if b'"ts":"1970' in message.payload and "/diag" not in message.topic and "/error" not in message.topic
    ]


def test_diag_comes_on_change_and_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait(bench: Bench) -> None:
        count = len(bench.wire.payloads(f"{METER}/diag"))
        for _ in range(10):
            bench.task.tick()
        assert len(bench.wire.payloads(f"{METER}/diag")) == count
        monkeypatch.setattr(meter_module, "_DIAG_EVERY_S", 0.0)
        bench.task.tick()
        assert len(bench.wire.payloads(f"{METER}/diag")) == count + 1
        monkeypatch.setattr(meter_module, "_DIAG_EVERY_S", 60.0)
        bench.wire.dropped = 3
        bench.task.tick()
        assert bench.diag()["dropped"] == 3

    go(lambda: Bench(Port(TELEGRAM, None), monkeypatch), wait)


def test_a_lost_port_is_opened_again_and_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    port = Port(
        *[TransportError("open")] * 5,
        TELEGRAM,
        TransportError("port: it vanished; plug it in"),
        TELEGRAM,
        None,
    )
    # Seven times with a wait each: how long that takes is the machine's business.
    bench = go(
        lambda: Bench(port, monkeypatch, name="house"),
        nothing,
        until=lambda bench: len(bench.wire.payloads("cii/v1/house/state")) == 2,
    )
    assert port.opened == 7
    assert bench.wire.payloads("cii/v1/house/availability") == ["offline", "online", "offline", "online"]
    links = [json.loads(text)["link"] for text in bench.wire.payloads("cii/v1/house/diag")]
    assert [link for link, before in zip(links, [None, *links], strict=False) if link != before] == [
        "port_error",
        "waiting",
        "ok",
        "port_error",
        "ok",
    ]
    events = [json.loads(text) for text in bench.wire.payloads("cii/v1/house/error")]
    assert [event["code"] for event in events] == ["port_error"], "once, then counted"
    assert [text for text in caplog.messages if "Trying again" in text] == [
        "meter house: open. Trying again.",
        "meter house: port: it vanished; plug it in. Trying again.",
    ]


def test_a_port_that_hangs_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(meter_module, "_SILENCE_S", 0.02)
    port = Port(None, None, TELEGRAM, None)
    monkeypatch.setattr("ciibridge.link.SHORTEST_STALE_S", 0.0)
    bench = go(lambda: Bench(port, monkeypatch), nothing, seconds=0.3)
    assert port.opened >= 3
    assert len(bench.wire.payloads(f"{METER}/state")) == 1
    assert "no octet for 0 s, opening the port anew" in caplog.text


def test_the_end_of_a_recording_ends_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> Bench:
        bench = Bench(Port(TELEGRAM, TELEGRAM[:200], b""), monkeypatch)
        await asyncio.wait_for(bench.task.run(), 1)
        return bench

    bench = asyncio.run(play())
    assert len(bench.wire.payloads(f"{METER}/state")) == 1
    assert [json.loads(text)["code"] for text in bench.wire.payloads(f"{METER}/error")] == ["incomplete"]


def test_raw_is_what_came_since_the_last_telegram(monkeypatch: pytest.MonkeyPatch) -> None:
    script = (TELEGRAM[:100], TELEGRAM[100:], TELEGRAM, None)
    bench = go(lambda: Bench(Port(*script), monkeypatch, raw=True), nothing)
    raw = [message for message in bench.wire.messages if message.topic == f"{METER}/raw"]
    assert [message.payload for message in raw] == [TELEGRAM, TELEGRAM]
    assert not [
        message
        for message in go(lambda: Bench(Port(*script), monkeypatch), nothing).wire.messages
        if "/raw" in message.topic
    ]


def test_the_same_problem_is_an_event_once_then_a_count(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = bytearray(TELEGRAM)
    damaged[60] ^= 1
    script = (TELEGRAM, *[bytes(damaged)] * 4, None)

    async def wait(bench: Bench) -> None:
        monkeypatch.setattr(bench.task._told, "_every_s", 0.0)
        bench.task.tick()

    bench = go(lambda: Bench(Port(*script), monkeypatch), wait)
    events = [json.loads(text) for text in bench.wire.payloads(f"{METER}/error")]
    bad = [event for event in events if event["code"] == "bad_checksum"]
    assert [event.get("count") for event in bad] == [None, 3]
    assert len([text for text in caplog.messages if "bad_checksum" in text]) == 1


@pytest.mark.parametrize(
    ("name", "short"),
    [(METER_ID, "lgz…001"), ("house", "house"), ("meter-2", "meter-2"), ("", ""), ("12345678", "123…678")],
)
def test_serial_numbers_are_shortened(name: str, short: str) -> None:
    assert shortened(name) == short
