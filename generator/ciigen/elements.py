"""Elements of push lists: ``"1-0:1.7.0;3;2"`` → which quantity of the profile that is.

A meter lists attributes of COSEM objects (IEC 62056-6-2): logical name, class, attribute. The profile knows objects by
their OBIS code and means the attribute that holds the value, which is 2 but for the classes in ``VALUE_ATTRIBUTE``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.obis import groups, overlap
from ciigen.unfold import Entry

#: Class → attribute that holds the value: disconnect control has its state in 3, M-Bus client its device type in 9.
VALUE_ATTRIBUTE: Final[Mapping[int, int]] = {70: 3, 72: 9}
#: (class, attribute) → C.D.E of the object which is that fact elsewhere: the identification number of an M-Bus client
#: is the device id of the channel.
_SAME_AS: Final[Mapping[tuple[int, int], str]] = {(72, 6): "96.1.0"}
#: Place of a quantity → class of its object, where the list does not say it (3 register, 1 data, 8 clock).
_CLASS_OF_PLACE: Final[Mapping[str, int]] = {"value": 3, "text": 1, "meta": 1, "time": 8}


@dataclass(frozen=True, slots=True)
class Element:
    """One element as written; ``class_id`` is None where the list does not say it."""

    obis: str
    class_id: int | None
    attribute: int


def parse(text: str) -> Element:
    """``"OBIS"``, ``"OBIS;class"`` or ``"OBIS;class;attribute"``; the attribute is 2 unless given."""
    obis, *rest = text.split(";")
    numbers = [int(number) for number in rest]
    return Element(obis, numbers[0] if numbers else None, numbers[1] if len(numbers) > 1 else 2)


def candidates(element: Element, entries: Iterable[Entry]) -> list[Entry]:
    """Give the quantities that an element may be; several only for the registers of sub-meters, told apart by type."""
    obis = element.obis
    if element.class_id is not None:
        same = _SAME_AS.get((element.class_id, element.attribute))
        if same:
            a, b, *_ = groups(obis)
            obis = f"{a}-{b}:{same}"
        elif element.attribute != VALUE_ATTRIBUTE.get(element.class_id, 2):
            return []
    return [entry for entry in entries if any(overlap(code.text, obis) for code in entry.obis)]


def of_device(found: Iterable[Entry], types: Collection[object], medium: str) -> list[Entry]:
    """Of the quantities that the register of a sub-meter may be, those of a device of these types, or else of this medium."""
    if not types:
        return [entry for entry in found if entry.medium == medium]
    return [
        entry
        for entry in found
        if (known := entry.facts.get("channel_types")) and any(kind.value in types for kind in known.elements)
    ]


def default_class(found: Iterable[Entry]) -> int | None:
    """Give the class of an element that does not say it, by the quantity it is; None where it is none."""
    return next((_CLASS_OF_PLACE[entry.place] for entry in found), None)
