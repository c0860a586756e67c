"""When simulated telegrams leave: at the multiples of the interval of a clock, as Landis+Gyr's meters do.

    interval 5 s   09:39:20 ── 09:39:25 ── 09:39:30 ── …       not 5 s after the last one

The clock is that of this machine, or a simulated one that may run faster.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def clock(start: datetime | None, speed: float) -> Callable[[], datetime]:
    """Start a clock at ``start`` (None: at the time of this machine) that runs ``speed`` times as fast as the real one."""
    loop = asyncio.get_running_loop()
    began, begin = loop.time(), start or datetime.now(UTC)

    def now() -> datetime:
        return begin + timedelta(seconds=(loop.time() - began) * speed)

    return now


async def moments(start: datetime | None, interval_s: float, speed: float) -> AsyncGenerator[datetime, None]:
    """Yield the multiples of ``interval_s`` of the clock, each when its time has come.

    ``start`` None: the clock of this machine; else a simulated clock that begins there. ``speed``: seconds of that
    clock in a second; 0: as fast as the consumer takes them. A consumer that is late skips what it missed.
    """
    now = clock(start, speed)
    interval = timedelta(seconds=interval_s)
    due = _following(now(), interval)
    while True:
        if speed > 0:
            due = max(due, _following(now(), interval))
            await asyncio.sleep((due - now()).total_seconds() / speed)
        yield due
        due += interval


def _following(moment: datetime, interval: timedelta) -> datetime:
    """Find the first multiple of ``interval`` not before ``moment``."""
    past = (moment - _EPOCH) % interval
    return moment if not past else moment + interval - past
