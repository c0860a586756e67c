"""Drives a search: open the port with the attempt's line settings, read, tell the search, until it knows enough.

    Search.begin ──► open ──► read ──► Search.feed ──► Search.look ──► stay · next attempt · done

The port is opened anew for each attempt, for a driver may keep octets of the wrong speed. Ctrl-C, or the bound, ends it with
what is known so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from ciibridge.dialogue import DialogueError
from ciibridge.dialogue.asking import Asking
from ciibridge.dialogue.calling import call
from ciibridge.errors import TransportError
from ciibridge.probing.attempts import Attempt
from ciibridge.probing.search import Search, Tried, Verdict
from ciibridge.service.asking import converse
from ciibridge.transport import LinkSettings, Transport, open_transport

#: How often progress is told and Ctrl-C is heeded.
_TICK_S: Final = 0.25
#: A readout at 300 baud takes minutes; whoever answers for longer is not read to the end.
_LONGEST_TALK_S: Final = 180.0

Progress = Callable[[Tried], None]


@runtime_checkable
class CountsErrors(Protocol):
    """A transport whose driver counts framing and parity errors and breaks."""

    def line_errors(self) -> int:
        """Tell how many there were since the port was opened; 0 where nobody counts."""


class Listener:
    """Listens on one port. ``progress`` hears of the present attempt now and then, ``ended`` of each that is over."""

    def __init__(self, port: str, search: Search, progress: Progress, ended: Progress) -> None:
        self._port = port
        self._search = search
        self._progress = progress
        self._ended = ended
        self._started = datetime.now(UTC)
        self.fault: str | None = None  # what the port said at its end

    async def run(self, stop: asyncio.Event, bound_s: float | None) -> None:
        """Go through the attempts. Raises TransportError when the port cannot be opened."""
        loop = asyncio.get_running_loop()
        began_s, end_s = loop.time(), loop.time() + bound_s if bound_s is not None else float("inf")

        def now() -> datetime:
            return self._started + timedelta(seconds=loop.time() - began_s)

        while not stop.is_set() and loop.time() < end_s and self.fault is None:
            attempt = self._search.begin(now())
            if attempt is None:
                return
            transport = open_transport(self._port, link_of(attempt))
            await transport.open()
            verdict = Verdict.STAY
            try:
                if attempt.ask is not None:
                    await self._ask(attempt, attempt.ask, transport, stop, now)
                while attempt.ask is None and not stop.is_set() and loop.time() < end_s:
                    verdict, wait_s = self._search.look(now())
                    if verdict is not Verdict.STAY:
                        break
                    await self._read(transport, min(wait_s, _TICK_S, end_s - loop.time()), now)
                    if (so_far := self._search.so_far(now())) is not None:
                        self._progress(so_far)
                    if self.fault is not None:
                        break
            finally:
                await transport.close()
                self._search.end(now())
                self._ended(self._search.tried[-1])
            if verdict is Verdict.DONE:
                return

    async def _ask(
        self,
        attempt: Attempt,
        protocol: str,
        transport: Transport,
        stop: asyncio.Event,
        now: Callable[[], datetime],
    ) -> None:
        """Ask once, as the service would; what the meter says goes the way of what others push."""
        link = link_of(attempt)
        asking = Asking(baudrate=link.baudrate, can_change=transport.can_change)
        talk = asyncio.ensure_future(
            converse(
                call(protocol, asking, now(), self._search.answered),
                transport,
                link,
                lambda _: None,
                hear=lambda octets: self._search.feed(octets, now()),
            )
        )
        ending = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({talk, ending}, return_when=asyncio.FIRST_COMPLETED, timeout=_LONGEST_TALK_S)
            if talk.done() and (error := talk.exception()) is not None:
                self._said(error)
        finally:
            for task in (talk, ending):
                task.cancel()
            await asyncio.gather(talk, ending, return_exceptions=True)

    def _said(self, error: BaseException) -> None:
        """Note how a conversation ended: no answer is an answer; any other error is a bug."""
        if isinstance(error, TransportError):
            self.fault = str(error)
        elif not isinstance(error, DialogueError):
            raise error

    async def _read(self, transport: Transport, wait_s: float, now: Callable[[], datetime]) -> None:
        """Wait for octets for a while, and hand them on."""
        before = transport.line_errors() if isinstance(transport, CountsErrors) else 0
        try:
            async with asyncio.timeout(max(wait_s, 0.001)):
                octets = await transport.read()
        except TimeoutError:
            return
        except TransportError as error:
            self.fault = str(error)
            return
        after = transport.line_errors() if isinstance(transport, CountsErrors) else 0
        if not octets:
            self.fault = f"{transport.name}: the recording is at its end"
            return
        self._search.feed(octets, now(), max(after - before, 0))


def link_of(attempt: Attempt) -> LinkSettings:
    """Make the line settings of an attempt those of a port."""
    return LinkSettings(**attempt.line.model_dump()) if attempt.line else LinkSettings()
