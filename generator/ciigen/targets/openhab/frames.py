"""The sitemap and the page: which Item stands in which frame.

The first row of the table that a quantity fits decides; the last one takes what is left, so that no Item is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.resolved import Kind
from ciigen.targets.openhab.house import Chart, MeterThing, Point

_LIVE: Final = frozenset({Kind.INSTANTANEOUS, Kind.DEMAND})
_REGISTERS: Final = frozenset({Kind.CUMULATIVE, Kind.BALANCE, Kind.MAX_DEMAND})
_FRAMES: Final[tuple[tuple[str, Callable[[Point], bool]], ...]] = (
    ("submeters", lambda point: point.submeter is not None),
    ("phases", lambda point: point.quantity.phase is not None),
    ("tariffs", lambda point: point.quantity.tariff is not None or point.quantity.name == "tariff_active"),
    ("registers", lambda point: point.quantity.kind in _REGISTERS),
    ("now", lambda point: point.quantity.kind in _LIVE),
    ("more", lambda _: True),
)
_SHOWN: Final = ("now", "registers", "tariffs", "phases", "submeters", "more")


@dataclass(frozen=True, slots=True)
class Page:
    """A page below a line, e.g. all of one phase."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of the sitemap with its heading."""

    key: str
    label: str
    points: tuple[Point, ...] = ()
    pages: tuple[Page, ...] = ()
    charts: tuple[Chart, ...] = ()


def frames(meter: MeterThing, words: Mapping[str, str], *, named: bool) -> Iterator[Frame]:
    """List the frames of a meter that have content; ``named`` puts the meter in front of the headings."""
    lead = f"{meter.label}: " if named else ""
    sorted_in: dict[str, list[Point]] = {key: [] for key in _SHOWN}
    for point in meter.points:
        sorted_in[next(key for key, fits in _FRAMES if fits(point))].append(point)
    for key, points in sorted_in.items():
        heading = lead + words[key]
        if points and key == "phases":
            yield Frame(key, heading, pages=tuple(_pages(points)))
        elif points:
            yield Frame(key, heading, points=tuple(points))
    if meter.charts:
        yield Frame("charts", lead + words["charts"], charts=meter.charts)


def _pages(points: list[Point]) -> Iterator[Page]:
    for phase in sorted({str(point.quantity.phase) for point in points}):
        yield Page(phase.upper(), tuple(point for point in points if point.quantity.phase == phase))
