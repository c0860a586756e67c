"""Gaps between two telegrams, and the rows of a load profile that fill them: what all protocols with a load profile share.

    last telegram ──────── gap ──────── first telegram
         │  row │ row │ row │ row │ …  │                   both ends are published already and not given again

Rows are given oldest first, each once. Where rows are missing, that is said at the end, with its bounds. How rows are asked for
stands in ``dlms.filling`` and ``iec62056.profile``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ciibridge.dialogue import Decoded, Note, Part
from ciibridge.errors import ProtocolError
from ciibridge.types import Problem, Reading

_HOLES_TOLD: Final = 3
#: Rounds that may break off while they fill a gap before it is left.
_TRIES: Final = 5


class Row(NamedTuple):
    """One row of a load profile: its time in UTC, and what was captured."""

    at: datetime
    reading: Reading


@dataclass(slots=True)
class Gap:
    """What is still to be filled, in UTC; both ends exclusive. ``begin`` moves on with the rows."""

    begin: datetime
    end: datetime
    tries: int = 0  # rounds that began to fill it
    last: datetime | None = None  # time of the last row that was given
    holes: list[tuple[datetime, datetime]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # rows that the meter gave and that are no good: why
    first: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.begin

    def __str__(self) -> str:
        return span(self.begin, self.end)

    def give(self, found: Iterable[Row], period: timedelta, end: datetime) -> Part[None]:
        """Hand on the rows up to ``end``, in the order they are in; the gap then begins there."""
        for row in found:
            if self.begin < row.at < self.end and row.at <= end:
                self._hole(period, row.at)
                self.last = self.begin = row.at
                yield Decoded(row.reading, past=True)
        self.begin = end

    def forgotten(self, oldest: datetime) -> None:
        """Leave what lies before the oldest row that the meter keeps."""
        if self.begin < oldest:
            self.holes.append((self.begin, min(oldest, self.end)))
            self.begin = self.last = min(oldest, self.end)

    def close(self, period: timedelta) -> Part[None]:
        """Say what is missing, now that all rows were given."""
        self._hole(period, self.end)
        if not self.holes and not self.left_out:
            return
        bounds = self.holes or [(self.first, self.end)]
        told = ", ".join(span(*hole) for hole in bounds[:_HOLES_TOLD])
        more = f" and {len(self.holes) - _HOLES_TOLD} more" if len(self.holes) > _HOLES_TOLD else ""
        why = f" ({'; '.join(self.left_out[:_HOLES_TOLD])})" if self.left_out else ""
        what = "no rows" if self.holes else "not all rows"
        yield Note(Problem("gap_left", f"the load profile has {what} {told}{more}{why}"))

    def _hole(self, period: timedelta, at: datetime) -> None:
        """Note that rows are missing before ``at``."""
        before, most = (self.first, period) if self.last is None else (self.last, period * 1.5)
        if period and at - before > most:
            self.holes.append((before, at))


class Gaps:
    """The gaps of one meter, filled one after the other."""

    def __init__(self) -> None:
        self._gaps: list[Gap] = []

    def __bool__(self) -> bool:
        return bool(self._gaps)

    def add(self, begin: datetime, end: datetime) -> None:
        """Remember a gap between two telegrams (UTC, both exclusive); what is known already is not taken twice."""
        begin = max([begin, *(gap.end for gap in self._gaps)])
        if begin < end:
            self._gaps.append(Gap(begin, end))

    def go_on(self, fill: Callable[[Gap], Part[bool]], hopeless: Collection[str] = ()) -> Part[None]:
        """Go on with the oldest gap. One that cannot be filled is said, with its bounds, and left.

        ``fill`` says whether it is done. What it raises ends the round, and the next one tries again; a code of ``hopeless``
        does not, nor the last of some tries.
        """
        gap = self._gaps[0]
        gap.tries += 1
        try:
            if not (yield from fill(gap)):
                gap.tries = 0
                return
        except ProtocolError as error:
            if error.code not in hopeless and gap.tries < _TRIES:
                raise
            yield Note(Problem("gap_left", f"nothing fills the gap {gap}: {error}"))
        del self._gaps[0]


def span(begin: datetime, end: datetime) -> str:
    """Say from when to when."""
    return f"from {begin:%Y-%m-%dT%H:%M:%SZ} to {end:%Y-%m-%dT%H:%M:%SZ}"
