"""DLMS telegrams: HDLC and M-Bus frames, bare APDUs.

    frames ─► APDU ─► opened ─► texts in it replaced ─► sealed with the test key ─► back into its frames, checksums anew

What the frames carry of an APDU is the end of their information field; in front of it stand LLC and block headers, or the service
access points of M-Bus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from ciibridge.decode.dlms import axdr, notification
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.clock import meter_time
from ciibridge.decode.dlms.values import obis
from ciibridge.errors import DecodeError, SecurityError
from ciibridge.framing.apdu import ApduFramer
from ciibridge.framing.crc import checksum
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.mbus import MbusFramer
from ciibridge.framing.mbus_transport import MbusTransport
from ciibridge.framing.reassembly import Reassembler
from ciibridge.framing.wrapper import WrapperFramer
from ciibridge.lines.parts import Assembler, Framer
from ciibridge.recording.redact.patch import Patch, RedactionError
from ciibridge.recording.redact.words import Words
from ciibridge.security.ciphered import is_ciphered, parse
from ciibridge.security.glo import Keys, Opener, seal
from ciibridge.types import Apdu, Frame, Problem

_MOST_HEADER: Final = 12  # LLC 3, block header 6 and a length of up to 3 octets
_STRINGS: Final = frozenset((axdr.OCTET_STRING, axdr.VISIBLE_STRING, axdr.UTF8_STRING))
#: Integers that hold a number of at least five digits → their octets.
_SIZES: Final = {
    "double-long": 4, "double-long-unsigned": 4, "long-unsigned": 2, "long": 2, "long64": 8, "long64-unsigned": 8,
}  # fmt: skip
#: A number below this is no serial number.
_LEAST_SERIAL: Final = 10_000


class Framing(NamedTuple):
    """How telegrams are framed, and how a frame is made with another information field of the same length."""

    framer: Callable[[], Framer]
    assembler: Callable[[], Assembler]
    frame: Callable[[Frame, bytes], bytes]


def _hdlc(frame: Frame, information: bytes) -> bytes:
    """Flag to frame check; the closing flag is nobody's name and stays where it is."""
    body = frame.raw[1 : len(frame.raw) - 3 - len(information)] + information
    return frame.raw[:1] + body + checksum(body)


def mbus_frame(frame: Frame, information: bytes) -> bytes:
    """Header to stop octet."""
    body = frame.raw[4:6] + information
    return frame.raw[:4] + body + bytes((sum(body) & 0xFF,)) + frame.raw[-1:]


def _bare(frame: Frame, information: bytes) -> bytes:
    return frame.raw[: len(frame.raw) - len(information)] + information


FRAMINGS: Final[Mapping[str, Framing]] = {
    "dlms-hdlc": Framing(HdlcFramer, Reassembler, _hdlc),
    "dlms-mbus": Framing(MbusFramer, MbusTransport, mbus_frame),
    "dlms-wrapper": Framing(WrapperFramer, Reassembler, _bare),
    "dlms-apdu": Framing(ApduFramer, Reassembler, _bare),
}


def rewrite(framing: Framing, octets: bytes, words: Words, keys: Keys, test_keys: Keys) -> Iterator[Patch]:
    """Write all whole telegrams of ``octets`` anew. Raises RedactionError for one that cannot be."""
    framer, assembler = framing.framer(), framing.assembler()
    frames: list[Frame] = []
    for item in (*framer.feed(octets), *framer.finish()):
        if isinstance(item, Problem):
            continue
        frames.append(item)
        for apdu in assembler.feed(item):
            if isinstance(apdu, Problem):
                continue
            carrying = [f for f in frames if f.offset >= apdu.offset and f.destination == item.destination]
            new = rewrite_apdu(apdu, words, keys, test_keys)
            for frame, information in _spread(apdu.data, new, carrying):
                yield Patch(frame.offset, framing.frame(frame, information))
            frames.clear()


def rewrite_apdu(apdu: Apdu, words: Words, keys: Keys, test_keys: Keys) -> bytes:
    """Write a telegram anew, of the same length. Raises RedactionError."""
    if not is_ciphered(apdu):
        return rewrite_push(apdu.data, words)
    try:
        plain = Opener(Keys(keys.key, None, keys.system_title)).open(apdu).data
    except SecurityError as error:
        raise RedactionError(
            f"octet {apdu.offset}: {error}; without its key a telegram cannot be redacted"
        ) from None
    title = parse(apdu.data).title
    if not title:
        raise RedactionError(
            f"octet {apdu.offset}: a ciphered telegram without system title cannot be redacted"
        )
    return seal(apdu.data, rewrite_push(plain, words), words.title(title), test_keys)


def rewrite_push(plain: bytes, words: Words) -> bytes:
    """Replace the texts of a notification. Raises RedactionError where it is none."""
    try:
        body = notification.parse(plain).body
    except DecodeError as error:
        raise RedactionError(f"a telegram that is not understood cannot be redacted: {error}") from None
    new = bytearray(plain)
    for data in _leaves(body):
        _rewrite_leaf(data, new, words)
    return bytes(new)


def _rewrite_leaf(data: Data, new: bytearray, words: Words) -> None:
    value = data.value
    if type(value) is int and value in words.numbers and value >= _LEAST_SERIAL:
        size = _SIZES[data.type]
        new[data.end - size : data.end] = words.number(str(value)).to_bytes(size, "big")
    elif data.type in _STRINGS:
        content = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else b""
        code = obis(data) if data.type == axdr.OCTET_STRING else None
        if content and code is None and not (len(content) == 12 and meter_time(content)):
            new[data.end - len(content) : data.end] = words.replace(content)


def _leaves(data: Data) -> Iterator[Data]:
    for element in data.elements:
        yield from _leaves(element)
    if not data.elements:
        yield data


def _spread(old: bytes, new: bytes, frames: list[Frame]) -> Iterator[tuple[Frame, bytes]]:
    """Cut ``new`` as ``old`` was cut into the information fields of ``frames``. Raises RedactionError."""
    position = 0
    found: list[tuple[Frame, bytes]] = []
    for frame in frames:
        information = frame.information
        for header in range(min(_MOST_HEADER, len(information))):
            carried = information[header:]
            if old.startswith(carried, position):
                end = position + len(carried)
                found.append((frame, information[:header] + new[position:end]))
                position = end
                break
    if position != len(old):
        raise RedactionError(
            f"octet {frames[0].offset if frames else 0}: a telegram is not in its frames as expected"
        )
    return iter(found)
