"""Pages of network operators, in the order of a customer's questions.

My meter → cable → settings → how to get it switched on → encrypted? → key → what I will see → known not to work.
"""

from __future__ import annotations

from ciigen.resolved import Meter, NotPossible, Operator, OperatorMeter, PushList
from ciigen.targets.docs.book import Book, name_of, page
from ciigen.targets.docs.families import family_table
from ciigen.targets.docs.markdown import capitalised, prose, sentences, table
from ciigen.targets.docs.words import CONNECTOR, COUNTRY, ENCRYPTION, NOT_KNOWN, RANK, fact, interval, line


def operator_page(book: Book, operator: Operator) -> str:
    """Return what a customer of one operator has to know."""
    return page(
        "operator",
        book=book,
        operator=operator,
        name=prose(operator.name),
        full_name=prose(operator.full_name),
        country=COUNTRY.get(operator.country, operator.country),
        overview=_overview(book, operator) if operator.meters else "",
        meters=[_meter(book, operator.id, entry) for entry in operator.meters],
        tariffs=_tariffs(operator) if operator.tariffs else "",
        tariffs_fact=fact(operator.tariffs_fact) if operator.tariffs_fact else "",
        refused=[_refused(book, case) for case in operator.not_possible],
        notes=[book.text(note) for note in operator.notes],
    )


def _overview(book: Book, operator: Operator) -> str:
    rows = []
    for entry in operator.meters:
        meter = book.resolved.meters[entry.meter]
        lists = _lists(meter, entry)
        rows.append(
            (
                book.meter(meter),
                _connector(meter, entry),
                capitalised(ENCRYPTION[entry.encryption]),
                capitalised(interval(min(pushed.interval_s for pushed in lists))) if lists else "",
            )
        )
    return table(("Your meter", "Connector", "Encrypted?", "New values"), rows)


def _meter(book: Book, operator: str, entry: OperatorMeter) -> dict[str, object]:
    """One meter model at this operator, for the template."""
    meter = book.resolved.meters[entry.meter]
    interface = next(known for known in meter.interfaces if known.id == entry.interface)
    steps = [
        ("Connector", book.text(interface.connector)),
        ("Cable", book.text(interface.cable)),
        ("Settings", line(interface.link)),
        ("Switching on", book.text(entry.activation)),
        (
            "Encrypted?",
            capitalised(NOT_KNOWN if entry.encryption == "unknown" else ENCRYPTION[entry.encryption]),
        ),
        ("Key", book.text(entry.key)),
        ("How sure", fact(entry.fact)),
    ]
    return {
        "title": f"{name_of(meter)}, {_connector(meter, entry)}",
        "id": meter.id,
        "configuration": _configuration(book.resolved.operators[operator], entry),
        "steps": table(("", ""), [(f"**{name}**", value) for name, value in steps if value]),
        "lists": [_list(book, pushed, _lists(meter, entry)) for pushed in _lists(meter, entry)],
    }


def _configuration(operator: Operator, entry: OperatorMeter) -> str:
    """Return what to write of this meter; the key is shown only where there is one."""
    lines = ["[[meter]]", 'port = "/dev/ttyUSB0"', f'model = "{entry.meter}"', f'operator = "{operator.id}"']
    same = [other for other in operator.meters if other.meter == entry.meter]
    if len(same) > 1:
        lines.append(f'interface = "{entry.interface}"')
    if entry.encryption in ("always", "on request"):
        lines.append('key = "…"')
    return "\n".join(lines)


def _list(book: Book, pushed: PushList, beside: list[PushList]) -> dict[str, str]:
    return {
        "title": book.text(pushed.title),
        "about": f"New values {interval(pushed.interval_s)}. {fact(pushed.fact)}",
        "table": family_table(book, pushed, beside),
    }


def _lists(meter: Meter, entry: OperatorMeter) -> list[PushList]:
    return [pushed for pushed in meter.lists if pushed.id in entry.lists]


def _connector(meter: Meter, entry: OperatorMeter) -> str:
    return next(CONNECTOR[known.kind] for known in meter.interfaces if known.id == entry.interface)


def _tariffs(operator: Operator) -> str:
    rows = [
        (f"`{name}`", prose(tariff.label), capitalised(RANK[tariff.rank]))
        for name, tariff in operator.tariffs.items()
    ]
    return table(("In the topics", "Called", "Price"), rows)


def _refused(book: Book, case: NotPossible) -> str:
    meter = book.resolved.meters.get(case.meter)
    name = book.meter(meter) if meter else prose(case.meter)
    return f"**{name}**: {sentences(book.text(case.reason), fact(case.fact))}"
