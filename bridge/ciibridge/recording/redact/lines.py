"""Text telegrams: DSMR-P1 (also ciphered) and IEC 62056-21.

/XXX5<model>                     numbers of six digits and more
0-0:96.1.1(4530303434…)          what stands in parentheses, in hexadecimal digits where it was
1-0:1.8.0(000123.456*kWh)        a number with a unit or a point, a time, a code: stays
!C45E                            CRC anew; ETX BCC likewise
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ciibridge.errors import SecurityError
from ciibridge.framing.crc import crc_arc
from ciibridge.framing.iec62056 import ETX, STX, Iec62056Framer, block_check
from ciibridge.framing.p1 import P1Framer, split_ciphered
from ciibridge.recording.redact.dlms import rewrite_push
from ciibridge.recording.redact.patch import Patch, RedactionError
from ciibridge.recording.redact.words import Words
from ciibridge.security.ciphered import is_ciphered
from ciibridge.security.glo import Keys, Opener, begins_like_a_push, seal
from ciibridge.types import Apdu, Frame

_VALUE: Final = re.compile(rb"([^()\r\n]*)\(([^()]*)\)")
_IDENTIFICATION: Final = re.compile(rb"/[^\r\n]+")
#: What names nobody: a number with a unit or a point, a time, an OBIS code, up to five digits.
_PLAIN: Final = re.compile(
    rb"[-+\d., ]*\*.{0,8}|[-+]?\d*\.\d*|\d+-\d+:[\d.]+|\d{1,5}"
    rb"|\d\d(?:0\d|1[0-2])(?:[0-2]\d|3[01])(?:[01]\d|2[0-4])[0-5]\d(?:[0-5]\d)?[SW]?"  # YYMMDDhhmm[ss]
    rb"|\d{2,4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?|\d\d:\d\d(?::\d\d)?|\d\d\.\d\d\.\d{2,4}",
    re.DOTALL,
)
#: Date and time of day of IEC 62056-21 (0.9.1, 0.9.2, also with A-B:), and what was stored when.
_CLOCK: Final = re.compile(rb"(?:.*:)?0\.9\.\d+.*|(?:.*:)?0\.1\.\d+.*")
_HEX: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}){4,}")
_CRC: Final = re.compile(rb"(?<=[\r\n]!)[0-9A-Fa-f]{4}(?=\s*\Z)")
_TITLE: Final = slice(2, 10)
_PARITY: Final = 0x80


def rewrite_p1(octets: bytes, words: Words, keys: Keys, test_keys: Keys) -> Iterator[Patch]:
    """Write the telegrams of DSMR-P1 anew. Raises RedactionError."""
    framer = P1Framer()
    for frame in (*framer.feed(octets), *framer.finish()):
        if isinstance(frame, Frame):
            yield Patch(frame.offset, _p1(frame, words, keys, test_keys))


def _p1(frame: Frame, words: Words, keys: Keys, test_keys: Keys) -> bytes:
    data = frame.information
    if split_ciphered(data) is not None:
        raise RedactionError(
            f"octet {frame.offset}: a telegram that is ciphered behind its identification line cannot be redacted"
        )
    apdu = Apdu(data, frame.offset)
    if not is_ciphered(apdu):
        return _with_crc(text(data, words))
    try:
        plain = Opener(Keys(keys.key), lambda _: True).open(apdu).data
    except SecurityError as error:
        raise RedactionError(
            f"octet {frame.offset}: {error}; without its key a telegram cannot be redacted"
        ) from None
    if begins_like_a_push(plain):
        new = rewrite_push(plain, words)
    elif plain.startswith(b"/"):
        new = _with_crc(text(plain, words))
    else:
        raise RedactionError(
            f"octet {frame.offset}: the key does not open the telegram, so it cannot be redacted"
        )
    return seal(data, new, words.title(data[_TITLE]), test_keys)


def rewrite_iec62056(octets: bytes, words: Words, _keys: Keys, _test_keys: Keys) -> Iterator[Patch]:
    """Write the telegrams of IEC 62056-21 anew. Raises RedactionError."""
    framer = Iec62056Framer()
    for frame in (*framer.feed(octets), *framer.finish()):
        if not isinstance(frame, Frame):
            continue
        new = text(frame.information, words)
        if frame.check == "bcc":
            begin = new.index(STX) + 1 if STX in new else 0
            new = new[:-1] + bytes((block_check(new[begin : new.rindex(ETX, 0, len(new) - 1) + 1]),))
        raw = octets[frame.offset : frame.offset + len(new)]
        if len(raw) != len(new):
            raise RedactionError(f"octet {frame.offset}: a telegram is not where it should be")
        yield Patch(frame.offset, _with_parity(new) if any(octet & _PARITY for octet in raw) else new)


def text(telegram: bytes, words: Words) -> bytes:
    """Replace the texts of a telegram in plain text; its CRC is wrong then."""

    def value(found: re.Match[bytes]) -> bytes:
        address, entry = found.groups()
        return address + b"(" + (entry if _CLOCK.fullmatch(address) else _entry(entry, words)) + b")"

    head = _IDENTIFICATION.match(telegram)
    begin = head.end() if head else 0
    line = words.identification(telegram[:begin].decode("latin-1")).encode("latin-1")
    return line + _VALUE.sub(value, telegram[begin:])


def _entry(entry: bytes, words: Words) -> bytes:
    if (
        _HEX.fullmatch(entry)
        and (plain := bytes.fromhex(entry.decode())).isascii()
        and plain.decode().isprintable()
    ):
        coded = words.replace(plain).hex().encode()
        return coded if entry == entry.lower() else coded.upper()
    return entry if _PLAIN.fullmatch(entry) and entry not in words.private else words.replace(entry)


def _with_crc(telegram: bytes) -> bytes:
    """Put the right CRC where one is."""
    found = _CRC.search(telegram)
    if found is None:
        return telegram
    crc = f"{crc_arc(telegram[: found.start()]):04X}".encode()
    return telegram[: found.start()] + crc + telegram[found.end() :]


def _with_parity(octets: bytes) -> bytes:
    return bytes(octet | (octet.bit_count() & 1) << 7 for octet in octets)
