"""The driver of dialogues: does the steps of a round on a transport, and begins the next round at its time.

    Dialogue ── Send, Listen, Change, Pause ──► Transport         a round: ``converse``
             ── Octets, Decoded ─────────────► deliver
                                                                  rounds for ever: ``Rounds``

``converse`` knows no meter: the service, ``ciibridge probe`` and tests use it alike. It does not block: it waits for the
transport and the clock of the event loop only, and may be cancelled at any step.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, assert_never

from ciibridge.dialogue import (
    Change,
    Decoded,
    Dialogue,
    DialogueError,
    Listen,
    Note,
    Octets,
    Pause,
    Send,
    Step,
)
from ciibridge.dialogue.asking import Asker, Backfilling
from ciibridge.service.turns import SharedTransport
from ciibridge.transport import LinkSettings, Transport
from ciibridge.types import Problem

_log: Final = logging.getLogger("ciibridge.asking")
#: A meter that does not answer is asked more seldom, but not more seldom than this.
_LONGEST_WAIT_S: Final = 300.0
#: Rounds without a single octet after which the port is opened anew: the adapter may hang.
_MUTE_ROUNDS: Final = 3
#: Octets that a finished round may leave on the line, such as the echo of its last word.
_DRAIN_S: Final = 0.02

Deliver = Callable[[Octets | Decoded | Note], None]
Hear = Callable[[bytes], None]


async def converse(
    dialogue: Dialogue,
    transport: Transport,
    link: LinkSettings,
    deliver: Deliver,
    *,
    hear: Hear | None = None,
) -> None:
    """Do one round on an open transport whose line is set to ``link``; ``hear`` is called with all octets that come.

    Raises ``DialogueError`` when the meter does not answer as it should, TransportError when the port fails. The line is
    set back at the end; after a TransportError, and when it is cancelled, the port is to be closed.
    """
    line = _Line(transport, link, deliver, hear)
    try:
        step = next(dialogue, None)
        while step is not None:
            answer = await line.do(step)
            try:
                step = dialogue.send(answer)
            except StopIteration:
                break
    except DialogueError:
        await line.set_back()
        raise
    finally:
        dialogue.close()
    await line.set_back()


class _Line:
    """The line during one round."""

    def __init__(self, transport: Transport, link: LinkSettings, deliver: Deliver, hear: Hear | None) -> None:
        self._transport = transport
        self._link = link
        self._now = link  # what the line is set to
        self._deliver = deliver
        self._hear = hear

    async def do(self, step: Step) -> bytes:
        """Do one step; gives what came of it."""
        match step:
            case Send():
                await self._transport.write(step.data)
            case Listen():
                return await self._listen(step)
            case Change():
                await self._change(step)
            case Pause():
                await asyncio.sleep(step.seconds)
            case Octets() | Decoded() | Note():
                self._deliver(step)
            case _:
                assert_never(step)
        return b""

    async def set_back(self) -> None:
        """Set the line as it was before the round."""
        if self._now != self._link:
            self._now = self._link
            await self._transport.change(self._link)

    async def _listen(self, step: Listen) -> bytes:
        came = bytearray()
        wait_s = step.timeout_s
        while len(came) < step.limit:
            try:
                async with asyncio.timeout(wait_s):
                    octets = await self._transport.read()
            except TimeoutError:
                break
            if not octets:  # a recording at its end says nothing any more
                break
            came += octets
            if self._hear is not None:
                self._hear(octets)
            if step.enough is not None and step.enough(bytes(came)):
                break
            wait_s = step.idle_s
        return bytes(came)

    async def _change(self, step: Change) -> None:
        if not self._transport.can_change:
            raise DialogueError(
                "line_fixed",
                f"the meter wants to go on at {step.baudrate} baud, and {self._transport.name} cannot change",
            )
        self._now = LinkSettings(
            baudrate=step.baudrate,
            bytesize=step.bytesize or self._now.bytesize,
            parity=step.parity or self._now.parity,
            stopbits=self._now.stopbits,
        )
        await self._transport.change(self._now)


class Rounds:
    """Asks a meter again and again, every ``every_s`` seconds; ``complain`` takes what went wrong in a round.

    A round that takes longer is not cut: the next one begins after it. While the meter does not answer, the waits double up
    to five minutes.
    """

    def __init__(
        self,
        asker: Asker,
        every_s: float,
        deliver: Deliver,
        complain: Callable[[Problem], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._asker = asker
        self._every_s = every_s
        self._deliver = deliver
        self._complain = complain
        self._clock = clock
        self._failed = 0  # rounds in a row
        self._mute = 0  # the same, without a single octet

    @property
    def filler(self) -> Backfilling | None:
        """Who fetches what was missed; None: this meter cannot be asked for the past."""
        return self._asker if isinstance(self._asker, Backfilling) else None

    @property
    def wait_s(self) -> float:
        """From the beginning of the last round to that of the next one."""
        return max(self._every_s, min(self._every_s * 2.0 ** min(self._failed, 16), _LONGEST_WAIT_S))

    async def run(self, transport: Transport, link: LinkSettings) -> None:
        """Ask on an open transport. Raises TransportError; returns when nothing came for so long that the port may hang."""
        loop = asyncio.get_running_loop()
        while self._mute < _MUTE_ROUNDS:
            begun_s = loop.time()
            if isinstance(transport, SharedTransport):
                async with transport.turn():
                    await self._round(transport, link)
            else:
                await self._round(transport, link)
            await _rest(transport, begun_s + self.wait_s - loop.time())
        self._mute = 0

    async def _round(self, transport: Transport, link: LinkSettings) -> None:
        heard = 0

        def hear(octets: bytes) -> None:
            nonlocal heard
            heard += len(octets)

        try:
            await converse(self._asker.round(self._clock()), transport, link, self._deliver, hear=hear)
        except DialogueError as error:
            self._failed += 1
            self._mute = 0 if heard else self._mute + 1
            self._complain(Problem(error.code, str(error), error.offset))
        else:
            self._failed = self._mute = 0


async def _rest(transport: Transport, seconds: float) -> None:
    """Wait for the next round. What comes meanwhile was not asked for; that the port is lost is noticed at once."""
    stray = 0
    try:
        async with asyncio.timeout(max(seconds, _DRAIN_S)):
            while octets := await transport.read():
                stray += len(octets)
            await asyncio.Event().wait()
    except TimeoutError:
        if stray:
            _log.debug("%s: %d octets that nobody asked for", transport.name, stray)
