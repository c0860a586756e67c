"""Reading a known telegram without walking it: all its numbers are lifted out at once.

A meter sends the same telegram again and again; only numbers and times change. What stood at which octets when the telegram
was walked stands there in every telegram with the same other octets:

    octets    0F .. | 09 0C time of the APDU | 01 0E … push objects … | 06 00 07 5E 7B | 12 09 10 | 09 10 L G Z 1 0 …
    mask            |          free          |          fixed         |    └── free ──┘|    └free┘|  fixed
    lifted          |          12s           |                        |        I       |     H    |

So a telegram costs one masked comparison and one ``struct.unpack``. Fixed is more than in a layout of ``layout``: also texts,
flags and floats, which are as good as constant (a serial number), or rare.

Which number belongs to which register is not derived but found out by experiment: one number after the other is altered,
the telegram is walked again, and exactly one register must have changed, to exactly that number. A telegram of which that
is not true is never lifted. The walk stays the judge: ``LayoutBook`` repeats it now and then and compares.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.clock import OCTETS, meter_time
from ciibridge.decode.dlms.notification import Notification, parse
from ciibridge.decode.dlms.shapes import interpret, push_objects
from ciibridge.decode.dlms.values import scaler_unit
from ciibridge.decode.mould import APDU_TIME, Mould, Slot
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, Number, Reading, Value

#: Type → its code for ``struct``, of the numbers that are lifted.
_CODES: Final = {
    "double-long": "i",
    "double-long-unsigned": "I",
    "integer": "b",
    "long": "h",
    "unsigned": "B",
    "long-unsigned": "H",
    "long64": "q",
    "long64-unsigned": "Q",
    "enum": "B",
}
_TIME: Final = f"{OCTETS}s"
#: A time to experiment with: 2001-02-03 04:05:06, no deviation.
_OTHER_TIME: Final = bytes.fromhex("07D1020306040506008000FF")


class _Field(NamedTuple):
    """Octets that are free: where, and how they are read."""

    begin: int
    code: str  # of struct

    @property
    def end(self) -> int:
        return self.begin + struct.calcsize(">" + self.code)

    def value(self, octets: bytes) -> Value:
        (raw,) = struct.unpack_from(">" + self.code, octets, self.begin)
        return meter_time(raw) if self.code == _TIME else Number(raw)

    def altered(self, octets: bytes) -> bytes:
        """Give the octets with another value in this field."""
        begin, end = self.begin, self.end
        inverted = bytes(octet ^ 0xFF for octet in octets[begin:end])
        return octets[:begin] + (_OTHER_TIME if self.code == _TIME else inverted) + octets[end:]


@dataclass(frozen=True, slots=True, eq=False)
class Lift:
    """How telegrams of one kind are read. Made by ``learn``."""

    size: int
    mask: int  # a set bit is a fixed one; octet 0 of the APDU is the most significant
    fixed: int  # the APDU where the mask is set
    unpack: Callable[[bytes], tuple[Any, ...]]  # a slot of the mould each: integers, and octets of times
    times: tuple[int, ...]  # which of them are times
    mould: Mould

    def fits(self, size: int, bits: int) -> bool:
        """Whether an APDU of ``size`` octets, as one big-endian number, can be read by this."""
        return size == self.size and bits & self.mask == self.fixed

    def read(self, apdu: Apdu) -> Reading | None:
        """Read an APDU that fits; None where a time is not one: what that means only the walk knows."""
        values = self.unpack(apdu.data)
        if self.times:
            lifted = list(values)
            before, time = b"", None
            for place in self.times:
                octets = values[place]
                if octets != before:  # most telegrams say the same time twice
                    before, time = octets, meter_time(octets)
                    if time is None:
                        return None
                lifted[place] = time
            values = tuple(lifted)
        return self.mould.cast(apdu, values)


def learn(octets: bytes, notification: Notification, reading: Reading) -> Lift | None:
    """Find out how such telegrams can be lifted; None where they cannot."""
    if reading.values or reading.types:
        return None  # positional values get their codes only later
    fields = sorted(_fields(octets, notification))
    slots: list[Slot] = []
    for field in fields:
        place = _place(field.altered(octets), field, reading)
        if place is None:
            return None
        slots.append(Slot(place, None if field.code == _TIME else 0))
    if len(dict(slots)) != len(slots):
        return None
    mask = bytearray(b"\xff" * len(octets))
    layout = ">"
    position = 0
    for field in fields:
        mask[field.begin : field.end] = bytes(field.end - field.begin)
        layout += f"{field.begin - position}x{field.code}"
        position = field.end
    layout += f"{len(octets) - position}x"
    if notification.attribute is None:
        mask[1:5] = bytes(4)  # long-invoke-id-and-priority counts up with some meters
    bits = int.from_bytes(mask, "big")
    lift = Lift(
        len(octets),
        bits,
        int.from_bytes(octets, "big") & bits,
        struct.Struct(layout).unpack,
        tuple(n for n, slot in enumerate(slots) if slot.exponent is None),
        Mould(reading, tuple(slots)),
    )
    return lift if lift.read(reading.apdu) == reading else None


def _fields(octets: bytes, notification: Notification) -> Iterator[_Field]:
    if notification.time is not None:
        begin = octets.index(notification.date_time, 1, notification.body.offset)
        yield _Field(begin, _TIME)
    yield from _numbers(notification.body)


def _numbers(data: Data) -> Iterator[_Field]:
    code = _CODES.get(data.type)
    if code is not None:
        yield _Field(data.end - struct.calcsize(">" + code), code)
    elif data.type == axdr.DATE_TIME or (data.type == axdr.OCTET_STRING and _is_time(data)):
        yield _Field(data.end - OCTETS, _TIME)
    elif data.type != axdr.COMPACT_ARRAY and not push_objects(data) and scaler_unit(data) is None:
        for element in data.elements:
            yield from _numbers(element)


def _is_time(data: Data) -> bool:
    return isinstance(data.value, bytes) and meter_time(data.value) is not None


def _place(octets: bytes, field: _Field, reading: Reading) -> int | None:
    """Tell which register of ``reading`` changes with the altered ``octets``; -1: the time of the APDU; None: unclear."""
    try:
        other = interpret(parse(octets), reading.apdu)
    except DecodeError:
        return None
    value = field.value(octets)
    if other.time != reading.time:
        return APDU_TIME if replace(other, time=reading.time) == reading and other.time == value else None
    if len(other.registers) != len(reading.registers):
        return None
    changed = [
        index
        for index, (after, before) in enumerate(zip(other.registers, reading.registers, strict=True))
        if after != before
    ]
    if len(changed) != 1 or replace(other, registers=reading.registers) != reading:
        return None
    (index,) = changed
    expected = reading.registers[index]._replace(value=value)
    return index if other.registers[index] == expected else None
