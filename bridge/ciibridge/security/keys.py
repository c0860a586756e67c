"""A key as an operator writes it → octets.

Keys arrive in letters, mails and portals: in groups, with colons, in lower case, with 0x in front, in quotation marks.
All of that is accepted. What is not 128 or 256 bit is refused with a message that says what is wrong and never repeats
the key.
"""

from __future__ import annotations

import re
from typing import Final

from ciibridge.errors import ConfigError

#: Octets of a key: AES-128 (security suites 0 and 1), AES-256 (suite 2).
KEY_OCTETS: Final = (16, 32)
#: Octets of a system title (IEC 62056-5-3, 4.3.4).
TITLE_OCTETS: Final = 8
_DECORATION: Final = re.compile(r"0[xX](?=[0-9A-Fa-f])|[\s:\-._,;'\"`´‘’“”«»]")
_NOT_HEX: Final = re.compile(r"[^0-9A-Fa-f]")
#: Letters that are written for a digit.
_MISTAKEN: Final = {"O": "0", "o": "0", "I": "1", "l": "1", "|": "1", "S": "5", "s": "5"}


def parse_system_title(text: str, name: str) -> bytes:
    """Read a system title: sixteen hexadecimal digits, or the eight characters it stands for.

    ``name`` is the setting the text comes from; raises ``ConfigError`` with it.
    """
    digits = _DECORATION.sub("", text)
    if len(digits) == 2 * TITLE_OCTETS and not _NOT_HEX.search(digits):
        return bytes.fromhex(digits)
    if len(text) == TITLE_OCTETS and text.isascii() and text.isprintable():
        return text.encode()
    raise ConfigError(
        f"{name}: {len(digits)} digits or letters. A system title has 16 hexadecimal digits: the three letters of the "
        "maker (4B464D is KFM) and ten digits. Ask the operator for it"
    )


def parse_key(text: str, name: str) -> bytes:
    """Read the octets of a key written in hexadecimal.

    ``name`` is the setting the text comes from (``key``, ``auth_key``); raises ``ConfigError`` with it.
    """
    # A prefix is blanked before anything is removed, so that positions count in the text as it was typed.
    blanked = _DECORATION.sub(lambda match: " " * len(match.group()), text)
    digits = blanked.replace(" ", "")
    if not digits:
        raise ConfigError(f"{name}: there is no key. {_REMEDY}")
    if wrong := _NOT_HEX.search(blanked.replace(" ", "0")):
        raise ConfigError(
            f"{name}: {_wrong_character(wrong.group(), wrong.start() + 1, len(digits))}. {_REMEDY}"
        )
    if len(digits) not in {2 * octets for octets in KEY_OCTETS}:
        raise ConfigError(f"{name}: {len(digits)} hexadecimal digits, {_off_by(len(digits))}. {_REMEDY}")
    return bytes.fromhex(digits)


_REMEDY: Final = (
    "A key has 32 hexadecimal digits (64 for security suite 2); spaces, colons and a leading 0x are ignored. "
    "Copy it again from what the operator sent."
)


def _wrong_character(character: str, position: int, count: int) -> str:
    text = f"character {position} is not a hexadecimal digit (0-9, A-F)"
    if digit := _MISTAKEN.get(character):
        return f"{text}; perhaps it is the digit {digit}"
    if count in KEY_OCTETS:
        return f"{text}; a key of {count} plain characters must be written as {2 * count} hexadecimal digits"
    return text


def _off_by(count: int) -> str:
    nearest = min((2 * octets for octets in KEY_OCTETS), key=lambda digits: abs(digits - count))
    return f"{abs(count - nearest)} too {'many' if count > nearest else 'few'}"
