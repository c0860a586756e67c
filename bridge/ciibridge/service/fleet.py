"""The meters that are being read: one task each, started and stopped as the configuration changes.

A meter's task that ends with an exception of ours is a bug. It must not take the other meters with it: it is logged with
its traceback and the task is started anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ciibridge.events import event
from ciibridge.publish.retry import Backoff
from ciibridge.service.meter import MeterTask
from ciibridge.service.meter_setup import MeterSetup

_log: Final = logging.getLogger("ciibridge")
#: For a port to close; what hangs longer is left to the operating system.
_CLOSE_S: Final = 0.5


@dataclass(slots=True)
class _Reader:
    setup: MeterSetup
    meter: MeterTask
    task: asyncio.Task[None]


class Fleet:
    """The meters that are read now, in the order of the configuration."""

    def __init__(self) -> None:
        self._readers: list[_Reader] = []
        self._changing = False

    def __iter__(self) -> Iterator[MeterTask]:
        return iter([reader.meter for reader in self._readers])

    def __len__(self) -> int:
        return len(self._readers)

    async def become(
        self,
        setups: Sequence[MeterSetup],
        make: Callable[[MeterSetup], MeterTask],
        *,
        release: Callable[[str], None] | None = None,
    ) -> tuple[int, int]:
        """Read these meters from now on; gives how many were stopped and started.

        A meter whose setup is as before keeps its task and its open port. ``release`` is called with the name of each that
        was stopped.
        """
        gone = [reader for reader in self._readers if reader.setup not in setups]
        await _stop(gone)
        for reader in gone:
            name = reader.meter.retire()
            if name is not None and release is not None:
                release(name)
        before = self._readers
        self._readers = [
            next((reader for reader in before if reader.setup == setup), None) or _start(setup, make(setup))
            for setup in setups
        ]
        return len(gone), len(self._readers) - (len(before) - len(gone))

    async def all_read(self) -> None:
        """Wait until every meter was a recording and has ended."""
        while True:
            reading = [reader.task for reader in self._readers if not reader.task.done()]
            if reading:
                await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
            elif self._changing:
                await asyncio.sleep(_CLOSE_S)
            else:
                return

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Take no standstill for the end of all recordings: other meters will be read in a moment."""
        self._changing = True
        try:
            yield
        finally:
            self._changing = False

    async def stop(self) -> None:
        """Stop reading."""
        await _stop(self._readers)


async def _stop(readers: Sequence[_Reader]) -> None:
    for reader in readers:
        reader.task.cancel()
    if readers:
        await asyncio.wait([reader.task for reader in readers], timeout=_CLOSE_S)


def _start(setup: MeterSetup, meter: MeterTask) -> _Reader:
    return _Reader(setup, meter, asyncio.create_task(_keep(meter), name=meter.name))


async def _keep(meter: MeterTask) -> None:
    """Run a meter's task for ever, whatever bug it has."""
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
        _log.error(
            "meter %s: a bug, please report it",
            meter.name,
            exc_info=error,
            extra=event("bug", meter=meter.name),
        )
        await asyncio.sleep(backoff.next_s())
