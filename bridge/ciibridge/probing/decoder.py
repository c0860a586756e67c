"""One protocol and one choice of keys over what was heard: octets → the lists that came, and how often. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.intervals import Intervals
from ciibridge.pipeline import ClockPolicy, MeterSettings, Pipeline
from ciibridge.probing.lists import codes_of
from ciibridge.security.glo import Keys
from ciibridge.types import Problem, Snapshot

_RECEIVER: Final = "receiver"
_ANYBODY: Final = "probe"


@dataclass(slots=True)
class CameList:
    """A list that came: its last telegram, and how many there were."""

    snapshot: Snapshot
    telegrams: int = 0


class Decoder:
    """One protocol and one choice of keys, from the first octet that was kept.

    ``alone``: who answers on an M-Bus is taken for the only device there, as the service takes it, until another one is heard.
    """

    def __init__(
        self, catalogue: Resolved, protocol: str, keys: Keys, *, timed: bool, alone: bool = True
    ) -> None:
        settings = MeterSettings(
            id=_ANYBODY,
            key=keys.key,
            auth_key=keys.auth_key,
            system_title=keys.system_title,
            clock=ClockPolicy.CHECK if timed else ClockPolicy.METER,
            alone=alone,
        )
        self.alone: Final = alone
        self.devices: set[str] = set()  # of an M-Bus, by maker and number
        self.protocol: Final = protocol
        self.keys: Final = keys
        self.pipeline: Final = Pipeline(catalogue, settings, protocol)
        self.lists: dict[tuple[str | None, frozenset[str]], CameList] = {}
        self.intervals: Final = Intervals()
        self.last: Snapshot | None = None
        self.messages: dict[str, str] = {}
        self._timed = timed

    def feed(self, octets: bytes, now: datetime) -> None:
        """Take octets as they come."""
        self._take(self.pipeline.feed(octets, now), now)

    def finish(self, now: datetime) -> None:
        """End it: what needed no more octets comes out."""
        self._take(self.pipeline.finish(), now)

    def _take(self, found: list[Snapshot | Problem], now: datetime) -> None:
        for item in found:
            if isinstance(item, Problem):
                self.messages.setdefault(item.code, item.message)
                continue
            self.last = item
            if item.reading is None:
                continue
            device = item.reading.device
            if device is not None and (device.alone or not device.master):  # it answers a master
                self.devices.add(device.id)
            key = (item.list, codes_of(item.reading))
            seen = self.lists.setdefault(key, CameList(item))
            seen.snapshot = item
            seen.telegrams += 1
            if self._timed:
                self.intervals.seen(key, now)
            elif item.ts_source != _RECEIVER:
                self.intervals.seen(key, item.ts)
