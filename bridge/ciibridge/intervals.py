"""How often something comes, learnt from when it came. Pure.

A push interval is not sent by any meter, so it is learnt: the second largest of the last five gaps. That outlasts one
outage, follows a meter that pushes in bursts, and after two telegrams it has a first answer. The learnt value moves
only when it is wrong by a fifth, so that jitter of the line does not look like a change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

_GAPS: Final = 5
_TOLERANCE: Final = 0.2
#: Below it, gaps are the pieces of one push, or two readings of one recording.
_SHORTEST_S: Final = 0.5
#: Things followed at once. A meter has a handful of lists; a damaged line must not fill the memory.
_MOST: Final = 64


class Interval:
    """Learns the interval of one thing."""

    __slots__ = ("_gaps", "_last", "seconds")

    def __init__(self) -> None:
        self._last: datetime | None = None
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self.seconds: float | None = None  # None: not learnt yet

    def seen(self, at: datetime) -> None:
        """Note that it came at ``at``."""
        last, self._last = self._last, at
        if last is None:
            return
        gap = (at - last).total_seconds()
        if gap < _SHORTEST_S:
            return
        self._gaps.append(gap)
        learnt = sorted(self._gaps)[-2] if len(self._gaps) > 1 else gap
        if self.seconds is None or abs(learnt - self.seconds) > _TOLERANCE * self.seconds:
            self.seconds = round(learnt) if learnt >= 2 else round(learnt, 1)

    def shift(self, by: timedelta) -> None:
        """Follow a clock that was set, forward if ``by`` is positive."""
        self._last = None if self._last is None else self._last + by


class Intervals:
    """Learns the interval of each of several things, e.g. the lists of a meter."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Interval] = {}

    def seen(self, what: Hashable, at: datetime) -> None:
        """Note that ``what`` came at ``at``."""
        interval = self._known.get(what)
        if interval is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            interval = self._known[what] = Interval()
        interval.seen(at)

    def shift(self, by: timedelta) -> None:
        """Follow a clock that was set, forward if ``by`` is positive."""
        for interval in self._known.values():
            interval.shift(by)

    def of(self, what: Hashable) -> float | None:
        """Tell the learnt interval in seconds, or None."""
        interval = self._known.get(what)
        return interval.seconds if interval else None

    def all(self) -> dict[Hashable, float]:
        """Tell all that is learnt, in seconds."""
        return {what: i.seconds for what, i in self._known.items() if i.seconds is not None}
