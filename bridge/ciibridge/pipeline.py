"""The straight line of one meter: octets in, snapshots out.

    octets → [ framing → security → decode ] → normalise → Snapshot
               a line, chosen by protocol

Pure: no I/O, no clock of its own, no threads. The lines stand in ``ciibridge.lines``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.errors import ConfigError
from ciibridge.lines import LINES
from ciibridge.lines.parts import Guarded
from ciibridge.link import Link, LinkState
from ciibridge.normalise import ClockPolicy, MeterSettings, Normaliser
from ciibridge.types import PROBLEMS, Problem, Reading, Snapshot

__all__ = ["LINES", "ClockPolicy", "Diagnostics", "MeterSettings", "Pipeline"]

#: Problems of a telegram that gave no reading although its frames were good.
_NOT_READ: Final = frozenset(("unknown_layout",))


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What a line did so far; counters start at zero with the pipeline."""

    link: LinkState
    octets: int = 0
    frames_ok: int = 0
    frames_bad: int = 0
    telegrams_ok: int = 0  # telegrams that gave a reading
    decrypt_failed: int = 0
    replayed: int = 0
    withheld: int = 0  # values not published: implausible, or a counter that fell
    last_rx: datetime | None = None  # of the last good telegram, UTC
    clock_offset_s: float | None = None  # meter clock minus receiver's clock
    stale_after_s: float = 0.0
    telegrams_per_minute: float | None = None
    intervals: Mapping[str, float] = field(default_factory=dict)  # push list → learnt interval in seconds
    problems: Mapping[str, int] = field(default_factory=dict)  # code → how often


class Pipeline:
    """The line of one meter.

    ``feed`` and ``finish`` return what happened and raise nothing: any exception out of them is a bug.
    """

    def __init__(
        self,
        catalogue: Resolved,
        settings: MeterSettings,
        protocol: str = "dlms-hdlc",
        every_s: float | None = None,
        *,
        counters: MutableMapping[bytes, int] | None = None,
    ) -> None:
        """Raise ConfigError when a setting is not in the catalogue, or the protocol is not supported.

        ``every_s``: the meter is asked, so often; None: it sends as it likes. ``counters``: where invocation counters are
        remembered, to outlast this pipeline (``security.glo.ReplayGuard``).
        """
        if protocol not in LINES:
            raise ConfigError(f"protocol = {protocol!r} is not supported: write one of {', '.join(LINES)}")
        self.protocol: Final = protocol
        self._line = LINES[protocol](settings)
        if counters is not None and isinstance(self._line, Guarded):
            self._line.gate.remember(counters)
        self._normaliser = Normaliser(catalogue, settings)
        self._link = Link(every_s)
        self._problems: Counter[str] = Counter()
        self._octets = 0
        self._telegrams = 0
        self._clock_offset_s: float | None = None
        self._now: datetime | None = None  # of the last octets

    @property
    def meter(self) -> str | None:
        """The level of the meter's topics; None until it has said who it is."""
        return self._normaliser.meter

    @property
    def model(self) -> str | None:
        """Id of the meter model, when configured or recognised."""
        return self._normaliser.model

    def not_before(self, time: datetime) -> None:
        """Take note that it is later than ``time``, UTC, as an earlier life of the bridge has seen."""
        self._normaliser.not_before(time)

    def shift(self, by: timedelta) -> None:
        """Take note that the clock of ``now`` was set, forward if ``by`` is positive: what came did not get older by it."""
        self._link.shift(by)

    def feed(self, data: bytes, now: datetime) -> list[Snapshot | Problem]:
        """Take octets in pieces of any size, received at ``now`` (UTC); give snapshots and problems in order."""
        self._octets += len(data)
        self._now = now
        return self._take(self._line.feed(data), now)

    def telegram(self, data: bytes, now: datetime) -> list[Snapshot | Problem]:
        """Take a whole telegram, received at ``now`` (UTC), as a dialogue gives it: nothing of it waits for more octets."""
        self._octets += len(data)
        self._now = now
        return self._take(self._line.feed(data) + self._line.finish(), now)

    def take(self, reading: Reading, now: datetime, *, past: bool = False) -> list[Snapshot | Problem]:
        """Take a reading that was decoded elsewhere (``dialogue.Decoded``), got at ``now`` (UTC); raises nothing.

        ``past``: a row of a load profile. It tells nothing of the state of the link.
        """
        self._now = now
        return self._take((reading,), now, past=past)

    def report(self, problem: Problem, now: datetime) -> Problem:
        """Count a problem that was met outside of the line, as in a dialogue; gives it back with its hint."""
        found: list[Snapshot | Problem] = []
        self._add(problem, now, found)
        return next(item for item in found if isinstance(item, Problem))

    def finish(self) -> list[Snapshot | Problem]:
        """End the stream: give what is complete, as received with the last octets, and report what is not."""
        now = self._now
        if now is None:
            return []
        found = self._take(self._line.finish(), now)
        for item in self._normaliser.finish():
            self._add(item, now, found)
        return found

    def diagnostics(self, now: datetime) -> Diagnostics:
        """Tell how the line does at ``now`` (UTC)."""
        counted = self._problems
        return Diagnostics(
            link=self._link.state(now),
            octets=self._octets,
            frames_ok=self._line.frames_ok,
            frames_bad=self._line.frames_bad,
            telegrams_ok=self._telegrams,
            decrypt_failed=counted["key_missing"] + counted["key_wrong"] + counted["not_authentic"],
            replayed=counted["replayed"],
            withheld=self._normaliser.withheld,
            last_rx=self._link.last_telegram,
            clock_offset_s=self._clock_offset_s,
            stale_after_s=self._link.stale_after_s(),
            telegrams_per_minute=self._link.per_minute(now),
            intervals=self._link.intervals,
            problems={code: count for code, count in sorted(counted.items()) if count},
        )

    def _take(
        self, readings: Iterable[Reading | Problem], now: datetime, *, past: bool = False
    ) -> list[Snapshot | Problem]:
        found: list[Snapshot | Problem] = []
        for reading in readings:
            if isinstance(reading, Problem):
                self._add(reading, now, found)
                continue
            items = self._normaliser.take(reading, now, past=past)
            if not any(isinstance(item, Problem) and item.code in _NOT_READ for item in items):
                self._telegrams += 1
                if not past:
                    self._link.telegram(reading.list_object or reading.list_name or "", now)
            for item in items:
                self._add(item, now, found, reading.apdu.offset)
        return found

    def _add(
        self, item: Snapshot | Problem, now: datetime, found: list[Snapshot | Problem], offset: int = 0
    ) -> None:
        """Count and pass on; ``offset``: where the telegram began, for problems that do not know."""
        if isinstance(item, Problem):
            self._problems[item.code] += 1
            self._link.problem(item.code, now)
            if not item.hint or not item.offset:
                hint = item.hint or PROBLEMS.get(item.code, PROBLEMS["unknown_format"])
                item = replace(item, hint=hint, offset=item.offset or offset)
        elif not item.past:
            self._clock_offset_s = item.clock_offset_s
        found.append(item)
