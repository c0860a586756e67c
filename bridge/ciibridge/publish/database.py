"""The state file: one SQLite database with a thread of its own, so that a slow SD card never holds up the event loop.

    event loop ──job──► thread ──► file        jobs run in their order, each in a transaction of its own
        ▲                  │
        └──── result ──────┘                   results come back in that order, too; None: not possible now

What is in it: the messages that wait for a broker (``spool``), and what a bridge must remember over a restart
(``service.state``). Whoever hands in a job keeps its data until the job has succeeded: a disk that is full, read-only or
gone costs nothing but memory, is said once, and is tried again. A damaged file is set aside and a new one begun.

SQLite locks the file for this process alone (``locking_mode = EXCLUSIVE``): two bridges with one file would send
everything twice. Why WAL and ``synchronous = NORMAL``: ADR 16.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from ciibridge.errors import ConfigError
from ciibridge.events import event
from ciibridge.publish.retry import Outage, Reason

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

_log: Final = logging.getLogger("ciibridge.state")
#: PRAGMA application_id: "ciib". A database of somebody else is left alone.
_APPLICATION: Final = 0x63696962
VERSION: Final = 2
_SCHEMA: Final = """
CREATE TABLE message (
    position INTEGER PRIMARY KEY,  -- rises with each message, over restarts, too
    box TEXT NOT NULL,             -- of which connection: name of the meter, or "" for that of the process
    kept_at INTEGER NOT NULL,      -- Unix time in seconds
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    content_type TEXT
) STRICT;
CREATE INDEX message_of_box ON message (box, position);
CREATE TABLE meter (
    name TEXT PRIMARY KEY,         -- level of its topics
    seq INTEGER NOT NULL,          -- no number up to this one is used again
    last_ts INTEGER,               -- ts of its last good telegram, Unix time in seconds
    usual_s REAL                   -- silence below it is no gap
) STRICT, WITHOUT ROWID;
CREATE TABLE counter (
    line BLOB PRIMARY KEY,         -- digest of system title and key
    value INTEGER NOT NULL         -- last invocation counter
) STRICT, WITHOUT ROWID;
"""
#: Version → what came with it; a file of an older version gets it when it is opened.
_LATER: Final = {
    2: """
