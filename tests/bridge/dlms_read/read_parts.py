"""A simulated meter that is read, and a small driver: does the steps of a dialogue on it, without a port."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import ciimodel
from ciibridge.dialogue import Change, Decoded, Dialogue, Listen, Note, Send
from ciibridge.dialogue.dlms import Access, Authentication, DlmsAsker, Wanted
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.cosem import Client, Cosem, Security
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY, SYNTHETIC_KEY
from ciibridge.simulate.objects import MeterObjects
from ciibridge.simulate.station import Station
from ciibridge.types import Obis, Problem, Reading

CATALOGUE = ciimodel.load()
AT = datetime(2026, 5, 4, 9, 39, 21, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Zurich")
PASSWORD = b"12345678"
#: Push setups of the simulated models.
SETUPS = tuple(Obis(0, channel, 25, 9, 0) for channel in (8, 6, 0))
SECURITY = Security(SYNTHETIC_KEY, SYNTHETIC_AUTH_KEY)
SERVER = b"\x03"  # logical device 1

#: Changes what the meter says; gets the number of the answer and its octets.
Spoil = Callable[[int, bytes], bytes]


@dataclass
class Heard:
    """What a round gave."""

    live: list[Reading] = field(default_factory=list)
    past: list[Reading] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def do(
    dialogue: Dialogue | Generator[Any, bytes, Any],
    station: Station,
    at: datetime = AT,
    *,
    spoil: Spoil | None = None,
    heard: Heard | None = None,
) -> Heard:
    """Do all steps. An error of the dialogue comes through; ``heard`` then has what came before it."""
    heard = Heard() if heard is None else heard
    waiting, answer = b"", b""
    try:
        step = next(dialogue)
        while True:
            answer = b""
            match step:
                case Send():
                    heard.sent.append(step.data)
                    said = station.feed(step.data, at)
                    waiting += spoil(len(heard.answers), said) if spoil else said
                    heard.answers.append(said)
                case Listen():
                    answer, waiting = waiting, b""
                case Change():
                    heard.changes.append(step)
                case Decoded():
                    (heard.past if step.past else heard.live).append(step.reading)
                case Note():
                    heard.problems.append(step.problem)
            step = dialogue.send(answer)
    except StopIteration:
        return heard


def zeros(count: int) -> bytes:
    """Challenges that are the same each time."""
    return bytes(count)


def simulated(model: str = "lg-e450", **options: Any) -> SimulatedMeter:
    return SimulatedMeter(CATALOGUE, model, **options)


def station(
    clients: dict[int, Client] | None = None,
    *,
    meter: SimulatedMeter | None = None,
    security: Security | None = None,
    objects: dict[str, Any] | None = None,
    **cosem: Any,
) -> Station:
    """A meter that anybody may read as client 16."""
    made = MeterObjects(meter or simulated(), **(objects or {}))
    return Station(Cosem(made, clients or {16: Client()}, security=security, **cosem), SERVER)


def asker(access: Access | None = None, **wanted: Any) -> DlmsAsker:
    return DlmsAsker(access or Access(), Wanted(**{"push_setups": SETUPS, **wanted}), ZONE, zeros)


def with_password(authentication: Authentication = Authentication.LOW, **options: Any) -> Access:
    return Access(client=1, authentication=authentication, password=PASSWORD, **options)


def by_code(reading: Reading) -> dict[str, object]:
    return {str(register.obis): register.value for register in reading.registers}
