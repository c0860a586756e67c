"""The start page: from what a reader has (an operator, a meter, a code) to the page about it."""

from __future__ import annotations

from unicodedata import normalize

from ciigen.resolved import Meter, Operator, Status
from ciigen.targets.docs.book import Book, page
from ciigen.targets.docs.groups import grouped
from ciigen.targets.docs.markdown import capitalised, link, prose, table
from ciigen.targets.docs.operators import country


def start_page(book: Book) -> str:
    """Links to every page, in tables that already answer the first question."""
    resolved = book.resolved
    meters = sorted(
        resolved.meters.values(), key=lambda meter: (meter.manufacturer.lower(), meter.model.lower())
    )
    return page(
        "index",
        book=book,
        countries=_countries(book),
        meters=table(
            tuple(map(book.say, ("meter", "measures", "connector", "most_values", "how_sure"))),
            [_meter(book, meter) for meter in meters],
        )
        if meters
        else "",
        groups=[
            (link(group.title, f"{book.root}quantities/{group.slug}.md"), len(quantities))
            for group, quantities in grouped(resolved).items()
        ],
        statuses=list(Status),
        others=book.others("index.md"),
    )


def _countries(book: Book) -> list[tuple[str, str, str]]:
    """Code and name of each country, in the order of the names, with the table of its operators."""
    header = tuple(map(book.say, ("operator", "meters", "encrypted", "known_as", "known_not")))
    by_country: dict[tuple[str, str], list[Operator]] = {}
    for operator in sorted(book.resolved.operators.values(), key=lambda each: each.name.lower()):
        by_country.setdefault((country(book, operator), operator.country.lower()), []).append(operator)
    return [
        (code, name, table(header, [_operator(book, operator) for operator in operators]))
        for (name, code), operators in sorted(
            by_country.items(), key=lambda each: normalize("NFKD", each[0][0])
        )
    ]


def _operator(book: Book, operator: Operator) -> tuple[str, ...]:
    meters = dict.fromkeys(book.meter(book.resolved.meters[entry.meter], up="") for entry in operator.meters)
    encryption = dict.fromkeys(book.word("encryption", entry.encryption) for entry in operator.meters)
    refused = [
        book.meter(book.resolved.meters[case.meter], up="")
        if case.meter in book.resolved.meters
        else prose(case.meter)
        for case in operator.not_possible
    ]
    return (
        link(prose(operator.name), f"operators/{operator.id}.md"),
        ", ".join(meters),
        capitalised("; ".join(encryption)),
        prose(", ".join(word for word in (operator.full_name, *operator.search) if word != operator.name)),
        ", ".join(refused),
    )


def _meter(book: Book, meter: Meter) -> tuple[str, ...]:
    medium = book.word("medium", meter.medium)
    what = medium
    if meter.phases:
        what = (
            book.say("phases", medium=medium, n=meter.phases)
            if meter.phases > 1
            else book.say("one_phase", medium=medium)
        )
    best = [status for status in Status if any(pushed.fact.status is status for pushed in meter.lists)]
    return (
        book.meter(meter, up=""),
        capitalised(what),
        ", ".join(
            dict.fromkeys(capitalised(book.word("connector", known.kind)) for known in meter.interfaces)
        ),
        str(len(meter.quantities)) if meter.quantities else "",
        capitalised(book.word("status", best[0])) if best else "",
    )
