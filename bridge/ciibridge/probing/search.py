"""One line setting after the other: stay, move on, or done. Pure: the driver opens the port, and tells octets and time.

    begin ──► next attempt ──► feed, look … ──┬─ garbage, or silence for long enough: begin the next one
                                              └─ proved, and every list that came has come twice: done

A line that speaks is heard with any settings, if only as garbage; so where nothing at all came in a whole round, nothing comes,
and the meter is asked.
Where something came and nothing was proved, a second round listens once more with the settings that heard the best of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.probing.attempts import Attempt
from ciibridge.probing.hearing import Hearing, Quality
from ciibridge.probing.recogniser import Recogniser
from ciibridge.security.glo import Keys

#: What was heard, best first: in this order a second round is gone through, and the best is reported.
_MERIT: Final = (
    Quality.TELEGRAMS,
    Quality.FRAMES,
    Quality.BEGINNING,
    Quality.OCTETS,
    Quality.GARBAGE,
    Quality.SILENT,
)
_PROVED: Final = frozenset((Quality.TELEGRAMS, Quality.FRAMES))
#: Waiting times after the last octets, in units of the attempt's, before an attempt that heard something is given up.
_LONGEST: Final = 3
#: Waiting times after the proof in which each list should have come twice.
_PATIENCE: Final = 2


class Verdict(StrEnum):
    """What the driver does next."""

    STAY = "stay"
    NEXT = "next"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt, after the fact or while it lasts."""

    attempt: Attempt
    hearing: Hearing
    seconds: float
    addresses: tuple[str, ...] = ()  # that answered, where it takes one to ask again


class Search:
    """Goes through attempts. ``endless``: round after round until somebody ends it, as a person asked for a time.

    ``questions``: attempts in which the meter is asked, after a round of silence. ``watch_s``: listen on for so long after the first good frame, to see lists that come seldom. ``timed`` and ``protocol``: as
    in ``Recogniser``.
    """

    def __init__(
        self,
        catalogue: Resolved,
        tries: Sequence[Attempt],
        keys: Keys,
        *,
        timed: bool = True,
        protocol: str | None = None,
        endless: bool = False,
        watch_s: float | None = None,
        questions: Sequence[Attempt] = (),
    ) -> None:
        self._catalogue = catalogue
        self._keys = keys
        self._timed = timed
        self._protocol = protocol
        self._endless = endless
        self._watch = timedelta(seconds=watch_s or 0.0)
        self._ahead = list(tries)
        self._questions = list(questions)
        self._round = 1
        self._current: Recogniser | None = None
        self._attempt: Attempt | None = None
        self._began: datetime | None = None
        self._heard: datetime | None = None  # the last octets
        self._proved: datetime | None = None
        self._answered: list[str] = []
        self.tried: list[Tried] = []

    @property
    def attempt(self) -> Attempt | None:
        """What is listened with now."""
        return self._attempt

    def begin(self, now: datetime) -> Attempt | None:
        """End this attempt and begin the next one; None: there is none, or the settings are proved."""
        self.end(now)
        if any(one.hearing.quality in _PROVED for one in self.tried):
            return None
        if not self._ahead and all(one.hearing.quality is Quality.SILENT for one in self.tried):
            self._ahead, self._questions = self._questions, []
        if not self._ahead:
            self._ahead = self._again()
        if not self._ahead:
            return None
        self._attempt = self._ahead.pop(0)
        self._current = Recogniser(
            self._catalogue,
            self._keys,
            timed=self._timed and self._attempt.ask is None,
            protocol=self._attempt.ask or self._protocol,
        )
        self._began, self._heard, self._proved = now, None, None
        self._answered.clear()
        return self._attempt

    def answered(self, address: str) -> None:
        """Note the address of a meter that answers in the present attempt."""
        self._answered.append(address)

    def feed(self, octets: bytes, now: datetime, line_errors: int = 0) -> None:
        """Take octets heard with the present attempt."""
        if self._current is None:
            return
        self._heard = now
        self._current.feed(octets, now, line_errors)
        if self._proved is None and self._current.quality in _PROVED:
            self._proved = now

    def look(self, now: datetime) -> tuple[Verdict, float]:
        """Decide, and tell after how many seconds to look again at the latest."""
        if self._current is None or self._attempt is None or self._began is None:
            return Verdict.DONE, 0.0
        quality, listen = self._current.quality, timedelta(seconds=self._attempt.listen_s)
        if self._proved is not None:
            if self._current.complete and now - self._proved >= self._watch:
                return Verdict.DONE, 0.0
            left = max(self._watch, _PATIENCE * listen) - (now - self._proved)
            return (Verdict.STAY, left.total_seconds()) if left > timedelta() else (Verdict.DONE, 0.0)
        if quality is Quality.GARBAGE:
            return Verdict.NEXT, 0.0
        end = self._began + listen
        if self._heard is not None:
            end = min(self._heard + listen, self._began + _LONGEST * listen)
        left = end - now
        return (Verdict.STAY, left.total_seconds()) if left > timedelta() else (Verdict.NEXT, 0.0)

    def so_far(self, now: datetime) -> Tried | None:
        """Tell what the present attempt has heard; None: there is none."""
        if self._current is None or self._attempt is None or self._began is None:
            return None
        return Tried(self._attempt, self._current.glance(), (now - self._began).total_seconds())

    def end(self, now: datetime) -> None:
        """End the present attempt; whatever it knows goes into ``tried``."""
        if self._current is None or self._attempt is None or self._began is None:
            return
        self._current.finish()
        seconds = (now - self._began).total_seconds()
        self.tried.append(Tried(self._attempt, self._current.hearing(), seconds, tuple(self._answered)))
        self._current = self._attempt = None

    @property
    def best(self) -> Tried | None:
        """The attempt that heard the best; of equal ones the likelier."""
        return min(self.tried, key=lambda one: _MERIT.index(one.hearing.quality), default=None)

    def _again(self) -> list[Attempt]:
        """Choose the attempts of another round: those that heard something, in the order of merit."""
        merit = {id(one.attempt): _MERIT.index(one.hearing.quality) for one in self.tried}
        attempts = list({id(one.attempt): one.attempt for one in self.tried}.values())
        alive = [one for one in attempts if merit[id(one)] < _MERIT.index(Quality.SILENT)]
        self._round += 1
        if self._round > 2 and not self._endless:
            return []
        if not alive:
            return attempts if self._endless else []
        return sorted(alive, key=lambda one: merit[id(one)]) if not self._endless else attempts
