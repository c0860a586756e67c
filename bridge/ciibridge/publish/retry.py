"""Patience: how long to wait before trying again, and how much to say about it.

Used for brokers and for meter ports. A bridge runs for years; whatever it talks to goes away now and then, often for
hours. So it tries for ever, ever more seldom, and it writes one line when something breaks, one when the reason changes
and one when it works again. Everything between is counted, not logged.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ciibridge.events import event

#: What breaks again within so long was not repaired: the same outage, of which everything has been said.
_SETTLED_S: Final = 30.0
#: Lines that one outage may take in the log.
_MOST_REASONS: Final = 5


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something does not work, for people: a stable code, what is wrong, and what to do about it."""

    code: str
    words: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.words}. {self.remedy}" if self.remedy else f"{self.words}."


@dataclass(slots=True)
class Backoff:
    """Waiting times that double up to a limit, each shortened at random.

    The jitter keeps fifty bridges from returning in the same instant after a power cut. All times in seconds.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    jitter: float = 0.3
    draw: Callable[[], float] = random.random
    _next_s: float = field(default=0.0, init=False)

    def next_s(self) -> float:
        """Return the time to wait now."""
        wait_s = self._next_s or self.first_s
        self._next_s = min(wait_s * 2, self.longest_s)
        return wait_s * (1 - self.jitter * self.draw())

    def reset(self) -> None:
        """Start with the short waits again: it works."""
        self._next_s = 0.0


@dataclass(slots=True)
class Outage:
    """One line a change: remembers what was said about something that is broken.

    ``subject`` opens each line, e.g. ``broker mqtt://nas:1883`` or ``meter lgz…512``.
    """

    log: logging.Logger
    subject: str
    clock: Callable[[], float] = time.monotonic
    failures: int = field(default=0, init=False)
    _first: bool = field(default=True, init=False)
    _logged: bool = field(default=False, init=False)
    _until: float = field(default=float("-inf"), init=False)
    _since: float = field(default=0.0, init=False)
    _said: set[str] = field(default_factory=set, init=False)

    @property
    def open(self) -> bool:
        """Something is broken now."""
        return self.failures > 0

    def failed(self, reason: Reason) -> bool:
        """Count a failure; True if it was logged, because this outage had not shown that reason before."""
        if not self.failures:
            self._since = self.clock()
            if self._since - self._until >= _SETTLED_S:
                self._said.clear()
        self.failures += 1
        if reason.words in self._said or len(self._said) >= _MOST_REASONS:
            return False
        self._said.add(reason.words)
        self._logged = True
        self.log.warning(
            "%s: %s Trying again.", self.subject, reason, extra=self._event("failing", reason=reason.code)
        )
        return True

    def recovered(self, words: str) -> None:
        """Say that it works again, and for how long it did not; or, the first time only, that it works."""
        self._until = self.clock()
        if self._logged:
            self.log.info(
                "%s: %s again after %d failed attempts in %.0f s",
                self.subject,
                words,
                self.failures,
                self._until - self._since,
                extra=self._event(
                    "recovered", failures=self.failures, seconds=round(self._until - self._since, 1)
                ),
            )
        elif self._first:
            self.log.info("%s: %s", self.subject, words, extra=self._event("recovered"))
        self._first = self._logged = False
        self.failures = 0

    def _event(self, code: str, /, **fields: object) -> dict[str, object]:
        what, _, name = self.subject.rpartition(" ")  # meter lgz…512, broker mqtt://nas:1883, state file /…
        return event(code, **{what.replace(" ", "_"): name}, **fields)
