"""The outbox on disk: what waits for the broker outlasts the process, and the memory.

    put ──► memory ──half a second later, once a second at most──► state file      (nothing, if the broker has it by then)
    peek ◄──── memory and state file, in order ────────────────────────┘
    settle: forgotten in memory at once, in the file with the next write

One ``Spool`` a process, one ``Box`` in it for each connection. Entries are in memory until the file has them, and only there
while the disk is full or gone: then as many as a memory outbox holds. The file is bounded in size and age; the oldest go
first, are counted for the connection they belong to, and reported by the meter's ``diag``.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ciibridge.normalise.clock import SET_SINCE
from ciibridge.publish.database import PAGE, Database
from ciibridge.publish.outbox import Entry, EntryQueue
from ciibridge.types import Message

#: A broker that is back so soon costs no write at all.
_SETTLE_S: Final = 0.5
_EVERY_S: Final = 1.0
#: A disk that failed is asked again after so long.
_AGAIN_S: Final = 30.0
#: Messages of one box in one transaction: a few megabytes, a few tenths of a second on a slow card.
_MOST: Final = 2000
#: Rows that go at once when the file is full.
_ROWS: Final = 200
#: Free pages that may stay in the file.
_FREE_PAGES: Final = 256

_Row = tuple[int, str, bytes, int, int, str | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be kept: octets of the file, age in seconds, and messages of one connection in memory."""

    octets: int = 100_000_000
    age_s: float = 31 * 86_400.0
    in_memory: int = 10_000


