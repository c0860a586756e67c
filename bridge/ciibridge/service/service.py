"""The service: the meters, the connections, a tick a second, a new configuration on request, and an end in good order."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final

from ciimodel.catalogue import Resolved

from ciibridge.errors import ConfigError
from ciibridge.events import event
from ciibridge.link import LinkState
from ciibridge.publish.homeassistant import MeterDiscovery
from ciibridge.publish.messages import Messages
from ciibridge.publish.metrics import render
from ciibridge.publish.retry import Backoff
from ciibridge.service.connections import Connections
from ciibridge.service.fleet import Fleet
from ciibridge.service.meter import MeterTask
from ciibridge.service.meter_setup import MeterSetup
from ciibridge.service.scrape import Scrape
from ciibridge.service.setup import Setup
from ciibridge.service.steady import NOTABLE, SteadyClock, words_of
from ciibridge.service.storage import Storage
from ciibridge.service.systemd import Systemd
from ciibridge.transport import is_recording
from ciibridge.wording import counted

_log: Final = logging.getLogger("ciibridge")
_TICK_S: Final = 1.0
#: What holds from the start to the end of the process → the key that sets it.
_FIXED: Final = {
    "bridge_id": "[bridge] id",
    "shared_connection": "[mqtt] one_connection",
    "store": "[outbox]",
    "metrics": "[metrics]",
}
#: What every connection and every meter rests on: when it changes, all begin anew.
_COMMON: Final = ("client_id", "prefix", "value_topics", "raw", "home_assistant", "dialects")


class Service:
    """Runs what a ``Setup`` describes. ``first_wait_s``: the shortest wait before a lost port or broker is tried again.

    ``reread`` gives the configuration as it is now, for ``reload``; it raises ConfigError when that is wrong.
    """

    def __init__(
        self,
        setup: Setup,
        catalogue: Resolved,
        *,
        systemd: Systemd | None = None,
        first_wait_s: float = 1.0,
        reread: Callable[[], Setup] | None = None,
    ) -> None:
        self._setup = setup
        self._catalogue = catalogue
        self._systemd = systemd or Systemd({})
        self._first_wait_s = first_wait_s
        self._reread = reread
        self._reload = asyncio.Event()
        self._turns: dict[str, asyncio.Lock] = {}  # of ports with several meters
        self.software = f"ciibridge {version('ciigen')}"

    def reload(self) -> None:
        """Take up the configuration as it is now, soon; a wrong one is refused and the old one goes on."""
        self._reload.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, or all meters were recordings and have ended. Ends within 2 s of ``stop``.

        Raises ConfigError if another process has the state file.
        """
        setup = self._setup
        for note in setup.notes:
            _log.warning("%s", note, extra=event("note"))
        storage = Storage(setup)
        await storage.open()
        connections = Connections(setup, self._catalogue, outbox=storage.outbox, backoff=self._backoff)
        connections.start()
        storage.send_left_over(connections.left_over)
        running = _Running(self, setup, storage, connections)
        await running.fleet.become(setup.meters, running.meter)
        scrape = Scrape(*setup.metrics, running.metrics) if setup.metrics is not None else None
        if scrape is not None:
            await scrape.start()
        stopping = asyncio.create_task(stop.wait(), name="stop")
        ending = asyncio.create_task(running.all_read(), name="end of recordings")
        for_ever: list[asyncio.Future[None]] = [
            asyncio.create_task(running.tick(self._systemd), name="tick"),
            asyncio.create_task(self._follow(running), name="reload"),
            connections.failure,
        ]
        watching = asyncio.create_task(self._systemd.watch(), name="watchdog")
        _log.info(
            "%s: reading %s",
            self.software,
            counted(len(running.fleet), "meter"),
            extra=event("started", software=self.software, meters=len(running.fleet)),
        )
        self._systemd.ready(running.status())
        try:
            ends: list[asyncio.Future[Any]] = [stopping, ending, *for_ever]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for bug in for_ever:
                if bug.done():
                    bug.result()  # none ends by itself: raise what ended it
        finally:
            self._systemd.stopping()
            for task in for_ever:
                task.cancel()
            for waiter in (stopping, ending, watching):
                waiter.cancel()
            if scrape is not None:
                await scrape.close()
            await asyncio.gather(connections.close(), running.fleet.stop())
            await storage.close()
            _log.info("%s: ended", self.software, extra=event("ended", software=self.software))

    def _backoff(self) -> Backoff:
        return Backoff(first_s=self._first_wait_s)

    async def _follow(self, running: _Running) -> None:
        """Take up a new configuration whenever one is asked for."""
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._systemd.reloading()
            try:
                if self._reread is not None:
                    new = self._reread()
                    with running.fleet.changing():
                        await running.become(new)
            except ConfigError as error:
                _log.error(
                    "the new configuration is wrong, the old one goes on\n%s",
                    error,
                    extra=event("reload_refused"),
                )
            self._systemd.ready(running.status())

    def make_meter(
        self, meter: MeterSetup, setup: Setup, storage: Storage, connections: Connections
    ) -> MeterTask:
        """Make the task of a meter."""
        messages = Messages(
            self._catalogue,
            meter.settings,
            prefix=setup.prefix,
            protocol=meter.protocol,
            interface=meter.interface,
            software=self.software,
            value_topics=setup.value_topics,
            discovery=self._discovery(setup),
            dialects=setup.dialects,
        )
        return MeterTask(
            meter,
            self._catalogue,
            messages,
            connections.of,
            raw=setup.raw,
            backoff=self._backoff(),
            state=None if is_recording(meter.port) else storage.state,
            turns=self._turns.setdefault(meter.port, asyncio.Lock()) if meter.shared else None,
        )

    def _discovery(self, setup: Setup) -> MeterDiscovery | None:
        wanted = setup.home_assistant
        if wanted is None:
            return None
        return MeterDiscovery(wanted.discovery, alone=len(setup.meters) == 1, enabled=wanted.enabled)


