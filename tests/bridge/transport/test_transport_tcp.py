"""TCP: octets as they come, and a connection that ends is to be opened again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from ciibridge.errors import TransportError
from ciibridge.transport import LinkSettings, Transport, open_transport
from ciibridge.transport.tcp import TcpTransport

LINK = LinkSettings()
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    listening = await asyncio.start_server(handler, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        listening.close()
        await listening.wait_closed()


async def read_exactly(transport: Any, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        octets += await transport.read()
    return octets


def test_octets_then_the_peer_closes_then_again() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"~one~")
        await writer.drain()
        writer.write(b"~two~")
        writer.close()

    async def story() -> None:
        async with server(handler) as url:
            transport = open_transport(url, LINK)
            for _ in range(2):
                await transport.open()
                assert await read_exactly(transport, 10) == b"~one~~two~"
                with pytest.raises(TransportError, match="the other side closed the connection"):
                    await transport.read()
            await transport.close()
            await transport.close()

    asyncio.run(story())


def test_a_reader_that_gives_up_waiting_loses_nothing() -> None:
    go = asyncio.Event()

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(b"~late~")
        await writer.drain()
        writer.close()

    async def story() -> None:
        async with server(handler) as url:
            transport = open_transport(url, LINK)
            await transport.open()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(transport.read(), 0.05)
            go.set()
            assert await read_exactly(transport, 6) == b"~late~"
            await transport.close()

    asyncio.run(story())


def test_keepalive_is_on() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def story() -> None:
        async with server(handler) as url:
            transport = open_transport(url, LINK)
            assert isinstance(transport, TcpTransport)
            await transport.open()
            assert transport._writer is not None
            connection = transport._writer.get_extra_info("socket")
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
            await transport.close()

    asyncio.run(story())


def test_a_connection_that_breaks() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Linger 0: closing sends a reset, as a gateway does that loses its power and comes back.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async def story() -> None:
        async with server(handler) as url:
            transport = open_transport(url, LINK)
            await transport.open()
            with pytest.raises(TransportError):
                await transport.read()
            await transport.close()

    asyncio.run(story())


def test_nothing_listens_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def attempt() -> None:
        await open_transport(f"tcp://127.0.0.1:{port}", LINK).open()

    with pytest.raises(TransportError, match=f"127.0.0.1:{port}: the host answers, but nothing listens"):
        asyncio.run(attempt())


def test_no_such_host() -> None:
    async def attempt() -> None:
        await open_transport("tcp://no-such-host.invalid:4001", LINK).open()

    with pytest.raises(TransportError, match="no such host"):
        asyncio.run(attempt())


def test_a_host_that_does_not_answer() -> None:
    """A listener whose queue is full takes no further connection: the SYN stays without an answer."""

    async def story() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            with socket.socket() as first, socket.socket() as second:
                for filler in (first, second):
                    filler.setblocking(False)
                    filler.connect_ex(address)
                transport = TcpTransport(*address, connect_timeout_s=0.2)
                with pytest.raises(TransportError, match=r"no answer within 0.2 s; check address, network"):
                    await transport.open()

    asyncio.run(story())


def test_reading_before_opening_is_an_error() -> None:
    with pytest.raises(TransportError, match="not connected"):
        asyncio.run(open_transport("tcp://gateway:4001", LINK).read())


def test_a_question_goes_out_and_the_speed_stays() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"heard " + await reader.readexactly(5))
        await writer.drain()
        writer.close()

    async def story() -> None:
        async with server(handler) as url:
            transport = open_transport(url, LINK)
            with pytest.raises(TransportError, match="not connected"):
                await transport.write(b"?")
            await transport.open()
            await transport.write(b"/?!\r\n")
            assert await read_exactly(transport, 11) == b"heard /?!\r\n"
            assert not transport.can_change
            with pytest.raises(TransportError, match=r"cannot set the far end to 9600 baud.*rfc2217"):
                await transport.change(LinkSettings(baudrate=9600))
            await transport.close()

    asyncio.run(story())


async def ask_for_ever(transport: Transport) -> None:
    while True:
        await transport.write(b"?" * 1000)
        await asyncio.sleep(0.005)


def test_a_question_into_a_broken_connection() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def story() -> None:
        async with server(handler) as url:
            transport = open_transport(url, LINK)
            await transport.open()
            with pytest.raises(TransportError, match="the connection broke"):
                await ask_for_ever(transport)
            await transport.close()

    asyncio.run(story())
