"""Pages of quantities: one a group, and the look-up by OBIS code."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ciigen.obis import groups
from ciigen.resolved import Quantity
from ciigen.targets.docs.book import EXAMPLES, Book, page, unit_of, where
from ciigen.targets.docs.groups import Group, grouped
from ciigen.targets.docs.markdown import code, link, table
from ciigen.targets.docs.words import KIND
from ciigen.topics import topic_of

_HEADER: Final = ("Value", "Topic", "OBIS code", "Unit", "Kind", "What it means")


def group_page(book: Book, group: Group, quantities: list[Quantity]) -> str:
    """One group of quantities as a table, a line a quantity."""
    rows = [_row(book, quantity) for quantity in quantities]
    example = next((each.name for each in quantities if topic_of(book.resolved, each)), "")
    return page("quantities", book=book, group=group, table=table(_HEADER, rows), example=example)


def obis_page(book: Book) -> str:
    """Every OBIS code of the schema in numerical order, and the quantities it can be."""
    rows = [
        (code(obis), book.quantity(quantity.name, up="../"), code(quantity.name), unit_of(quantity))
        for obis, quantity in sorted(
            ((obis, quantity) for quantity in book.resolved.quantities.values() for obis in quantity.obis),
            key=lambda pair: _order(pair[0]),
        )
    ]
    return page("by-obis", table=table(("OBIS code", "Value", "Name", "Unit"), rows))


def words_page(book: Book) -> str:
    """Every quantity with its label in each language of the schema."""
    books = [replace(book, lang=lang) for lang in book.resolved.languages]
    rows = [
        (
            link(code(quantity.name), book.target(quantity.name)),
            *(each.text(quantity.label) for each in books),
        )
        for quantity in book.resolved.quantities.values()
    ]
    header = ("Name", *book.resolved.languages)
    return page("words", number=len(books), table=table(header, rows))


def quantity_pages(book: Book) -> dict[str, str]:
    """Path → text of all pages of quantities."""
    pages = {
        f"quantities/{group.slug}.md": group_page(book, group, quantities)
        for group, quantities in grouped(book.resolved).items()
    }
    return {**pages, "quantities/by-obis.md": obis_page(book), "quantities/words.md": words_page(book)}


def _row(book: Book, quantity: Quantity) -> tuple[str, ...]:
    # the anchor lets other pages link to the line
    label = f'<a id="{quantity.name}"></a>{book.text(quantity.label)}'
    codes = ", ".join(code(obis) for obis in quantity.obis)
    return (
        label,
        link(where(book, quantity), f"../{EXAMPLES}#{quantity.name}"),
        codes,
        unit_of(quantity),
        KIND[quantity.kind],
        book.meaning(quantity),
    )


def _order(obis: str) -> tuple[int, ...]:
    """By A, C, D, E, B as numbers, ``*`` and ``n`` first: who looks up 1-*:1.7.0 looks for 1.7.0."""
    a, b, c, d, e, f = groups(obis)
    return tuple(int(part) if part.isdecimal() else -1 for part in (a, c, d, e, b, f))
