"""The name of a meter in topics."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from ciibridge.normalise.identity import PATIENCE, Namer, best_identity, topic_level
from ciibridge.types import Problem, Snapshot
from ciimodel.catalogue import Resolved
from hypothesis import given
from hypothesis import strategies as st
from normalise_parts import small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


def snapshot(seq: int, model: str | None = None, meter: str = "", **identity: str) -> Snapshot:
    return Snapshot(
        meter, seq, datetime(2026, 1, 1, tzinfo=UTC), "meter", None, {}, identity=identity, model=model
    )


def told(found: list[Snapshot | Problem]) -> list[object]:
    return [item.code if isinstance(item, Problem) else (item.meter, item.seq) for item in found]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("LGZ1030600000001", "lgz1030600000001"),
        ("8 489/51.26", "8-489-51-26"),
        ("10000001\0\0\0", "10000001"),
        ("x" * 80, "x" * 64),
        ("ÄÖ", None),
        ("", None),
        (" \0", None),
        ("---", None),
    ],
)
def test_topic_level(text: str, level: str | None) -> None:
    assert topic_level(text) == level


@given(st.text())
def test_a_level_is_always_allowed_and_stays_as_it_is(text: str) -> None:
    level = topic_level(text)
    if level is not None:
        assert re.fullmatch("[a-z0-9_-]{1,64}", level)
        assert topic_level(level) == level


def test_best_rank_wins_and_useless_texts_do_not_count(small: Resolved) -> None:
    quantities = small.quantities
    assert best_identity({"serial": "123", "device_name": "AAA1"}, quantities) == "AAA1"
    assert best_identity({"serial": "123", "device_name": "--"}, quantities) == "123"
    assert best_identity({"list_version": "V1"}, quantities) is None


def test_snapshots_wait_for_the_first_identity(small: Resolved) -> None:
    namer = Namer(None, small.quantities)
    assert namer.name(snapshot(1)) == []
    assert namer.meter is None
    assert told(namer.name(snapshot(2, serial="A 7"))) == [("a-7", 1), ("a-7", 2)]
    assert namer.meter == "a-7"


def test_a_meter_without_identity_is_called_by_its_model(small: Resolved) -> None:
    namer = Namer(None, small.quantities)
    for seq in range(1, PATIENCE):
        assert namer.name(snapshot(seq, "volt")) == []
    assert told(namer.name(snapshot(PATIENCE, "volt"))) == [
        "no_identity",
        ("volt", 1),
        ("volt", 2),
        ("volt", 3),
    ]
    assert namer.meter == "volt"


def test_the_end_of_the_stream_does_not_wait(small: Resolved) -> None:
    namer = Namer(None, small.quantities)
    namer.name(snapshot(1))
    assert told(namer.give_up()) == ["no_identity", ("meter", 1)]
    assert namer.give_up() == []


def test_a_configured_name_needs_no_identity(small: Resolved) -> None:
    namer = Namer("cellar", small.quantities)
    assert told(namer.name(snapshot(1, meter="cellar", serial="123"))) == [("cellar", 1)]
    assert namer.give_up() == []
