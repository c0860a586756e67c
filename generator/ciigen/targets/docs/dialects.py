"""The page of the dialects: topics of other publishers that the bridge serves where it is told to."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ciigen.resolved import Dialect, Place, Quantity
from ciigen.targets.docs.book import Book, page
from ciigen.targets.docs.markdown import code, prose, table


def dialects_page(book: Book) -> str:
    """Return a section for each dialect: topic, payload, settings, and what it calls the quantities."""
    return page(
        "dialects", book=book, dialects=[_section(book, each) for each in book.resolved.dialects.values()]
    )


def _section(book: Book, dialect: Dialect) -> dict[str, str]:
    settings = [
        (code(name), code(setting.default), book.text(setting.description))
        for name, setting in dialect.settings.items()
    ]
    named = dialect.key == "name"
    header = ("Quantity", *(("Name there",) if named else ()), "OBIS code, C.D.E", "Unit")
    return {
        "name": dialect.name,
        "title": prose(dialect.title),
        "about": book.text(dialect.description),
        "topic": dialect.path.replace("{", "<").replace("}", ">"),
        "each": f"One message a {dialect.each}, QoS {dialect.qos}, {'' if dialect.retain else 'not '}retained.",
        "payload": json.dumps(_shape(dialect.payload), indent=2, ensure_ascii=False),
        "settings": table(("Setting", "Default", "Meaning"), settings) if settings else "",
        "quantities": table(header, list(_rows(book, dialect))) if named else "",
        "source": prose(f"{dialect.fact.source}. {dialect.fact.note or ''}".strip()),
    }


def _shape(payload: dict[str, object]) -> dict[str, object]:
    return {
        ("<obis>" if key == "*" else key): _shape(inner) if isinstance(inner, dict) else f"<{inner}>"
        for key, inner in payload.items()
    }


def _rows(book: Book, dialect: Dialect) -> Iterator[tuple[str, ...]]:
    for name, there in dialect.names.items():
        quantity: Quantity = book.resolved.quantities[name]
        if quantity.place is Place.VALUE:
            short = quantity.obis[0].partition(":")[2]
            yield code(name), code(there), short, code(quantity.unit or "")
