"""Problems are told at once, then counted."""

from __future__ import annotations

from ciibridge.service.complaints import Complaints
from ciibridge.types import Problem

DAMAGED = Problem("bad_checksum", "damaged")


def test_the_first_is_told_then_the_count() -> None:
    complaints = Complaints(every_s=60)
    assert [complaints.note(DAMAGED, second) for second in range(10)] == [True] + [False] * 9
    assert complaints.due(59) == []
    assert complaints.due(60) == [(DAMAGED, 9)]
    assert complaints.due(61) == []


def test_the_last_message_of_a_kind_is_told() -> None:
    complaints = Complaints(every_s=60)
    complaints.note(DAMAGED, 0)
    newer = Problem("bad_checksum", "damaged again", offset=7)
    complaints.note(newer, 1)
    assert complaints.due(60) == [(newer, 1)]


def test_kinds_do_not_hide_each_other() -> None:
    complaints = Complaints(every_s=60)
    assert complaints.note(Problem("implausible", "x", quantity="voltage_l1"), 0)
    assert complaints.note(Problem("implausible", "x", quantity="voltage_l2"), 0)
    assert complaints.note(DAMAGED, 0)


def test_after_an_interval_without_it_it_is_news_again() -> None:
    complaints = Complaints(every_s=60)
    complaints.note(DAMAGED, 0)
    assert complaints.due(60) == []
    assert complaints.note(DAMAGED, 61)
