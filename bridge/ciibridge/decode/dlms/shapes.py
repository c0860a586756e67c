"""The shapes of a push body: Notification → Reading.

    push-list    {[{class, OBIS, attribute, index} …], value, value …}     L+G E450, E570, E360, Iskra AM550
                 one value for each object, the list itself being the value of the first
    pairs        {name?, clock?, OBIS, value, OBIS, value …}               Kamstrup, E450 at some operators, Kaifa SE
                 null-data stands in place of OBIS and value of an absent phase
    triplets     [{OBIS, value, {scaler, unit}} …]                         Aidon, AM550 at some operators, Kaifa AT
                 also flat: OBIS, value, {scaler, unit}, OBIS …; and after flat pairs. At Netz NÖ the last element is
                 the number of the meter, without its code. Arrays and compact-arrays of them may stand inside
    positional   {value, value …}                                          no OBIS code; only the model's list helps
                 that of the push setup may stand in front                 AM550 and IM350 in Carinthia

Elements that stand beside the pairs without an OBIS code of their own are handed on in ``values`` and ``types``, like
those of a positional body.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.notification import Attribute, Notification
from ciibridge.decode.dlms.values import bare, convert, integer, logical_name, obis, scaler_unit
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, MeterTime, Obis, Reading, Register

CLOCK: Final = Obis(0, 0, 1, 0, 0)
_METER_NUMBER: Final = Obis(0, 0, 96, 1, 0)
_PUSH_SETUP: Final = (25, 9, 0)  # C, D, E (Blue Book, class 40)
_CLASS_CLOCK: Final = 8
_CLASS_PUSH_SETUP: Final = 40
#: Register and extended register: attribute 3 is the scaler and unit of attribute 2.
_SCALED_CLASSES: Final = (3, 4)
_SCALER_UNIT: Final = 3
_TRIPLET: Final = 3
_CAPTURE_TIME: Final = (4, 5)  # class, attribute
_CAPTURE_OBJECT: Final = (axdr.LONG_UNSIGNED, axdr.OCTET_STRING, axdr.INTEGER, axdr.LONG_UNSIGNED)
_LISTS: Final = (axdr.ARRAY, axdr.STRUCTURE, axdr.COMPACT_ARRAY)


class CaptureObject(NamedTuple):
    """One entry of a push object list."""

    class_id: int
    obis: Obis
    attribute: int


@dataclass(slots=True)
class _Found:
    """What a walk over the elements of a body collects."""

    shape: str = "positional"
    registers: list[Register] = field(default_factory=list)
    bare: list[Data] = field(default_factory=list)
    list_name: str | None = None
    list_object: str | None = None


def interpret(notification: Notification, apdu: Apdu) -> Reading:
    """Find the registers of a push, in the order of the telegram; raises ``DecodeError`` (bad_apdu)."""
    body = notification.body
    elements = body.elements if body.type in _LISTS else (body,)
    objects = push_objects(elements[0]) if elements else ()
    found = _by_list(objects, _unpacked(objects, elements)) if objects else _by_code(tuple(_flat(elements)))
    if notification.attribute is not None and not found.registers:
        found = _event(notification.attribute, body)
    return Reading(
        registers=tuple(found.registers),
        shape=found.shape,
        apdu=apdu,
        time=notification.time,
        list_object=found.list_object,
        list_name=found.list_name,
        types=tuple([data.type for data in found.bare]),
        values=tuple([bare(data) for data in found.bare]),
    )


def push_objects(data: Data) -> tuple[CaptureObject, ...]:
    """List the objects of a push object list; none where ``data`` is not one.

    Entries may have more than four fields (restriction and columns, capture energomera).
    """
    if data.type != axdr.ARRAY:
        return ()
    objects = []
    for entry in data.elements:
        fields = entry.elements[:4]
        if entry.type != axdr.STRUCTURE or tuple([part.type for part in fields]) != _CAPTURE_OBJECT:
            return ()
        class_id, code, attribute = integer(fields[0]), logical_name(fields[1]), integer(fields[2])
        if class_id is None or code is None or attribute is None:
            return ()
        objects.append(CaptureObject(class_id, code, attribute))
    return tuple(objects)


def _unpacked(objects: tuple[CaptureObject, ...], elements: tuple[Data, ...]) -> tuple[Data, ...]:
    """Take the values out of a structure of their own, where they stand in one beside the list."""
    values = elements[1].elements if len(elements) == 2 else ()
    packed = len(objects) > len(elements) and len(values) in (len(objects), len(objects) - 1)
    return (elements[0], *values) if packed else elements


def _flat(elements: tuple[Data, ...]) -> Iterator[Data]:
    """Give the elements of a body; lists of triplets and structures of several pairs are unpacked."""
    for data in elements:
        inner = data.elements
        first = inner[0].elements if inner else ()
        if first and obis(first[0]):
            yield from _flat(inner)
        elif len(inner) > _TRIPLET and data.type == axdr.STRUCTURE and obis(inner[0]):
            yield from inner
        else:
            yield data


def _by_list(objects: tuple[CaptureObject, ...], elements: tuple[Data, ...]) -> _Found:
    """Push list: one value an object. A list that does not name itself stands before the values."""
    if len(elements) == len(objects) + 1:
        elements = elements[1:]
    if len(elements) != len(objects):
        message = f"the push list names {len(objects)} objects, and {len(elements)} values are there"
        raise DecodeError("bad_apdu", message, offset=elements[0].offset if elements else 0)
    found = _Found("push-list")
    scaled: dict[Obis, tuple[int, int]] = {}
    for (class_id, code, attribute), data in zip(objects, elements, strict=True):
        if class_id == _CLASS_PUSH_SETUP:
            found.list_object = found.list_object or str(code)
        elif class_id in _SCALED_CLASSES and attribute == _SCALER_UNIT and (pair := scaler_unit(data)):
            scaled[code] = pair
        else:
            clock = class_id == _CLASS_CLOCK or (class_id, attribute) == _CAPTURE_TIME
            value = convert(data, clock=clock)
            found.registers.append(Register(code, value, data.type, class_id=class_id, attribute=attribute))
    if scaled:
        found.registers = [_with_scale(register, scaled) for register in found.registers]
    return found


def _with_scale(register: Register, scaled: dict[Obis, tuple[int, int]]) -> Register:
    pair = scaled.get(register.obis)
    if pair is None or register.attribute != 2:
        return register
    return Register(
        register.obis, register.value, register.type, *pair, register.class_id, register.attribute
    )


def _by_code(elements: tuple[Data, ...]) -> _Found:
    """Pairs and triplets, flat or nested, in any mixture; positional where there is no OBIS code at all."""
    found = _Found()
    index = 0
    while index < len(elements):
        data = elements[index]
        index += 1
        if data.type == axdr.NULL:
            continue
        nested = data.elements if data.type == axdr.STRUCTURE else ()
        if nested and (code := obis(nested[0])):
            if len(nested) < 2:
                raise DecodeError("bad_apdu", f"{code} has no value", offset=data.offset)
            _add(found, code, nested[1], scaler_unit(nested[2]) if len(nested) > 2 else None)
            found.shape = "triplets"
        elif code := obis(data):
            if code[2:5] == _PUSH_SETUP:  # names the list, is no value and has none
                found.list_object = found.list_object or str(code)
                continue
            if index == len(elements):
                raise DecodeError("bad_apdu", f"{code} has no value", offset=data.offset)
            value = elements[index]
            index += 1
            pair = scaler_unit(elements[index]) if index < len(elements) else None
            index += pair is not None
            _add(found, code, value, pair)
        else:
            found.bare.append(data)
    if not found.registers:
        found.bare = list(elements)  # null-data holds a place in a positional body
    else:
        _lead(found, elements)
        _trail(found, elements)
    return found


def _add(found: _Found, code: Obis, data: Data, pair: tuple[int, int] | None) -> None:
    scaler, unit = pair or (None, None)
    is_clock = code.a == 0 and code[2:5] == CLOCK[2:5]
    value = convert(data, clock=is_clock)
    found.registers.append(Register(code, value, data.type, scaler, unit, _CLASS_CLOCK if is_clock else None))
    if found.shape != "triplets":
        found.shape = "triplets" if pair else "pairs"
    if code[2:5] == (0, 2, 129) and isinstance(value, str):  # OBIS list version identifier
        found.list_name = value


def _lead(found: _Found, elements: tuple[Data, ...]) -> None:
    """Read what may stand before the first code: the name of the list (Kamstrup), and a clock without one (E450)."""
    for element in elements:
        if not found.bare or found.bare[0] is not element:
            return
        value = bare(element)
        if isinstance(value, MeterTime):
            found.registers.insert(0, Register(CLOCK, value, element.type, class_id=_CLASS_CLOCK))
        elif isinstance(value, str) and found.list_name is None:
            found.list_name = value
        else:
            return
        del found.bare[0]


def _trail(found: _Found, elements: tuple[Data, ...]) -> None:
    """Read what may stand alone behind the last triplet: the number of the meter (Kaifa and Sagemcom at Netz NÖ)."""
    if found.shape != "triplets" or len(found.bare) != 1 or found.bare[0] is not elements[-1]:
        return
    value = bare(elements[-1])
    if isinstance(value, str) and value.isalnum():
        found.registers.append(Register(_METER_NUMBER, value, elements[-1].type, class_id=1))
        del found.bare[0]


def _event(attribute: Attribute, data: Data) -> _Found:
    """event-notification: one attribute and its value."""
    class_id, code, number = attribute
    value = convert(data, clock=class_id == _CLASS_CLOCK)
    return _Found("pairs", [Register(code, value, data.type, class_id=class_id, attribute=number)])
