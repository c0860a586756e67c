"""How the meters on a broker do, from what is kept there: ``availability``, ``meta`` and ``diag``. Pure; works for any publisher.

    topic, payload ──► Status.hear        Status.meters(now) ──► MeterStatus: what is known, and what is wrong with it

Ages are told from the timestamps of the publisher. A retained ``diag`` outlives its publisher, so its own age counts, too. Clocks
may be wrong: a time in the future is said, and then only what the publisher has counted itself is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from ciimodel.catalogue import Resolved
from ciimodel.payloads import Diag, Meta
from pydantic import BaseModel, ValidationError

from ciibridge.normalise.clock import TRUSTED_S

_T = TypeVar("_T", bound=BaseModel)
#: ``diag`` comes at least once a minute; after three it is missed.
_DIAG_LATE: Final = timedelta(minutes=3)
#: Clocks of two machines differ by so much without anybody being to blame.
_CLOCKS: Final = timedelta(seconds=10)
#: Share of damaged frames from which cable or reader want a look; a few are normal.
_BAD_SHARE: Final = 0.1
_FEW: Final = 20
_TOPICS: Final = ("availability", "meta", "diag", "bridge_availability")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person should know. ``bad``: it is not as it should be; else a remark."""

    words: str
    bad: bool = True


@dataclass(frozen=True, slots=True)
class MeterStatus:
    """One meter. None stands for what nobody has told."""

    meter: str
    online: bool | None
    meta: Meta | None
    diag: Diag | None
    age_s: float | None  # since its last telegram
    troubles: tuple[Trouble, ...]

    @property
    def ok(self) -> bool:
        """Nothing is wrong with it."""
        return not any(trouble.bad for trouble in self.troubles)


@dataclass(frozen=True, slots=True)
class BridgeStatus:
    """One bridge process."""

    bridge: str
    online: bool


@dataclass(slots=True)
class _Known:
    availability: str | None = None
    payloads: dict[str, bytes] = field(default_factory=dict)


class Status:
    """Gathers what is heard on the topics of ``filters``. ``expected``: meters that should be there."""

    def __init__(self, catalogue: Resolved, prefix: str, expected: Sequence[str] = ()) -> None:
        self._begin = f"{prefix}/v1/"
        self._filters = [
            catalogue.topics[name].path.format(prefix=prefix, meter="+", bridge="+") for name in _TOPICS
        ]
        self._meters: dict[str, _Known] = {meter: _Known() for meter in expected}
        self._bridges: dict[str, bool] = {}

    @property
    def filters(self) -> Sequence[str]:
        """Topics to subscribe to."""
        return self._filters

    def hear(self, topic: str, payload: bytes) -> None:
        """Take a message of one of the topics; an empty payload takes away what was there."""
        levels = topic.removeprefix(self._begin).split("/")
        if levels[0] == "_bridge":
            if payload:
                self._bridges[levels[1]] = payload == b"online"
            else:
                self._bridges.pop(levels[1], None)
            return
        if len(levels) != 2:
            return
        known = self._meters.setdefault(levels[0], _Known())
        if levels[1] == "availability":
            known.availability = payload.decode(errors="replace") or None
        elif payload:
            known.payloads[levels[1]] = payload
        else:
            known.payloads.pop(levels[1], None)

    def bridges(self) -> list[BridgeStatus]:
        """Tell which processes run, by name."""
        return [BridgeStatus(name, online) for name, online in sorted(self._bridges.items())]

    def meters(self, now: datetime) -> list[MeterStatus]:
        """Tell how each meter does, by name. ``now``: UTC, by the clock of this machine."""
        return [_judge(meter, known, now) for meter, known in sorted(self._meters.items())]