CREATE TABLE life (
    number INTEGER NOT NULL        -- of the process that wrote last what is remembered; they count up
) STRICT;
INSERT INTO life VALUES (0);
"""
}
#: Octets of a page; SD cards write larger pieces anyway.
PAGE: Final = 4096
#: A disk that failed is not asked again for so long.
_RETRY_S: Final = 30.0
#: Octets that the write-ahead log keeps after it has been emptied.
_LOG_OCTETS: Final = 1 << 20

_DISK: Final = "Until it works, everything is kept in memory only and lost when the process ends."
#: Primary result code of SQLite → what to do. https://www.sqlite.org/rescode.html
_REMEDIES: Final[dict[int, str]] = {
    sqlite3.SQLITE_FULL: "Make room on the disk.",
    sqlite3.SQLITE_READONLY: "Make it writable, or set path in [outbox].",
    sqlite3.SQLITE_CANTOPEN: "Check owner and mode of the file and its folder, or set path in [outbox].",
    sqlite3.SQLITE_PERM: "Check owner and mode of the file and its folder.",
    sqlite3.SQLITE_IOERR: "Check the disk.",
}
_FOLDER: Final = "Create its folder, writable by this user."
#: The same for what the operating system says before SQLite is asked; else the folder is at fault.
_OS_REMEDIES: Final[dict[int, str]] = {
    errno.EROFS: "Make the disk writable (mount -o remount,rw), or set path in [outbox].",
    errno.ENOSPC: "Make room on the disk.",
    errno.EDQUOT: "Make room on the disk.",
    errno.EIO: "Check the disk.",
    errno.EACCES: "Check owner and mode of the file and its folder, or set path in [outbox].",
}
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class InUseError(ConfigError):
    """Another process has the file."""


class _ForeignError(Exception):
    """The file is a good database, and not ours."""


class Database:
    """One state file. To be made and used in the event loop; ``close`` it in the end.

    ``trouble`` says why nothing can be kept now, for people; None while it works.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble: Reason | None = None
        self._outage = Outage(_log, f"state file {path}")
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[tuple[Job[Any], Callable[[Any], None]] | None] = SimpleQueue()
        self._at_opening: list[tuple[Job[Any], Callable[[Any], None]]] = []
        self._connection: sqlite3.Connection | None = None
        self._retry_at = float("-inf")
        self._in_use = False
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="state", daemon=True)
        self._thread.start()

    def at_opening(self, job: Job[T], done: Callable[[T], None]) -> None:
        """Do a job whenever the file has been opened, before anything else; ``done`` gets its result."""
        self._at_opening.append((job, done))

    async def open(self, timeout_s: float = 5.0) -> None:
        """Open the file; raises InUseError if another process has it. Anything else that fails is tried again later."""
        with suppress(TimeoutError):  # a disk that is so slow comes later
            async with asyncio.timeout(timeout_s):
                await self.run(lambda _: True)
        if self._in_use:
            raise InUseError(
                f"{self.path} is in use by another ciibridge. Stop that one, or give this one an `id` in [bridge] or a "
                "`path` in [outbox] of its own."
            )

    def submit(self, job: Job[T], done: Callable[[T | None], None]) -> None:
        """Hand in a job, which must not return None; ``done`` gets its result in the event loop, None if it failed."""
        self._jobs.put((job, done))

    def run(self, job: Job[T]) -> asyncio.Future[T | None]:
        """Hand in a job and wait for its result."""
        result: asyncio.Future[T | None] = self._loop.create_future()

        def done(value: T | None) -> None:
            if not result.done():
                result.set_result(value)

        self.submit(job, done)
        return result

    async def close(self, timeout_s: float = 0.5) -> None:
        """Finish the jobs that were handed in, as far as that is possible in the time, and close the file."""
        self._jobs.put(None)
        await asyncio.wait({self._ended}, timeout=timeout_s)
        if not self._ended.done():
            _log.warning(
                "state file %s: the disk is too slow to write everything before the end",
                self.path,
                extra=event("not_stored", state_file=str(self.path)),
            )

    # -- in the thread -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (order := self._jobs.get()) is not None:
            job, done = order
            try:
                result = self._attempt(job)
            except Exception as bug:  # noqa: BLE001 - raised again in the loop, where it is seen
                self._call(_raise, bug)
                result = None
            self._call(done, result)
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
        self._call(self._ended.set_result, None)

    def _call(self, call: Callable[..., object], *values: object) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(call, *values)

    def _attempt(self, job: Job[T]) -> T | None:
        if self._connection is None and time.monotonic() < self._retry_at:
            return None
        for fresh in (False, True):
            try:
                return self._transact(job)
            except sqlite3.Error as error:
                self._disconnect()
                code = getattr(error, "sqlite_errorcode", 0) & 0xFF
                self._in_use = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                if code in _DAMAGED and not fresh and self._set_aside():
                    continue
                remedy = _REMEDIES.get(code, "")
                self._fails(
                    Reason(f"sqlite_{code}", f"cannot be used ({error})", f"{remedy} {_DISK}".strip())
                )
            except OSError as error:
                self._disconnect()
                words = f"cannot be used ({error.strerror})"
                self._fails(Reason("os", words, f"{_OS_REMEDIES.get(error.errno or 0, _FOLDER)} {_DISK}"))
            except _ForeignError as error:
                self._disconnect()
                self._fails(Reason("foreign", str(error), f"Set path in [outbox]. {_DISK}"))
            return None
        return None

    def _transact(self, job: Job[T]) -> T:
        connection = self._connection or self._connect()
        with connection:  # commits, or rolls back
            connection.execute("BEGIN IMMEDIATE")
            return job(connection)

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It holds readings, which nobody else is to see; SQLite gives its log the same mode.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.path, timeout=0.2, isolation_level=None)
        self._connection = connection
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._recognise(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "PRAGMA synchronous = FULL"
        )  # what is done at the opening holds before anything rests on it
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_OCTETS}")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            told = [(done, job(connection)) for job, done in self._at_opening]
        connection.execute("PRAGMA synchronous = NORMAL")
        for done, result in told:
            self._call(done, result)
        self._call(self._works)
        return connection

    def _recognise(self, connection: sqlite3.Connection) -> None:
        """Make the tables in an empty file; leave alone what is not ours."""
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            connection.execute(f"PRAGMA page_size = {PAGE}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = 1; COMMIT;"
            )
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION:
            raise _ForeignError("is a database of another program")
        if version > VERSION:
            raise _ForeignError(
                f"was made by a newer ciibridge (version {version}, this one knows {VERSION})"
            )
        for later in range(version + 1, VERSION + 1):
            connection.executescript(f"BEGIN; {_LATER[later]} PRAGMA user_version = {later}; COMMIT;")

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _set_aside(self) -> bool:
        """Rename a damaged file, over the one before, so that the disk does not fill; True if that was possible."""
        aside = self.path.with_name(f"{self.path.name}.damaged")
        try:
            self.path.replace(aside)
            for end in ("-wal", "-shm"):
                log = self.path.with_name(self.path.name + end)
                if log.exists():
                    log.replace(aside.with_name(aside.name + end))
        except OSError:
            return False
        self._call(
            partial(_log.error, extra=event("state_damaged", state_file=str(self.path))),
            "state file %s: it is damaged and was renamed to %s; messages that waited in it are lost. A new one is begun. "
            "If it happens again, check the disk.",
            self.path,
            aside.name,
        )
        return True

    def _fails(self, reason: Reason) -> None:
        self._retry_at = time.monotonic() + _RETRY_S
        self._call(self._told, reason)

    # -- in the loop -------------------------------------------------------------------------------------------------

    def _told(self, reason: Reason) -> None:
        self.trouble = reason
        if not self._in_use:
            self._outage.failed(reason)

    def _works(self) -> None:
        self.trouble = None
        self._outage.recovered("open")


def _raise(bug: Exception) -> None:
    raise bug
