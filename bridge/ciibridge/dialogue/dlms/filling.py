"""A gap between two telegrams, filled with the rows of a load profile that lie in it.

    last telegram ──────── gap ──────── first telegram
         │  row │ row │ row │ row │ …  │                   both ends are published already and not given again

Rows are fetched by the day, oldest first, and each is given when it is there; a round stops after some days and the next one
goes on, so that a gap of weeks does not hold up what is happening now. Where rows are missing, that is said at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ciibridge.dialogue import Decoded, Note, Part
from ciibridge.dialogue.dlms.answers import Refused
from ciibridge.dialogue.dlms.association import Association
from ciibridge.dialogue.dlms.profile import MeterClock, Profile, Row, describe, read_entries, read_range, rows
from ciibridge.dialogue.dlms.scalers import Scalers
from ciibridge.types import Obis, Problem

_PIECE: Final = timedelta(days=1)
_PIECES_A_ROUND: Final = 7
_HOLES_TOLD: Final = 3


@dataclass(slots=True)
class Gap:
    """What is still to be filled, in UTC; both ends exclusive. ``begin`` moves on with the rows."""

    begin: datetime
    end: datetime
    tries: int = 0  # rounds that began to fill it
    last: datetime | None = None  # time of the last row that was given
    holes: list[tuple[datetime, datetime]] = field(default_factory=list)
    first: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.begin

    def __str__(self) -> str:
        return span(self.begin, self.end)


class Filler:
    """Fills gaps from the first of ``profiles`` that the meter gives."""

    def __init__(self, profiles: tuple[Obis, ...], scalers: Scalers) -> None:
        self._profiles = profiles
        self._scalers = scalers

    def fill(self, gap: Gap, association: Association, now: datetime, clock: MeterClock) -> Part[bool]:
        """Give the rows in ``gap``; True when it is done, False when the next round is to go on."""
        profile, refused = yield from self._profile(association)
        if profile is None:
            yield Note(Problem("gap_left", f"nothing fills the gap {gap}: {refused}"))
            return True
        columns = [column for column in profile.columns if column is not None]
        yield from self._scalers.learn(association, columns)
        if profile.holds is not None:
            oldest = now - profile.holds - profile.period
            if gap.begin < oldest:
                gap.holes.append((gap.begin, min(oldest, gap.end)))
                gap.begin = gap.last = min(oldest, gap.end)
        for _ in range(_PIECES_A_ROUND):
            if gap.begin >= gap.end:
                break
            end = min(gap.begin + _PIECE, gap.end)
            buffer = yield from read_range(association, profile, (gap.begin, end), clock)
            if isinstance(buffer, Refused):
                end = gap.end
                buffer = yield from read_entries(association, profile, gap.begin, now)
            if isinstance(buffer, Refused):
                yield Note(Problem("gap_left", f"the load profile does not give the gap {gap}: {buffer}"))
                return True
            yield from self._give(
                gap, rows(profile, buffer, self._scalers, clock, gap.begin), profile.period, end
            )
        if gap.begin < gap.end:
            return False
        self._hole(gap, profile.period, gap.end)
        if gap.holes:
            told = ", ".join(span(*hole) for hole in gap.holes[:_HOLES_TOLD])
            more = f" and {len(gap.holes) - _HOLES_TOLD} more" if len(gap.holes) > _HOLES_TOLD else ""
            yield Note(Problem("gap_left", f"the load profile has no rows {told}{more}"))
        return True

    def _profile(self, association: Association) -> Part[tuple[Profile | None, str]]:
        refused = []
        for code in self._profiles:
            found = yield from describe(association, code)
            if isinstance(found, Profile) and found.readable:
                return found, ""
            refused.append(f"{code} {'has rows without a time' if isinstance(found, Profile) else found}")
        return None, ", ".join(refused) or "no load profile is known for its model"

    def _give(self, gap: Gap, found: list[Row], period: timedelta, end: datetime) -> Part[None]:
        for row in found:
            if gap.begin < row.at < gap.end and row.at <= end:
                self._hole(gap, period, row.at)
                gap.last = gap.begin = row.at
                yield Decoded(row.reading, past=True)
        gap.begin = end

    def _hole(self, gap: Gap, period: timedelta, at: datetime) -> None:
        """Note that rows are missing before ``at``."""
        before, most = (gap.first, period) if gap.last is None else (gap.last, period * 1.5)
        if period and at - before > most:
            gap.holes.append((before, at))


def span(begin: datetime, end: datetime) -> str:
    """Say from when to when."""
    return f"from {begin:%Y-%m-%dT%H:%M:%SZ} to {end:%Y-%m-%dT%H:%M:%SZ}"
