"""The straight line of one meter: octets in, snapshots out.

    octets → [ framing → security → decode ] → normalise → Snapshot
               a line, chosen by protocol

Pure: no I/O, no clock of its own, no threads. ``LINES`` is the table of protocols; another one is a class beside
``_DlmsHdlc`` and a row there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

from ciimodel.catalogue import Resolved

from ciibridge.decode import sml
from ciibridge.decode.dlms import LayoutBook, decode
from ciibridge.errors import ConfigError, DecodeError, ProtocolError, SecurityError
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.reassembly import Reassembler
from ciibridge.framing.sml import SmlFramer
from ciibridge.link import Link, LinkState
from ciibridge.normalise import ClockPolicy, MeterSettings, Normaliser
from ciibridge.security.glo import Keys, Opener, ReplayGuard
from ciibridge.types import PROBLEMS, Apdu, Frame, Problem, Reading, Snapshot

__all__ = ["LINES", "ClockPolicy", "Diagnostics", "Line", "MeterSettings", "Pipeline"]

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


class Line(Protocol):
    """Framing, security and decoding of one protocol."""

    @property
    def frames_ok(self) -> int:
        """Count the good frames."""

    @property
    def frames_bad(self) -> int:
        """Count the damaged frames."""

    def feed(self, data: bytes) -> list[Reading | Problem]:
        """Take octets in pieces of any size; give what they completed, in order. Never raises."""

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""


class _DlmsHdlc:
    """DLMS/COSEM notifications in HDLC frames, plain or ciphered."""

    def __init__(self, settings: MeterSettings) -> None:
        self._framer = HdlcFramer()
        self._reassembler = Reassembler()
        self._opener = Opener(Keys(settings.key, settings.auth_key))
        self._replay = ReplayGuard()
        self._book = LayoutBook()
        self._has_key = settings.key is not None
        self._wants_authentic = settings.auth_key is not None

    @property
    def frames_ok(self) -> int:
        """Count the good frames."""
        return self._framer.frames

    @property
    def frames_bad(self) -> int:
        """Count the damaged frames."""
        return self._framer.damaged

    def feed(self, data: bytes) -> list[Reading | Problem]:
        """Take octets in pieces of any size; give what they completed, in order. Never raises."""
        found: list[Reading | Problem] = []
        self._frames(self._framer.feed(data), found)
        return found

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""
        found: list[Reading | Problem] = []
        self._frames(self._framer.finish(), found)
        self._apdus(self._reassembler.finish(), found)
        return found

    def _frames(self, frames: Iterable[Frame | Problem], found: list[Reading | Problem]) -> None:
        for frame in frames:
            if isinstance(frame, Problem):
                found.append(frame)
            else:
                self._apdus(self._reassembler.feed(frame), found)

    def _apdus(self, apdus: Iterable[Apdu | Problem], found: list[Reading | Problem]) -> None:
        for apdu in apdus:
            if isinstance(apdu, Problem):
                found.append(apdu)
                continue
            try:
                self._read(apdu, found)
            except (SecurityError, DecodeError) as error:
                found.append(_problem(error, apdu))

    def _read(self, apdu: Apdu, found: list[Reading | Problem]) -> None:
        """Open and decode one APDU; raises SecurityError or DecodeError."""
        plain = self._opener.open(apdu)
        self._demand(plain)
        self._replay.check(plain)
        found.append(decode(plain, self._book))

    def _demand(self, apdu: Apdu) -> None:
        """Refuse what is less protected than the configured keys say it must be (ADR 9); raises SecurityError.

        Anybody who reaches the line can send a plain telegram, or leave the tag out of an encrypted one.
        """
        if self._has_key and not (apdu.encrypted or apdu.authenticated):
            raise SecurityError(
                "not_encrypted", "a key is configured, yet the telegram is plain; it is refused"
            )
        if self._wants_authentic and not apdu.authenticated:
            raise SecurityError(
                "not_authentic",
                "`auth_key` is configured, yet the telegram has no authentication tag; it is refused. "
                "Remove `auth_key` if the operator says that the meter only encrypts",
            )


class _Sml:
    """SML files, as German meters push them: nothing is ciphered, nothing to remember."""

    def __init__(self, _settings: MeterSettings) -> None:
        self._framer = SmlFramer()

    @property
    def frames_ok(self) -> int:
        """Count the good files."""
        return self._framer.frames

    @property
    def frames_bad(self) -> int:
        """Count the damaged files."""
        return self._framer.damaged

    def feed(self, data: bytes) -> list[Reading | Problem]:
        """Take octets in pieces of any size; give what they completed, in order. Never raises."""
        return _read_files(self._framer.feed(data))

    def finish(self) -> list[Reading | Problem]:
        """End the stream; give what is left."""
        return _read_files(self._framer.finish())


def _read_files(files: Iterable[Frame | Problem]) -> list[Reading | Problem]:
    found: list[Reading | Problem] = []
    for file in files:
        found += [file] if isinstance(file, Problem) else sml.read(file)
    return found


def _problem(error: ProtocolError, apdu: Apdu) -> Problem:
    where = f" (octet {error.offset} of the APDU)" if error.offset else ""
    return Problem(error.code, f"{error}{where}", apdu.offset)


#: Protocol of an interface in the catalogue → its line.
LINES: Final[Mapping[str, Callable[[MeterSettings], Line]]] = {"dlms-hdlc": _DlmsHdlc, "sml": _Sml}


class Pipeline:
    """The line of one meter.

    ``feed`` and ``finish`` return what happened and raise nothing: any exception out of them is a bug.
    """

    def __init__(self, catalogue: Resolved, settings: MeterSettings, protocol: str = "dlms-hdlc") -> None:
        """Raise ConfigError when a setting is not in the catalogue, or the protocol is not supported."""
        if protocol not in LINES:
            raise ConfigError(f"protocol = {protocol!r} is not supported: write one of {', '.join(LINES)}")
        self.protocol: Final = protocol
        self._line = LINES[protocol](settings)
        self._normaliser = Normaliser(catalogue, settings)
        self._link = Link()
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

    def feed(self, data: bytes, now: datetime) -> list[Snapshot | Problem]:
        """Take octets in pieces of any size, received at ``now`` (UTC); give snapshots and problems in order."""
        self._octets += len(data)
        self._now = now
        return self._take(self._line.feed(data), now)

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

    def _take(self, readings: Iterable[Reading | Problem], now: datetime) -> list[Snapshot | Problem]:
        found: list[Snapshot | Problem] = []
        for reading in readings:
            if isinstance(reading, Problem):
                self._add(reading, now, found)
                continue
            items = self._normaliser.take(reading, now)
            if not any(isinstance(item, Problem) and item.code in _NOT_READ for item in items):
                self._telegrams += 1
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
        else:
            self._clock_offset_s = item.clock_offset_s
        found.append(item)
