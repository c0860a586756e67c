"""Layouts of telegrams: what stays the same from one push to the next, and whether it is trusted.

A meter sends the same telegram again and again; only values change. The layout of a telegram is a mask over its octets:
tags, counts, lengths, OBIS codes, the push object list, scalers and units are fixed, values are free. A telegram fits a
layout when all fixed octets are as they were, which costs one comparison.

The first telegram of a layout is read twice, by our walk and by the reference decoder (``reference``), and the layout is
accepted only if both say the same. Where the reference cannot read it, our walk stands alone and the layout says so.

This is also the place where a layout can learn more: the values stand at the same offsets in every telegram that fits, so
they could be lifted out at once without a walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.notification import Notification
from ciibridge.decode.dlms.reference import judge
from ciibridge.decode.dlms.shapes import push_objects
from ciibridge.decode.dlms.values import obis, scaler_unit
from ciibridge.errors import DecodeError

#: Layouts remembered. A meter has one to four lists, some with a serial number that changes nothing.
LAYOUTS: Final = 64
#: Every so many telegrams of a layout one is read both ways again.
RECHECK_EVERY: Final = 5000
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

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """What has been learnt, in that order."""
        return tuple(self._layouts)

    def admit(self, octets: bytes, notification: Notification) -> Layout:
        """Give the layout of an APDU, learnt if it is new.

        Raises ``DecodeError`` (decoders_disagree) where the reference reads something else than our walk.
        """
        size, bits = len(octets), int.from_bytes(octets, "big")
        for layout in self._layouts:
            if layout.fits(size, bits):
                break
        else:
            layout = learn(octets, notification)
            layout.unable = _confirm(octets, notification)
            if len(self._layouts) >= self._most:
                del self._layouts[0]
            self._layouts.append(layout)
        if layout.telegrams % self._recheck_every == self._recheck_every - 1:
            try:
                layout.unable = _confirm(octets, notification)
            except DecodeError:
                self._layouts.remove(layout)
                raise
        layout.telegrams += 1
        return layout


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
