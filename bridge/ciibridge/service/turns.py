"""One port for several meters that are asked: each has its turn.

    meter 1 ── turn: open, round, close ──┐
    meter 2 ── waits ── turn …            ├── one lock a port, first come first served
    meter 3 ── waits ────────── turn …  ──┘

An RS 485 line of flats, or an M-Bus whose electricity meters are to be meters and not channels (ADR 12). The port is open during a
turn only and has the line settings of the meter whose turn it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ciibridge.transport import LinkSettings, Transport


class SharedTransport:
    """A meter's part in a port. Between its turns it is silent, and neither open nor lost."""

    def __init__(self, transport: Transport, lock: asyncio.Lock) -> None:
        self._transport = transport
        self._lock = lock
        self._mine = False

    @property
    def name(self) -> str:
        """What people call the port."""
        return self._transport.name

    @property
    def can_change(self) -> bool:
        """Whether the line can be set to other settings."""
        return self._transport.can_change

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Have the port for a while. Raises TransportError when it cannot be opened; others are then next."""
        async with self._lock:
            try:
                await self._transport.open()
                self._mine = True
                yield
            finally:
                self._mine = False
                await self._transport.close()

    async def open(self) -> None:
        """Do nothing: a turn opens it."""

    async def read(self) -> bytes:
        """Wait for octets; outside of a turn they are for others. Raises TransportError."""
        if not self._mine:
            await asyncio.Event().wait()
        return await self._transport.read()

    async def write(self, data: bytes) -> None:
        """Send octets. Raises TransportError."""
        await self._transport.write(data)

    async def change(self, link: LinkSettings) -> None:
        """Set the line to other settings, until the end of the turn. Raises TransportError."""
        await self._transport.change(link)

    async def close(self) -> None:
        """Do nothing: the end of a turn closes it."""
