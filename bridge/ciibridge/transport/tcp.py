"""Octets over TCP, as a serial server (ser2net, a Wi-Fi reader) or ``ciibridge simulate --out tcp:PORT`` sends them.

    tcp://192.168.1.20:4001 · tcp://[fe80::1]:4001

Keepalive finds a peer that lost its power; a peer that is there and silent is the business of the service, which knows
how often the meter pushes.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Final

from ciibridge.errors import TransportError
from ciibridge.transport import LinkSettings, host_and_port

_CONNECT_TIMEOUT_S: Final = 10.0
_CHUNK: Final = 16384
#: First probe after 30 s of silence, then every 10 s; dead after three without an answer: one minute in all.
_KEEPALIVE: Final = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


def create(url: str, link: LinkSettings) -> TcpTransport:  # noqa: ARG001 - the far end has the line settings
    """Make the transport for ``tcp://host:port``. Raises ConfigError when host or port is missing."""
    return TcpTransport(*host_and_port(url))


class TcpTransport:
    """A TCP connection to something that passes octets on."""

    def __init__(self, host: str, port: int, *, connect_timeout_s: float = _CONNECT_TIMEOUT_S) -> None:
        self._host = host
        self._port = port
        self._connect_timeout_s = connect_timeout_s
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def name(self) -> str:
        """host:port."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def open(self) -> None:
        """Connect. Raises TransportError: no such host, refused, no answer."""
        await self.close()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except TimeoutError as error:
            raise TransportError(
                f"{self.name}: no answer within {self._connect_timeout_s:g} s; check address, network and firewall"
            ) from error
        except socket.gaierror as error:
            raise TransportError(
                f"{self.name}: no such host ({error.strerror}); check the name or use the address"
            ) from error
        except ConnectionRefusedError as error:
            raise TransportError(
                f"{self.name}: the host answers, but nothing listens on this port; check the port and start the server"
            ) from error
        except OSError as error:
            raise TransportError(
                f"{self.name}: not reachable ({error}); check address and network"
            ) from error
        _keep_alive(self._writer.get_extra_info("socket"))

    async def read(self) -> bytes:
        """Octets as they come. Raises TransportError when the connection ends: a meter has no end, so it is no end."""
        if self._reader is None:
            raise TransportError(f"{self.name}: not connected")
        try:
            octets = await self._reader.read(_CHUNK)
        except OSError as error:
            raise TransportError(f"{self.name}: the connection broke ({error})") from error
        if not octets:
            raise TransportError(f"{self.name}: the other side closed the connection")
        return octets

    @property
    def can_change(self) -> bool:
        """The line is behind the other end, which does not let its settings be changed."""
        return False

    async def write(self, data: bytes) -> None:
        """Send octets. Raises TransportError when the connection broke."""
        if self._writer is None:
            raise TransportError(f"{self.name}: not connected")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise TransportError(f"{self.name}: the connection broke ({error})") from error

    async def change(self, link: LinkSettings) -> None:
        """Raise TransportError: plain TCP has no way to say it."""
        raise TransportError(
            f"{self.name}: plain TCP cannot set the far end to {link.baudrate} baud. Set it there, or use rfc2217:// "
            "if the serial server knows it"
        )

    async def close(self) -> None:
        """Close the connection."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            with suppress(OSError):  # it broke before: what we wanted
                await writer.wait_closed()


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        if number := getattr(socket, option, None):  # macOS names the first one differently
            connection.setsockopt(socket.IPPROTO_TCP, number, value)
