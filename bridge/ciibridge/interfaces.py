"""The interface of a meter as its operator has set it: some run the line of a model at another speed. Pure.

schema/meters      iskra-am550   p1   115200 8N1
schema/operators   elektro-ljubljana: iskra-am550, p1, link 38400   ──►  38400 8N1 at this operator
"""

from __future__ import annotations

from collections.abc import Iterator

from ciimodel.catalogue import Interface, Meter, Operator, Resolved


def at_operator(interface: Interface, model: str, operator: Operator | None) -> Interface:
    """Give ``interface`` of ``model`` with the line settings of the operator, where it has its own."""
    for entry in operator.meters if operator else ():
        if (entry.meter, entry.interface) == (model, interface.id) and entry.link is not None:
            return interface.model_copy(update={"link": entry.link})
    return interface


def everywhere(catalogue: Resolved, meter: Meter, interface: Interface) -> Iterator[Interface]:
    """Give ``interface`` as the model comes with it, and as operators have set it otherwise; each line settings once."""
    seen = [interface.link]
    yield interface
    for operator in catalogue.operators.values():
        there = at_operator(interface, meter.id, operator)
        if there.link not in seen:
            seen.append(there.link)
            yield there
