"""Which devices hang on an M-Bus: the search of a master that knows nobody (EN 13757-3, 11.5).

    primary     every address is reset and asked: 0 … 250
    secondary   numbers with wildcards: FFFFFFFF; where several answer, 0FFFFFFF … 9FFFFFFF; and so on to the last digit
    one number  of several makers or types: each device type; of the same: fabrication numbers as numbers before (enhanced)

Devices as they are delivered all have address 0, so they collide there: the secondary search tells them apart. Answers of
two may overlap to one that looks good, so who was found must be there when it is selected by its whole number. On a slow
bus a search takes minutes; ``tell`` hears of each device as it is found, and of how far the search is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from ciibridge.decode.mbus import header
from ciibridge.dialogue import DialogueError
from ciibridge.dialogue.mbus import (
    ANYBODY,
    SELECTED,
    Heard,
    Line,
    Part,
    Target,
    reach,
    request,
    select,
    target,
)
from ciibridge.errors import DecodeError
from ciibridge.types import Device, Frame

PRIMARY: Final = range(251)
_DIGITS: Final = 8
_ANY: Final = "F"
#: Device types of meters that are read by wire (EN 13757-7): oil to radio converters are left out.
_TYPES: Final = (*range(0x10), 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A)
#: Whoever has a number.
SELECTED_BY_NUMBER: Final = b"\xff" * 8
_PLAIN_OCTETS: Final = 8  # of a selection that is not enhanced
_FRESH: Final = 0x20


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answers; without ``device`` there are several at once, or what it says is not understood."""

    address: int  # primary address
    device: Device | None = None
    secondary: str = ""  # 16 hexadecimal digits, as in `address` of the configuration

    @property
    def collision(self) -> bool:
        """Several devices answer."""
        return self.device is None


#: Called with each device as it is found, or with None, and with the part of the search that is done (0 to 1).
Tell = Callable[[Found | None, float], None]


def _silent(_found: Found | None, _done: float) -> None:
    pass


def primary(line: Line, addresses: Iterable[int] = PRIMARY, tell: Tell = _silent) -> Part[tuple[Found, ...]]:
    """Ask every address."""
    wanted = list(addresses)
    found: list[Found] = []
    for place, address in enumerate(wanted, start=1):
        device = yield from _at(line, Target(str(address), address))
        if device is not None:
            found.append(device)
        tell(device, place / len(wanted))
    return tuple(found)


def anybody(line: Line) -> Part[Found | None]:
    """Ask whoever is there: quick, where there is one device."""
    return (yield from _at(line, Target("", ANYBODY)))


def _at(line: Line, one: Target) -> Part[Found | None]:
    try:
        if (yield from reach(line, one, times=1)) is Heard.SILENCE:
            return None
        frame = yield from request(line, one, _FRESH, times=2)
    except DialogueError as error:
        return None if error.code == "no_answer" else Found(one.primary)
    return _found(frame, one.primary)


def secondary(line: Line, tell: Tell = _silent) -> Part[tuple[Found, ...]]:
    """Search by numbers with wildcards."""
    found: list[Found] = []
    yield from _below(line, "", (0.0, 1.0), found, tell)
    return tuple(found)


def _below(line: Line, digits: str, part: tuple[float, float], found: list[Found], tell: Tell) -> Part[None]:
    """Search the numbers that begin with ``digits``; ``part`` of the whole search that this is."""
    begin, size = part
    one = yield from selected(line, target(digits.ljust(_DIGITS, _ANY)).selection)
    if one is not None and one.collision and len(digits) < _DIGITS:
        for digit in range(10):
            step = (begin + size * digit / 10, size / 10)
            yield from _below(line, f"{digits}{digit}", step, found, tell)
        return
    if one is not None and one.collision:
        yield from _of_one_number(line, digits, part, found, tell)
        return
    if one is not None:
        found.append(one)
    tell(one, begin + size)


def _of_one_number(
    line: Line, number: str, part: tuple[float, float], found: list[Found], tell: Tell
) -> Part[None]:
    """Tell devices with one number apart: by their type, and where that is the same, by their fabrication number."""
    begin, size = part
    for place, kind in enumerate(_TYPES, start=1):
        whole = f"{number}FFFFFF{kind:02X}"
        ones = list[Found]()
        one = yield from selected(line, target(whole).selection)
        if one is not None and one.collision and (yield from _is_enhanced(line, whole)):
            yield from _made(line, whole, "", ones)
        if one is not None and not ones:
            ones.append(one)
        found += ones
        for device in ones:
            tell(device, begin + size * place / len(_TYPES))
        tell(None, begin + size * place / len(_TYPES))


def _is_enhanced(line: Line, whole: str) -> Part[bool]:
    """Tell whether the devices look at a fabrication number: else they answer to any of its ten first digits."""
    for digit in range(10):
        fabrication = str(digit).ljust(_DIGITS, _ANY)
        answer = yield from select(line, target(f"{whole}/{fabrication}").selection, times=1)
        if answer.heard is Heard.SILENCE:
            return True
    return False


def _made(line: Line, whole: str, digits: str, found: list[Found]) -> Part[None]:
    """Search the fabrication numbers that begin with ``digits``, of devices that fit ``whole``."""
    fabrication = digits.ljust(_DIGITS, _ANY)
    one = yield from selected(line, target(f"{whole}/{fabrication}").selection)
    if one is None:
        return
    # Also where only one is left: an address is its whole fabrication number.
    if len(digits) < _DIGITS:
        for digit in range(10):
            yield from _made(line, whole, f"{digits}{digit}", found)
        return
    found.append(one if one.collision else replace(one, secondary=f"{one.secondary}/{fabrication}"))


def selected(line: Line, selection: bytes) -> Part[Found | None]:
    """Select, and ask who it is; a ``Found`` without a device is a collision.

    Answers of two may overlap to one that looks good: who was found must be there when it is selected as a whole.
    """
    answer = yield from select(line, selection, times=1)
    if answer.heard is Heard.SILENCE:
        return None
    one = yield from _selected(line)
    if one is not None and one.secondary:
        again = yield from select(line, target(one.secondary).selection + selection[_PLAIN_OCTETS:], times=2)
        one = one if again.heard is Heard.ACK else None
    return one or Found(SELECTED)


def _selected(line: Line) -> Part[Found | None]:
    try:
        frame = yield from request(line, Target("", SELECTED), _FRESH, times=2)
    except DialogueError as error:
        return None if error.code == "no_answer" else Found(SELECTED)
    return _found(frame, int(frame.destination, 16))


def _found(frame: Frame, address: int) -> Found:
    actual = int(frame.destination, 16) if address in (SELECTED, ANYBODY) else address
    try:
        head = header.read(frame)
    except DecodeError:
        return Found(actual)
    maker, number, rest = head.address[:2], head.address[2:6], head.address[6:]
    return Found(actual, head.device, (number[::-1] + maker + rest).hex().upper() if head.address else "")
