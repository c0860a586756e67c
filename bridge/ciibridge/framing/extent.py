"""Where a value of COSEM data ends, found while its octets still arrive (IEC 62056-6-2, Data).

    02 │ 03 │ 09 │ 06 │ …          structure of three elements, the first a string of six octets

``decode.dlms.axdr`` reads what is whole; here nothing is read but tags, counts and lengths, each once, however small the
pieces are in which the octets come.
"""

from __future__ import annotations

from typing import Final

from ciibridge.errors import FramingError

_DEEPEST: Final = 16
_LISTS: Final = frozenset((1, 2))
_STRINGS: Final = frozenset((9, 10, 12))
_BIT_STRING: Final = 4
_COMPACT_ARRAY: Final = 19
#: Tag → octets of content.
_SIZES: Final = {
    0: 0, 3: 1, 5: 4, 6: 4, 13: 1, 15: 1, 16: 2, 17: 1, 18: 2, 20: 8, 21: 8, 22: 1, 23: 4, 24: 8, 25: 12,
    26: 5, 27: 4, 28: 1, 29: 2, 30: 4, 31: 1, 32: 2, 33: 4, 255: 0,
}  # fmt: skip


class Extent:
    """One value that begins at ``begin``; ``position`` is how far it is known, its end when ``advance`` says so."""

    def __init__(self, begin: int) -> None:
        self.position = begin
        self._open = [1]  # values still to come, on each level

    def advance(self, octets: bytes | bytearray) -> bool:
        """Go on with all ``octets`` there are; True: the value is whole. Raises FramingError (bad_apdu)."""
        while self._open:
            if not self._open[-1]:
                self._open.pop()
            elif not self._value(octets):
                return False
        return self.position <= len(octets)

    def _value(self, octets: bytes | bytearray) -> bool:
        at = self.position
        if at >= len(octets):
            return False
        tag = octets[at]
        if tag in _SIZES:
            end = at + 1 + _SIZES[tag]
        elif tag == _COMPACT_ARRAY:
            described = _description(octets, at + 1, 0)
            content = length(octets, described) if described is not None else None
            if content is None:
                return False
            end = content[1] + content[0]
        else:
            announced = length(octets, at + 1)
            if announced is None:
                return False
            size, end = announced
            if tag in _LISTS:
                if len(self._open) > _DEEPEST:
                    raise FramingError("bad_apdu", f"nested deeper than {_DEEPEST} levels", offset=at)
                self._open[-1] -= 1
                self._open.append(size)
                self.position = end
                return True
            if tag == _BIT_STRING:
                end += (size + 7) // 8
            elif tag in _STRINGS:
                end += size
            else:
                raise FramingError("bad_apdu", f"tag {tag:02X} is no COSEM data type", offset=at)
        self._open[-1] -= 1
        self.position = end
        return True


def length(octets: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """Read a length or count, and give the index behind it; None: it is not all there. Raises FramingError."""
    if at >= len(octets):
        return None
    first = octets[at]
    if first < 0x80:
        return first, at + 1
    width = first & 0x7F
    if not 1 <= width <= 4:
        raise FramingError("bad_apdu", f"{first:02X} is no length here", offset=at)
    end = at + 1 + width
    return (int.from_bytes(octets[at + 1 : end], "big"), end) if end <= len(octets) else None


def _description(octets: bytes | bytearray, at: int, depth: int) -> int | None:
    """Find the end of the type description of a compact-array; None: it is not all there."""
    if depth > _DEEPEST:
        raise FramingError("bad_apdu", f"nested deeper than {_DEEPEST} levels", offset=at)
    if at >= len(octets):
        return None
    tag = octets[at]
    if tag == 1:  # array: number of elements in two octets, then their one type
        return _description(octets, at + 3, depth + 1)
    if tag != 2:
        return at + 1
    announced = length(octets, at + 1)
    if announced is None:
        return None
    count, end = announced
    for _ in range(count):
        behind = _description(octets, end, depth + 1)
        if behind is None:
            return None
        end = behind
    return end
