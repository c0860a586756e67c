"""What the rewriting of a protocol yields, and what stops it."""

from __future__ import annotations

from typing import NamedTuple

from ciibridge.errors import ConfigError


class RedactionError(ConfigError):
    """A recording cannot be redacted; nothing of it is given out. The message says why, and the remedy."""


class Patch(NamedTuple):
    """Octets that stand in place of as many at ``offset`` of the recording."""

    offset: int
    octets: bytes
