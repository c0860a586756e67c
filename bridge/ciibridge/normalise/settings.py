"""What a person may set for one meter. Everything has a default; a plain meter of a known model needs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ciimodel.catalogue import Meter, Operator, Resolved

from ciibridge.errors import ConfigError
from ciibridge.normalise.identity import topic_level

DEFAULT_ZONE: Final = "Europe/Zurich"


class ClockPolicy(StrEnum):
    """Whose clock gives ``ts``."""

    CHECK = "check"  # the meter's, unless it is more than a minute away from the receiver's
    METER = "meter"  # the meter's; the receiver's clock is not trusted and not published
    RECEIVER = "receiver"  # always the receiver's


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """Settings of one meter, as in the configuration file and as options of ``ciibridge decode``.

    ``key`` and ``auth_key`` are never part of the representation, so that they cannot get into a log.
    """

    model: str | None = None  # id in schema/meters; None: recognised from the telegrams
    operator: str | None = None  # id in schema/operators
    id: str | None = None  # topic level; None: from the telegrams
    key: bytes | None = field(default=None, repr=False)
    auth_key: bytes | None = field(default=None, repr=False)
    system_title: bytes | None = field(default=None, repr=False)  # eight octets; None: in the telegrams
    #: Refuse telegrams without a verified tag; None: when ``auth_key`` is there to verify it with.
    require_authentication: bool | None = None
    zone: str | None = (
        None  # of a clock that does not say its deviation; None: the model's, else DEFAULT_ZONE
    )
    clock: str = ClockPolicy.CHECK
    #: Whom a master asks on this M-Bus, as configured; the channels of sub-meters follow from it.
    addresses: tuple[str, ...] = ()
    #: Only one device answers on this M-Bus: if it counts electricity, it is the meter and not a sub-meter.
    alone: bool = False
    #: Quantity or family → power of ten of its registers, where the table of the model is wrong for this meter.
    scalers: Mapping[str, int] = field(default_factory=dict)

    def check(self, catalogue: Resolved) -> None:
        """Compare with the catalogue; raise ConfigError that names the key and the remedy."""
        self.find_model(catalogue)
        self.find_operator(catalogue)
        self.find_zone()
        if self.clock not in tuple(ClockPolicy):
            raise ConfigError(f"clock = {self.clock!r}: write one of {', '.join(ClockPolicy)}")
        known = {q.name for q in catalogue.quantities.values()} | {
            q.family for q in catalogue.quantities.values()
        }
        for name in self.scalers:
            if name not in known:
                raise ConfigError(_unknown("scalers", name, sorted(known)))
        if self.id is not None and topic_level(self.id) != self.id:
            proposal = topic_level(self.id) or "home"
            raise ConfigError(
                f"id = {self.id!r} cannot be a level of a topic (a-z, 0-9, _ and -, at most 64): write {proposal!r}"
            )

    def find_model(self, catalogue: Resolved) -> Meter | None:
        """Find the configured meter model, or None when it is to be recognised."""
        if self.model is None:
            return None
        if self.model not in catalogue.meters:
            raise ConfigError(_unknown("model", self.model, list(catalogue.meters)))
        return catalogue.meters[self.model]

    def find_operator(self, catalogue: Resolved) -> Operator | None:
        """Find the configured operator, or None."""
        if self.operator is None:
            return None
        if self.operator not in catalogue.operators:
            raise ConfigError(_unknown("operator", self.operator, list(catalogue.operators)))
        return catalogue.operators[self.operator]

    def find_zone(self, model: Meter | None = None) -> ZoneInfo:
        """Find the zone of a clock without deviation: the configured one, that of ``model``, or Switzerland's."""
        name = self.zone or (model.zone if model else None) or DEFAULT_ZONE
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(f"zone = {name!r} is not known: write e.g. {DEFAULT_ZONE}") from error


def _unknown(key: str, value: str, known: list[str]) -> str:
    close = get_close_matches(value, known, n=3)
    remedy = f"did you mean {' or '.join(close)}?" if close else f"write one of {', '.join(sorted(known))}"
    return f"{key} = {value!r} is not in the catalogue: {remedy} (`ciibridge meters` lists them)"
