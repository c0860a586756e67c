"""Writes down what comes from a port, with its timing: Transport → pieces of a recording.

It knows nothing of telegrams; who wants a certain number of them counts in ``take``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from ciibridge.recording.container import Piece
from ciibridge.transport import Transport

#: How often Ctrl-C and the bound are heeded.
_TICK_S: Final = 0.25


async def record(
    transport: Transport,
    take: Callable[[Piece], bool],
    stop: asyncio.Event,
    seconds: float | None,
    started: Callable[[datetime], None],
) -> None:
    """Open the port and hand on what comes, until ``take`` has enough (True), ``stop`` is set or the time is over.

    ``started`` is told when the recording began. Raises TransportError: the port cannot be opened, or vanished; what came before
    has been handed on.
    """
    loop = asyncio.get_running_loop()
    await transport.open()
    began_s = loop.time()
    end_s = began_s + seconds if seconds is not None else float("inf")
    started(datetime.now(UTC))
    try:
        while not stop.is_set() and loop.time() < end_s:
            try:
                async with asyncio.timeout(max(min(_TICK_S, end_s - loop.time()), 0.001)):
                    octets = await transport.read()
            except TimeoutError:
                continue
            if not octets or take(Piece(loop.time() - began_s, octets)):
                return
    finally:
        await transport.close()
