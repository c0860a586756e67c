"""SML binary encoding: octets → a tree of elements (BSI TR-03109-1 annex IV b, SML 1.04 clause 6).

Each element begins with a type-length field of one or more octets:

    bit 7       another TL octet follows, with four more bits of length
    bits 6-4    0 octet string · 4 boolean · 5 integer · 6 unsigned · 7 list
    bits 3-0    length: of a list its elements, of anything else its octets, TL octets included

01 is an empty octet string and stands for everything that is left out. 00 alone ends a message. Integers may have any
number of octets from 1 to 8: meters leave out leading ones.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ciibridge.errors import DecodeError

OCTETS: Final = "octet-string"
BOOLEAN: Final = "boolean"
INTEGER: Final = "integer"
UNSIGNED: Final = "unsigned"
LIST: Final = "list"
END: Final = "end of message"

_TYPES: Final = {0: OCTETS, 4: BOOLEAN, 5: INTEGER, 6: UNSIGNED, 7: LIST}
_MORE: Final = 0x80
#: Elements with one TL octet that cannot be wrong but by the end of the file: TL → type and octets of content.
_SIMPLE: Final = {
    **{0x01 + size: (OCTETS, size) for size in range(15)},
    0x42: (BOOLEAN, 1),
    **{0x51 + size: (INTEGER, size) for size in range(1, 9)},
    **{0x61 + size: (UNSIGNED, size) for size in range(1, 9)},
}
_END_OF_MESSAGE: Final = 0x00
#: TL octets accepted: 16 bits of length are more than a file can have.
_MOST_TL_OCTETS: Final = 4
#: Lists within lists accepted. A value list needs seven.
_DEEPEST: Final = 12
_MOST_INTEGER_OCTETS: Final = 8


class Element(NamedTuple):
    """One element; ``offset`` and ``end`` count octets of the SML file."""

    type: str
    offset: int
    end: int
    octets: bytes = b""  # content without the TL field; empty for a list
    elements: tuple[Element, ...] = ()

    @property
    def absent(self) -> bool:
        """Whether it was left out."""
        return self.type == OCTETS and not self.octets

    @property
    def integer(self) -> int | None:
        """The number of an integer or unsigned, else None."""
        kind = self[0]
        if kind == UNSIGNED:
            return int.from_bytes(self[3], "big")
        return int.from_bytes(self[3], "big", signed=True) if kind == INTEGER else None


def parse(octets: bytes, position: int, *, depth: int = 0) -> Element:
    """Read the element at ``position``.

    Raises ``DecodeError`` (bad_apdu) where it is none, or does not end within ``octets``.
    """
    if position >= len(octets):
        raise _bad("an element is missing at the end", position)
    first = octets[position]
    simple = _SIMPLE.get(first)  # nine of ten are: their content has 0 to 8 octets
    if simple is not None and depth <= _DEEPEST:
        name, size = simple
        end = position + 1 + size
        if end <= len(octets):
            return Element(name, position, end, octets[position + 1 : end])
    if depth > _DEEPEST:
        raise _bad("lists are nested too deeply", position)
    if first == _END_OF_MESSAGE:
        return Element(END, position, position + 1)
    kind = _TYPES.get(first >> 4 & 7)
    if kind is None:
        raise _bad(f"{first:02X} is no type of SML", position)
    length, begin = _length(octets, position)
    if kind == LIST:
        if length > len(octets) - begin:  # each element takes one octet at least
            raise _bad(f"a list of {length} elements is longer than the file", position)
        elements: list[Element] = []
        end = begin
        for _ in range(length):
            element = parse(octets, end, depth=depth + 1)
            elements.append(element)
            end = element.end
        return Element(kind, position, end, elements=tuple(elements))
    end = position + length
    if end < begin or end > len(octets):
        raise _bad(f"an element of {length} octets does not fit", position)
    content = octets[begin:end]
    if (kind != OCTETS and not 1 <= len(content) <= _MOST_INTEGER_OCTETS) or (
        kind == BOOLEAN and len(content) != 1
    ):
        raise _bad(f"{kind} of {len(content)} octets", position)
    return Element(kind, position, end, content)


def _length(octets: bytes, position: int) -> tuple[int, int]:
    """Read a TL field: the length, and where the content begins."""
    length = octets[position] & 0x0F
    begin = position + 1
    while octets[begin - 1] & _MORE:
        if begin - position >= _MOST_TL_OCTETS or begin >= len(octets):
            raise _bad("a type-length field does not end", position)
        length = length << 4 | octets[begin] & 0x0F
        begin += 1
    return length, begin


def _bad(message: str, offset: int) -> DecodeError:
    return DecodeError("bad_apdu", message, offset=offset)
