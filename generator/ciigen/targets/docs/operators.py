"""Pages of network operators, in the order of a customer's questions.

My meter → cable → settings → how to get it switched on → encrypted? → key → what I will see → known not to work.
"""

from __future__ import annotations

from ciigen.resolved import Meter, NotPossible, Operator, OperatorMeter, PushList
from ciigen.targets.docs.book import Book, name_of, page
from ciigen.targets.docs.families import family_table
from ciigen.targets.docs.markdown import capitalised, prose, sentences, table
from ciigen.targets.docs.words import fact, interval, line


def operator_page(book: Book, operator: Operator) -> str:
    """Return what a customer of one operator has to know."""
    return page(
        "operator",
        book=book,
        operator=operator,
        name=prose(operator.name),
        full_name=prose(operator.full_name),
        country=country(book, operator),
        others=book.others(f"operators/{operator.id}.md"),
        how_to=f"../{book.root}../../docs/how-to",
        overview=_overview(book, operator) if operator.meters else "",
        meters=[_meter(book, operator.id, entry) for entry in operator.meters],
        tariffs=_tariffs(book, operator) if operator.tariffs else "",
        tariffs_fact=fact(book, operator.tariffs_fact) if operator.tariffs_fact else "",
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
                _connector(book, meter, entry),
                capitalised(book.word("encryption", entry.encryption)),
                capitalised(interval(book, min(pushed.interval_s for pushed in lists))) if lists else "",
            )
        )
    return table(
        (book.say("your_meter"), book.say("connector"), book.say("encrypted"), book.say("new_values")), rows
    )


def _meter(book: Book, operator: str, entry: OperatorMeter) -> dict[str, object]:
    """One meter model at this operator, for the template."""
    meter = book.resolved.meters[entry.meter]
    interface = next(known for known in meter.interfaces if known.id == entry.interface)
    steps = [
        ("connector", book.text(interface.connector)),
        ("cable", book.text(interface.cable)),
        ("settings", line(book, entry.link or interface.link)),
        ("switching_on", book.text(entry.activation)),
        (
            "encrypted",
            capitalised(
                book.say("encryption_find_out")
                if entry.encryption == "unknown"
                else book.word("encryption", entry.encryption)
            ),
        ),
        ("key", book.text(entry.key)),
        ("how_sure", fact(book, entry.fact)),
    ]
    return {
        "title": f"{name_of(meter)}, {_connector(book, meter, entry)}",
        "id": meter.id,
        "configuration": _configuration(book.resolved.operators[operator], entry),
        "steps": table(("", ""), [(f"**{book.say(key)}**", value) for key, value in steps if value]),
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
        "title": book.say("will_see", list=book.text(pushed.title)),
        "about": f"{book.say('list_about', interval=interval(book, pushed.interval_s))} {fact(book, pushed.fact)}",
        "table": family_table(book, pushed, beside),
    }


def _lists(meter: Meter, entry: OperatorMeter) -> list[PushList]:
    return [pushed for pushed in meter.lists if pushed.id in entry.lists]


def country(book: Book, operator: Operator) -> str:
    """Name of its country; its code where that has no name yet."""
    return book.words.get(f"country_{operator.country.lower()}", operator.country)


def _connector(book: Book, meter: Meter, entry: OperatorMeter) -> str:
    return next(
        book.word("connector", known.kind) for known in meter.interfaces if known.id == entry.interface
    )


def _tariffs(book: Book, operator: Operator) -> str:
    rows = [
        (f"`{name}`", prose(tariff.label), capitalised(book.word("rank", tariff.rank)))
        for name, tariff in operator.tariffs.items()
    ]
    return table((book.say("in_topics"), book.say("called"), book.say("price")), rows)


def _refused(book: Book, case: NotPossible) -> str:
    meter = book.resolved.meters.get(case.meter)
    name = book.meter(meter) if meter else prose(case.meter)
    return f"**{name}**: {sentences(book.text(case.reason), fact(book, case.fact))}"
