"""The driver of dialogues: steps done on a port of our own, the line set back, rounds at their time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime

import ciimodel
import pytest
from ciibridge.dialogue import Change, Dialogue, DialogueError, Listen, Octets, Pause, Send
from ciibridge.dialogue import asking as ways
from ciibridge.dialogue.asking import Asking, Way
from ciibridge.errors import TransportError
from ciibridge.link import LinkState
from ciibridge.normalise.settings import MeterSettings
from ciibridge.publish.messages import Messages
from ciibridge.publish.retry import Backoff
from ciibridge.service import meter as meter_module
from ciibridge.service.asking import Rounds, converse
from ciibridge.service.meter import MeterTask
from ciibridge.service.meter_setup import MeterSetup
from ciibridge.simulate import SimulatedMeter
from ciibridge.transport import LinkSettings
from ciibridge.types import Message, Problem

SLOW = LinkSettings(baudrate=300, bytesize=7, parity="even")
NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)
CATALOGUE = ciimodel.load()
TELEGRAM = SimulatedMeter(CATALOGUE, "lg-e450").telegrams(NOW)


class Line:
    """A transport with a meter at its end: ``meter`` makes an answer of each question."""

    name = "line"
    can_change = True

    def __init__(self, meter: Callable[[bytes], list[bytes]] = lambda _: []) -> None:
        self._meter = meter
        self._coming: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.sent: list[bytes] = []
        self.links: list[LinkSettings] = []
        self.opened = 0

    async def open(self) -> None:
        self.opened += 1

    async def read(self) -> bytes:
        item = await self._coming.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def write(self, data: bytes) -> None:
        self.sent.append(data)
        for octets in self._meter(data):
            self._coming.put_nowait(octets)

    async def change(self, link: LinkSettings) -> None:
        self.links.append(link)

    async def close(self) -> None:
        pass

    def say(self, item: bytes | Exception) -> None:
        self._coming.put_nowait(item)


def go(dialogue: Dialogue, line: Line) -> list[bytes]:
    given: list[bytes] = []

    def deliver(step: object) -> None:
        assert isinstance(step, Octets)
        given.append(step.data)

    asyncio.run(converse(dialogue, line, SLOW, deliver))
    return given


def question(heard: list[bytes], **listen: object) -> Dialogue:
    yield Send(b"?")
    heard.append((yield Listen(timeout_s=0.05, idle_s=0.02, **listen)))  # type: ignore[arg-type]
    if not heard[-1]:
        raise DialogueError("no_answer", "nothing came")
    yield Octets(heard[-1])


def test_steps_are_done_and_answers_go_back() -> None:
    heard: list[bytes] = []
    line = Line(lambda _: [b"one ", b"two"])
    assert go(question(heard), line) == [b"one two"]
    assert line.sent == [b"?"]
    assert line.links == []


def test_nothing_heard_is_no_octets() -> None:
    heard: list[bytes] = []
    with pytest.raises(DialogueError):
        go(question(heard), Line())
    assert heard == [b""]


def test_listening_ends_as_soon_as_it_is_enough_or_too_much() -> None:
    heard: list[bytes] = []
    go(question(heard, enough=lambda octets: octets.endswith(b"!")), Line(lambda _: [b"a", b"b!", b"late"]))
    go(question(heard, limit=3), Line(lambda _: [b"ab", b"cd", b"ef"]))
    assert heard == [b"ab!", b"abcd"]


@pytest.mark.parametrize("fails", [False, True])
def test_the_line_is_set_back_at_the_end(*, fails: bool) -> None:
    def dialogue() -> Dialogue:
        yield Change(19200)
        yield Pause(0.001)
        yield Change(9600, bytesize=8, parity="none")
        if fails:
            raise DialogueError("no_answer", "gone")

    line = Line()
    if fails:
        with pytest.raises(DialogueError, match="gone"):
            go(dialogue(), line)
    else:
        go(dialogue(), line)
    assert line.links == [
        LinkSettings(baudrate=19200, bytesize=7, parity="even"),
        LinkSettings(baudrate=9600, bytesize=8, parity="none"),
        SLOW,
    ]


def test_a_line_that_cannot_change_is_said_to_be_fixed() -> None:
    def dialogue() -> Dialogue:
        yield Change(9600)

    line = Line()
    line.can_change = False
    with pytest.raises(DialogueError, match="9600 baud, and line cannot change") as caught:
        go(dialogue(), line)
    assert caught.value.code == "line_fixed"
    assert line.links == []


def test_a_lost_port_ends_the_round() -> None:
    ended = []

    def dialogue() -> Dialogue:
        try:
            yield Listen(1.0)
        finally:
            ended.append(True)

    line = Line()
    line.say(TransportError("pulled out"))
    with pytest.raises(TransportError, match="pulled out"):
        go(dialogue(), line)
    assert ended == [True]


class Asker:
    """Asks each time, and remembers when."""

    def __init__(self, dialogue: Callable[[], Dialogue]) -> None:
        self._dialogue = dialogue
        self.begun: list[float] = []

    def round(self, now: datetime) -> Dialogue:
        assert now == NOW
        self.begun.append(asyncio.get_running_loop().time())
        return self._dialogue()


def rounds(
    asker: Asker, every_s: float, line: Line, seconds: float
) -> tuple[list[bytes], list[Problem], Rounds]:
    given: list[bytes] = []
    problems: list[Problem] = []

    def deliver(step: object) -> None:
        assert isinstance(step, Octets)
        given.append(step.data)

    made = Rounds(asker, every_s, deliver, problems.append, lambda: NOW)

    async def play() -> None:
        try:
            async with asyncio.timeout(seconds):
                await made.run(line, SLOW)
        except TimeoutError:
            pass

    asyncio.run(play())
    return given, problems, made


def test_rounds_begin_at_their_time_and_a_longer_one_is_not_cut() -> None:
    def long() -> Dialogue:
        yield Octets(b"begin")
        yield Pause(0.08)
        yield Octets(b"end")

    asker = Asker(long)
    given, problems, _ = rounds(asker, 0.03, Line(), 0.35)
    assert given[:4] == [b"begin", b"end", b"begin", b"end"]
    assert not problems
    assert all(later - sooner >= 0.08 for sooner, later in zip(asker.begun, asker.begun[1:], strict=False))


def test_who_does_not_answer_is_asked_more_seldom_and_after_three_times_the_port_is_opened_anew() -> None:
    asker = Asker(lambda: question([]))
    given, problems, made = rounds(asker, 0.05, Line(), 5.0)
    assert given == []
    assert [problem.code for problem in problems] == ["no_answer"] * 3
    assert asker.begun[2] - asker.begun[1] > 1.5 * (asker.begun[1] - asker.begun[0])
    assert made.wait_s == pytest.approx(0.05 * 8)


def test_a_meter_that_answers_wrongly_does_not_get_its_port_opened_anew() -> None:
    def refused() -> Dialogue:
        yield Send(b"?")
        yield Listen(0.05, 0.001)
        raise DialogueError("refused", "no")

    asker = Asker(refused)
    _, problems, made = rounds(asker, 0.001, Line(lambda _: [b"x"]), 0.3)
    assert len(problems) > 3
    assert made.wait_s > 0.03


def test_the_wait_has_a_limit() -> None:
    made = Rounds(Asker(lambda: question([])), 900.0, lambda _: None, lambda _: None, lambda: NOW)
    made._failed = 1000
    assert made.wait_s == 900.0
    made._every_s = 10.0
    assert made.wait_s == 300.0


def test_octets_nobody_asked_for_are_not_the_next_answer() -> None:
    heard: list[bytes] = []
    line = Line(lambda _: [b"answer"])

    def dialogue() -> Dialogue:
        yield from question(heard)
        line.say(b"noise")

    rounds(Asker(dialogue), 0.05, line, 0.15)
    assert len(heard) > 1
    assert set(heard) == {b"answer"}


# -- in the task of a meter ------------------------------------------------------------------------------------------------


class Wire:
    """A connection that keeps what is published."""

    queued = 0
    dropped = 0

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        self.messages.append(message)

    def payloads(self, end: str) -> list[bytes]:
        return [message.payload for message in self.messages if message.topic.endswith(end)]


def task(monkeypatch: pytest.MonkeyPatch, line: Line, every_s: float) -> tuple[MeterTask, Wire]:
    wire = Wire()
    monkeypatch.setattr(meter_module, "open_transport", lambda _url, _link: line)
    way = Way(
        lambda _: type("Once", (), {"round": lambda _, __: question([])})(),
        re.compile(".*"),
        "any",
        re.compile(".*"),
        "any",
    )
    monkeypatch.setattr(meter_module, "WAYS", {"dlms-hdlc": way})
    settings = MeterSettings(id="house", clock="meter")
    setup = MeterSetup("port", SLOW, settings, asking=Asking(every_s=every_s))
    made = MeterTask(
        setup, CATALOGUE, Messages(CATALOGUE, settings), lambda _m, _w: wire, backoff=Backoff(first_s=0.001)
    )
    return made, wire


def test_a_meter_that_is_asked_publishes_and_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made, wire = task(monkeypatch, Line(lambda _: [TELEGRAM]), every_s=0.05)

    async def play() -> float:
        running = asyncio.create_task(made.run())
        await asyncio.sleep(0.2)
        made.tick()
        begin = asyncio.get_running_loop().time()
        running.cancel()
        await asyncio.wait({running})
        return asyncio.get_running_loop().time() - begin

    assert asyncio.run(play()) < 0.5
    assert len(wire.payloads("/state")) > 1
    assert wire.payloads("/availability")[-1] == b"online"
    assert made.link is LinkState.OK


def test_a_meter_that_does_not_answer_is_told_and_its_port_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Line()
    made, wire = task(monkeypatch, line, every_s=0.01)

    async def play() -> None:
        running = asyncio.create_task(made.run())
        await asyncio.sleep(0.6)
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(play())
    assert line.opened > 1
    (error,) = wire.payloads("/error")
    assert b'"code":"no_answer"' in error
    assert b"does not answer: check cable" in error
    assert wire.payloads("/availability") == [b"offline"]


def test_polling_seldom_is_not_silence() -> None:
    from ciibridge.link import Link

    assert Link().stale_after_s() == 30.0
    assert Link(900.0).stale_after_s() == 2700.0


def test_every_protocol_that_can_be_asked_is_a_line() -> None:
    from ciibridge.lines import LINES

    assert set(ways.WAYS) <= set(LINES)
