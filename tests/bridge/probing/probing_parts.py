"""What the tests of probing have in common: a line that is heard differently with each setting, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import ciimodel
from ciibridge.errors import ConfigError
from ciibridge.probing.attempts import Attempt, attempts
from ciibridge.probing.report import Report, report
from ciibridge.probing.search import Search, Verdict
from ciibridge.security.glo import Keys
from ciibridge.simulate import SimulatedMeter
from ciimodel.catalogue import Link
from uart import heard

CATALOGUE = ciimodel.load()
START = datetime(2026, 5, 4, 9, 39, 18, tzinfo=UTC)
KEY = bytes(range(0x10))
AUTH_KEY = bytes(range(0xD0, 0xE0))


def link_of(meter: str, interface: int = 0) -> Link:
    return CATALOGUE.meters[meter].interfaces[interface].link


def simulated() -> list[tuple[str, str]]:
    """All meters and their lists that the simulator can do."""
    found = []
    for meter in CATALOGUE.meters.values():
        for pushed in meter.lists:
            try:
                SimulatedMeter(CATALOGUE, meter.id, lists=(pushed.id,)).telegrams(START)
            except ConfigError:
                continue
            found.append((meter.id, pushed.id))
    return found


class Line:
    """A meter at the other end of a serial line: what it pushes, and what of it is heard with which settings."""

    def __init__(self, meter: SimulatedMeter, link: Link, *, cut: int = 0) -> None:
        self._meter = meter
        self._link = link
        self._cut = cut  # octets of the first telegram that were sent before anybody listened

    def hear(self, attempt: Attempt, begin: datetime, end: datetime) -> Iterator[tuple[datetime, bytes, int]]:
        """What arrives between two moments, a piece a telegram."""
        step = timedelta(seconds=self._meter.interval_s)
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        due = begin - (begin - epoch) % step + step
        while due <= end:
            octets = self._meter.telegrams(due)[self._cut :]
            self._cut = 0
            yield due, *(heard(octets, self._link, attempt.line) if attempt.line else (octets, 0))
            due += step


def probe(
    line: Line | None, tries: tuple[Attempt, ...] | None = None, keys: Keys | None = None, **options: object
) -> tuple[Report, Search, float]:
    """Listen on a line in virtual time, as the driver does in real time: the report, and how many seconds it took."""
    search = Search(CATALOGUE, tries or attempts(CATALOGUE), keys or Keys(), **options)  # type: ignore[arg-type]
    now = START
    while (attempt := search.begin(now)) is not None:
        arriving = line.hear(attempt, now, now + timedelta(hours=1)) if line else iter(())
        coming = next(arriving, None)
        while True:
            verdict, wait_s = search.look(now)
            if verdict is not Verdict.STAY:
                break
            until = now + timedelta(seconds=wait_s)
            if coming is None or coming[0] > until:
                now = until
                continue
            now = coming[0]
            search.feed(coming[1], now, coming[2])
            coming = next(arriving, None)
        if verdict is Verdict.DONE:
            search.end(now)
            break
    return report(CATALOGUE, "port", search), search, (now - START).total_seconds()
