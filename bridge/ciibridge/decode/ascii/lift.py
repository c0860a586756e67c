r"""Reading a known P1 telegram without reading its lines: all its numbers are lifted out at once.

A meter writes the same lines second after second; digits change:

    1-0:1.8.1(000156.167*kWh) CR LF 0-0:96.14.0(0001) CR LF 1-0:1.7.0(00.519*kW) …
    mask      |  free  | fixed                                       | free | fixed
    lifted     000156167                                              00519

Free are the digits of numbers with a unit, of the clock, and of the CRC (which the framer has checked); a decimal point is
fixed. All else is: texts, logs, the values of sub-meters, which change once an hour at most. So a telegram costs one masked
comparison and one ``struct.unpack``. It is learnt when such a telegram comes for the second time, by altering all numbers of
it and reading what comes out: exactly these registers must have changed, to exactly these numbers.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ciibridge.decode.ascii import p1
from ciibridge.decode.ascii.registers import wall_clock
from ciibridge.decode.mould import Mould, Slot
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, MeterTime, Number, Problem, Reading

#: Lifts remembered: a meter has one kind of telegram; a tariff that changes makes another one.
LIFTS: Final = 8
#: Every so many telegrams one is read both ways again.
RECHECK_EVERY: Final = 5000
#: A line with one number and its unit; the clock; the CRC.
_FREE: Final = re.compile(
    rb"[\r\n]\d{1,3}-0:\d{1,3}\.\d{1,3}\.\d{1,3}\((?P<number>\d{1,14}(?:\.\d{1,9})?)\*[^()\r\n]{1,8}\)(?=[\r\n])"
    rb"|[\r\n]0-0:1\.0\.0\((?P<time>\d{12})(?P<season>[SW]?)\)(?=[\r\n])"
    rb"|[\r\n]!(?P<crc>[0-9A-Fa-f]{4})\s*\Z"
)
#: From where the CRC begins to the end of the telegram, which may be the same place.
_CRC: Final = re.compile(rb"(?:[0-9A-Fa-f]{4}\s*)?\Z")
_OTHER_TIME: Final = b"010203040506"
#: Digits are altered by adding 1, and 3.
_ALTERED: Final = tuple(bytes.maketrans(b"0123456789", digits) for digits in (b"1234567890", b"3456789012"))


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is fixed in telegrams of one kind."""

    size: int
    mask: int  # a set bit is a fixed one; octet 0 is the most significant
    fixed: int  # the telegram where the mask is set
    fields: tuple[tuple[int, int, bool], ...]  # begin and end of each number, or of the time
    season: str
    crc: int  # where the CRC begins; the size where there is none

    def fits(self, octets: bytes) -> bool:
        """Whether a telegram differs in free octets only."""
        return len(octets) == self.size and int.from_bytes(octets, "big") & self.mask == self.fixed


@dataclass(frozen=True, slots=True, eq=False)
class Lift:
    """How telegrams of one kind are read. Made by ``learn``."""

    kind: _Kind
    size: int  # without points
    unpack: Callable[[bytes], tuple[bytes, ...]]
    time: int | None  # which field is the clock
    mould: Mould

    def read(self, apdu: Apdu) -> Reading | None:
        """Read a telegram that fits; None where something else than digits stands for a number."""
        digits = apdu.data.translate(None, b".")
        if len(digits) != self.size or not _CRC.match(apdu.data, self.kind.crc):
            return None
        fields = self.unpack(digits)
        if not b"".join(fields).isdigit():
            return None
        lifted: list[int | MeterTime] = list(map(int, fields))
        if self.time is not None:
            time = wall_clock(fields[self.time].decode("ascii"), season=self.kind.season or None)
            if time is None:
                return None
            lifted[self.time] = time
        return self.mould.cast(apdu, tuple(lifted))


