"""Where simulated octets go and when: what a reader at the other end sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ciibridge.errors import ConfigError, TransportError
from ciibridge.simulate.outlets import FileOutlet, Outlet, PtyOutlet, TcpOutlet, outlet
from ciibridge.simulate.pace import moments
from ciibridge.transport import LinkSettings, Transport, open_transport

LINK = LinkSettings()


@asynccontextmanager
async def opened(to: Outlet) -> AsyncIterator[Outlet]:
    await to.open()
    try:
        yield to
    finally:
        await to.close()


async def reader_of(url: str) -> Transport:
    transport = open_transport(url, LINK)
    await transport.open()
    return transport


async def read_exactly(transport: Transport, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        octets += await transport.read()
    return octets


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("pty", PtyOutlet, ""),
        ("pty:/tmp/meter", PtyOutlet, "/tmp/meter"),
        ("tcp:4001", TcpOutlet, "tcp://127.0.0.1:4001"),
        ("tcp:0.0.0.0:4001", TcpOutlet, "tcp://0.0.0.0:4001"),
        ("tcp:[::1]:4001", TcpOutlet, "tcp://[::1]:4001"),
        ("day.bin", FileOutlet, "day.bin"),
    ],
)
def test_choice(text: str, kind: type, name: str) -> None:
    chosen = outlet(text)
    assert (type(chosen), chosen.name) == (kind, name)


@pytest.mark.parametrize("text", ["tcp:", "tcp:x", "tcp:70000", "", "folder/"])
def test_no_outlet(text: str) -> None:
    with pytest.raises(ConfigError, match="--out"):
        outlet(text)


def test_pty_is_a_serial_port_for_our_own_transport(tmp_path: Path) -> None:
    link = tmp_path / "meter"

    async def story() -> None:
        async with opened(PtyOutlet(link)) as to:
            for _ in range(2):  # a reader may come and go
                reader = await reader_of(to.name)
                for octets in (b"~one~", bytes(range(256)) * 20):
                    sending = asyncio.create_task(to.send(octets))
                    assert await read_exactly(reader, len(octets)) == octets
                    await sending
                await reader.close()
        assert not link.is_symlink()

    asyncio.run(story())


def test_pty_that_nobody_reads_keeps_nothing_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ciibridge.simulate.outlets._PATIENCE_S", 0.05)

    async def story() -> None:
        async with opened(PtyOutlet()) as to:
            for _ in range(100):
                await to.send(b"old" * 1000)
            reader = await reader_of(to.name)  # opening drops what waits
            await asyncio.sleep(0.05)
            while True:
                try:
                    await asyncio.wait_for(reader.read(), 0.05)
                except TimeoutError:
                    break
            await to.send(b"~new~")
            assert await read_exactly(reader, 5) == b"~new~"
            await reader.close()

    asyncio.run(story())


def test_the_last_telegram_is_read_before_the_pty_hangs_up() -> None:
    async def story() -> bytes:
        to = PtyOutlet()
        await to.open()
        reader = await reader_of(to.name)
        await to.send(b"~last~")
        octets, _ = await asyncio.gather(read_exactly(reader, 6), to.close())
        await reader.close()
        return octets

    assert asyncio.run(story()) == b"~last~"


def test_pty_replaces_a_link_but_nothing_else(tmp_path: Path) -> None:
    link = tmp_path / "meter"
    link.symlink_to("/dev/null")

    async def story() -> None:
        async with opened(PtyOutlet(link)):
            assert link.readlink().is_relative_to("/dev/pts")
        link.write_text("precious")
        with pytest.raises(TransportError, match="choose another name for pty:PATH"):
            await PtyOutlet(link).open()

    asyncio.run(story())
    assert link.read_text() == "precious"


def test_tcp_serves_several_readers_and_those_that_come_later() -> None:
    async def story() -> None:
        async with opened(TcpOutlet("127.0.0.1", 0)) as to:
            await to.send(b"nobody hears this")
            first, second = await reader_of(to.name), await reader_of(to.name)
            await asyncio.sleep(0.05)
            await to.send(b"~one~")
            assert [await read_exactly(r, 5) for r in (first, second)] == [b"~one~"] * 2
            await first.close()
            third = await reader_of(to.name)
            await asyncio.sleep(0.05)
            await to.send(b"~two~")
            assert [await read_exactly(r, 5) for r in (second, third)] == [b"~two~"] * 2
            ends = [second, third]
        for reader in ends:
            with pytest.raises(TransportError, match="closed the connection"):
                await reader.read()
            await reader.close()

    asyncio.run(story())


def test_tcp_reader_that_does_not_read_holds_up_nobody() -> None:
    async def story() -> None:
        async with opened(TcpOutlet("127.0.0.1", 0)) as to:
            assert isinstance(to, TcpOutlet)
            port = int(to.name.rpartition(":")[2])
            _, deaf = await asyncio.open_connection("127.0.0.1", port, limit=1)
            deaf.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(0.05)
            for _ in range(2000):
                await to.send(bytes(10_000))
            held = [writer.transport.get_write_buffer_size() for writer in to._readers]
            assert max(held) < 100_000
            deaf.transport.abort()

    asyncio.run(story())


def test_tcp_port_that_is_taken() -> None:
    async def story() -> None:
        async with opened(TcpOutlet("127.0.0.1", 0)) as to:
            assert isinstance(to, TcpOutlet)
            with pytest.raises(TransportError, match="choose another port"):
                await outlet(f"tcp:{to.name.rpartition(':')[2]}").open()

    asyncio.run(story())


def test_file_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "day.bin"
    path.write_bytes(b"yesterday")

    async def story() -> None:
        async with opened(outlet(str(path))) as to:
            await to.send(b"~one~")
            await to.send(b"~two~")
        with pytest.raises(TransportError, match="cannot be written"):
            await outlet(str(tmp_path)).open()

    asyncio.run(story())
    assert path.read_bytes() == b"~one~~two~"


async def first_of(count: int, start: datetime | None, interval_s: float, speed: float) -> list[datetime]:
    found = []
    async for moment in moments(start, interval_s, speed):
        found.append(moment)
        if len(found) == count:
            break
    return found


START = datetime(2026, 5, 4, 9, 39, 21, 500_000, tzinfo=UTC)


def test_moments_are_aligned_to_the_clock() -> None:
    found = asyncio.run(first_of(3, START, 5, 0))
    assert found == [START.replace(second=25 + 5 * n, microsecond=0) for n in range(3)]
    assert asyncio.run(first_of(1, START.replace(second=25, microsecond=0), 5, 0)) == found[:1]


def test_a_faster_clock() -> None:
    async def story() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await first_of(4, START, 5, 100) == [
            START.replace(second=25 + 5 * n, microsecond=0) for n in range(4)
        ]
        return loop.time() - began

    assert 0.18 <= asyncio.run(story()) < 2  # 18.5 s at hundredfold speed


def test_the_clock_of_this_machine() -> None:
    before = datetime.now(UTC)
    first, second = asyncio.run(first_of(2, None, 0.25, 1))
    assert before <= first <= datetime.now(UTC)
    assert second - first == timedelta(seconds=0.25)
    assert first.microsecond % 250_000 == 0


def test_a_consumer_that_is_late_skips() -> None:
    async def story() -> list[datetime]:
        found = []
        async for moment in moments(START, 5, 500):
            found.append(moment)
            await asyncio.sleep(0.05)  # 25 s of the simulated clock
            if len(found) == 3:
                break
        return found

    first, second, third = asyncio.run(story())
    assert second - first >= timedelta(seconds=20)
    assert third - second >= timedelta(seconds=20)
