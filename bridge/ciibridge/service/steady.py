"""A clock that notices when it is set: by hand, by NTP after a boot, by daylight saving of a machine that keeps local time.

Two clocks run side by side: the one of the machine, which tells UTC and may jump, and a steady one, which only goes on. What
one gains on the other between two looks is a jump.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

#: Below it, a difference is NTP at its quiet work, or the time between two lines of code on a busy machine.
_SHORTEST: Final = timedelta(seconds=2)
#: A jump that people want to know of.
NOTABLE: Final = timedelta(seconds=60)


def utc_now() -> datetime:
    """Tell the time of this machine, in UTC."""
    return datetime.now(UTC)


def words_of(jump: timedelta) -> str:
    """Put a jump into words: ``this machine's clock was set forward by 2:00:00``."""
    seconds = timedelta(seconds=round(abs(jump).total_seconds()))
    return f"this machine's clock was set {'forward' if jump > timedelta(0) else 'back'} by {seconds}"


class SteadyClock:
    """Tells the time, and by how much the clock was set since the last time it was asked."""

    def __init__(
        self, clock: Callable[[], datetime] = utc_now, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._steady = steady
        self._last: tuple[datetime, float] | None = None

    @property
    def steady_s(self) -> float:
        """Seconds that only go on, from whatever beginning."""
        return self._steady()

    def read(self) -> tuple[datetime, timedelta | None]:
        """Give the time in UTC, and the jump before it: positive if the clock was set forward; None: it was not set."""
        now, steady_s = self._clock(), self._steady()
        last, self._last = self._last, (now, steady_s)
        if last is None:
            return now, None
        jump = now - last[0] - timedelta(seconds=steady_s - last[1])
        return now, jump if abs(jump) >= _SHORTEST else None
