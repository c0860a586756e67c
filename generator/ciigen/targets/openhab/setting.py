"""What a user says of the openHAB the files are for: its version, and the broker Thing that it has or gets.

Versions as far as files differ stand in ``schema/consumers/openhab.yaml``: ``…_since`` is the first that knows something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ciigen.errors import UsageError
from ciigen.resolved import Resolved
from ciigen.target import Option, Selection
from ciigen.targets.openhab.house import BROKER, Bridge, Version
from ciigen.targets.openhab.names import KEYWORDS

CONSUMER: Final = "openhab"
OPTIONS: Final[Mapping[str, Option]] = {
    "openhab": Option("Version of openHAB, e.g. 4.3, 5.0 or 5.2; default: 5.0.", "VERSION"),
    "bridge": Option("UID of the broker Thing that you have; none is made then.", "UID"),
    "names": Option(
        "What the Items of a meter begin with, ID=NAME,…; default: SmartMeter_ID, which never changes.",
        "ID=NAME",
    ),
    "no-bridge": Option(f"Make no broker Thing: {BROKER} is there already."),
}
_UID: Final = re.compile(r"mqtt:broker:([A-Za-z0-9_-]+)")


def version_of(resolved: Resolved, selection: Selection) -> Version:
    """Give the version that is asked for, else the default (raises UsageError for none or one that is too old)."""
    oldest = setting(resolved, "oldest")
    given = selection.option("openhab") or setting(resolved, "default")
    if not re.fullmatch(r"\d+(\.\d+)*", given):
        raise UsageError(f"--openhab {given} is no version: write 4.3, 5.0 or 5.2")
    major, minor, *_ = *map(int, given.split(".")), 0
    version = Version((major, minor))
    if not version.knows(oldest):
        raise UsageError(f"--openhab {given} is too old: the files are read by openHAB {oldest} and newer")
    return version


def demand(resolved: Resolved, selection: Selection, since: str, what: str) -> None:
    """Raise UsageError unless the version knows what came with ``setting(since)``; ``what`` says it, and what to do."""
    first = setting(resolved, since)
    if not version_of(resolved, selection).knows(first):
        raise UsageError(
            f"--openhab {selection.option('openhab') or setting(resolved, 'default')}: {what.format(since=first)}"
        )


def setting(resolved: Resolved, key: str) -> str:
    """Give a setting of ``schema/consumers/openhab.yaml``."""
    return str(resolved.consumers[CONSUMER].settings[key])


def bridge_of(selection: Selection) -> Bridge:
    """Give the broker Thing: that of the house, or one for the broker that was asked (raises UsageError for no UID)."""
    uid = selection.option("bridge")
    if uid is not None:
        found = _UID.fullmatch(uid)
        if not found or found[1] in KEYWORDS:
            raise UsageError(f"--bridge {uid} is no UID of a broker Thing: it looks like {BROKER}")
    if not selection.source:
        return Bridge(uid or BROKER, written=uid is None and selection.option("no-bridge") is None)
    parts = urlsplit(selection.source)
    secure = parts.scheme == "mqtts"
    return Bridge(
        uid or BROKER,
        parts.hostname or "localhost",
        parts.port or (8883 if secure else 1883),
        secure,
        uid is None and selection.option("no-bridge") is None,
    )