class Spool:
    """The messages in a state file. ``clock`` tells Unix time in seconds."""

    def __init__(
        self,
        database: Database,
        limits: Limits,
        *,
        shared: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``shared``: one connection sends everything, also what others left behind."""
        self._database = database
        self._limits = limits
        self._shared = shared
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._boxes: dict[str, Box] = {}
        self._order = 0
        self._surveyed = self._begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = False
        self._closing = False
        self._flushed_at = float("-inf")
        self._found: Callable[[str], None] = _nobody
        database.at_opening(self._survey, self._opened)

    def begin(self, found: Callable[[str], None]) -> None:
        """Tell which boxes have messages of an earlier process: those that do now, and those that turn up later."""
        self._begun = True
        self._found = found
        for name, box in list(self._boxes.items()):
            if len(box):
                found(name)

    def box(self, name: str) -> Box:
        """Return the outbox of a connection, with what an earlier process has left in it."""
        if name not in self._boxes:
            self._boxes[name] = Box(self, name, self._limits.in_memory)
        return self._boxes[name]

    @property
    def idle_s(self) -> float:
        """Tell how long ago the file was written, in seconds."""
        return self._loop.time() - self._flushed_at

    def close(self) -> None:
        """Write what is in memory; the database must be closed after it."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._flush()

    # -- for the boxes -----------------------------------------------------------------------------------------------

    def next_order(self) -> int:
        """Give the next message its place; it rises over restarts, too."""
        self._order += 1
        return self._order

    def flush_soon(self, wait_s: float | None = None) -> None:
        """Write before long, and not more often than once a second."""
        if self._timer is None and not self._flushing and not self._closing:
            wait_s = max(
                _SETTLE_S if wait_s is None else wait_s, self._flushed_at + _EVERY_S - self._loop.time()
            )
            self._timer = self._loop.call_later(wait_s, self._flush)

    def select(self, name: str, count: int, done: Callable[[list[Entry] | None], None]) -> None:
        """Read the oldest messages of a box from the file; None: it cannot be read now."""

        def job(connection: sqlite3.Connection) -> list[Entry]:
            rows: list[_Row] = connection.execute(
                "SELECT position, topic, payload, qos, retain, content_type FROM message "
                "WHERE box = ? ORDER BY position LIMIT ?",
                (name, count),
            ).fetchall()
            return [_entry(row) for row in rows]

        self._database.submit(job, done)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        self._timer = None
        most = self._limits.in_memory if self._closing else _MOST
        work = {name: box.work(most) for name, box in self._boxes.items() if box.dirty}
        if not work:
            return
        self._flushing = True
        now = self._clock()

        def job(connection: sqlite3.Connection) -> Counter[str]:
            for name, (entries, gone) in work.items():
                connection.executemany(
                    "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (_columns(name, int(now), entry) for entry in entries),
                )
                connection.executemany("DELETE FROM message WHERE position = ?", ((order,) for order in gone))
            return self._trim(connection, now)

        def done(dropped: Counter[str] | None) -> None:
            self._flushing = False
            self._flushed_at = self._loop.time()
            if dropped is None:
                for name in work:
                    self._boxes[name].failed()
                self.flush_soon(_AGAIN_S)
                return
            for name, (entries, gone) in work.items():
                self._boxes[name].stored(entries, gone)
            for name, count in dropped.items():
                self.box(name).lost(count)
            if any(box.dirty for box in self._boxes.values()):
                self.flush_soon()

        self._database.submit(job, done)

    def _trim(self, connection: sqlite3.Connection, now: float) -> Counter[str]:
        """Drop the oldest messages beyond the bounds; gives how many of which box."""
        dropped: Counter[str] = Counter()
        set_since = SET_SINCE.timestamp()
        if now >= set_since:  # what was kept before the clock was set has no age that is known
            old = connection.execute(
                "DELETE FROM message WHERE kept_at BETWEEN ? AND ? RETURNING box",
                (set_since, now - self._limits.age_s),
            )
            dropped.update(name for (name,) in old.fetchall())
        while _pages(connection) * PAGE > self._limits.octets:
            oldest = connection.execute(
                "DELETE FROM message WHERE position IN (SELECT position FROM message ORDER BY position LIMIT ?) "
                "RETURNING box",
                (_ROWS,),
            ).fetchall()
            if not oldest:
                break
            dropped.update(name for (name,) in oldest)
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        if free > max(_FREE_PAGES, _pages(connection)):
            for _ in range(free):  # a page each: Python's sqlite3 steps such a statement once
                connection.execute("PRAGMA incremental_vacuum")
        return dropped

    # -- opening -----------------------------------------------------------------------------------------------------

    def _survey(self, connection: sqlite3.Connection) -> tuple[int, dict[str, int]]:
        """In the thread: see what an earlier process has left."""
        if self._shared:
            connection.execute("UPDATE message SET box = '' WHERE box != ''")
        (top,) = connection.execute("SELECT coalesce(max(position), 0) FROM message").fetchone()
        if self._begun and not self._surveyed:
            # The file comes late: places were given without it, and all that is in it comes before them.
            connection.execute("UPDATE message SET position = position - ?", (top,))
            top = 0
        counts = connection.execute("SELECT box, count(*) FROM message GROUP BY box").fetchall()
        return top, dict(counts)

    def _opened(self, found: tuple[int, dict[str, int]]) -> None:
        top, counts = found
        self._surveyed = True
        self._order = max(self._order, top)
        for name in counts.keys() | self._boxes.keys():
            self.box(name).on_disk(counts.get(name, 0))
            if counts.get(name) and self._begun:
                self._found(name)


class Box:
    """The outbox of one connection; see ``outbox.Outbox``."""

    def __init__(self, spool: Spool, name: str, capacity: int) -> None:
        self._spool = spool
        self._name = name
        self._memory = EntryQueue(capacity)  # what the file does not have
        self._disk = 0  # messages in the file that are not settled
        self._gone: set[int] = set()  # settled, and still in the file or being written to it
        self._writing: set[int] = set()
        self._twice: set[int] = set()  # in memory, and perhaps in the file as well
        self.dropped = 0

    def next_order(self) -> int:
        """See ``Outbox``."""
        return self._spool.next_order()

    def put(self, entry: Entry) -> None:
        """See ``Outbox``."""
        # It may be one that was settled, sent at once, and comes back undelivered: then it must not go from the file.
        if entry.order in self._gone:
            self._gone.remove(entry.order)
            self._twice.add(entry.order)
        self.dropped += self._memory.put(entry)
        self._spool.flush_soon()

    async def peek(self, count: int) -> list[Entry]:
        """See ``Outbox``."""
        if not self._disk:
            return self._memory.peek(count)
        limit = count + len(self._gone)
        result: asyncio.Future[list[Entry]] = asyncio.get_running_loop().create_future()

        def done(rows: list[Entry] | None) -> None:
            # Here and not after the await: entries must not move from memory to file between the two looks.
            if not result.done():
                result.set_result(self._merge(rows, limit)[:count])

        self._spool.select(self._name, limit, done)
        return await result

    def settle(self, orders: Iterable[int]) -> None:
        """See ``Outbox``."""
        for order in orders:
            if not self._memory.withdraw(order):
                self._disk = max(0, self._disk - 1)
                self._gone.add(order)
            elif order in self._writing or order in self._twice:
                self._gone.add(order)
            self._twice.discard(order)
        if self._gone:
            self._spool.flush_soon()

    def __len__(self) -> int:
        return len(self._memory) + self._disk

    # -- for the spool -----------------------------------------------------------------------------------------------

    @property
    def dirty(self) -> bool:
        """The file is not as it should be."""
        return bool(len(self._memory) or self._gone)

    def work(self, most: int) -> tuple[list[Entry], list[int]]:
        """Tell what is to be written and what is to be deleted."""
        entries = self._memory.peek(most)
        self._writing = {entry.order for entry in entries}
        return entries, list(self._gone)

    def stored(self, entries: list[Entry], deleted: list[int]) -> None:
        """Take note that the file has ``entries``, and ``deleted`` no more."""
        self._writing = set()
        for entry in entries:
            self._memory.withdraw(entry.order)
            self._twice.discard(entry.order)
            if entry.order not in self._gone:
                self._disk += 1
        self._gone.difference_update(deleted)

    def failed(self) -> None:
        """Take note that nothing was written."""
        self._writing = set()

    def lost(self, count: int) -> None:
        """Take note that the file has dropped messages."""
        self._disk = max(0, self._disk - count)
        self.dropped += count

    def on_disk(self, count: int) -> None:
        """Take note of what is in a file that was just opened; less than before, if it was damaged and begun anew."""
        left = max(0, count - len(self._gone))
        self.dropped += max(0, self._disk - left)
        self._disk = left

    def _merge(self, rows: list[Entry] | None, limit: int) -> list[Entry]:
        """Put together what is in the file and in memory, in order, as far as the rows that were read reach."""
        if rows is None:
            return []
        memory = self._memory.peek(limit)
        if len(rows) == limit:
            memory = [entry for entry in memory if entry.order < rows[-1].order]
        kept = {entry.order: entry for entry in rows if entry.order not in self._gone}
        if len(rows) < limit:  # all there are: a good moment to count them
            self._disk = len(kept.keys() - {entry.order for entry in memory})
        return [entry for _, entry in sorted((kept | {e.order: e for e in memory}).items())]


def _columns(name: str, now: int, entry: Entry) -> tuple[object, ...]:
    message = entry.message
    return (
        entry.order,
        name,
        now,
        message.topic,
        message.payload,
        message.qos,
        int(message.retain),
        message.content_type,
    )


def _entry(row: _Row) -> Entry:
    order, topic, payload, qos, retain, content_type = row
    return Entry(order, Message(topic, payload, qos, bool(retain), content_type=content_type))


def _pages(connection: sqlite3.Connection) -> int:
    """Count the pages in use."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(pages) - int(free)


def _nobody(_name: str) -> None:
    pass
