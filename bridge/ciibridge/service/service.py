"""The service: one task a meter, the connections, a tick a second, and an end in good order.

A meter's task that ends with an exception of ours is a bug. It must not take the other meters with it: it is logged with
its traceback and the task is started anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from importlib.metadata import version
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.link import LinkState
from ciibridge.publish.homeassistant import MeterDiscovery
from ciibridge.publish.messages import Messages
from ciibridge.publish.retry import Backoff
from ciibridge.service.connections import Connections
from ciibridge.service.meter import MeterTask
from ciibridge.service.setup import MeterSetup, Setup
from ciibridge.service.systemd import Systemd

_log: Final = logging.getLogger("ciibridge")
_TICK_S: Final = 1.0
#: For the ports to close at the end; what hangs longer is left to the operating system.
_CLOSE_S: Final = 0.5


class Service:
    """Runs what a ``Setup`` describes. ``first_wait_s``: the shortest wait before a lost port or broker is tried again."""

    def __init__(
        self, setup: Setup, catalogue: Resolved, *, systemd: Systemd | None = None, first_wait_s: float = 1.0
    ) -> None:
        self._setup = setup
        self._catalogue = catalogue
        self._systemd = systemd or Systemd({})
        self._first_wait_s = first_wait_s
        self._software = f"ciibridge {version('ciigen')}"
        self._meters: list[MeterTask] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, or all meters were recordings and have ended. Ends within 2 s of ``stop``."""
        for note in self._setup.notes:
            _log.warning("%s", note)
        connections = Connections(self._setup, self._catalogue, backoff=self._backoff)
        connections.start()
        self._meters = [self._meter(meter, connections) for meter in self._setup.meters]
        readers = [asyncio.create_task(self._keep(meter), name=meter.name) for meter in self._meters]
        ticking = asyncio.create_task(self._tick(connections), name="tick")
        watching = asyncio.create_task(self._systemd.watch(), name="watchdog")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        ending = asyncio.create_task(self._all_read(readers, connections), name="end of recordings")
        _log.info("%s: reading %d meters", self._software, len(self._meters))
        self._systemd.ready(self._status(connections))
        try:
            ends = (stopping, ending, ticking, connections.failure)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for bug in (ticking, connections.failure):
                if bug.done():
                    bug.result()  # neither ends by itself: raise what ended it
        finally:
            self._systemd.stopping()
            tasks: list[asyncio.Future[object]] = [*readers, ticking, watching, stopping, ending]  # type: ignore[list-item]
            for task in tasks:
                task.cancel()
            await connections.close()
            await asyncio.wait(tasks, timeout=_CLOSE_S)
            _log.info("%s: ended", self._software)

    async def _all_read(self, readers: list[asyncio.Task[None]], connections: Connections) -> None:
        """Wait until all meters were recordings and everything of them is with the broker."""
        await asyncio.wait(readers)
        while connections.queued:
            await asyncio.sleep(_TICK_S)

    def _backoff(self) -> Backoff:
        return Backoff(first_s=self._first_wait_s)

    def _meter(self, meter: MeterSetup, connections: Connections) -> MeterTask:
        setup = self._setup
        messages = Messages(
            self._catalogue,
            meter.settings,
            prefix=setup.prefix,
            protocol=meter.protocol,
            interface=meter.interface,
            software=self._software,
            value_topics=setup.value_topics,
            discovery=self._discovery(),
        )
        return MeterTask(
            meter, self._catalogue, messages, connections.of, raw=setup.raw, backoff=self._backoff()
        )

    def _discovery(self) -> MeterDiscovery | None:
        wanted = self._setup.home_assistant
        if wanted is None:
            return None
        return MeterDiscovery(wanted.discovery, alone=len(self._setup.meters) == 1, enabled=wanted.enabled)

    async def _keep(self, meter: MeterTask) -> None:
        backoff = Backoff()
        while True:
            task = asyncio.create_task(meter.run())
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                task.cancel()
                await asyncio.wait({task})
                raise
            error = task.exception()
            if error is None:
                return
            _log.error("meter %s: a bug, please report it", meter.name, exc_info=error)
            await asyncio.sleep(backoff.next_s())

    async def _tick(self, connections: Connections) -> None:
        status = ""
        while True:
            await asyncio.sleep(_TICK_S)
            for meter in self._meters:
                meter.tick()
            if (now := self._status(connections)) != status:
                status = now
                self._systemd.status(now)

    def _status(self, connections: Connections) -> str:
        """One line: how many meters are in which state, and whether the broker is there."""
        count = Counter(meter.link for meter in self._meters)
        meters = ", ".join(f"{count[state]} {state}" for state in LinkState if count[state])
        return f"{len(self._meters)} meters ({meters}), broker {'connected' if connections.connected else 'away'}"
