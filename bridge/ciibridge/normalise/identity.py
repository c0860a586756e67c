"""The name of a meter: from what it says about itself to the level of a topic.

The best identity is the one of the lowest ``identity`` rank in the catalogue: the logical device name 0-0:42.0.0,
then serial numbers. Once a name is found it is kept: a meter whose lists hold different identities would else
change its topics from telegram to telegram.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ciimodel.catalogue import Quantity

from ciibridge.types import Problem, Snapshot

_LONGEST: Final = 64
#: A name that is longer than this and has so many digits may be a serial number.
_SHORT: Final = 7
_SERIAL_DIGITS: Final = 5
_OTHER: Final = re.compile(r"[^a-z0-9_-]")

#: Telegrams that may pass without an identity before a name is made up. Meters that push several lists in turn put
#: the identity into one of them. Kaifa in Norway sends it with every fifth, 10 s apart; elsewhere five telegrams are 25 s.
PATIENCE: Final = 5


def topic_level(text: str) -> str | None:
    """Write ``text`` as a level ``[a-z0-9_-]{1,64}`` of a topic, or None if nothing of it can be used.

    Other characters become ``-``; ``"LGZ1030600000001"`` → ``"lgz1030600000001"``.
    """
    level = _OTHER.sub("-", text.strip("\0 ").lower())[:_LONGEST]
    return level if level.strip("-_") else None


def best_identity(identity: Mapping[str, str], quantities: Mapping[str, Quantity]) -> str | None:
    """Find the identity with the best rank, or None. ``identity`` maps quantity names to texts."""
    ranked: list[tuple[int, str]] = []
    for name, text in identity.items():
        rank = quantities[name].identity
        if rank is not None and topic_level(text) is not None:
            ranked.append((rank, text))
    return min(ranked)[1] if ranked else None


def fallback_level(model: str | None) -> str:
    """Name a meter that never says who it is: its model, else ``meter``."""
    return model or "meter"


def shortened(meter: str) -> str:
    """Shorten a name for a log: a serial number must not be whole there. ``lgz1030600000001`` → ``lgz…001``.

    What has few digits is no serial number, and in a house of many flats ``flat-12-left`` must stay what it is.
    """
    digits = sum(character.isdigit() for character in meter)
    return f"{meter[:3]}…{meter[-3:]}" if digits >= _SERIAL_DIGITS and len(meter) > _SHORT else meter


class Namer:
    """Gives snapshots the name of their meter; holds back those that come before it is known."""

    def __init__(self, configured: str | None, quantities: Mapping[str, Quantity]) -> None:
        self.meter = configured
        self._quantities = quantities
        self._held: list[Snapshot] = []

    def name(self, snapshot: Snapshot) -> list[Snapshot | Problem]:
        """Give ``snapshot`` with its name, after those that waited for it; nothing while it waits itself."""
        if snapshot.meter:
            return [snapshot]
        self._held.append(snapshot)
        best = best_identity(snapshot.identity, self._quantities)
        if best is not None:
            self.meter = topic_level(best)
            return self._release()
        return self.give_up() if len(self._held) >= PATIENCE else []

    def give_up(self) -> list[Snapshot | Problem]:
        """Release what is held under the name of last resort, and say so; nothing when nothing is held."""
        if not self._held:
            return []
        self.meter = fallback_level(self._held[-1].model)
        problem = Problem(
            "no_identity",
            f"the telegrams do not say which meter this is; it is called {self.meter!r}",
            hint="Set `id` in the configuration, above all when there is more than one meter.",
        )
        return [problem, *self._release()]

    def _release(self) -> list[Snapshot | Problem]:
        held, self._held = self._held, []
        return [replace(snapshot, meter=self.meter or "") for snapshot in held]
