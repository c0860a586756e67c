"""Several meters on one port: one turn after the other, whatever happens in them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from ciibridge.dialogue import Dialogue, DialogueError, Listen, Octets, Send
from ciibridge.errors import TransportError
from ciibridge.service.asking import Rounds
from ciibridge.service.turns import SharedTransport
from ciibridge.transport import LinkSettings

NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)


class Port:
    """A port that answers what was written, and notes who has it open."""

    can_change = True

    def __init__(self, name: str, seen: list[str], *, missing: bool = False) -> None:
        self.name = name
        self._seen = seen
        self._missing = missing
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    async def open(self) -> None:
        if self._missing:
            raise TransportError(f"{self.name} is not there")
        self._seen.append(f"open {self.name}")

    async def read(self) -> bytes:
        return await self._said.get()

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0.005)  # others could come in between
        self._seen.append(f"ask {self.name}")
        self._said.put_nowait(data)

    async def change(self, link: LinkSettings) -> None:
        pass

    async def close(self) -> None:
        self._seen.append(f"close {self.name}")


class Asker:
    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    def round(self, now: datetime) -> Dialogue:
        yield Send(b"?")
        came = yield Listen(0.05, 0.01, bool)
        if self._fails:
            raise DialogueError("no_answer", "nobody")
        yield Octets(came)


async def ask_all(ports: dict[str, tuple[Port, Asker]], lock: asyncio.Lock) -> dict[str, int]:
    given = dict.fromkeys(ports, 0)

    def rounds(name: str, asker: Asker) -> Rounds:
        def deliver(_step: object) -> None:
            given[name] += 1

        return Rounds(asker, 0.01, deliver, lambda _problem: None, lambda: NOW)

    tasks = [
        asyncio.create_task(rounds(name, asker).run(SharedTransport(port, lock), LinkSettings()))
        for name, (port, asker) in ports.items()
    ]
    await asyncio.wait(tasks, timeout=0.3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return given


def test_turns_do_not_mix_and_a_silent_meter_stops_nobody() -> None:
    seen: list[str] = []
    ports = {name: (Port(name, seen), Asker(fails=name == "b")) for name in "abc"}
    given = asyncio.run(ask_all(ports, asyncio.Lock()))
    assert given["a"] >= 2
    assert given["c"] >= 2
    assert given["b"] == 0
    whole = [seen[at : at + 3] for at in range(0, len(seen) - 2, 3)]
    assert all(
        turn == [f"open {turn[0][-1]}", f"ask {turn[0][-1]}", f"close {turn[0][-1]}"] for turn in whole
    )
    assert seen[-1].startswith("close")


def test_a_port_that_is_gone_is_said_and_the_next_one_has_its_turn() -> None:
    async def go() -> list[str]:
        lock, seen = asyncio.Lock(), list[str]()
        gone = SharedTransport(Port("gone", seen, missing=True), lock)
        with pytest.raises(TransportError, match="is not there"):
            async with gone.turn():
                pass
        async with SharedTransport(Port("good", seen), lock).turn():
            seen.append("has it")
        return seen

    assert asyncio.run(go()) == ["close gone", "open good", "has it", "close good"]


def test_between_turns_nothing_is_read() -> None:
    async def go() -> None:
        shared = SharedTransport(Port("x", []), asyncio.Lock())
        await shared.open()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await shared.read()
        await shared.close()

    asyncio.run(go())
