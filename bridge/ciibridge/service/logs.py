"""The log: lines for people, or one JSON object a line; both know the journal of systemd.

    2026-05-04 09:39:21,402 WARNING meter lgz…001: bad_checksum: …
    {"time":"2026-05-04T09:39:21.402Z","level":"warning","logger":"ciibridge.meter","event":"problem","meter":"lgz…001",…}

Under systemd each line begins with its priority, ``<4>`` (sd-daemon(3)), which the journal takes off again.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

import orjson

#: Level → priority of syslog (RFC 5424, 6.2.1).
_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)
_RESERVED: Final = frozenset(("time", "level", "logger", "event", "message", "exception"))


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, event, its fields, message, and the traceback of a bug."""

    def format(self, record: logging.LogRecord) -> str:
        """Write it on one line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: Mapping[str, object] = getattr(record, "fields", {})
        document: dict[str, object] = {
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", "other"),
        }
        document |= {key: value for key, value in fields.items() if key not in _RESERVED}
        document["message"] = record.getMessage()
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(document, default=str).decode()


class JournalFormatter(logging.Formatter):
    """Puts the priority before each line of what another formatter writes."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Write it; a line break begins a new entry of the journal, so each line gets the priority."""
        mark = next(f"<{priority}>" for level, priority in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"{mark}{line}" for line in self._inner.format(record).splitlines())


def to_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Whether ``stream`` ends in the journal: systemd names device and inode of its socket (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def start_logging(
    level: str, *, as_json: bool = False, stream: TextIO = sys.stderr, environ: Mapping[str, str] = os.environ
) -> None:
    """Log to ``stream``, one line a message; for people without a time where the journal adds its own."""
    journal = to_journal(environ, stream)
    text = "%(levelname)s %(message)s" if journal else "%(asctime)s %(levelname)s %(message)s"
    formatter: logging.Formatter = JsonFormatter() if as_json else logging.Formatter(text)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JournalFormatter(formatter) if journal else formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler])
