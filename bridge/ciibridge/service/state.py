"""What a bridge remembers over a restart: numbers of telegrams, when the last one came, invocation counters.

    memory ──┬── once a minute ──► copy in the runtime folder (tmpfs)     survives a kill
             └── once a day ─────► state file on the card, at the end too  survives a power cut

While the broker answers, the card is left alone but for one write at the start, one a day (an hour where there is no runtime
folder) and one at the end. What a crash or a power cut may cost is spent on the safe side: numbers are reserved ahead, so none
is used twice; a gap is told too long, never too short. What a replay could do stands in ADR 36.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Final

from ciibridge.normalise.clock import SET_SINCE
from ciibridge.publish.database import Database
from ciibridge.publish.retry import Reason
from ciibridge.security.glo import key_mark
from ciibridge.service.memory import Counters, Kept, Memory
from ciibridge.service.runtime import Copy

#: Numbers of telegrams reserved ahead in the copy, and on the card. On the card, twice what a telegram a second uses in a day.
BLOCK: Final = 1000
CARD_BLOCK: Final = 200_000
#: The copy is written so often; the card too, where the outbox writes to it anyway.
MINUTE_S: Final = 60.0
DAY_S: Final = 86_400.0
#: A disk that failed is tried again so often.
_RETRY_S: Final = 30.0


class State:
    """What this process remembers. Without a ``database`` it forgets everything at its end.

    ``card_every_s``: so often the state file is written while the broker answers. ``clock`` tells Unix time, ``steady`` any time
    that never jumps; both in seconds.
    """

    def __init__(
        self,
        database: Database | None = None,
        copy: Copy | None = None,
        *,
        card_every_s: float = DAY_S,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._copy = copy
        self._card_every_s = card_every_s
        self._clock = clock
        self._steady = steady
        self._meters: dict[str, Memory] = {}
        self._known: dict[str, Memory] = {}  # in a file, not asked for in this process
        self._counters = Counters()
        copied = copy.read() if copy is not None else Kept()
        self._copied_life = copied.life
        self._life = copied.life + 1
        self.latest = copied.latest  # latest time of a telegram that was seen in an earlier life, UTC
        self._known.update({row[0]: Memory.of(row) for row in copied.meters})
        self._counters.learn(copied.counters)
        self._card_at = self._copy_at = steady()
        if database is not None:
            database.at_opening(self._take_over, self._learn)

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
            if memory.reserved - seq < CARD_BLOCK // 2:
                self._write_card(CARD_BLOCK)
            if memory.ahead - seq < BLOCK // 2:
                self._write_copy(BLOCK)

    def tick(self, *, card_busy: bool = False) -> None:
        """Write what is due; to be called about once a second. ``card_busy``: the outbox writes to the card these days anyway."""
        now_s = self._steady()
        if now_s - self._copy_at >= MINUTE_S:
            self._write_copy(BLOCK)
        every_s = MINUTE_S if card_busy else self._card_every_s
        if now_s - self._card_at >= (_RETRY_S if self.trouble is not None else every_s):
            self._write_card(CARD_BLOCK)

    def forget(self, key: bytes, done: Callable[[int | None], None]) -> None:
        """Forget the invocation counters of every meter with this key; ``done`` is told how many, None: that was not possible."""
        mark = key_mark(key)

        def job(connection: sqlite3.Connection) -> list[bytes]:
            rows = connection.execute(
                "DELETE FROM counter WHERE substr(line, 1, ?) = ? RETURNING line", (len(mark), mark)
            )
            return [line for (line,) in rows.fetchall()]

        def forgotten(lines: list[bytes] | None) -> None:
            if lines is None:
                done(None)
                return
            gone = {line for line in self._counters if line.startswith(mark)}
            for line in gone:
                del self._counters[line]
            self._write_copy(BLOCK)
            done(len(gone | set(lines)))

        if self._database is not None:
            self._database.submit(job, forgotten)

    def close(self) -> None:
        """Write everything, with the exact numbers: no gap in them after a clean end."""
        for memory in (*self._meters.values(), *self._known.values()):
            memory.changed = memory.changed or memory.reserved != memory.seq
        self._write_card(0)
        self._write_copy(0)

    def _first_seq(self) -> int:
        """Choose the number for the first telegram of a meter that is not remembered.

        Unix time in seconds: it is above every number that was used before the memory was lost, as long as telegrams do
        not come more than once a second on the average.
        """
        now = self._clock()
        return int(now) if now >= SET_SINCE.timestamp() else 1

    def _take_over(self, connection: sqlite3.Connection) -> Kept:
        """In the thread, before anything else: read what is kept, and reserve the numbers that this process will use.

        They must be on the card before the first of them is used: a kill between would have it used twice.
        """
        (life,) = connection.execute("SELECT number FROM life").fetchone()
        meters = connection.execute("SELECT name, seq, last_ts, usual_s FROM meter").fetchall()
        counters = dict(connection.execute("SELECT line, value FROM counter").fetchall())
        connection.execute("UPDATE life SET number = ?", (max(life, self._copied_life) + 1,))
        connection.execute("UPDATE meter SET seq = seq + ?", (CARD_BLOCK,))
        return Kept(life, tuple(meters), counters)

    def _learn(self, kept: Kept) -> None:
        """Take in what the state file knows; what this process has learnt since it runs counts more.

        The copy counts more, too, if it was written by the last process that wrote the state file: what is reserved there for
        a power cut is not left out after a kill.
        """
        copied = self._copied_life >= kept.life
        self._life = max(self._copied_life, kept.life) + 1
        self.latest = max((t for t in (self.latest, kept.latest) if t is not None), default=None)
        for row in kept.meters:
            memory = Memory.of(row)
            if (used := self._meters.get(memory.name)) is not None:
                used.last = used.last or memory.last
            elif not (copied and memory.name in self._known):
                self._known[memory.name] = memory
        for used in self._meters.values():
            used.reserved = 0
            used.changed = True
        self._counters.learn(kept.counters)
        self._write_copy(BLOCK)

    def _write_copy(self, ahead: int) -> None:
        self._copy_at = self._steady()
        if self._copy is None:
            return
        for memory in self._meters.values():
            memory.ahead = memory.seq + ahead
        rows = [memory.row(ahead) for memory in self._meters.values()]
        rows += [memory.row(0) for memory in self._known.values()]
        self._copy.write(Kept(self._life, tuple(rows), dict(self._counters)))

    def _write_card(self, ahead: int) -> None:
        self._card_at = self._steady()
        meters = [memory for memory in (*self._meters.values(), *self._known.values()) if memory.changed]
        lines = {line: self._counters[line] for line in self._counters.changed}
        if self._database is None or not (meters or lines):
            return
        rows = [memory.row(ahead) for memory in meters]
        for memory in meters:
            memory.changed = False
            memory.reserved = memory.seq + ahead
        self._counters.changed.clear()
        life = self._life

        def job(connection: sqlite3.Connection) -> bool:
            connection.execute("UPDATE life SET number = ?", (life,))
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
