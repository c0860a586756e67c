"""Telegrams in an unbroken row: their numbers, and the time without any.

    last telegram ──── longer than usual ────► next telegram      one event ``gap``, with both times

The bridge was off, the port was lost, or the meter was silent: for a gap it is all the same. Where the meter can be asked, its
load profile fills it, and there is no event.
"""

from __future__ import annotations

from datetime import datetime

from ciibridge.dialogue.asking import Backfilling
from ciibridge.link import SHORTEST_STALE_S
from ciibridge.service.state import State
from ciibridge.types import Problem


class Row:
    """The telegrams of one meter. ``before`` is the number of the last one in an earlier life of the bridge."""

    def __init__(self, state: State, meter: str) -> None:
        self._state = state
        self._memory = state.memory(meter)
        self._heard_s: float | None = None
        self.before = self._memory.seq

    def telegram(
        self, number: int, ts: datetime, at_s: float, usual_s: float, filler: Backfilling | None = None
    ) -> Problem | None:
        """Note the telegram with ``number``, counted from 1 in this life; give the gap before it, if there is one.

        ``ts``: its time, UTC; ``at_s``: now, by a clock that never jumps; ``usual_s``: silence below it is no gap. A gap that
        ``filler`` takes is none: until it is filled, what is remembered is how far, so that a restart goes on there.
        """
        last = self._memory.last
        if self._heard_s is not None:
            gap = at_s - self._heard_s > usual_s
        else:
            remembered_s = self._memory.usual_s or SHORTEST_STALE_S
            gap = last is not None and (ts - last).total_seconds() > remembered_s
        self._heard_s = at_s
        found = gap and last is not None and last < ts
        if found and last is not None and filler is not None:
            filler.fill(last, ts)
        filling = filler is not None and filler.filling and last is not None
        self._note(last if filling and last is not None else ts, number, usual_s)
        if not found or filler is not None or last is None:
            return None
        return Problem("gap", f"no telegram for {_duration((ts - last).total_seconds())}", begin=last, end=ts)

    def filled(self, number: int, ts: datetime) -> None:
        """Note a row of the load profile that was handed on: up to it nothing is missing any more."""
        self._note(max(ts, self._memory.last or ts), number, self._memory.usual_s)

    def _note(self, ts: datetime, number: int, usual_s: float | None) -> None:
        self._state.note(self._memory.name, ts, seq=self.before + number, usual_s=usual_s)


def _duration(seconds: float) -> str:
    """Write a time for people: 50 s, 12 min, 3.5 h, 2.1 days."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{round(seconds / length, 1):g} {unit}"
    return f"{seconds:.0f} s"
