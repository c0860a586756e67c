"""Values without OBIS codes: the layout comes from the catalogue.

Some operators configure a push that holds bare values only. What each one is stands in ``lists`` of the meter model
(shape ``positional``); a list is recognised by the number and the A-XDR types of its elements, and by the model::

    telegram   structure { 12 "ISK…", 09 "168…", 06 1393, 06 0, …, 12 2379, … }
    catalogue  elements   0-0:42.0.0  0-0:96.1.0  1-0:1.7.0 …  ~  …  1-0:32.7.0      (~: skip)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from ciimodel.catalogue import Meter, PushList

from ciibridge.normalise.detect import Evidence, score
from ciibridge.normalise.registry import Registry
from ciibridge.types import Obis, Problem, Reading, Register

_PUSH_SETUP: Final = 40  # class; the name of the list, no value


class Placed(NamedTuple):
    """A positional reading with OBIS codes, and the models whose lists gave them."""

    reading: Reading
    models: tuple[Meter, ...]


class _Fit(NamedTuple):
    points: int
    reading: Reading
    meter: Meter
    pushed: PushList


def obis_of(pattern: str) -> Obis:
    """Write the code an element of a list stands for; an open group is 0 (``1-*:1.7.0`` → 1-0:1.7.0)."""
    head, _, tail = pattern.partition(":")
    a, b = head.split("-")
    c, d, e = tail.split(".", 2)
    e, _, f = e.partition("*") if e != "*" else ("0", "", "")
    a, b, c, d, e = ("0" if group in ("*", "n") else group for group in (a, b, c, d, e))
    return Obis(int(a), int(b), int(c), int(d), int(e), int(f) if f else 255)


def _fill(reading: Reading, pushed: PushList) -> Reading:
    registers = tuple(
        Register(obis_of(element.obis), value, kind, class_id=element.class_id, attribute=element.attribute)
        for element, value, kind in zip(pushed.elements, reading.values, reading.types, strict=True)
        if element.obis is not None and element.class_id != _PUSH_SETUP
    )
    return replace(reading, registers=registers)


def _codes(pushed: PushList) -> tuple[str | None, ...]:
    return tuple(element.obis for element in pushed.elements)


def place(
    reading: Reading, meters: Sequence[Meter], registry: Registry, *, certain: bool = False
) -> Placed | Problem:
    """Give the values of ``reading`` their OBIS codes by the best fitting list of ``meters``.

    ``certain``: the model is known (one meter in ``meters``), so nothing more has to tie it to the telegram.
    Returns a Problem when no list fits, or when lists of different meaning fit equally well.
    """
    fits: list[_Fit] = []
    for meter in meters:
        for pushed in _lists(meter, reading.types):
            filled = _fill(reading, pushed)
            points = score(meter, Evidence.of(filled, registry))
            if points is not None or certain:
                fits.append(_Fit(points or 0, filled, meter, pushed))
    if not fits:
        return Problem(
            "unknown_layout",
            f"{len(reading.types)} values without OBIS codes, and no list in the catalogue has these types: "
            f"{', '.join(reading.types)}",
            hint="Add the layout to `lists` of the meter in schema/meters, or send us the telegram.",
        )
    most = max(fit.points for fit in fits)
    best = [fit for fit in fits if fit.points == most]
    if len({_codes(fit.pushed) for fit in best}) > 1:
        names = sorted(f"{fit.meter.id}/{fit.pushed.id}" for fit in best)
        return Problem(
            "unknown_layout",
            f"{len(reading.types)} values without OBIS codes, and several lists fit: {', '.join(names)}",
            hint="Set `model` or `operator` in the configuration.",
        )
    return Placed(best[0].reading, tuple({fit.meter.id: fit.meter for fit in best}.values()))


def _lists(meter: Meter, types: tuple[str, ...]) -> Iterable[PushList]:
    return (
        pushed
        for pushed in meter.lists
        if pushed.shape == "positional"
        and tuple(pushed.types) == types
        and len(pushed.elements) == len(types)
    )
