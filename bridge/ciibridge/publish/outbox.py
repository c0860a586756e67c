"""What waits while the broker is away: a bounded queue of messages that must not be lost.

    telegram ──► state ──broker there──► broker
                   └──broker away──► Outbox ──broker back──► history, in order, throttled

Only messages whose every copy counts come here: snapshots (published later as ``history``) and error events. Live values
are worth nothing an hour later, and of retained topics only the last value matters, so neither is queued.

When it is full the oldest is dropped: what happened last is what somebody looks for. The queue here lives in memory and dies
with the process; ``spool`` has one on disk.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
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

    @property
    def dropped(self) -> int:
        """Entries that were lost because there was no room, since the start."""
        ...

    def next_order(self) -> int:
        """Give the next entry its place."""
        ...

    def put(self, entry: Entry) -> None:
        """Keep an entry, if need be at the cost of the oldest. One older than others goes where it belongs."""
        ...

    async def peek(self, count: int) -> list[Entry]:
        """Return the oldest ``count`` entries, which stay until they are settled; none if they cannot be read now."""
        ...

    def settle(self, orders: Iterable[int]) -> None:
        """Forget these entries: the broker has them, or they are being published in another way."""
        ...

    def __len__(self) -> int: ...


class EntryQueue:
    """Entries in their order, ``capacity`` at most (some 700 octets each)."""

    def __init__(self, capacity: int = 10_000) -> None:
        if capacity < 1:
            raise ValueError(f"an outbox for {capacity} messages cannot work: at least 1")
        self._capacity = capacity
        self._entries: deque[Entry] = deque()

    def put(self, entry: Entry) -> int:
        """Take an entry to its place; return how many of the oldest were dropped for it (0 or 1)."""
        if self._entries and entry.order < self._entries[-1].order:
            insort(self._entries, entry)
        else:
            self._entries.append(entry)
        if len(self._entries) <= self._capacity:
            return 0
        self._entries.popleft()
        return 1

    def peek(self, count: int) -> list[Entry]:
        """Return the oldest ``count`` entries."""
        return list(islice(self._entries, count))

    def withdraw(self, order: int) -> bool:
        """Take out one entry; False if it is not there."""
        at = bisect_left(self._entries, order, key=lambda entry: entry.order)
        if at == len(self._entries) or self._entries[at].order != order:
            return False
        del self._entries[at]
        return True

    def __len__(self) -> int:
        return len(self._entries)


class MemoryOutbox:
    """An outbox in memory, for ``capacity`` messages."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._entries = EntryQueue(capacity)
        self._order = 0
        self.dropped = 0

    def next_order(self) -> int:
        """See ``Outbox``."""
        self._order += 1
        return self._order

    def put(self, entry: Entry) -> None:
        """See ``Outbox``."""
        self.dropped += self._entries.put(entry)

    async def peek(self, count: int) -> list[Entry]:
        """See ``Outbox``."""
        return self._entries.peek(count)

    def settle(self, orders: Iterable[int]) -> None:
        """See ``Outbox``."""
        for order in orders:
            self._entries.withdraw(order)

    def __len__(self) -> int:
        return len(self._entries)
