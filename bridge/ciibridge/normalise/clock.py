"""From the meter's clock to ``ts`` in UTC.

A COSEM date-time (IEC 62056-6-2) is wall-clock time, perhaps with its deviation from UTC and a clock status. With a
deviation it is exact. Without one (Landis+Gyr sends 0x8000, "not specified") it is read in the configured zone; in
the hour that comes twice in autumn a set DST bit means the first pass, and otherwise the pass nearer to the previous
telegram is taken: some models leave the status at 0 the whole year, so a cleared bit alone proves nothing.

A season (S or W of a DSMR telegram) is a deviation in other words: the zone's standard time, with one hour more for S.
Meters that stay in winter time say W in summer, and are right.

A clock may show any year from 1 to 9999, and so may whoever sends garbage. Only ``to_utc`` and ``moved`` make moments of what
came from a wire, and they make none that others cannot reckon with: arithmetic behind them never overflows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ciibridge.normalise.settings import ClockPolicy
from ciibridge.types import MeterTime, Problem

#: A meter clock further away from the receiver's than this is not used (clock policy "check").
TRUSTED_S: Final = 60.0
#: No clock that was ever set shows less: this was written later.
SET_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
#: Outside of these years a clock shows nothing: generous, and far from where ``datetime`` ends.
_FIRST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_NONE: Final = timedelta(0)
_HOUR: Final = timedelta(hours=1)
_TRUSTED: Final = timedelta(seconds=TRUSTED_S)


def moved(at: datetime, by: timedelta, times: int = 1) -> datetime | None:
    """Give the moment ``times`` × ``by`` away from ``at``; None where no clock of a meter gets (1900 to 2199)."""
    try:
        moment = at + by * times
    except OverflowError:
        return None
    return moment if _FIRST <= moment < _LAST else None


def to_utc(time: MeterTime, zone: ZoneInfo, near: datetime | None = None) -> datetime | None:
    """``time`` in UTC; None for one of a clock that was never set (before 1900, from 2200 on).

    ``near``: a moment close to it, to tell the two passes of the hour that comes twice.
    """
    # Whatever the deviation and the season: a day inside of the bounds of ``datetime`` it can be reckoned with.
    if moved(time.local.replace(tzinfo=UTC), _NONE) is None:
        return None
    if time.deviation_min is not None:
        return (time.local - timedelta(minutes=time.deviation_min)).replace(tzinfo=UTC)
    if time.season is not None:
        standard = min(
            time.local.replace(month=month, day=1, tzinfo=zone).utcoffset() or _NONE for month in (1, 7)
        )
        return (time.local - standard - (_HOUR if time.season == "S" else _NONE)).replace(tzinfo=UTC)
    first = time.local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = time.local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if (
        first >= second
    ):  # the usual hour, or one that does not exist (spring): the clock ran on in winter time
        return first
    if time.dst:
        return first
    if near is None:
        return second
    return first if abs(first - near) <= abs(second - near) else second


class Stamp(NamedTuple):
    """When a telegram was made, and what that rests on."""

    ts: datetime
    source: str  # meter | message | receiver
    rx: datetime | None
    offset_s: float | None
    problem: Problem | None = None


class _Hours:
    """Remembers how far from UTC the clock is in the hour at hand: telegrams come every second, zones change twice a year."""

    def __init__(self) -> None:
        self._hour: tuple[object, ...] | None = None
        self._offset = _NONE

    def to_utc(self, time: MeterTime, zone: ZoneInfo, near: datetime | None) -> datetime | None:
        """As the function of this name."""
        local, deviation_min, _, season = time
        hour = (local.hour, local.day, local.month, local.year, deviation_min, season, zone)
        if hour == self._hour:
            return (local - self._offset).replace(tzinfo=UTC)
        utc = to_utc(time, zone, near)
        if utc is not None and (deviation_min is not None or season is not None or _plain(local, zone)):
            self._hour, self._offset = hour, local - utc.replace(tzinfo=None)
        return utc


def _plain(local: datetime, zone: ZoneInfo) -> bool:
    """Whether the hour of this wall-clock time comes once, and nothing changes in it."""
    begin = local.replace(minute=0, second=0, microsecond=0)
    end = local.replace(minute=59, second=59, microsecond=999_999)
    offsets = {edge.replace(tzinfo=zone, fold=fold).utcoffset() for edge in (begin, end) for fold in (0, 1)}
    return len(offsets) == 1


class Clock:
    """Turns the times of telegrams into stamps; remembers the last one and whether the meter's clock was off.

    A receiver's clock that was evidently never set is not used, whatever the policy, as long as there is another (ADR 3).
    """

    def __init__(self, policy: str) -> None:
        self._policy = policy
        self._last: datetime | None = None
        self._reported: float | None = None
        self._told_unset = False
        self._hours = _Hours()
        self.since = SET_SINCE  # it is later than this, whatever a clock shows

    def stamp(
        self, clock: MeterTime | None, message: MeterTime | None, zone: ZoneInfo, now: datetime
    ) -> Stamp:
        """``clock``: the clock object of the telegram; ``message``: the date-time of its APDU; ``now``: UTC."""
        trusted = self._policy != ClockPolicy.METER
        rx = now if trusted else None
        time, source = (clock, "meter") if clock is not None else (message, "message")
        utc = None if time is None else self._hours.to_utc(time, zone, now if trusted else self._last)
        if trusted and self._is_unset(utc, now):
            return self._without_receiver(utc, source, now)
        if utc is None:
            return Stamp(now.replace(microsecond=0), "receiver", rx, None)
        self._last = utc
        offset_s = (utc - now).total_seconds() if trusted else None
        if offset_s is not None and abs(offset_s) > TRUSTED_S:
            problem = self._report(offset_s)
            return Stamp(now.replace(microsecond=0), "receiver", rx, offset_s, problem)
        self._reported = None
        if self._policy == ClockPolicy.RECEIVER:
            return Stamp(now.replace(microsecond=0), "receiver", rx, offset_s)
        return Stamp(utc.replace(microsecond=0) if utc.microsecond else utc, source, rx, offset_s)

    def past(self, time: MeterTime | None, zone: ZoneInfo, now: datetime) -> Stamp:
        """Stamp a row of a load profile, whose time is not that of its reception."""
        rx = now if self._policy != ClockPolicy.METER else None
        return Stamp((time and to_utc(time, zone)) or now, "meter", rx, None)

    def _is_unset(self, utc: datetime | None, now: datetime) -> bool:
        """Whether the receiver's clock cannot be right: it was never set, or shows less than was seen before.

        The second is a machine that saves its clock now and then and goes on from there; the meter's time must agree that it
        is later.
        """
        if now < SET_SINCE:
            return True
        behind = now + _TRUSTED
        return utc is not None and behind < self.since and behind < utc

    def _without_receiver(self, utc: datetime | None, source: str, now: datetime) -> Stamp:
        problem = None
        if not self._told_unset:
            self._told_unset = True
            problem = Problem(
                "clock_off",
                f"this machine's clock shows {now:%Y-%m-%d %H:%M} and was not set yet; the meter's time is used",
                hint='It passes when the clock is set (NTP). A machine that never knows the time: set clock = "meter".',
            )
        if utc is None or utc < SET_SINCE:
            return Stamp(now.replace(microsecond=0), "receiver", None, None, problem)
        self._last = utc
        return Stamp(utc.replace(microsecond=0), source, None, None, problem)

    def _report(self, offset_s: float) -> Problem | None:
        """Make a Problem when the offset is new or has changed by more than what is trusted."""
        if self._reported is not None and abs(offset_s - self._reported) <= TRUSTED_S:
            return None
        self._reported = offset_s
        return Problem(
            "clock_off",
            f"the meter's clock is {abs(offset_s):.0f} s {'ahead of' if offset_s > 0 else 'behind'} the receiver's; "
            "the receiver's time is used",
            hint='A whole number of hours: set `zone`. The receiver has no clock of its own: set clock = "meter".',
        )
