"""Which operators have something to make files of; of others it is only known that it does not work, or not what is sent."""

from __future__ import annotations

from ciigen.resolved import Resolved


def served(resolved: Resolved) -> list[str]:
    """Ids of the operators with a known list."""
    return [o.id for o in resolved.operators.values() if any(entry.lists for entry in o.meters)]
