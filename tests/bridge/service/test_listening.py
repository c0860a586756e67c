"""The driver of a search: it opens the port anew with each attempt's settings, and ends when told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import ciimodel
import pytest
from ciibridge.errors import TransportError
from ciibridge.probing.attempts import attempts
from ciibridge.probing.hearing import Quality
from ciibridge.probing.search import Search
from ciibridge.security.glo import Keys
from ciibridge.service import listening
from ciibridge.service.listening import Listener
from ciibridge.simulate import SimulatedMeter
from ciibridge.transport import LinkSettings

CATALOGUE = ciimodel.load()
START = datetime(2026, 5, 4, 9, 39, 20, tzinfo=UTC)


class Port:
    """A serial port: telegrams at 9600 baud, garbage and line errors at any other speed."""

    opened: ClassVar[list[int]] = []
    fails: ClassVar[bool] = False
    name = "port"

    can_change = True

    def __init__(self, link: LinkSettings) -> None:
        self._right = link.baudrate == 9600
        self._baudrate = link.baudrate
        self._meter = SimulatedMeter(CATALOGUE, "lg-e360")
        self._sent = 0
        self._next_s = 0.0

    async def open(self) -> None:
        Port.opened.append(self._baudrate)

    async def close(self) -> None:
        pass

    async def read(self) -> bytes:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(
            max(0.0, self._next_s - loop.time())
        )  # may be given up and begun again, as a real one
        self._next_s = loop.time() + 0.55
        if Port.fails and self._sent:
            raise TransportError("port: it vanished")
        self._sent += 1
        return self._meter.telegrams(START + timedelta(seconds=5 * self._sent)) if self._right else bytes(60)

    def line_errors(self) -> int:
        return 1000 + (0 if self._right else 50 * self._sent)


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Search:
    monkeypatch.setattr(listening, "open_transport", lambda _port, link: Port(link))
    monkeypatch.setattr(Port, "opened", [])
    return Search(CATALOGUE, attempts(CATALOGUE), Keys())


def run(search: Search, bound_s: float | None = None) -> Listener:
    async def listen() -> Listener:
        listener = Listener("port", search, lambda _: None, lambda _: None)
        await listener.run(asyncio.Event(), bound_s)
        return listener

    return asyncio.run(listen())


def test_it_moves_on_from_garbage_and_ends_when_it_is_clear(search: Search) -> None:
    assert run(search).fault is None
    speeds = [attempt.line.baudrate for attempt in attempts(CATALOGUE) if attempt.line]
    wrong = speeds.index(9600)
    assert wrong  # else there is nothing to move on from
    assert Port.opened == speeds[: wrong + 1]
    assert [tried.hearing.quality for tried in search.tried] == [Quality.GARBAGE] * wrong + [
        Quality.TELEGRAMS
    ]
    assert [tried.hearing.line_errors for tried in search.tried] == [50] * wrong + [0]
    assert search.tried[-1].hearing.lists[0].interval_s is not None


def test_a_port_that_vanishes_ends_it_with_what_is_known(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Port, "fails", True)
    assert run(search).fault == "port: it vanished"
    assert search.best is not None
    assert search.best.hearing.model == "lg-e360"


def test_the_bound_ends_it(search: Search) -> None:
    begin = datetime.now(UTC)
    run(search, 0.3)
    assert datetime.now(UTC) - begin < timedelta(seconds=5)
    assert search.tried
