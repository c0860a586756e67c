"""What was sent, what arrived, and what that says: lost, late, twice, out of order, altered.

Every simulated telegram carries its own number n twice: as its power in W, and in its voltage (180 V + n mod 100).
So whoever hears a payload can tell which telegram it was, and whether its octets got mixed with those of another one.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

TOPICS = ("state", "history")


def volts(number: int) -> int:
    """Voltage of the telegram with this number."""
    return 180 + number % 100


@dataclass(frozen=True)
class Copy:
    """One arrival of a telegram."""

    topic: str
    seq: int
    digest: bytes


@dataclass
class Verdict:
    """Counts, and the telegrams behind them as (meter, number)."""

    sent: int
    unread: int  # never read by the bridge, as far as the harness can tell: no loss of the bridge's
    received: int
    duplicates: int
    lost: list[tuple[str, int]]
    problems: list[str]

    @property
    def good(self) -> bool:
        return not self.lost and not self.problems


@dataclass
class Ledger:
    """Filled by the meters and by the subscriber, who may be in another thread."""

    sent: dict[tuple[str, int], float] = field(default_factory=dict)  # → steady time in seconds
    unread: set[tuple[str, int]] = field(default_factory=set)
    copies: dict[tuple[str, int], list[Copy]] = field(default_factory=lambda: defaultdict(list))
    order: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    altered: list[str] = field(default_factory=list)
    heard: int = 0
    times: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # ts of state, by meter
    codes: set[str] = field(default_factory=set)  # of error events

    def hear(self, topic: str, payload: bytes) -> None:
        """Take down a message that arrived."""
        meter, kind = topic.split("/")[2:4]
        if kind == "error":
            self.codes.add(json.loads(payload)["code"])
        if kind not in TOPICS:
            return
        self.heard += 1
        document = json.loads(payload)
        values = document["values"]
        number = values["power_import"]
        if (meter, number) not in self.sent or values["voltage_l1"] != volts(number):
            self.altered.append(f"{topic}: {payload!r}")
            return
        if not self.copies[meter, number] and kind == "state":
            self.times[meter].append(document["ts"])
        if not self.copies[meter, number]:
            self.order[meter, kind].append(number)
        self.copies[meter, number].append(Copy(kind, document["seq"], hashlib.sha256(payload).digest()))

    def missing(self) -> list[tuple[str, int]]:
        """Telegrams that have not arrived and should."""
        return [key for key in list(self.sent) if key not in self.unread and not self.copies.get(key)]

    def judge(self) -> Verdict:
        """Count, and check what must hold of everything that arrived."""
        problems = [f"altered: {text}" for text in self.altered]
        for (meter, kind), numbers in self.order.items():
            problems += [
                f"{meter}/{kind}: {after} arrived after {before}"
                for before, after in pairwise(numbers)
                if after < before
            ]
        names: dict[tuple[str, int], int] = {}
        for (meter, number), copies in list(self.copies.items()):
            if len({(copy.seq, copy.digest) for copy in copies}) > 1:
                problems.append(f"{meter}: copies of {number} differ")
            for copy in copies:
                if names.setdefault((meter, copy.seq), number) != number:
                    problems.append(
                        f"{meter}: seq {copy.seq} is used for {names[meter, copy.seq]} and {number}"
                    )
        arrived = {key: copies for key, copies in self.copies.items() if copies}
        return Verdict(
            sent=len(self.sent),
            unread=len([key for key in self.unread if key not in arrived]),
            received=len(arrived),
            duplicates=sum(len(copies) - 1 for copies in arrived.values()),
            lost=self.missing(),
            problems=problems,
        )

    def by_topic(self) -> Counter[str]:
        """How many arrivals each topic had."""
        return Counter(copy.topic for copies in self.copies.values() for copy in copies)