class TextBook:
    """The telegrams known of one meter; bounded, the one learnt first is forgotten first."""

    def __init__(self, *, recheck_every: int = RECHECK_EVERY) -> None:
        self._recheck_every = recheck_every
        self._lifts: list[Lift] = []
        self._lifted = 0
        self._last: _Kind | None = None  # of the last telegram that was read line by line

    @property
    def lifts(self) -> tuple[Lift, ...]:
        """What is read without reading lines."""
        return tuple(self._lifts)

    def decode(self, apdu: Apdu) -> tuple[Reading, list[Problem]]:
        """Read a telegram as ``p1.decode`` does, which raises what this raises.

        Also raises ``DecodeError`` (decoders_disagree) where the lift and the lines of a telegram read differently.
        """
        lift = next((lift for lift in self._lifts if lift.kind.fits(apdu.data)), None)
        lifted = None if lift is None else lift.read(apdu)
        if lift is not None and lifted is not None:
            self._lifted += 1
            if self._lifted % self._recheck_every:
                return lifted, []
            if p1.decode(apdu) != (lifted, []):
                self._lifts.remove(lift)
                raise DecodeError("decoders_disagree", "a telegram reads differently line by line")
            return lifted, []
        reading, problems = p1.decode(apdu)
        if lift is None and not problems:
            last, self._last = self._last, _kind(apdu.data)
            if last is not None and last.fits(apdu.data) and (new := learn(last, reading)) is not None:
                self._lifts = [*self._lifts[1 - LIFTS :], new]
        return reading, problems


def _kind(octets: bytes) -> _Kind:
    mask = bytearray(b"\xff" * len(octets))
    fields: list[tuple[int, int, bool]] = []
    season = ""
    crc = len(octets)
    for found in _FREE.finditer(octets):
        group = found.lastgroup if found.lastgroup != "season" else "time"
        begin, end = found.span(group or 0)
        mask[begin:end] = bytes(0xFF * (octet == 0x2E) for octet in octets[begin:end])
        if group == "crc":
            crc = begin
        else:
            fields.append((begin, end, group == "time"))
        if group == "time":
            season = found["season"].decode("ascii")
    bits = int.from_bytes(mask, "big")
    return _Kind(len(octets), bits, int.from_bytes(octets, "big") & bits, tuple(fields), season, crc)


def learn(kind: _Kind, reading: Reading) -> Lift | None:
    """Find out how telegrams like that of ``reading`` can be lifted; None where they cannot."""
    octets = reading.apdu.data
    changed = _changed(reading, _altered(octets, kind, _ALTERED[0]))
    if changed is None or len(changed) != len(kind.fields):
        return None
    slots: list[Slot] = []
    for index in changed:
        value = reading.registers[index].value
        slots.append(Slot(index, value.exponent if isinstance(value, Number) else None))
    layout = ">"
    position = points = 0
    for begin, end, _ in kind.fields:
        points += octets.count(b".", position, begin)
        first = begin - points
        points += octets.count(b".", begin, end)
        layout += f"{first - struct.calcsize(layout)}x{end - points - first}s"
        position = end
    size = len(octets) - octets.count(b".")
    layout += f"{size - struct.calcsize(layout)}x"
    time = next((n for n, (_, _, is_time) in enumerate(kind.fields) if is_time), None)
    lift = Lift(kind, size, struct.Struct(layout).unpack, time, Mould(reading, tuple(slots)))
    for other in (octets, *(_altered(octets, kind, table) for table in _ALTERED)):
        apdu = reading.apdu._replace(data=other)
        if p1.decode(apdu) != (lift.read(apdu), []):
            return None
    return lift


def _altered(octets: bytes, kind: _Kind, table: bytes) -> bytes:
    """Give the telegram with other numbers and another time."""
    made = bytearray(octets)
    for begin, end, is_time in kind.fields:
        made[begin:end] = _OTHER_TIME if is_time else octets[begin:end].translate(table)
    return bytes(made)


def _changed(reading: Reading, octets: bytes) -> list[int] | None:
    """Tell which registers of ``reading`` change with the altered ``octets``; None: something else does."""
    try:
        other, problems = p1.decode(reading.apdu._replace(data=octets))
    except DecodeError:
        return None
    if problems or len(other.registers) != len(reading.registers):
        return None
    pairs = zip(reading.registers, other.registers, strict=True)
    return [index for index, (before, after) in enumerate(pairs) if before != after]
