"""Output ``docs``: what the schema knows, as Markdown for people.

Place in the line: render. ``index.md`` leads to what a reader has: an operator, a meter, an OBIS code, a topic. Pages
are put together here and filled into the templates beside it; no page states a fact that is not in the schema, and each
fact that has a status shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.docs.book import Book
from ciigen.targets.docs.dialects import dialects_page
from ciigen.targets.docs.meters import meter_page
from ciigen.targets.docs.operators import operator_page
from ciigen.targets.docs.profile import profile_page
from ciigen.targets.docs.quantities import obis_page, quantity_pages
from ciigen.targets.docs.start import start_page


def _chosen_page(resolved: Resolved, selection: Selection) -> str:
    book = Book(resolved, selection.lang)
    if selection.operator:
        return operator_page(book, resolved.operators[selection.operator])
    if selection.meter:
        return meter_page(book, resolved.meters[selection.meter])
    return start_page(book)


def _profile(resolved: Resolved, selection: Selection) -> str:
    return profile_page(Book(resolved, selection.lang))


def _by_obis(resolved: Resolved, selection: Selection) -> str:
    return obis_page(Book(resolved, selection.lang))


_VIEWS: Final[Mapping[str, View]] = {
    "page": View(".md", "the page of --operator or --meter, else the start page", _chosen_page),
    "profile": View(".md", "topics, payloads and rules", _profile, stem="profile"),
    "obis": View(".md", "every OBIS code and what it is", _by_obis, stem="by-obis"),
}


class Docs:
    """Pages for people. Those of meters and operators, and the start page, are in every language; the others in English."""

    name = "docs"
    of_contract = True
    help = "Markdown pages: profile, quantities, meters, operators"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """All pages in English, and those about "my meter" below the folder of each other language."""
        book = Book(resolved)
        translated = {
            f"{lang}/{path}": text
            for lang in resolved.languages
            if lang != book.lang
            for path, text in _own_pages(Book(resolved, lang)).items()
        }
        return {
            **_own_pages(book),
            **translated,
            "profile.md": profile_page(book),
            "dialects.md": dialects_page(book),
            **quantity_pages(book),
        }


def _own_pages(book: Book) -> dict[str, str]:
    """Path → text of the pages on which people look for what they have."""
    resolved = book.resolved
    return {
        "index.md": start_page(book),
        **{f"meters/{meter.id}.md": meter_page(book, meter) for meter in resolved.meters.values()},
        **{f"operators/{each.id}.md": operator_page(book, each) for each in resolved.operators.values()},
    }


TARGET: Target = Docs()
