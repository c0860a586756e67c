"""Plays a recording to an outlet with its timing: pieces → pseudo-terminal, TCP port, standard output."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ciibridge.recording.container import Piece
from ciibridge.simulate.outlets import Outlet


async def replay(pieces: Sequence[Piece], to: Outlet, speed: float) -> None:
    """Send each piece at its time; ``speed``: seconds of the recording in a second, 0: at once.

    Late pieces follow at once, so that the whole keeps its time.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for piece in pieces:
        if speed > 0:
            await asyncio.sleep(max(0.0, began_s + piece.at_s / speed - loop.time()))
        await to.send(piece.octets)
