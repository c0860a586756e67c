"""What is asked of a meter, and who knows how: from the settings of a meter to its dialogues.

    protocol ──WAYS──► Way ──asker(Asking)──► Asker ──round(now)──► Dialogue ──driver──► the meter

A meter has one ``Asker`` for as long as the program runs; it remembers what the next round needs of the last one (the
frame count bit of M-Bus, up to when a load profile was read). Another protocol is a module beside this one and a row in
``WAYS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from ciimodel.catalogue import PushList, Resolved

from ciibridge.dialogue import Dialogue, iec62056, mbus
from ciibridge.dialogue.dlms import settings as dlms
from ciibridge.dialogue.iec62056 import profile
from ciibridge.normalise.settings import DEFAULT_ZONE

_ZONE: Final = ZoneInfo(DEFAULT_ZONE)


@dataclass(frozen=True, slots=True)
class Asking:
    """How a meter is to be asked: from the configuration, else from its model in the schema.

    Secrets are never part of the representation, so that they cannot get into a log.
    """

    every_s: float = 60.0  # from the beginning of a round to that of the next one
    addresses: tuple[str, ...] = ()  # whom to ask on this line; (): whoever is there
    #: What to ask for, in the words of the protocol; (): what a meter gives by itself.
    read: tuple[str, ...] = ()
    password: str | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    auth_key: bytes | None = field(default=None, repr=False)
    authentication: str | None = None  # mechanism of DLMS; None: low with a password, else none
    client_title: bytes | None = None  # system title of this client, where DLMS is ciphered
    lists: tuple[PushList, ...] = ()  # what the model pushes, in the schema; first those of the operator
    zone: ZoneInfo = _ZONE  # of a clock that does not say its deviation
    wake_up: bool = False  # the meter sleeps: wake it first (IEC 62056-21, annex B)
    no_access: tuple[str, ...] = ()  # what meters answer for want of a password: the words of their makers
    baudrate: int = 300  # of the line when a round begins
    can_change: bool = True  # whether the line can be set to another speed; the driver's transport says it


def no_access(catalogue: Resolved) -> tuple[str, ...]:
    """Give the words with which meters refuse for want of a password (IEC 62056-21 leaves them to the makers)."""
    return tuple(dict.fromkeys(word for maker in catalogue.makers.values() for word in maker.no_access))


class Asker(Protocol):
    """Asks one meter, or all meters of one line, again and again."""

    def round(self, now: datetime) -> Dialogue:
        """Begin a round at ``now`` (UTC). One at a time; a round may end early, by an error of the line."""
        ...


@runtime_checkable
class Backfilling(Protocol):
    """An ``Asker`` that can also fetch what was missed."""

    @property
    def filling(self) -> bool:
        """Whether there is something left to fill."""
        ...

    def fill(self, begin: datetime, end: datetime) -> None:
        """Fill the gap between two telegrams (UTC, both exclusive): rows of the past in this round or the next ones."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """How the meters of a protocol are asked."""

    asker: Callable[[Asking], Asker]
    address: re.Pattern[str]  # what the whole of an address must match
    address_words: str  # the same for people
    read: re.Pattern[str]  # the same for an entry of ``read``
    read_words: str


#: Protocol of an interface in the catalogue → how its meters are asked. Those that are not here only push.
WAYS: Final[Mapping[str, Way]] = {
    "dlms-hdlc": Way(dlms.asker, dlms.ADDRESS, dlms.ADDRESS_WORDS, dlms.READ, dlms.READ_WORDS),
    "dlms-wrapper": Way(dlms.wrapper_asker, dlms.ADDRESS, dlms.ADDRESS_WORDS, dlms.READ, dlms.READ_WORDS),
    "iec62056-21": Way(
        profile.asker,
        iec62056.ADDRESS,
        iec62056.ADDRESS_WORDS,
        iec62056.READ,
        iec62056.READ_WORDS,
    ),
    "mbus": Way(mbus.asker, mbus.ADDRESS, mbus.ADDRESS_WORDS, mbus.READ, mbus.READ_WORDS),
}
