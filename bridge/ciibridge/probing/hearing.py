"""What is known after listening with one line setting: how good it is, what it says of the keys, and all that was decoded."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ciibridge.probing.lists import SeenList
from ciibridge.types import Measured, SubMeter


class Quality(StrEnum):
    """How good it is what was heard."""

    SILENT = "silent"  # no octet
    OCTETS = "octets"  # too few, or the rest of a telegram: nothing to judge by
    GARBAGE = "garbage"  # octets as no meter sends them
    BEGINNING = "beginning"  # a telegram begins, and no frame of it is good yet
    FRAMES = "frames"  # good frames: line settings and framing are proved
    TELEGRAMS = "telegrams"  # decoded


class KeyState(StrEnum):
    """What the telegrams say of the keys."""

    NOT_NEEDED = "not needed"
    SUPERFLUOUS = "given, but the meter does not encrypt"
    MISSING = "missing"
    RIGHT = "right"
    WRONG = "wrong"
    SWAPPED = "swapped: the authentication key is the encryption key, and the other way round"
    OTHER = "wrong, but what was given as authentication key is the encryption key"
    AUTH_WRONG = "right, but the authentication key is wrong"
    NO_TAG = "right, but the telegrams carry no authentication tag: leave the authentication key out"


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is known after listening with one line setting."""

    quality: Quality
    octets: int = 0
    line_errors: int = 0  # framing and parity errors and breaks that the driver counted
    protocol: str | None = None
    frames_ok: int = 0
    frames_bad: int = 0
    telegrams: int = 0
    encrypted: bool | None = None  # None: not seen
    authenticated: bool = False
    key: KeyState | None = None
    flag: str | None = None  # maker, where only the envelope shows it
    model: str | None = None
    candidates: tuple[str, ...] = ()  # models it cannot be told from
    lists: tuple[SeenList, ...] = ()
    values: dict[str, Measured] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    channels: dict[int, dict[str, Measured]] = field(default_factory=dict)
    submeters: dict[int, SubMeter] = field(default_factory=dict)
    identity: dict[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()  # OBIS codes that the profile does not know
    problems: dict[str, int] = field(default_factory=dict)  # code → how often
    messages: dict[str, str] = field(default_factory=dict)  # code → the first of them, in words
    clock_offset_s: float | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """The model, or all it cannot be told from."""
        return (self.model,) if self.model else self.candidates
