"""Bare numbers and code words as a reader gets them."""

from __future__ import annotations

from enum import StrEnum
from string import Formatter

import pytest
from ciigen.errors import TargetError
from ciigen.resolved import Fact, Kind, Link, Shape, Status, Transfer
from ciigen.targets.docs import words
from ciigen.targets.docs.book import Book
from ciigen.targets.docs.markdown import capitalised, prose, sentences, table
from selections import RESOLVED

BOOK = Book(RESOLVED)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "every second"),
        (2.5, "every 2.5 s"),
        (5, "every 5 s"),
        (60, "every minute"),
        (90, "every 90 s"),
        (900, "every 15 minutes"),
        (3600, "every hour"),
        (5400, "every 90 minutes"),
        (86400, "every day"),
    ],
)
def test_interval(seconds: float, said: str) -> None:
    assert words.interval(BOOK, seconds) == said


@pytest.mark.parametrize(
    ("scaler", "unit", "said"),
    [(0, "W", "1 W"), (1, "Wh", "10 Wh"), (-1, "V", "0.1 V"), (-3, "1", "0.001"), (0, None, "1")],
)
def test_step(scaler: int, unit: str | None, said: str) -> None:
    assert words.step(scaler, unit) == said


def test_line() -> None:
    assert (
        words.line(BOOK, Link(baudrate=2400, parity="even"))
        == "2400 baud, 8E1 (8 data bits, even parity, 1 stop bit)"
    )
    polled = Link(baudrate=300, bytesize=7, parity="even", stopbits=2)
    assert words.line(BOOK, polled) == "300 baud, 7E2 (7 data bits, even parity, 2 stop bits)"


def test_fact_says_status_source_and_note_once() -> None:
    fact = Fact(status=Status.SEEN, source="captures kamstrup-*", note="two of them")
    assert words.fact(BOOK, fact) == r"Seen in a capture: kamstrup-\*. Two of them."
    fact = Fact(status=Status.ASSUMED, source="Swiss usage", note="t1 is high.")
    assert words.fact(BOOK, fact) == "Assumed: Swiss usage. t1 is high."


CODE_WORDS = {"status": Status, "shape": Shape, "transfer": Transfer}


@pytest.mark.parametrize("lang", RESOLVED.languages)
def test_every_code_word_has_words(lang: str) -> None:
    book = Book(RESOLVED, lang)
    assert set(words.KIND) == set(Kind)
    kinds: dict[str, type[StrEnum]] = CODE_WORDS
    for kind, enumeration in kinds.items():
        assert all(book.word(kind, each) for each in enumeration)
    for meter in RESOLVED.meters.values():
        assert book.word("medium", meter.medium)
        for interface in meter.interfaces:
            assert book.word("protocol", interface.protocol)
            assert book.word("connector", interface.kind)
            assert words.line(book, interface.link)
    assert {f"country_{each.country.lower()}" for each in RESOLVED.operators.values()} <= set(book.words)


def test_words_have_the_same_parts_in_every_language() -> None:
    for key, texts in RESOLVED.consumers["docs"].words.items():
        parts = {
            lang: sorted(field for _, field, _, _ in Formatter().parse(text) if field)
            for lang, text in texts.items()
        }
        assert len({tuple(found) for found in parts.values()}) == 1, f"{key}: {parts}"


def test_a_word_that_is_missing_names_its_file() -> None:
    with pytest.raises(TargetError, match=r"schema/consumers/docs.yaml has no words.nothing"):
        BOOK.say("nothing")


def test_capitalised_leaves_code_words_alone() -> None:
    assert [capitalised(text) for text in ("energy falls", "power_net is", "t1 is", "")] == [
        "Energy falls", "power_net is", "t1 is", "",
    ]  # fmt: skip


def test_sentences_end_once() -> None:
    assert sentences("One", "", None, "two.", " why? ") == "One. two. why?"


def test_prose_escapes_outside_of_code_only() -> None:
    assert prose("1-*:1.8.0 and `1-*:2.8.0` <b>") == r"1-\*:1.8.0 and `1-*:2.8.0` \<b>"


def test_table_leaves_out_columns_without_content() -> None:
    assert table(("A", "B", "C"), [("1", "", "x|y")]) == "| A | C |\n| --- | --- |\n| 1 | x\\|y |"
