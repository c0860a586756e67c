"""Layouts of telegrams: what stays the same from one push to the next, and whether it is trusted.

A meter sends the same telegram again and again; only values change. The layout of a telegram is a mask over its octets:
tags, counts, lengths, OBIS codes, the push object list, scalers and units are fixed, values are free. A telegram fits a
layout when all fixed octets are as they were, which costs one comparison.

The first telegram of a layout is read twice, by our walk and by the reference decoder (``reference``), and the layout is
accepted only if both say the same. Where the reference cannot read it, our walk stands alone and the layout says so.

A telegram that comes a second time with nothing but other numbers is from then on lifted (``lift``) instead of walked. Every
so often one is read both ways, and by the reference; a difference drops what was learnt and is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.lift import Lift
from ciibridge.decode.dlms.lift import learn as learn_lift
from ciibridge.decode.dlms.notification import Notification
from ciibridge.decode.dlms.reference import judge
from ciibridge.decode.dlms.shapes import push_objects
from ciibridge.decode.dlms.values import obis, scaler_unit
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, Reading

#: Layouts remembered. A meter has one to four lists, some with a serial number that changes nothing.
LAYOUTS: Final = 64
#: Every so many telegrams of a layout one is read both ways again.
RECHECK_EVERY: Final = 5000
#: Lifts remembered: one to four lists, each once or twice (a text such as the tariff changes).
LIFTS: Final = 16
_STRINGS: Final = (axdr.OCTET_STRING, axdr.VISIBLE_STRING, axdr.UTF8_STRING)
_INVOKE_ID: Final = range(1, 5)


@dataclass(slots=True)
class Layout:
    """One layout and what is known of it."""

    size: int
    mask: int  # a set bit is a fixed one; octet 0 of the APDU is the most significant
    fixed: int  # the APDU where the mask is set
    unable: str = ""  # why the reference could not read it; empty: it agreed
    telegrams: int = 0

    def fits(self, size: int, bits: int) -> bool:
        """Whether an APDU of ``size`` octets, as one big-endian number, has this layout."""
        return size == self.size and bits & self.mask == self.fixed


class LayoutBook:
    """The layouts of one meter; bounded, the one learnt first is forgotten first."""

    def __init__(self, *, layouts: int = LAYOUTS, recheck_every: int = RECHECK_EVERY) -> None:
        self._most = layouts
        self._recheck_every = recheck_every
        self._layouts: list[Layout] = []
        self._lifts: list[Lift] = []
        self._lifted = 0
        self._recheck = False  # the telegram at hand is read both ways

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """What has been learnt, in that order."""
        return tuple(self._layouts)

    @property
    def lifts(self) -> tuple[Lift, ...]:
        """What is read without a walk."""
        return tuple(self._lifts)

    def lift(self, apdu: Apdu) -> Reading | None:
        """Read an APDU without a walk; None: it must be walked, because nothing fits or a recheck is due."""
        if not self._lifts:
            return None
        octets = apdu.data
        lift = self._fitting(len(octets), int.from_bytes(octets, "big"))
        if lift is None:
            return None
        self._lifted += 1
        if self._lifted % self._recheck_every == 0:
            self._recheck = True
            return None
        return lift.read(apdu)

    def admit(self, octets: bytes, notification: Notification) -> Layout:
        """Give the layout of an APDU that was walked, learnt if it is new.

        Raises ``DecodeError`` (decoders_disagree) where the reference reads something else than our walk.
        """
        size, bits = len(octets), int.from_bytes(octets, "big")
        recheck, self._recheck = self._recheck, False
        for layout in self._layouts:
            if layout.fits(size, bits):
                break
        else:
            layout = learn(octets, notification)
            layout.unable = _confirm(octets, notification)
            if len(self._layouts) >= self._most:
                del self._layouts[0]
            self._layouts.append(layout)
            recheck = False
        if recheck or layout.telegrams % self._recheck_every == self._recheck_every - 1:
            try:
                layout.unable = _confirm(octets, notification)
            except DecodeError:
                self._layouts.remove(layout)
                raise
        layout.telegrams += 1
        return layout

    def settle(self, layout: Layout, notification: Notification, reading: Reading) -> None:
        """Compare a walked telegram with the lift that fits it, or learn one when such telegrams are not new.

        Learning costs some twenty walks, so telegrams that cannot be lifted, or whose texts change all the time, are tried
        at the second, fourth, eighth … only. Raises ``DecodeError`` (decoders_disagree) where lift and walk differ.
        """
        octets = reading.apdu.data
        lift = self._fitting(len(octets), int.from_bytes(octets, "big"))
        if lift is not None:
            lifted = lift.read(reading.apdu)
            if lifted is None or lifted == reading:
                return
            self._lifts.remove(lift)
            raise DecodeError("decoders_disagree", "a telegram reads differently when it is walked again")
        walked = layout.telegrams
        if walked > 1 and walked & (walked - 1) == 0:
            new = learn_lift(octets, notification, reading)
            if new is not None:
                self._lifts = [*self._lifts[1 - LIFTS :], new]

    def _fitting(self, size: int, bits: int) -> Lift | None:
        for lift in self._lifts:
            if lift.fits(size, bits):
                return lift
        return None


def learn(octets: bytes, notification: Notification) -> Layout:
    """Work out the layout of an APDU, not yet confirmed by anybody."""
    mask = bytearray(b"\xff" * len(octets))
    begin = notification.body.offset
    for position in _INVOKE_ID if notification.attribute is None else ():
        mask[position] = 0
    size = len(notification.date_time)
    if size:
        date_time = octets.index(notification.date_time, 2, begin)
        mask[date_time : date_time + size] = bytes(size)
    for offset, end in _free(notification.body):
        mask[offset:end] = bytes(end - offset)
    bits = int.from_bytes(mask, "big")
    return Layout(len(octets), bits, int.from_bytes(octets, "big") & bits)


def _confirm(octets: bytes, notification: Notification) -> str:
    """Ask the reference; the reason if it cannot read the body."""
    opinion = judge(octets, notification.body)
    if opinion.differs:
        raise DecodeError("decoders_disagree", opinion.differs, offset=notification.body.offset)
    return opinion.unable


def _free(data: Data, *, tagged: bool = True) -> Iterator[tuple[int, int]]:
    """Where the values stand: begin and end of the octets that may change."""
    if data.type in axdr.FIXED_TYPES:
        yield data.offset + tagged, data.end
    elif data.type in _STRINGS:
        if obis(data) is None and isinstance(data.value, bytes):
            yield data.end - len(data.value), data.end
    elif data.type == axdr.BIT_STRING:
        yield data.end - (len(str(data.value)) + 7) // 8, data.end
    elif not push_objects(data) and scaler_unit(data) is None:
        for element in data.elements:
            yield from _free(element, tagged=tagged and data.type != axdr.COMPACT_ARRAY)