def _judge(meter: str, known: _Known, now: datetime) -> MeterStatus:
    faults: list[Trouble] = []
    meta = _read(Meta, known.payloads.get("meta"), "meta", faults)
    diag = _read(Diag, known.payloads.get("diag"), "diag", faults)
    if known.availability is None and not known.payloads:
        words = (
            "nothing of it is on the broker: does the bridge run, and has the meter ever been read? "
            "`ciibridge doctor` looks"
        )
        return MeterStatus(meter, None, None, None, None, (Trouble(words),))
    troubles = [*faults, *_availability(known.availability, diag)]
    if diag is not None:
        troubles += _link(diag)
        troubles += _times(diag, now)
        troubles += _counts(diag)
    elif not faults:
        troubles.append(Trouble("it publishes no diag, so only its availability is known", bad=False))
    online = None if known.availability is None else known.availability == "online"
    return MeterStatus(meter, online, meta, diag, _age_s(diag, now), tuple(troubles))


def _read(model: type[_T], payload: bytes | None, name: str, faults: list[Trouble]) -> _T | None:
    if payload is None:
        return None
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(map(str, first["loc"]))
        words = f"{at}: {first['msg']}" if at else first["msg"]
        faults.append(Trouble(f"its {name} is not as the profile says ({words})"))
        return None


def _availability(word: str | None, diag: Diag | None) -> Iterator[Trouble]:
    if word == "online":
        return
    if word is None:
        yield Trouble("it publishes no availability: nobody notices when it ends")
    elif word != "offline":
        yield Trouble(f"its availability is {word!r}, neither online nor offline")
    elif diag is None or diag.link == "ok":
        yield Trouble("offline: whoever publishes it has ended. Start the bridge, or look at its log")


def _link(diag: Diag) -> Iterator[Trouble]:
    if diag.link != "ok":
        yield Trouble(diag.hint or f"its link is {diag.link}")


def _times(diag: Diag, now: datetime) -> Iterator[Trouble]:
    ahead = datetime.fromisoformat(diag.ts) - now
    if ahead > _CLOCKS:
        words = f"its last report is {spell(ahead.total_seconds())} in the future: the clock there or here is wrong"
        yield Trouble(words, bad=ahead.total_seconds() > TRUSTED_S)
    elif -ahead > _DIAG_LATE:
        words = f"no report for {spell(-ahead.total_seconds())}: the bridge has ended or hangs, or a clock is wrong"
        yield Trouble(words)
    if diag.clock_offset_s is not None and abs(diag.clock_offset_s) > TRUSTED_S:
        which = "ahead" if diag.clock_offset_s > 0 else "behind"
        words = f"the meter's clock is {spell(abs(diag.clock_offset_s))} {which} of the bridge's"
        yield Trouble(words, bad=False)


def _counts(diag: Diag) -> Iterator[Trouble]:
    bad, good = diag.frames_bad or 0, diag.frames_ok or 0
    if diag.link == "ok" and bad + good >= _FEW and bad / (bad + good) >= _BAD_SHARE:
        share = f"{100 * bad / (bad + good):.0f} % of its frames are damaged"
        yield Trouble(f"{share}: check cable, reading head and supply of the reader")
    if diag.dropped:
        yield Trouble(
            f"{diag.dropped} messages were lost while the broker was away: raise [outbox]", bad=False
        )
    if diag.queued:
        yield Trouble(f"{diag.queued} messages wait for the broker", bad=False)


def _age_s(diag: Diag | None, now: datetime) -> float | None:
    if diag is None or diag.last_rx is None:
        return None
    told = datetime.fromisoformat(diag.ts)
    counted = diag.age_s if diag.age_s is not None else (told - _time(diag.last_rx)).total_seconds()
    return round(max(0.0, counted) + max(0.0, (now - told).total_seconds()), 1)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


#: Seconds of a unit and its letter, the longest first.
_UNITS: Final[Mapping[str, int]] = {"d": 86_400, "h": 3600, "min": 60}


def spell(seconds: float) -> str:
    """Write a span as people say it, rounded down: 4 s, 12 min, 3 h, 5 d."""
    return next(
        (f"{int(seconds // size)} {unit}" for unit, size in _UNITS.items() if seconds >= 2 * size),
        f"{seconds:.0f} s",
    )


def all_ok(meters: Iterable[MeterStatus]) -> bool:
    """Whether there is a meter, and nothing is wrong with any."""
    listed = list(meters)
    return bool(listed) and all(meter.ok for meter in listed)
