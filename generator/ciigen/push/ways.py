"""What a user allows a push to do beyond making what is wished."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ways:
    """The switches of the command line.

    ``adopt``: take over what others made under our names. ``prune``: what we made for these meters and is no longer wished
    goes; ``prune_all``: what we made for other meters as well. ``pages``: make a page of Main UI for each meter (openHAB).
    """

    adopt: bool = False
    prune: bool = False
    prune_all: bool = False
    pages: bool = True
