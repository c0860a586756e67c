"""A gap between two telegrams, filled with the rows of a COSEM load profile that lie in it.

Rows are fetched by the day, oldest first, and each is given when it is there; a round stops after some days and the next one
goes on, so that a gap of weeks does not hold up what is happening now. Where rows are missing, that is said at the end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ciibridge.dialogue import Note, Part
from ciibridge.dialogue.dlms.answers import Refused
from ciibridge.dialogue.dlms.association import Association
from ciibridge.dialogue.dlms.profile import MeterClock, Profile, describe, read_entries, read_range, rows
from ciibridge.dialogue.dlms.scalers import Scalers
from ciibridge.dialogue.filling import Gap
from ciibridge.normalise.clock import moved
from ciibridge.types import Obis, Problem

_PIECE: Final = timedelta(days=1)
_PIECES_A_ROUND: Final = 7


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
            oldest = moved(now, -(profile.holds + profile.period))
            if oldest is not None:  # None: it keeps them for longer than there are meters
                gap.forgotten(oldest)
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
            found = rows(profile, buffer, self._scalers, clock, gap.begin)
            yield from gap.give(found, profile.period, end)
        if gap.begin < gap.end:
            return False
        yield from gap.close(profile.period)
        return True

    def _profile(self, association: Association) -> Part[tuple[Profile | None, str]]:
        refused = []
        for code in self._profiles:
            found = yield from describe(association, code)
            if isinstance(found, Profile) and found.readable:
                return found, ""
            refused.append(f"{code} {'has rows without a time' if isinstance(found, Profile) else found}")
        return None, ", ".join(refused) or "no load profile is known for its model"
