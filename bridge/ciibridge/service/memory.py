"""What a bridge remembers over a restart, as data: of each meter, and the invocation counters of their lines.

Memory     number of a meter's last telegram, ts of it, how long silence is usual
Counters   line → last invocation counter, for the replay guard
Kept       all of it, as it is read from a file and written to one
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

#: Name of a meter, no number up to this one is used again, ts of its last telegram (Unix time), silence that is no gap (s).
MeterRow = tuple[str, int, int | None, float | None]


@dataclass(slots=True)
class Memory:
    """What is remembered of one meter. ``seq`` is the number of its last telegram."""

    name: str
    seq: int
    last: datetime | None = None  # ts of the last good telegram, UTC
    usual_s: float | None = None  # silence below it is no gap; None: not learnt yet
    reserved: int = 0  # in the state file: numbers up to this one are not used again after a power cut
    ahead: int = 0  # the same in the copy, after a kill
    changed: bool = False

    @classmethod
    def of(cls, row: MeterRow) -> Memory:
        """Take it from a file."""
        name, seq, last_ts, usual_s = row
        return cls(name, seq, None if last_ts is None else datetime.fromtimestamp(last_ts, UTC), usual_s)

    def row(self, ahead: int) -> MeterRow:
        """Give it for a file, with so many numbers reserved."""
        last_ts = None if self.last is None else int(self.last.timestamp())
        return self.name, self.seq + ahead, last_ts, self.usual_s


@dataclass(frozen=True, slots=True)
class Kept:
    """The content of a file. ``life`` counts the processes that wrote: of two files, the one with the higher is newer."""

    life: int = 0
    meters: tuple[MeterRow, ...] = ()
    counters: Mapping[bytes, int] = field(default_factory=dict)

    @property
    def latest(self) -> datetime | None:
        """The latest time of a telegram, UTC."""
        times = [last_ts for _, _, last_ts, _ in self.meters if last_ts is not None]
        return datetime.fromtimestamp(max(times), UTC) if times else None


class Counters(MutableMapping[bytes, int]):
    """Invocation counters by line, as the replay guard wants them; remembers which ones changed."""

    def __init__(self) -> None:
        self._values: dict[bytes, int] = {}
        self.changed: set[bytes] = set()

    def __getitem__(self, line: bytes) -> int:
        return self._values[line]

    def __setitem__(self, line: bytes, value: int) -> None:
        self._values[line] = value
        self.changed.add(line)

    def __delitem__(self, line: bytes) -> None:
        del self._values[line]
        self.changed.discard(line)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def learn(self, values: Mapping[bytes, int]) -> None:
        """Take values from a file, unless later ones are known; what the file does not have, it is to get."""
        for line, value in values.items():
            self._values[line] = max(value, self._values.get(line, value))
        self.changed |= {line for line, value in self._values.items() if values.get(line) != value}
