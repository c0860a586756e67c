"""The state of the link to a meter, from what came over it and when. Pure: the time is given.

    waiting ──good telegram──► ok ──silence──► stale        stale: three times the usual gap, at least 30 s (ADR 10)
       │                        ▲                │
       └── bad telegrams ──► key_missing key_wrong not_authentic replayed unknown_format bad_frames
                                └─good telegram──┘

One good telegram is enough for ``ok``, and single bad ones do not end it: an operator's noise is not a fault. A state of
trouble is shown when nothing good came, at the start or for as long as it takes to be stale; then the gravest of what
came in that time stands for all. ``port_error`` is known only to the service, which opens the port.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ciibridge.intervals import Interval, Intervals
from ciibridge.types import PROBLEMS

#: Silence below this is never stale, in seconds.
SHORTEST_STALE_S: Final = 30.0
_TIMES: Final = 3
#: Damaged frames before ``bad_frames`` is shown: one is normal when a reader is plugged in amid a telegram.
_BAD_FRAMES: Final = 3
#: Telegrams and time over which the rate is told.
_RECENT: Final = 64
_RATE_WINDOW: Final = timedelta(minutes=5)


class LinkState(StrEnum):
    """``diag.link`` of the profile."""

    WAITING = "waiting"
    OK = "ok"
    STALE = "stale"
    KEY_MISSING = "key_missing"
    KEY_WRONG = "key_wrong"
    NOT_AUTHENTIC = "not_authentic"
    REPLAYED = "replayed"
    BAD_FRAMES = "bad_frames"
    UNKNOWN_FORMAT = "unknown_format"
    PORT_ERROR = "port_error"


#: Problem code → state, gravest first. Codes that are not here do not concern the link.
_TROUBLE: Final[Mapping[str, LinkState]] = {
    "key_missing": LinkState.KEY_MISSING,
    "key_wrong": LinkState.KEY_WRONG,
    "not_authentic": LinkState.NOT_AUTHENTIC,
    "replayed": LinkState.REPLAYED,
    "unsupported_security": LinkState.UNKNOWN_FORMAT,
    "unknown_format": LinkState.UNKNOWN_FORMAT,
    "unknown_layout": LinkState.UNKNOWN_FORMAT,
    "bad_apdu": LinkState.UNKNOWN_FORMAT,
    "decoders_disagree": LinkState.UNKNOWN_FORMAT,
    "not_encrypted": LinkState.NOT_AUTHENTIC,
    "bad_checksum": LinkState.BAD_FRAMES,
    "bad_length": LinkState.BAD_FRAMES,
    "noise": LinkState.BAD_FRAMES,
    "incomplete": LinkState.BAD_FRAMES,
    "too_long": LinkState.BAD_FRAMES,
    "block_lost": LinkState.BAD_FRAMES,
    "block_order": LinkState.BAD_FRAMES,
}
_GRAVITY: Final = tuple(dict.fromkeys(_TROUBLE.values()))

#: What a person can do about a state, for ``diag.hint``.
HINTS: Final[Mapping[LinkState, str]] = {
    LinkState.WAITING: "Nothing came yet: check cable, port and line settings, and that the operator has switched the "
    "interface on.",
    LinkState.STALE: "The meter has gone silent: check cable and supply of the reader; an operator may also switch the "
    "interface off.",
    LinkState.KEY_MISSING: PROBLEMS["key_missing"],
    LinkState.KEY_WRONG: PROBLEMS["key_wrong"],
    LinkState.NOT_AUTHENTIC: PROBLEMS["not_authentic"],
    LinkState.REPLAYED: PROBLEMS["replayed"],
    LinkState.BAD_FRAMES: PROBLEMS["noise"],
    LinkState.UNKNOWN_FORMAT: PROBLEMS["unknown_format"],
    LinkState.PORT_ERROR: "The port cannot be opened or read: check its name, its rights and the cable.",
}


class Link:
    """Follows one link. ``every_s``: the meter is asked, so often; None: it sends as it likes."""

    def __init__(self, every_s: float | None = None) -> None:
        self._every_s = every_s or 0.0
        self._intervals = Intervals()
        self._gap = Interval()  # between two telegrams of whatever list
        self._last: datetime | None = None
        self._trouble: dict[LinkState, datetime] = {}
        self._bad_frames = 0
        self._recent: deque[datetime] = deque(maxlen=_RECENT)

    @property
    def last_telegram(self) -> datetime | None:
        """When the last good telegram came."""
        return self._last

    @property
    def intervals(self) -> dict[str, float]:
        """Learnt interval of each push list, in seconds; a list without a name is ""."""
        return {str(name): seconds for name, seconds in self._intervals.all().items()}

    def telegram(self, name: str, now: datetime) -> None:
        """Note a good telegram of the list ``name``."""
        self._last = now
        self._recent.append(now)
        self._intervals.seen(name, now)
        self._gap.seen(now)
        self._trouble.clear()
        self._bad_frames = 0

    def problem(self, code: str, now: datetime) -> None:
        """Note a problem of the line."""
        state = _TROUBLE.get(code)
        if state is LinkState.BAD_FRAMES:
            self._bad_frames += 1
        if state is not None:
            self._trouble[state] = now

    def shift(self, by: timedelta) -> None:
        """Move everything that is remembered to where it is by a clock that was set, forward if ``by`` is positive."""
        self._intervals.shift(by)
        self._gap.shift(by)
        self._last = None if self._last is None else self._last + by
        self._trouble = {state: at + by for state, at in self._trouble.items()}
        self._recent = deque((at + by for at in self._recent), maxlen=_RECENT)

    def stale_after_s(self) -> float:
        """Tell for how long silence is normal, in seconds.

        Lists of 5 s and of 15 min on one line: the meter is silent after 30 s, not after three quarters of an hour.
        """
        return max(SHORTEST_STALE_S, _TIMES * max(self._gap.seconds or 0.0, self._every_s))

    def per_minute(self, now: datetime) -> float | None:
        """Tell the rate of good telegrams over the last minutes; None before there is one to tell."""
        recent = [at for at in self._recent if now - at < _RATE_WINDOW]
        span_s = (now - recent[0]).total_seconds() if len(recent) > 1 else 0.0
        return round((len(recent) - 1) * 60 / span_s, 2) if span_s > 0 else None

    def state(self, now: datetime) -> LinkState:
        """Tell the state at ``now``."""
        patience = timedelta(seconds=self.stale_after_s())
        if self._last is not None and now - self._last <= patience:
            return LinkState.OK
        # Trouble fades only once there was something better: before it, it is all that is known.
        since = now if self._last is not None else max(self._trouble.values(), default=now)
        for state in _GRAVITY:
            seen = self._trouble.get(state)
            if seen is None or since - seen > patience:
                continue
            if state is not LinkState.BAD_FRAMES or self._bad_frames >= _BAD_FRAMES:
                return state
        return LinkState.WAITING if self._last is None else LinkState.STALE
