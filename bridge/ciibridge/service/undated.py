"""Telegrams without a time: the meter sends none, and this machine's clock was never set.

    telegram ──► values at once        state: held ──clock is set──► history, with the time it really was

A Raspberry Pi has no clock of its own and shows 1970, or the day its system was built, until NTP has set it. Nothing with such
a time may reach a database. How long ago a telegram came is known all the same, by the steady clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ciibridge.normalise.clock import SET_SINCE
from ciibridge.types import Message, Snapshot

#: Telegrams held: half an hour of a meter that pushes every 5 s. NTP takes a minute.
_MOST: Final = 360


class Undated:
    """Holds the telegrams of one meter until they can be dated."""

    def __init__(self) -> None:
        self._held: deque[tuple[Snapshot, float]] = deque(maxlen=_MOST)

    def hold(self, snapshot: Snapshot, at_s: float) -> bool:
        """Keep a telegram that has no time; False if it has one. ``at_s``: now, by a clock that never jumps."""
        if snapshot.ts_source != "receiver" or snapshot.ts >= SET_SINCE:
            return False
        self._held.append((snapshot, at_s))
        return True

    def dated(self, now: datetime, at_s: float) -> Iterator[Snapshot]:
        """Give what was held, in order and with its time, if ``now`` is from a clock that is set."""
        if now < SET_SINCE:
            return
        while self._held:
            snapshot, held_s = self._held.popleft()
            ts = now - timedelta(seconds=at_s - held_s)
            yield replace(snapshot, ts=ts.replace(microsecond=0), rx=ts)


def lasting(messages: list[Message]) -> list[Message]:
    """Choose the messages that carry a time and must not be lost, for where late ones go."""
    return [replace(message, topic=message.later) for message in messages if message.later is not None]


def momentary(messages: list[Message]) -> list[Message]:
    """Choose the others."""
    return [message for message in messages if message.later is None]
