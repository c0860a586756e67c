"""What waits while the broker is away: a bounded queue of messages that must not be lost.

    telegram ──► state ──broker there──► broker
                   └──broker away──► Outbox ──broker back──► history, in order, throttled

Only messages whose every copy counts come here: snapshots (published later as ``history``) and error events. Live values
are worth nothing an hour later, and of retained topics only the last value matters, so neither is queued.

When it is full the oldest is dropped: what happened last is what somebody looks for. The queue here lives in memory and dies
with the process; anything with the same methods, such as a table on disk, can take its place.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from ciibridge.types import Message


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A message in its place: ``order`` rises with each message of a connection and is never used twice."""

    order: int
    message: Message = field(compare=False)


class Outbox(Protocol):
    """Keeps entries in their order until they are settled."""

    def put(self, entry: Entry) -> int:
        """Keep an entry; return how many of the oldest were dropped to make room (0 or 1)."""
        ...

    def peek(self, count: int) -> list[Entry]:
        """Return the oldest ``count`` entries, which stay until they are settled."""
        ...

    def settle(self, order: int) -> None:
        """Forget every entry up to and including this one: the broker has them."""
        ...

    def withdraw(self, order: int) -> None:
        """Forget this entry alone: it is being published in another way."""
        ...

    def __len__(self) -> int: ...


class MemoryOutbox:
    """An outbox in memory, for ``capacity`` messages (some 700 octets each)."""

    def __init__(self, capacity: int = 10_000) -> None:
        if capacity < 1:
            raise ValueError(f"an outbox for {capacity} messages cannot work: at least 1")
        self._capacity = capacity
        self._entries: deque[Entry] = deque()

    def put(self, entry: Entry) -> int:
        """See ``Outbox.put``. An entry older than the newest is put where it belongs."""
        if self._entries and entry.order < self._entries[-1].order:
            insort(self._entries, entry)
        else:
            self._entries.append(entry)
        if len(self._entries) <= self._capacity:
            return 0
        self._entries.popleft()
        return 1

    def peek(self, count: int) -> list[Entry]:
        """See ``Outbox.peek``."""
        return list(islice(self._entries, count))

    def settle(self, order: int) -> None:
        """See ``Outbox.settle``."""
        while self._entries and self._entries[0].order <= order:
            self._entries.popleft()

    def withdraw(self, order: int) -> None:
        """See ``Outbox.withdraw``."""
        at = bisect_left(self._entries, order, key=lambda entry: entry.order)
        if at < len(self._entries) and self._entries[at].order == order:
            del self._entries[at]

    def __len__(self) -> int:
        return len(self._entries)
