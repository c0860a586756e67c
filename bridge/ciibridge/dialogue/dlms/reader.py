"""Rounds of reading a DLMS meter: what it pushes, read instead, and rows of its load profile where some are missing.

    connect ─ associate ─ object list and scalers (once) ─ values ──► Decoded
                                                         └ rows of the profile in a gap ──► Decoded(past) …
    release ─ disconnect, whatever happened

The list of objects is that of the meter's push setup (class 40, attribute 2), so the topics are those of a push; a meter that
does not show it is read by a list of the schema. What is refused is said once, and the rest is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.shapes import push_objects
from ciibridge.decode.dlms.values import convert
from ciibridge.dialogue import Decoded, Dialogue, DialogueError, Note, Part
from ciibridge.dialogue.dlms.access import Access
from ciibridge.dialogue.dlms.answers import Refused
from ciibridge.dialogue.dlms.association import Association, Attribute
from ciibridge.dialogue.dlms.filling import Filler
from ciibridge.dialogue.dlms.link import ApduLink, HdlcLink
from ciibridge.dialogue.dlms.profile import MeterClock
from ciibridge.dialogue.dlms.scalers import VALUE, Scalers
from ciibridge.dialogue.filling import Gaps
from ciibridge.errors import ProtocolError
from ciibridge.types import Apdu, MeterTime, Obis, Problem, Reading, Register

_PUSH_SETUP: Final = 40
_CLOCK_CLASS: Final = 8
#: Read in any case: who it is, and what time it has.
DEVICE_NAME: Final = Attribute(1, Obis(0, 0, 42, 0, 0), VALUE)
CLOCK: Final = Attribute(_CLOCK_CLASS, Obis(0, 0, 1, 0, 0), VALUE)
_MOST_OBJECTS: Final = 256


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read: the first of ``push_setups`` that the meter shows, else ``objects``; and from which profiles."""

    push_setups: tuple[Obis, ...] = (Obis(0, 0, 25, 9, 0),)
    objects: tuple[Attribute, ...] = ()
    profiles: tuple[Obis, ...] = (Obis(1, 0, 99, 1, 0), Obis(1, 0, 99, 2, 0))


class DlmsAsker:
    """Asks one meter again and again; remembers its object list, its scalers and what is missing.

    ``random`` gives random octets for the challenges; ``zone`` is that of a clock which does not say its deviation.
    """

    def __init__(
        self,
        access: Access,
        wanted: Wanted,
        zone: ZoneInfo,
        random: Callable[[int], bytes],
        opening: Callable[[], Part[object]] | None = None,
        *,
        link: Callable[[Access], ApduLink] = HdlcLink,
    ) -> None:
        """Take ``opening`` as what is said before HDLC begins (mode E of IEC 62056-21); None: nothing."""
        self._opening = opening
        self._link = link
        self._access = access
        self._wanted = wanted
        self._random = random
        self._zone = zone
        self._scalers = Scalers()
        self._objects: tuple[Attribute, ...] = ()
        self._list_object: str | None = None
        self._told: set[str] = set()
        self._filler = Filler(wanted.profiles, self._scalers)
        self._gaps = Gaps()

    @property
    def filling(self) -> bool:
        """Whether there is something left to fill."""
        return bool(self._gaps)

    def fill(self, begin: datetime, end: datetime) -> None:
        """Fill the gap between two telegrams (UTC, both exclusive) from the load profile, in this round or the next."""
        self._gaps.add(begin, end)

    def round(self, now: datetime) -> Dialogue:
        """Read once."""
        association = Association(self._access, self._random, self._opening, self._link)
        try:
            yield from association.open()
            shown = yield from self._live(association)
            if self._gaps:
                given = shown is not None and shown.deviation_min is not None
                clock = MeterClock(self._zone, given)
                yield from self._gaps.go_on(lambda gap: self._filler.fill(gap, association, now, clock))
        except ProtocolError as error:
            yield from association.close(error)
            if isinstance(error, DialogueError):
                raise
            raise DialogueError(error.code, str(error), offset=error.offset) from error
        yield from association.close()

    def _live(self, association: Association) -> Part[MeterTime | None]:
        """Read the values of now; gives the meter's clock."""
        if not self._objects:
            yield from self._find(association)
        yield from self._scalers.learn(association, self._objects)
        answers = yield from association.get_all(self._objects)
        registers = []
        for item, answer in zip(self._objects, answers, strict=True):
            if isinstance(answer, Refused):
                yield from self._tell("object_refused", f"the meter does not give {item.obis}: {answer}")
            else:
                registers.append(self._register(item, answer))
        if not registers:
            raise DialogueError("refused", "the meter gives none of the objects that it is asked for")
        yield Decoded(Reading(tuple(registers), "objects", Apdu(b"", 0), list_object=self._list_object))
        return next((item.value for item in registers if isinstance(item.value, MeterTime)), None)

    def _register(self, item: Attribute, data: Data) -> Register:
        value = convert(data, clock=item.class_id == _CLOCK_CLASS)
        scaler, unit = self._scalers.of(item.obis) if item.attribute == VALUE else (None, None)
        return Register(item.obis, value, data.type, scaler, unit, item.class_id, item.attribute)

    def _find(self, association: Association) -> Part[None]:
        """Find out what to read."""
        objects: tuple[Attribute, ...] = ()
        for code in self._wanted.push_setups:
            answer = yield from association.get(Attribute(_PUSH_SETUP, code, VALUE))
            if isinstance(answer, Data) and (objects := push_objects(answer)[:_MOST_OBJECTS]):
                self._list_object = str(code)
                break
        objects = objects or self._wanted.objects
        if not objects:
            raise DialogueError(
                "refused",
                "the meter does not show what it pushes, and no list of objects is known for its model",
            )
        readable = [item for item in objects if item.class_id != _PUSH_SETUP and item.attribute > 0]
        self._objects = tuple(dict.fromkeys([DEVICE_NAME, CLOCK, *readable]))

    def _tell(self, code: str, message: str) -> Part[None]:
        """Report what will be the same in every round, once."""
        if message not in self._told:
            self._told.add(message)
            yield Note(Problem(code, message))