class _Running:
    """A service between its start and its end."""

    def __init__(self, service: Service, setup: Setup, storage: Storage, connections: Connections) -> None:
        self._service = service
        self._setup = setup
        self._storage = storage
        self._connections = connections
        self.fleet = Fleet()

    def meter(self, meter: MeterSetup) -> MeterTask:
        """Make the task of a meter, as the setup of now says."""
        return self._service.make_meter(meter, self._setup, self._storage, self._connections)

    async def become(self, new: Setup) -> None:
        """Go over to a new setup; what did not change goes on as if nothing had happened."""
        old = self._setup
        for note in new.notes:
            _log.warning("%s", note, extra=event("note"))
        for name, key in _FIXED.items():
            if getattr(new, name) != getattr(old, name):
                _log.warning(
                    "%s has changed; that takes a restart, until then the old value holds",
                    key,
                    extra=event("restart_needed", key=key),
                )
        new = self._setup = replace(
            new,
            bridge_id=old.bridge_id,
            shared_connection=old.shared_connection,
            store=old.store,
            metrics=old.metrics,
        )
        if new.log_level != old.log_level:
            logging.getLogger().setLevel(new.log_level.upper())
        moved = new.broker != old.broker
        if any(getattr(new, name) != getattr(old, name) for name in _COMMON):
            await self.fleet.become((), self.meter)
            await self._connections.begin_anew(new)
            self._storage.send_left_over(self._connections.left_over)
        elif moved:
            await self._connections.move(new.broker)
        stopped, started = await self.fleet.become(new.meters, self.meter, release=self._connections.release)
        _log.info(
            "new configuration: %d meters stopped, %d started, %d go on%s",
            stopped,
            started,
            len(self.fleet) - started,
            f", broker {new.broker.url}" if moved else "",
            extra=event("reloaded", stopped=stopped, started=started, meters=len(self.fleet)),
        )

    def metrics(self) -> str:
        """Tell everything that Prometheus is told."""
        reports = [report for meter in self.fleet if (report := meter.report()) is not None]
        return render(reports, connected=self._connections.connected, software=self._service.software)

    async def all_read(self) -> None:
        """Wait until all meters were recordings and everything of them is with the broker."""
        await self.fleet.all_read()
        while self._connections.queued:
            await asyncio.sleep(_TICK_S)

    async def tick(self, systemd: Systemd) -> None:
        """Let everybody look at the clock once a second, for ever."""
        status = ""
        clock = SteadyClock()
        while True:
            await asyncio.sleep(_TICK_S)
            _, jump = clock.read()
            if jump is not None and abs(jump) >= NOTABLE:
                _log.warning("%s", words_of(jump), extra=event("clock_set", seconds=jump.total_seconds()))
            for meter in self.fleet:
                meter.tick()
            self._storage.tick()
            if (now := self.status()) != status:
                status = now
                systemd.status(now)

    def status(self) -> str:
        """One line: how many meters are in which state, and whether the broker is there."""
        count = Counter(meter.link for meter in self.fleet)
        meters = ", ".join(f"{count[state]} {state}" for state in LinkState if count[state])
        broker = "connected" if self._connections.connected else "away"
        return f"{counted(len(self.fleet), 'meter')} ({meters}), broker {broker}"
