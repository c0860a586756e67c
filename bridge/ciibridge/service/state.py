"""What a bridge remembers over a restart: numbers of telegrams, when the last one came, invocation counters.

    Memory (one a meter)   number of its last telegram, ts of it, how long silence is usual
    counters               last invocation counter of each line, for the replay guard

It lives in memory and is written to the state file now and then: at most once a minute and at the end. What a crash may
cost is therefore a minute, and is spent on the safe side: numbers are reserved ahead, so none is used twice; a gap is
told up to a minute too long, never too short. What a replay could do in that minute stands in ADR 16.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ciibridge.normalise.clock import SET_SINCE
from ciibridge.publish.database import Database
from ciibridge.publish.retry import Reason

#: Numbers of telegrams reserved ahead, written once for so many.
BLOCK: Final = 1000
_WRITE_EVERY_S: Final = 60.0

_Rows = tuple[list[tuple[str, int, int | None, float | None]], list[tuple[bytes, int]]]


@dataclass(slots=True)
class Memory:
    """What is remembered of one meter. ``seq`` is the number of its last telegram."""

    name: str
    seq: int
    reserved: int = 0  # in the file: numbers up to this one are not used again after a crash
    last: datetime | None = None  # ts of the last good telegram, UTC
    usual_s: float | None = None  # silence below it is no gap; None: not learnt yet
    changed: bool = False


class _Counters(MutableMapping[bytes, int]):
    """Invocation counters by line, as the replay guard wants them; remembers which ones changed."""

    def __init__(self) -> None:
        self._values: dict[bytes, int] = {}
        self.changed: set[bytes] = set()

    def __getitem__(self, line: bytes) -> int:
        return self._values[line]

    def __setitem__(self, line: bytes, value: int) -> None:
        self._values[line] = value
        self.changed.add(line)

    def __delitem__(self, line: bytes) -> None:
        del self._values[line]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def learn(self, line: bytes, value: int) -> None:
        """Take a value from the file, unless a later one is known."""
        self._values[line] = max(value, self._values.get(line, value))


class State:
    """What this process remembers. Without a ``database`` it forgets everything at its end.

    ``clock`` tells Unix time, ``steady`` any time that never jumps; both in seconds.
    """

    def __init__(
        self,
        database: Database | None = None,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._steady = steady
        self._meters: dict[str, Memory] = {}
        self._known: dict[str, Memory] = {}  # in the file, not asked for in this process
        self._counters = _Counters()
        self.latest: datetime | None = None  # latest time of a telegram that was seen in an earlier life, UTC
        self._written_at = steady()
        if database is not None:
            database.at_opening(_read, self._learn)

    @property
    def trouble(self) -> Reason | None:
        """Tell why nothing can be kept on disk now; None while it can, or was never to be."""
        return self._database.trouble if self._database is not None else None

    @property
    def counters(self) -> MutableMapping[bytes, int]:
        """Line → last invocation counter; whoever changes it need not do more."""
        return self._counters

    def last_published(self, meter: str) -> datetime | None:
        """Tell the ``ts`` of the last telegram of a meter that was published or is kept for the broker; None: unknown."""
        memory = self._meters.get(meter) or self._known.get(meter)
        return memory.last if memory else None

    def memory(self, meter: str) -> Memory:
        """Return what is remembered of a meter; one object for each, which ``note`` changes."""
        memory = self._meters.get(meter)
        if memory is None:
            memory = self._known.pop(meter, None) or Memory(meter, self._first_seq() - 1)
            self._meters[meter] = memory
        return memory

    def note(self, meter: str, ts: datetime, *, seq: int | None = None, usual_s: float | None = None) -> None:
        """Remember a telegram that was handed on. ``ts``: its time, UTC; ``usual_s``: silence below it is no gap."""
        memory = self.memory(meter)
        memory.last = ts
        memory.usual_s = usual_s if usual_s is not None else memory.usual_s
        memory.changed = True
        if seq is not None:
            memory.seq = seq
            # Half a block ahead: the numbers are in the file long before they are used.
            if memory.reserved - seq < BLOCK // 2:
                self._write()

    def tick(self) -> None:
        """Write what changed, if the last time is a minute ago; to be called about once a second."""
        if self._steady() - self._written_at >= _WRITE_EVERY_S:
            self._write()

    def close(self) -> None:
        """Write everything, with the exact numbers: no gap in them after a clean end."""
        for memory in self._meters.values():
            memory.changed = memory.changed or memory.reserved != memory.seq
        self._write(ahead=0)

    def _first_seq(self) -> int:
        """Choose the number for the first telegram of a meter that is not remembered.

        Unix time in seconds: it is above every number that was used before the memory was lost, as long as telegrams do
        not come more than once a second on the average.
        """
        now = self._clock()
        return int(now) if now >= SET_SINCE.timestamp() else 1

    def _learn(self, rows: _Rows) -> None:
        """Take in what the file knows; what this process has learnt since it runs counts more."""
        meters, counters = rows
        times = [datetime.fromtimestamp(last_ts, UTC) for _, _, last_ts, _ in meters if last_ts is not None]
        self.latest = max(times, default=None)
        for name, seq, last_ts, usual_s in meters:
            last = None if last_ts is None else datetime.fromtimestamp(last_ts, UTC)
            if (used := self._meters.get(name)) is None:
                self._known[name] = Memory(name, seq, 0, last, usual_s)
            else:
                used.last = used.last or last
                used.reserved = 0
                used.changed = True
        for line, value in counters:
            self._counters.learn(line, value)

    def _write(self, *, ahead: int = BLOCK) -> None:
        if self._database is None:
            return
        self._written_at = self._steady()
        meters = [memory for memory in self._meters.values() if memory.changed]
        lines = {line: self._counters[line] for line in self._counters.changed}
        if not meters and not lines:
            return
        rows = [
            (m.name, m.seq + ahead, None if m.last is None else int(m.last.timestamp()), m.usual_s)
            for m in meters
        ]
        for memory in meters:
            memory.changed = False
            memory.reserved = memory.seq + ahead
        self._counters.changed.clear()

        def job(connection: sqlite3.Connection) -> bool:
            connection.executemany("INSERT OR REPLACE INTO meter VALUES (?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO counter VALUES (?, ?)", lines.items())
            return True

        def done(written: bool | None) -> None:  # noqa: FBT001 - the answer of the job
            if not written:  # to be written with the next ones
                self._counters.changed.update(lines)
                for memory in meters:
                    memory.changed = True

        self._database.submit(job, done)


def state_folder(environ: Mapping[str, str]) -> Path | None:
    """Find the folder for state files: that of the service manager (``StateDirectory=``), else that of the user (XDG)."""
    if managed := environ.get("STATE_DIRECTORY"):
        return Path(managed.split(":", 1)[0])
    if own := environ.get("XDG_STATE_HOME"):
        return Path(own) / "ciibridge"
    home = environ.get("HOME")
    return Path(home) / ".local" / "state" / "ciibridge" if home else None


def _read(connection: sqlite3.Connection) -> _Rows:
    return (
        connection.execute("SELECT name, seq, last_ts, usual_s FROM meter").fetchall(),
        connection.execute("SELECT line, value FROM counter").fetchall(),
    )
