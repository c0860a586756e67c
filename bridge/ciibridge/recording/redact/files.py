"""SML files: octet strings of the messages, CRC of each message, CRC of the file.

Server ids, keys, signatures, transaction and file ids go; OBIS codes and what is known to be harmless stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ciibridge.decode.sml.tlv import END, LIST, OCTETS, UNSIGNED, Element, parse
from ciibridge.errors import DecodeError
from ciibridge.framing.crc import checksum, kermit
from ciibridge.framing.sml import ESCAPE, START, SmlFramer
from ciibridge.recording.redact.patch import Patch, RedactionError
from ciibridge.recording.redact.words import Words
from ciibridge.security.glo import Keys
from ciibridge.types import Frame

_OBIS_OCTETS: Final = 6
_MESSAGE_ELEMENTS: Final = 6
_CRC_OCTETS: Final = 2
_KERMIT: Final = "kermit"


def rewrite(octets: bytes, words: Words, _keys: Keys, _test_keys: Keys) -> Iterator[Patch]:
    """Write the files in ``octets`` anew. Raises RedactionError for one that cannot be."""
    framer = SmlFramer()
    for frame in (*framer.feed(octets), *framer.finish()):
        if isinstance(frame, Frame):
            yield Patch(frame.offset, _file(frame, words))


def _file(frame: Frame, words: Words) -> bytes:
    content = bytearray(frame.information)
    position = 0
    while position < len(content):
        if content[position] == 0:
            position += 1
            continue
        position = _message(content, position, frame, words)
    fill = frame.raw[-3]
    escaped = bytes(content).replace(ESCAPE, ESCAPE + ESCAPE)
    covered = START + escaped + bytes(fill) + ESCAPE + frame.raw[-4:-2]
    new = covered + (kermit(covered) if frame.check == _KERMIT else checksum(covered))
    if len(new) != len(frame.raw):
        raise RedactionError(f"octet {frame.offset}: the file would get another length")
    return new


def _message(content: bytearray, begin: int, frame: Frame, words: Words) -> int:
    """Replace what names in the message at ``begin``; gives where it ends."""
    old = bytes(content)
    try:
        message = parse(old, begin)
    except DecodeError as error:
        raise RedactionError(f"octet {frame.offset}: a message that is not understood: {error}") from None
    if message.type != LIST or len(message.elements) != _MESSAGE_ELEMENTS or message.elements[-1].type != END:
        raise RedactionError(f"octet {frame.offset}: no SML message where one should begin")
    *_, body, crc, _end = message.elements
    for leaf in _leaves(message):
        if leaf.type == OCTETS and len(leaf.octets) != _OBIS_OCTETS:
            content[leaf.end - len(leaf.octets) : leaf.end] = words.replace(leaf.octets)
    _renew(content, old, message.offset, body.end, crc)
    return message.end


def _renew(content: bytearray, old: bytes, begin: int, end: int, crc: Element) -> None:
    """Compute the CRC of a message as the meter does; leading zero octets of it may have been left out."""
    compute = kermit if kermit(old[begin:end]) == crc.octets.rjust(_CRC_OCTETS, b"\0") else checksum
    size = len(crc.octets)
    new = compute(bytes(content[begin:end]))
    if crc.type != UNSIGNED or new[: _CRC_OCTETS - size].strip(b"\0"):
        raise RedactionError("the CRC of a message has no room in its place")
    content[crc.end - size : crc.end] = new[_CRC_OCTETS - size :]


def _leaves(element: Element) -> Iterator[Element]:
    if element.type == LIST:
        for inner in element.elements:
            yield from _leaves(inner)
    else:
        yield element
