"""What outlasts the process, in one piece: the state file with its two users.

    Database ──┬── State   what the bridge remembers of its meters
               └── Spool   what waits for the broker

Where there is no place for a file, everything works the same in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ciibridge.events import event
from ciibridge.publish.database import Database
from ciibridge.publish.outbox import MemoryOutbox, Outbox
from ciibridge.publish.spool import Limits, Spool
from ciibridge.service.runtime import Copy
from ciibridge.service.setup import Setup
from ciibridge.service.state import MINUTE_S, State

_log: Final = logging.getLogger("ciibridge.state")


class Storage:
    """Made by ``open_storage``; ``close`` it in the end."""

    def __init__(self, setup: Setup) -> None:
        self._in_memory = setup.outbox
        self._database: Database | None = None
        self._spool: Spool | None = None
        self.state = State()
        if setup.store.path is not None:
            limits = Limits(setup.store.octets, setup.store.age_s, setup.outbox)
            self._database = Database(setup.store.path)
            copy = None if setup.store.copy is None else Copy(setup.store.copy)
            self.state = State(self._database, copy, card_every_s=setup.store.remember_s)
            self._spool = Spool(self._database, limits, shared=setup.shared_connection)

    async def open(self) -> None:
        """Open the file; raises ConfigError if another process has it."""
        if self._database is None:
            _log.warning(
                "there is no folder for a state file: nothing outlasts this process. Set path in [outbox].",
                extra=event("not_stored"),
            )
            return
        await self._database.open()

    def outbox(self, name: str) -> Outbox:
        """Give the outbox of a connection: by the name of its meter, "" for that of the process."""
        return MemoryOutbox(self._in_memory) if self._spool is None else self._spool.box(name)

    def send_left_over(self, send: Callable[[str], None]) -> None:
        """Call ``send`` with the name of each outbox in which an earlier process has left something, now or later."""
        if self._spool is not None:
            self._spool.begin(send)

    def tick(self) -> None:
        """Write what is due; to be called about once a second."""
        self.state.tick(card_busy=self._spool is not None and self._spool.idle_s < MINUTE_S)

    async def close(self) -> None:
        """Write everything that is not yet on disk."""
        self.state.close()
        if self._spool is not None:
            self._spool.close()
        if self._database is not None:
            await self._database.close()
