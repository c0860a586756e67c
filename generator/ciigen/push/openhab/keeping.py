"""What is said of persistence: read, never written. Pure.

``GET /rest/persistence/<service>`` gives what a service keeps (openHAB 4.0 and newer). ``PUT`` there replaces all of it, and where there was
nothing, rrd4j kept every Item by itself and stops doing so with the first entry: a push that wrote its own lines could end the history of the
whole house (ADR 35). So it says what to add, and only where it is missing.
"""

from __future__ import annotations

from collections.abc import Iterable

from ciigen.push.openhab.there import Server

_ALL = "*"


def advice(server: Server, groups: Iterable[str]) -> str | None:
    """Say which groups the service that charts read from does not keep; None: it keeps them, or keeps everything."""
    if server.kept is None:
        return None
    said = {str(item) for entry in server.kept for item in entry.get("items", ())}
    missing = [f"{group}*" for group in groups if not said & {_ALL, f"{group}*", group}]
    if not missing:
        return None
    return (
        f"rrd4j does not keep {', '.join(missing)}: add them in Settings → Persistence → rrd4j (everyChange, everyMinute), "
        "else charts stay empty"
    )
