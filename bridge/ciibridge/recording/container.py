"""The file of a recording: JSON lines, to be opened with any editor.

    {"ciibridge_recording": 1, "started": "2026-05-04T09:39:20.112Z", "line": {"baudrate": 2400, …}, "software": "ciibridge 0.1.0", …}
    {"t": 0.0, "hex": "7ea08bceff031386f8e6e700e040…"}
    {"t": 0.537, "hex": "7ea07c…"}

``t`` counts seconds from ``started`` to the moment at which the last octet of the piece was read, ``hex`` are the octets.
Whoever wants the bare octets joins the ``hex`` of all lines but the first; nothing else is needed to read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson
from ciimodel.catalogue import Link
from pydantic import ValidationError

from ciibridge.errors import ConfigError

VERSION: Final = 1
_MARK: Final = "ciibridge_recording"
#: How every recording of this form begins.
MAGIC: Final = f'{{"{_MARK}":'.encode()
_DECIMALS_S: Final = 6
#: A line is one piece of octets; nobody reads more than this at once.
_LONGEST_LINE: Final = 1 << 20


class Piece(NamedTuple):
    """Octets that came together; ``at_s``: seconds since the recording began."""

    at_s: float
    octets: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What the first line says. ``line``: settings of the serial port; None: not known (TCP, a file)."""

    started: datetime  # UTC
    line: Link | None = None
    protocol: str | None = None
    software: str = ""
    redacted: Mapping[str, Any] = field(default_factory=dict)  # what was replaced; empty: nothing

    def write(self) -> bytes:
        """Make the first line."""
        started = self.started.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        document: dict[str, Any] = {_MARK: VERSION, "started": started, "software": self.software}
        if self.line is not None:
            document["line"] = self.line.model_dump()
        if self.protocol is not None:
            document["protocol"] = self.protocol
        if self.redacted:
            document["redacted"] = dict(self.redacted)
        return orjson.dumps(document) + b"\n"


def write_piece(piece: Piece) -> bytes:
    """Make the line of one piece."""
    return orjson.dumps({"t": round(piece.at_s, _DECIMALS_S), "hex": piece.octets.hex()}) + b"\n"


class Reader:
    """Reads a container in chunks of any size. ``header`` is there as soon as the first line is."""

    def __init__(self, name: str) -> None:
        """``name``: what messages call the file."""
        self._name = name
        self._rest = b""
        self._lines = 0
        self._last_s = 0.0
        self.header: Header | None = None

    def feed(self, data: bytes) -> list[Piece]:
        """Take the next octets of the file; raises ConfigError that names the line and what is wrong with it."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise self._wrong(f"is longer than {_LONGEST_LINE} octets", self._lines + 1)
        return list(self._read(lines))

    def finish(self) -> list[Piece]:
        """End the file: the last line may lack its line end. Raises ConfigError."""
        rest, self._rest = self._rest, b""
        return list(self._read([rest]))

    def _read(self, lines: list[bytes]) -> Iterator[Piece]:
        for line in lines:
            self._lines += 1
            if not line.strip():
                continue
            try:
                document = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise self._wrong(f"is no JSON ({error})") from None
            if not isinstance(document, dict):
                raise self._wrong("is no JSON object")
            if self.header is None:
                self.header = self._header(document)
            else:
                yield self._piece(document)

    def _header(self, document: dict[str, Any]) -> Header:
        version = document.get(_MARK)
        if version != VERSION:
            raise self._wrong(f"is of version {version!r}, and {VERSION} is known; use a newer ciibridge")
        try:
            started = datetime.fromisoformat(str(document.get("started")))
            line = Link.model_validate(document["line"]) if document.get("line") else None
        except ValidationError as error:
            key = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise self._wrong(f"line.{key}: {error.errors()[0]['msg']}") from None
        except ValueError:
            raise self._wrong("started: write a time as 2026-05-04T09:39:20Z") from None
        if started.tzinfo is None:
            started = started.replace(tzinfo=UTC)
        return Header(
            started.astimezone(UTC),
            line,
            _text(document.get("protocol")) or None,
            _text(document.get("software")),
            redacted if isinstance(redacted := document.get("redacted"), dict) else {},
        )

    def _piece(self, document: dict[str, Any]) -> Piece:
        at_s, digits = document.get("t"), document.get("hex")
        if isinstance(at_s, bool) or not isinstance(at_s, int | float) or at_s < self._last_s:
            raise self._wrong("t: write seconds since the start, not less than in the line before")
        self._last_s = float(at_s)
        try:
            return Piece(self._last_s, bytes.fromhex(_text(digits)))
        except ValueError:
            raise self._wrong("hex: not an even number of hexadecimal digits") from None

    def _wrong(self, what: str, line: int = 0) -> ConfigError:
        return ConfigError(f"{self._name}:{line or self._lines}: the recording is damaged: the line {what}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def time_of(header: Header, piece: Piece) -> datetime:
    """Tell when a piece came, UTC."""
    return header.started + timedelta(seconds=piece.at_s)
