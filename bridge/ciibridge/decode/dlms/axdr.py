"""COSEM data in A-XDR → a tree of values (IEC 62056-6-2, Data; IEC 62056-6 for the encoding).

    tag | content                               double-long-unsigned   06 | 00 07 5E 7B
    tag | length | content                      octet-string           09 | 06 | 01 00 01 07 00 FF
    tag | count  | element | element …          structure              02 | 02 | 0F 00 | 16 1B
    13  | type description | length | content   compact-array: elements of one type, without tags

A length or count up to 127 is one octet; else 8n and n octets. Values stay as the meter encoded them: a string is the
octets of its content, a date-time its twelve octets, a number an int.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from ciibridge.errors import DecodeError

#: Deepest nesting followed; a push list needs three levels.
DEEPEST: Final = 16
#: Most values in a compact-array. Elsewhere each value has an octet at least, so the APDU bounds their number; here a
#: few octets can describe millions of null-data.
_MOST_VALUES: Final = 0x10000

NULL: Final = "null-data"
ARRAY: Final = "array"
STRUCTURE: Final = "structure"
BOOLEAN: Final = "boolean"
BIT_STRING: Final = "bit-string"
OCTET_STRING: Final = "octet-string"
VISIBLE_STRING: Final = "visible-string"
UTF8_STRING: Final = "utf8-string"
BCD: Final = "bcd"
INTEGER: Final = "integer"
LONG_UNSIGNED: Final = "long-unsigned"
COMPACT_ARRAY: Final = "compact-array"
ENUM: Final = "enum"
DATE_TIME: Final = "date-time"
DATE: Final = "date"
TIME: Final = "time"
DONT_CARE: Final = "dont-care"

_LISTS: Final = {1: ARRAY, 2: STRUCTURE}
_STRINGS: Final = {9: OCTET_STRING, 10: VISIBLE_STRING, 12: UTF8_STRING}
_EMPTY: Final = {0: NULL, 255: DONT_CARE}
#: Tag → type name and encoding of what has a fixed length.
_FIXED: Final = {
    3: (BOOLEAN, struct.Struct(">?")),
    5: ("double-long", struct.Struct(">i")),
    6: ("double-long-unsigned", struct.Struct(">I")),
    13: (BCD, struct.Struct(">B")),
    15: (INTEGER, struct.Struct(">b")),
    16: ("long", struct.Struct(">h")),
    17: ("unsigned", struct.Struct(">B")),
    18: (LONG_UNSIGNED, struct.Struct(">H")),
    20: ("long64", struct.Struct(">q")),
    21: ("long64-unsigned", struct.Struct(">Q")),
    22: (ENUM, struct.Struct(">B")),
    23: ("float32", struct.Struct(">f")),
    24: ("float64", struct.Struct(">d")),
    25: (DATE_TIME, struct.Struct(">12s")),
    26: (DATE, struct.Struct(">5s")),
    27: (TIME, struct.Struct(">4s")),
    28: ("delta-integer", struct.Struct(">b")),
    29: ("delta-long", struct.Struct(">h")),
    30: ("delta-double-long", struct.Struct(">i")),
    31: ("delta-unsigned", struct.Struct(">B")),
    32: ("delta-long-unsigned", struct.Struct(">H")),
    33: ("delta-double-long-unsigned", struct.Struct(">I")),
}
#: Type names of what has a fixed length.
FIXED_TYPES: Final = frozenset(name for name, _ in _FIXED.values())


class Data(NamedTuple):
    """One value and where it stands: ``octets[offset:end]``, tag included (in a compact-array there is none)."""

    type: str
    value: int | float | bytes | str | bool | tuple[Data, ...] | None
    offset: int
    end: int

    @property
    def elements(self) -> tuple[Data, ...]:
        """Elements of an array, structure or compact-array; none for anything else."""
        return self.value if isinstance(self.value, tuple) else ()


class _Description(NamedTuple):
    """Type description of a compact-array."""

    tag: int
    parts: tuple[_Description, ...] = ()
    values: int = 1  # in one element, itself included


def read(octets: bytes, offset: int = 0) -> Data:
    """Read the value that begins at ``offset``.

    Raises ``DecodeError`` (bad_apdu) with the offset of what breaks the standard.
    """
    try:
        return _content(octets, offset, offset + 1, octets[offset], 0)
    except (IndexError, struct.error) as cause:
        message = f"the APDU ends after {len(octets)} octets, inside a value"
        raise DecodeError("bad_apdu", message, offset=len(octets)) from cause


def length(octets: bytes, offset: int) -> tuple[int, int]:
    """Read a length or count, and give the index behind it; raises IndexError where the octets end."""
    first = octets[offset]
    if first < 0x80:
        return first, offset + 1
    width = first & 0x7F
    end = offset + 1 + width
    if not 1 <= width <= 4 or end > len(octets):
        raise DecodeError("bad_apdu", f"{first:02X} is no length here", offset=offset)
    return int.from_bytes(octets[offset + 1 : end], "big"), end


def _content(octets: bytes, offset: int, begin: int, tag: int, depth: int) -> Data:
    """Read what stands at ``begin``, of the type ``tag``; ``offset`` is where the value began."""
    fixed = _FIXED.get(tag)
    if fixed is not None:
        name, encoding = fixed
        return Data(name, encoding.unpack_from(octets, begin)[0], offset, begin + encoding.size)
    if tag in _STRINGS:
        size, begin = length(octets, begin)
        end = begin + size
        if end > len(octets):
            message = f"a string of {size} octets where {len(octets) - begin} are left"
            raise DecodeError("bad_apdu", message, offset=offset)
        return Data(_STRINGS[tag], octets[begin:end], offset, end)
    if tag in _LISTS:
        return _list(octets, offset, begin, tag, depth + 1)
    if tag in _EMPTY:
        return Data(_EMPTY[tag], None, offset, begin)
    if tag == 4:
        return _bit_string(octets, offset, begin)
    if tag == 19:
        return _compact_array(octets, offset, begin, depth + 1)
    raise DecodeError("bad_apdu", f"tag {tag:02X} is no COSEM data type", offset=offset)


def _list(octets: bytes, offset: int, begin: int, tag: int, depth: int) -> Data:
    if depth > DEEPEST:
        raise DecodeError("bad_apdu", f"nested deeper than {DEEPEST} levels", offset=offset)
    count, position = length(octets, begin)
    if count > len(octets) - position:
        message = f"{count} elements where {len(octets) - position} octets are left"
        raise DecodeError("bad_apdu", message, offset=offset)
    elements = []
    for _ in range(count):
        element = _content(octets, position, position + 1, octets[position], depth)
        position = element.end
        elements.append(element)
    return Data(_LISTS[tag], tuple(elements), offset, position)


def _bit_string(octets: bytes, offset: int, begin: int) -> Data:
    bits, begin = length(octets, begin)
    size = (bits + 7) // 8
    end = begin + size
    if end > len(octets):
        message = f"a bit-string of {bits} bits where {len(octets) - begin} octets are left"
        raise DecodeError("bad_apdu", message, offset=offset)
    text = f"{int.from_bytes(octets[begin:end], 'big'):0{8 * size}b}"[:bits] if bits else ""
    return Data(BIT_STRING, text, offset, end)


def _compact_array(octets: bytes, offset: int, begin: int, depth: int) -> Data:
    description, position = _describe(octets, begin, depth)
    size, position = length(octets, position)
    end = position + size
    if end > len(octets):
        message = f"a compact-array of {size} octets where {len(octets) - position} are left"
        raise DecodeError("bad_apdu", message, offset=offset)
    elements: list[Data] = []
    content = octets[:end]
    while position < end:
        element = _described(content, position, description, depth)
        if element.end == position or len(elements) * description.values > _MOST_VALUES:
            raise DecodeError("bad_apdu", "a compact-array of too many values", offset=offset)
        position = element.end
        elements.append(element)
    return Data(COMPACT_ARRAY, tuple(elements), offset, end)


def _describe(octets: bytes, position: int, depth: int) -> tuple[_Description, int]:
    if depth > DEEPEST:
        raise DecodeError("bad_apdu", f"nested deeper than {DEEPEST} levels", offset=position)
    begin = position
    tag = octets[position]
    position += 1
    parts: list[_Description] = []
    values = 1
    if tag == 1:  # array: number of elements in two octets, then their one type
        count = int.from_bytes(octets[position : position + 2], "big")
        part, position = _describe(octets, position + 2, depth + 1)
        values += count * part.values
        parts = [part] * count
    elif tag == 2:
        count, position = length(octets, position)
        for _ in range(count):
            part, position = _describe(octets, position, depth + 1)
            values += part.values
            parts.append(part)
    if values > _MOST_VALUES:
        raise DecodeError("bad_apdu", "a compact-array of too many values", offset=begin)
    return _Description(tag, tuple(parts), values), position


def _described(octets: bytes, position: int, description: _Description, depth: int) -> Data:
    if description.tag not in _LISTS:
        return _content(octets, position, position, description.tag, depth)
    begin = position
    elements = []
    for part in description.parts:
        element = _described(octets, position, part, depth)
        position = element.end
        elements.append(element)
    return Data(_LISTS[description.tag], tuple(elements), begin, position)
