"""One meter: open the port, read it, publish what comes, for ever.

    open ──► read or ask ──► Pipeline ──► Messages ──► connection
     ▲         │ port lost, or silent for too long
     └─ wait ◄─┘

The port is opened again as often as it takes. Availability is ``online`` only while good telegrams come: not before the
first, not when the meter has gone silent, not while the port is lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from ciimodel.catalogue import Resolved

from ciibridge.dialogue import Decoded, Note, Octets
from ciibridge.dialogue.asking import WAYS
from ciibridge.errors import TransportError
from ciibridge.events import event
from ciibridge.link import HINTS, SHORTEST_STALE_S, LinkState
from ciibridge.normalise.identity import shortened
from ciibridge.pipeline import Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.publish.retry import Backoff, Outage, Reason
from ciibridge.service.asking import Rounds
from ciibridge.service.complaints import Complaints
from ciibridge.service.gaps import Row
from ciibridge.service.meter_setup import MeterSetup
from ciibridge.service.outlet import Connect, Outlet
from ciibridge.service.state import State
from ciibridge.service.steady import NOTABLE, SteadyClock, utc_now, words_of
from ciibridge.service.turns import SharedTransport
from ciibridge.service.undated import Undated, lasting, momentary
from ciibridge.transport import Transport, open_transport
from ciibridge.types import Problem, Snapshot

_log: Final = logging.getLogger("ciibridge.meter")
#: ``diag`` is published on every change, and at least so often.
_DIAG_EVERY_S: Final = 60.0
_ERROR_EVERY_S: Final = 60.0
_LOG_EVERY_S: Final = 3600.0
#: A port without a single octet for so long is opened anew (a hanging adapter, a half-open TCP connection); then at
#: twice the time and so on, since a meter may push but once an hour.
_SILENCE_S: Final = 90.0
_LONGEST_SILENCE_S: Final = 4 * 3600.0


class MeterTask:
    """Reads one meter. ``run`` is to be started as a task, ``tick`` to be called about once a second.

    ``connect`` gives the connection once the meter's name is known. ``clock`` tells UTC, ``steady`` seconds that never jump.
    ``state`` remembers numbers and counters over a restart; None for a recording, which begins anew each time. ``turns``: the
    lock of a port that other meters are asked through, too.
    """

    def __init__(
        self,
        setup: MeterSetup,
        catalogue: Resolved,
        messages: Messages,
        connect: Connect,
        *,
        raw: bool = False,
        backoff: Backoff | None = None,
        clock: Callable[[], datetime] = utc_now,
        steady: Callable[[], float] = time.monotonic,
        state: State | None = None,
        turns: asyncio.Lock | None = None,
    ) -> None:
        self._setup = setup
        every_s = None if setup.asking is None else setup.asking.every_s
        self._state = state
        counters = state.counters if state is not None else None
        self._pipeline = Pipeline(catalogue, setup.settings, setup.protocol, every_s, counters=counters)
        if state is not None and state.latest is not None:
            self._pipeline.not_before(state.latest)
        self._outlet = Outlet(messages, connect, raw=raw)
        transport = open_transport(setup.port, setup.link)
        self._transport: Transport = transport if turns is None else SharedTransport(transport, turns)
        self._backoff = backoff or Backoff()
        self._outage = Outage(_log, f"meter {self.name}")
        self._clock = SteadyClock(clock, steady)
        self._row: Row | None = None
        self._undated = Undated()
        self._usual_s = SHORTEST_STALE_S
        self._port_lost = False
        self._dropped = 0
        self._trouble: Reason | None = None
        self._told = Complaints(_ERROR_EVERY_S)
        self._logged = Complaints(_LOG_EVERY_S)
        self._link = LinkState.WAITING
        self._diag_at_s = float("-inf")
        self._reported: tuple[LinkState, bool, int] = (LinkState.WAITING, False, 0)
        self._patience_s = _SILENCE_S
        self._silent_times = 0
        self._rounds = self._asked(setup)
        self._attach()

    @property
    def name(self) -> str:
        """What logs call the meter: its name, shortened if it may be a serial number, else its port."""
        return shortened(self._setup.settings.id or self._pipeline.meter or "") or self._transport.name

    def _event(self, code: str, /, **fields: object) -> dict[str, object]:
        return event(code, meter=self.name, **fields)

    @property
    def link(self) -> LinkState:
        """The state of the link, as last looked at."""
        return self._link

    async def run(self) -> None:
        """Read for ever; returns only at the end of a recording."""
        while True:
            try:
                await self._read()
            except TransportError as error:
                self._port_lost = True
                self._outage.failed(Reason("port_error", str(error)))
                self._tell(Problem("port_error", str(error), hint=HINTS[LinkState.PORT_ERROR]))
                self.tick()
                await asyncio.sleep(self._backoff.next_s())
            except TimeoutError as error:
                _log.info(
                    "meter %s: %s, opening the port anew",
                    self.name,
                    error,
                    extra=self._event("port_reopened"),
                )
                self._silent_times += 1
            else:
                self._take(self._pipeline.finish())
                self.tick()
                _log.info(
                    "meter %s: the recording is at its end", self.name, extra=self._event("recording_ended")
                )
                return
            finally:
                await self._transport.close()

    def tick(self) -> None:
        """Look at the clock: notice silence, publish ``diag``, and tell what was only counted."""
        now, steady_s = self._now(), asyncio.get_running_loop().time()
        diagnostics = self._pipeline.diagnostics(now)
        self._usual_s = diagnostics.stale_after_s
        self._patience_s = max(_SILENCE_S, diagnostics.stale_after_s)
        link = LinkState.PORT_ERROR if self._port_lost else diagnostics.link
        if link is not self._link:
            _log.info(
                "meter %s: link %s, was %s",
                self.name,
                link,
                self._link,
                extra=self._event("link", link=str(link), was=str(self._link)),
            )
            self._link = link
        queue = (self._outlet.queued > 0, self._outlet.dropped)
        self._tell_losses()
        self._date()
        if (link, *queue) != self._reported:
            self._reported = (link, *queue)
            self._diag_at_s = float("-inf")
        self._outlet.set_online(online=link is LinkState.OK)
        if steady_s - self._diag_at_s >= _DIAG_EVERY_S:
            self._diag_at_s = steady_s
            self._outlet.diag(diagnostics, now, port_error=self._port_lost)
        self._outlet.tick(steady_s)
        for problem, count in self._told.due(steady_s):
            self._outlet.error(problem, now, count)
        for problem, count in self._logged.due(steady_s):
            _log.warning(
                "meter %s: %s, %d times: %s",
                self.name,
                problem.code,
                count,
                problem.message,
                extra=self._event("problems", code=problem.code, count=count),
            )

    def retire(self) -> str | None:
        """Say that nothing comes any more; gives the name of the meter, if it is known. Only after ``run`` has ended."""
        self._outlet.set_online(online=False)
        return self._pipeline.meter

    async def _read(self) -> None:
        """Open the port and read it; returns at the end of a recording, raises TransportError or TimeoutError."""
        await self._transport.open()
        if self._port_lost:
            self._port_lost = False
            self.tick()
        if self._rounds is not None:
            await self._rounds.run(self._transport, self._setup.link)
            raise TimeoutError("it does not answer")
        while data := await self._next():
            self._feed(data)

    async def _next(self) -> bytes:
        limit_s = self._silence_limit_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._transport.read()
        except TimeoutError:
            raise TimeoutError(f"no octet for {limit_s:.0f} s") from None

    def _asked(self, setup: MeterSetup) -> Rounds | None:
        """Prepare to ask the meter; None: it sends by itself."""
        if setup.asking is None:
            return None
        asking = replace(setup.asking, can_change=self._transport.can_change)
        asker = WAYS[setup.protocol].asker(asking)
        return Rounds(asker, asking.every_s, self._deliver, self._complain_asking, self._now)

    def _deliver(self, step: Octets | Decoded | Note) -> None:
        """Take what a dialogue got."""
        if isinstance(step, Octets):
            self._feed(step.data, whole=True)
        elif isinstance(step, Note):
            self._complain_asking(step.problem)
        else:
            self._works()
            self._took(self._pipeline.take(step.reading, self._now(), past=step.past), past=step.past)

    def _complain_asking(self, problem: Problem) -> None:
        self._complain(self._pipeline.report(problem, self._now()))

    def _now(self) -> datetime:
        """Tell the time, and the pipeline when the clock was set."""
        now, jump = self._clock.read()
        if jump is not None:
            self._pipeline.shift(jump)
            if abs(jump) >= NOTABLE:
                self._tell(self._pipeline.report(Problem("clock_jumped", words_of(jump)), now))
        return now

    def _works(self) -> None:
        """Octets come: whatever was wrong with the port is over."""
        if self._outage.open:
            self._outage.recovered("octets come")
        self._backoff.reset()
        self._silent_times = 0

    @property
    def _silence_limit_s(self) -> float:
        return min(self._patience_s * 2.0**self._silent_times, _LONGEST_SILENCE_S)

    def _feed(self, data: bytes, *, whole: bool = False) -> None:
        self._works()
        self._outlet.keep_raw(data)
        take = self._pipeline.telegram if whole else self._pipeline.feed
        self._took(take(data, self._now()))

    def _took(self, found: list[Snapshot | Problem], *, past: bool = False) -> None:
        if found:
            self._take(found, past=past)
            self._outlet.tell_raw()
            if self._link is not LinkState.OK:
                self.tick()

    def _take(self, found: list[Snapshot | Problem], *, past: bool = False) -> None:
        self._attach()
        self._date()
        for item in found:
            if isinstance(item, Problem):
                self._complain(item)
            elif self._outlet.opened:
                self._outlet.set_online(online=True)
                if not past and self._undated.hold(item, self._clock.steady_s):
                    self._outlet.snapshot(item, momentary)
                    continue
                if not past:
                    self._look_back(item)
                elif self._row is not None:
                    self._row.filled(item.seq, item.ts)
                self._outlet.snapshot(item)

    def _date(self) -> None:
        """Publish what waited for this machine's clock to be set."""
        for snapshot in self._undated.dated(self._now(), self._clock.steady_s):
            self._look_back(snapshot)
            self._outlet.snapshot(snapshot, lasting)

    def _look_back(self, snapshot: Snapshot) -> None:
        """Remember a telegram; have the gap before it filled, else tell it."""
        if self._row is None:
            return
        filler = None if self._rounds is None else self._rounds.filler
        gap = self._row.telegram(snapshot.seq, snapshot.ts, self._clock.steady_s, self._usual_s, filler)
        if gap is not None:
            now = self._now()
            gap = self._pipeline.report(gap, now)
            _log.warning(
                "meter %s: %s, from %s to %s",
                self.name,
                gap.message,
                *map(_second, (gap.begin, gap.end)),
                extra=self._event("gap", begin=_second(gap.begin), end=_second(gap.end)),
            )
            self._outlet.error(gap, now, 1)

    def _attach(self) -> None:
        """Take up the connection as soon as the meter's name is known."""
        meter = self._pipeline.meter
        if meter is None or not self._outlet.open(meter):
            return
        self._outage.subject = f"meter {self.name}"
        if self._state is not None:
            self._row = Row(self._state, meter)
            self._outlet.number_from(self._row.before)
        self._diag_at_s = float("-inf")

    def _complain(self, problem: Problem) -> None:
        steady_s = asyncio.get_running_loop().time()
        if self._logged.note(problem, steady_s):
            _log.warning(
                "meter %s: %s: %s. %s",
                self.name,
                problem.code,
                problem.message,
                problem.hint,
                extra=self._event("problem", code=problem.code, hint=problem.hint),
            )
        self._tell(problem)

    def _tell(self, problem: Problem) -> None:
        if self._told.note(problem, asyncio.get_running_loop().time()):
            self._outlet.error(problem, self._now(), 1)

    def _tell_losses(self) -> None:
        """Tell what the outbox has lost, and that it is in memory only."""
        dropped = self._outlet.dropped
        if dropped > self._dropped:
            words = f"{dropped - self._dropped} messages that waited for the broker were dropped: the outbox is full"
            self._complain(self._pipeline.report(Problem("messages_lost", words), self._now()))
        self._dropped = dropped
        trouble = self._state.trouble if self._state is not None else None
        if trouble is not None and self._trouble is None:
            self._tell(
                self._pipeline.report(Problem("not_stored", f"the state file {trouble.words}"), self._now())
            )
        self._trouble = trouble

    def report(self) -> tuple[str, dict[str, Any]] | None:
        """Tell what ``diag`` would tell now: name of the meter and document; None before it has a name."""
        now = self._now()
        return self._outlet.report(self._pipeline.diagnostics(now), now, port_error=self._port_lost)


def _second(time: datetime | None) -> str:
    """Write a time for the log, in UTC."""
    return "?" if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
