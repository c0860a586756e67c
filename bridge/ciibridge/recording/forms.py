"""Any recording → pieces. What form it has is seen from its first octets.

{"ciibridge_recording":   container   timing and line settings are known
7E A0 8B CE …  0x7e,…     digits      a text of hexadecimal digits, as issues and manuals show telegrams; # is a comment
anything else             octets      as received
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ciibridge.errors import ConfigError
from ciibridge.recording.container import MAGIC, Header, Piece, Reader
from ciibridge.security.glo import Keys

#: Octets by which a text of hexadecimal digits is told from octets; no frame consists of these only.
_LOOK: Final = 4096
_HEX_TEXT: Final = re.compile(rb"(?:[0-9A-Fa-f\s:,;.\-xX\\]|#[\x20-\x7e]*)*")
_COMMENT: Final = re.compile(r"#[^\n]*")
_DECORATION: Final = re.compile(r"0[xX]|\\x|[\s:,;.\-]")


@dataclass(frozen=True, slots=True)
class Recording:
    """The content of a recording. ``header``: None where only octets are known, and not when they came."""

    pieces: tuple[Piece, ...]
    header: Header | None = None

    @property
    def octets(self) -> bytes:
        """All octets."""
        return b"".join(piece.octets for piece in self.pieces)

    @property
    def protocol(self) -> str | None:
        """What it speaks, if it says so."""
        return self.header.protocol if self.header else None

    def keys(self, given: Keys) -> Keys:
        """Choose the keys it opens with: those given, else the test keys that a redacted recording names."""
        named = self.header.redacted if self.header else {}
        if given.key is not None or not isinstance(named.get("key"), str):
            return given
        try:
            return Keys(bytes.fromhex(named["key"]))
        except ValueError:  # somebody has edited it: then it opens nothing, and that is said later
            return given


def read_recording(data: bytes, name: str) -> Recording:
    """Read a whole recording of whatever form; ``name`` is what messages call it.

    Raises ConfigError: a container is damaged, or a text of digits is cut.
    """
    if data.startswith(MAGIC):
        reader = Reader(name)
        pieces = reader.feed(data) + reader.finish()
        return Recording(tuple(pieces), reader.header)
    octets = _digits(data, name) if data and _HEX_TEXT.fullmatch(data[:_LOOK]) else data
    return Recording((Piece(0.0, octets),))


def _digits(data: bytes, name: str) -> bytes:
    digits = _DECORATION.sub("", _COMMENT.sub("", data.decode("ascii", "replace")))
    try:
        return bytes.fromhex(digits)
    except ValueError:
        wrong = re.search(r"[^0-9A-Fa-f]", digits)
        what = (
            f"{wrong.group()!r} is not a hexadecimal digit"
            if wrong
            else "a digit is missing: an odd number of them"
        )
        raise ConfigError(f"{name}: a text of hexadecimal digits, but {what}") from None
