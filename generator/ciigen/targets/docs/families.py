"""Quantities in few lines: the phases and tariffs of a family stand in one row."""

from __future__ import annotations

from collections.abc import Iterable

from ciigen.derive import with_derived
from ciigen.resolved import PushList, Quantity
from ciigen.targets.docs.book import Book, unit_of, where
from ciigen.targets.docs.markdown import code, link, table


def carried(pushed: PushList) -> list[str]:
    """Return the quantities in a push list, each once, in the order of the telegram."""
    return list(dict.fromkeys(element.quantity for element in pushed.elements if element.quantity))


def computed(book: Book, pushed: PushList, beside: Iterable[PushList]) -> list[str]:
    """Return what the bridge computes from a push list, in the order of the schema.

    What one of the lists ``beside`` it carries is not computed: of two sources the meter's own is the right one.
    """
    sent = {name for each in (pushed, *beside) for name in carried(each)}
    known = with_derived(carried(pushed), book.resolved.quantities)
    return [name for name in book.resolved.quantities if name in known and name not in sent]


def family_table(book: Book, pushed: PushList, beside: Iterable[PushList]) -> str:
    """Return what a push list yields, a row a family, in the order of the schema; what is computed is marked."""
    sent = set(carried(pushed))
    shown = sent | set(computed(book, pushed, beside))
    families: dict[tuple[str, bool], list[Quantity]] = {}
    for quantity in book.resolved.quantities.values():
        if quantity.name in shown:
            families.setdefault((quantity.family, quantity.name in sent), []).append(quantity)
    rows = [
        (
            _labels(book, members),
            _topics(book, members),
            unit_of(members[0]),
            "" if was_sent else book.say("computed"),
        )
        for (_, was_sent), members in families.items()
    ]
    return table(tuple(map(book.say, ("value", "topic", "unit", "origin"))), rows)


def _labels(book: Book, members: list[Quantity]) -> str:
    """``Voltage L1, L2, L3``, each linked."""
    first, *others = members
    short = [link(_short(book, other), book.target(other.name)) for other in others]
    return ", ".join([book.quantity(first.name), *short])


def _short(book: Book, quantity: Quantity) -> str:
    if quantity.phase:
        return quantity.phase.upper()
    return book.say("tariff", n=quantity.tariff[1:]) if quantity.tariff else book.text(quantity.label)


def _topics(book: Book, members: list[Quantity]) -> str:
    """Return the first topic in full, of the others the end that differs; each place once."""
    first, *others = members
    ends = [code(f"…{quantity.name.removeprefix(quantity.family)}") for quantity in others]
    return ", ".join(dict.fromkeys([where(book, first), *ends]))
