"""Which line settings to listen with: those of the catalogue's meters, likeliest first.

    for each push interface of each meter   1 + its operators; much more for the operator's own, most for the meter that was named
    all with the same line settings         one attempt, with the sum of them

How long to listen to silence is a matter of the meters too: the longest time between two telegrams of a list that comes at least
twice a minute, and the time its octets take at this speed. A list that comes once an hour is not waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from ciimodel.catalogue import Interface, Link, Meter, PushList, Resolved

from ciibridge.interfaces import everywhere

_OPERATOR: Final = 1_000
_METER: Final = 1_000_000
#: Lists with longer intervals are not waited for.
_SELDOM_S: Final = 30.0
#: Seconds between telegrams of a meter whose lists nobody has seen.
_USUAL_INTERVAL_S: Final = 10.0
#: Octets on the line for each element of a list, and beside them: a capture object takes 18, its value 5, a line of text 25.
_OCTETS_AN_ELEMENT: Final = 25
_OCTETS_AROUND: Final = 100
#: Octets of a telegram that nobody has seen.
_USUAL_OCTETS: Final = 600
#: Opening the port, the meter's clock, the operating system.
_MARGIN_S: Final = 1.0
#: Of HDLC on local ports (IEC 62056-46, 5.2.3: the speed that every device offers).
_DLMS_LINE: Final = {"baudrate": 9600, "bytesize": 8, "parity": "none", "stopbits": 1}
_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}


class Place(NamedTuple):
    """A meter model and one of its interfaces."""

    meter: Meter
    interface: Interface


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line setting to listen with, and who uses it; ``line`` None: the settings are not ours (TCP, a file)."""

    line: Link | None
    places: tuple[Place, ...]
    weight: int
    listen_s: float  # silence that is enough to move on
    telegram_s: float  # the longest a telegram takes on the line
    unknown: str = ""  # why there are no line settings
    ask: str | None = None  # protocol in which the meter is asked; None: it is listened to

    @property
    def name(self) -> str:
        """Write it as people do: 2400 8E1."""
        told = line_name(self.line) if self.line else self.unknown
        return f"{told}, asked" if self.ask else told

    @property
    def octet_s(self) -> float:
        """Time of one octet on the line, with start, parity and stop bits."""
        return octet_s(self.line) if self.line else 0.0


def line_name(line: Link) -> str:
    """Write line settings as people do: 2400 8E1."""
    return f"{line.baudrate} {line.bytesize}{_PARITY[line.parity]}{line.stopbits}"


def octet_s(line: Link) -> float:
    """Tell how long an octet takes, in seconds."""
    return (1 + line.bytesize + (line.parity != "none") + line.stopbits) / line.baudrate


def attempts(
    catalogue: Resolved, *, operator: str | None = None, meter: str | None = None
) -> tuple[Attempt, ...]:
    """List the line settings that meters push with, likeliest first. ``operator`` and ``meter``: what a person believes."""
    served = [
        (op.id, entry.meter, entry.interface, entry.link)
        for op in catalogue.operators.values()
        for entry in op.meters
    ]
    groups: dict[tuple[object, ...], list[tuple[Place, int]]] = {}
    for place in _pushing(catalogue):
        here = [
            op
            for op, model, interface, link in served
            if (model, interface) == (place.meter.id, place.interface.id)
            and (link or _link_of(place)) == place.interface.link
        ]
        weight = 1 + len(here) + _OPERATOR * (operator in here) + _METER * (place.meter.id == meter)
        groups.setdefault(tuple(place.interface.link.model_dump().values()), []).append((place, weight))
    found = [_attempt(group) for group in groups.values()]
    return tuple(sorted(found, key=lambda attempt: -attempt.weight))


def asked(
    catalogue: Resolved, protocols: Iterable[str], *, meter: str | None = None, line: bool = True
) -> tuple[Attempt, ...]:
    """List how meters are asked that do not send by themselves, in the ``protocols`` that we can ask in.

    ``line`` False: the line settings are not ours; then each protocol is one attempt.
    """
    groups: dict[tuple[object, ...], list[Place]] = {}
    for model in catalogue.meters.values():
        for interface in model.interfaces:
            if interface.mode == "poll" and interface.protocol in protocols:
                settings = tuple(interface.link.model_dump().values()) if line else ()
                groups.setdefault((interface.protocol, *settings), []).append(Place(model, interface))
    found = [
        Attempt(
            places[0].interface.link if line else None,
            tuple(places),
            sum(1 + _METER * (place.meter.id == meter) for place in places),
            _USUAL_INTERVAL_S,
            0.0,
            "" if line else "set at the other end",
            places[0].interface.protocol,
        )
        for places in groups.values()
    ]
    return tuple(sorted(found, key=lambda attempt: -attempt.weight))


def knocks(*, line: bool = True) -> tuple[Attempt, ...]:
    """List how it is found out that a meter answers DLMS: its readers know by whom and how, the catalogue does not."""
    settings = Link.model_validate(_DLMS_LINE) if line else None
    unknown = "" if line else "set at the other end"
    return (Attempt(settings, (), 0, _USUAL_INTERVAL_S, 0.0, unknown, "dlms-hdlc"),)


def given(catalogue: Resolved, unknown: str) -> Attempt:
    """Make the one attempt there is where the line settings are not ours to try; ``unknown``: why not, in two words."""
    places = tuple(_pushing(catalogue))
    listen_s = max(_interval_s(place.meter) for place in places) + _MARGIN_S
    return Attempt(None, places, 1, listen_s, 0.0, unknown)


def fixed(catalogue: Resolved, line: Link) -> Attempt:
    """Make the attempt with line settings that a person has named."""
    places = [(place, 1) for place in _pushing(catalogue) if place.interface.link == line]
    return _attempt(places, line) if places else _attempt([(place, 1) for place in _pushing(catalogue)], line)


def _pushing(catalogue: Resolved) -> Iterable[Place]:
    for meter in catalogue.meters.values():
        for interface in meter.interfaces:
            if interface.mode == "push":
                for there in everywhere(catalogue, meter, interface):
                    yield Place(meter, there)


def _link_of(place: Place) -> Link:
    """Line settings that the model comes with."""
    return next(one.link for one in place.meter.interfaces if one.id == place.interface.id)


def _attempt(group: list[tuple[Place, int]], line: Link | None = None) -> Attempt:
    places = tuple(place for place, _ in group)
    line = line or places[0].interface.link
    lists = [pushed for place in places for pushed in place.meter.lists]
    telegram_s = max((_octets(pushed) for pushed in lists), default=_USUAL_OCTETS) * octet_s(line)
    listen_s = max(_interval_s(place.meter) for place in places) + telegram_s + _MARGIN_S
    return Attempt(line, places, sum(weight for _, weight in group), listen_s, telegram_s)


def _interval_s(meter: Meter) -> float:
    often = [pushed.interval_s for pushed in meter.lists if pushed.interval_s <= _SELDOM_S]
    return max(often, default=_USUAL_INTERVAL_S)


def _octets(pushed: PushList) -> int:
    return _OCTETS_AROUND + _OCTETS_AN_ELEMENT * len(pushed.elements)
