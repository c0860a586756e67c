"""How the documentation says what the schema holds as a code word or a bare number.

The words themselves stand in ``schema/consumers/docs.yaml``, in every language; those of pages that are in English only, here.
"""

from __future__ import annotations

from typing import Final

from ciigen.resolved import Fact, Interface, Kind, Link
from ciigen.targets.docs.book import Book
from ciigen.targets.docs.markdown import capitalised, prose, sentences

KIND: Final[dict[Kind, str]] = {
    Kind.INSTANTANEOUS: "live value",
    Kind.CUMULATIVE: "meter reading, only rises",
    Kind.BALANCE: "meter reading, may fall",
    Kind.DEMAND: "average over a period",
    Kind.MAX_DEMAND: "highest average",
    Kind.COUNTER: "count of events",
    Kind.TEXT: "text",
    Kind.TIMESTAMP: "time",
}


def fact(book: Book, known: Fact) -> str:
    """How sure a fact is, and where it comes from."""
    # "seen in a capture: capture x" would say it twice
    source = known.source.removeprefix("captures ").removeprefix("capture ")
    status = capitalised(book.word("status", known.status))
    said = book.say("fact", status=status, source=prose(source))
    return sentences(said, capitalised(prose(known.note or "")))


def line(book: Book, link: Link) -> str:
    """Return settings of a serial line, as a person and as most programs write them."""
    return book.say(
        "line",
        baudrate=link.baudrate,
        short=f"{link.bytesize}{link.parity[0].upper()}{link.stopbits}",
        bytesize=link.bytesize,
        parity=book.word("parity", link.parity),
        stop=book.say("stop_bit") if link.stopbits == 1 else book.say("stop_bits", n=link.stopbits),
    )


def way(book: Book, interface: Interface) -> str:
    """Whether the meter speaks by itself."""
    return book.word("way", interface.mode)


def interval(book: Book, seconds: float) -> str:
    """How often, e.g. ``every 5 s``, ``every minute``, ``every 15 minutes``."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return book.say(f"every_{name}") if count == 1 else book.say(f"every_{name}s", n=count)
    return book.say("every_second") if seconds == 1 else book.say("every_seconds", n=f"{seconds:g}")


def step(scaler: int, unit: str | None) -> str:
    """Return the smallest difference between two numbers, e.g. ``0.01 A``."""
    number = f"{10**scaler}" if scaler >= 0 else f"0.{'0' * (-scaler - 1)}1"
    return number if unit in (None, "1") else f"{number} {unit}"
