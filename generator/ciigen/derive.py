"""Which quantities a push list yields: those of its elements, those of sub-meters, and what can be computed from them.

Used by ``resolve`` (what a meter model yields) and by ``target`` (what a selection shows), so that both mean the same.
The bridge computes the values by the same rule: within one telegram, never across telegrams.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ciigen.obis import overlap
from ciigen.resolved import PushList, Quantity


def yields(pushed: PushList, quantities: Mapping[str, Quantity]) -> set[str]:
    """Names of everything one telegram of this list may give.

    The register of a sub-meter channel may be gas, water, heat …, which only the meter's device type tells: all of
    them count.
    """
    names = {element.quantity for element in pushed.elements if element.quantity}
    for element in pushed.elements:
        if element.obis and element.quantity is None:
            names |= {name for name, q in quantities.items() if q.channel_types and _is(q, element.obis)}
    return with_derived(names, quantities)


def with_derived(names: Iterable[str], quantities: Mapping[str, Quantity]) -> set[str]:
    """``names`` and everything computable from them; a derived quantity may itself be an operand of the next.

    ``need: all`` wants every operand of ``plus`` and ``minus``; ``any`` wants one of them.
    """
    known = set(names)
    while new := {
        name for name, quantity in quantities.items() if name not in known and _computable(quantity, known)
    }:
        known |= new
    return known


def _is(quantity: Quantity, obis: str) -> bool:
    return any(overlap(code, obis) for code in quantity.obis)


def _computable(quantity: Quantity, known: set[str]) -> bool:
    if quantity.derive is None:
        return False
    operands = {*quantity.derive.plus, *quantity.derive.minus}
    return operands <= known if quantity.derive.need == "all" else bool(operands & known)
