"""The outbox: in order, bounded, oldest lost first."""

from __future__ import annotations

import pytest
from ciibridge.publish.outbox import Entry, EntryQueue
from ciibridge.types import Message
from hypothesis import given
from hypothesis import strategies as st


def entry(order: int) -> Entry:
    return Entry(order, Message("t", b"%d" % order, 1, retain=False))


def orders(outbox: EntryQueue) -> list[int]:
    return [e.order for e in outbox.peek(len(outbox))]


def test_entries_stay_until_they_are_settled() -> None:
    outbox = EntryQueue()
    for order in range(5):
        outbox.put(entry(order))
    assert [e.order for e in outbox.peek(3)] == [0, 1, 2]
    assert [e.order for e in outbox.peek(3)] == [0, 1, 2]
    for order in range(3):
        assert outbox.withdraw(order)
    assert orders(outbox) == [3, 4]


def test_full_drops_the_oldest_and_says_so() -> None:
    outbox = EntryQueue(capacity=3)
    assert [outbox.put(entry(order)) for order in range(5)] == [0, 0, 0, 1, 1]
    assert orders(outbox) == [2, 3, 4]


def test_what_comes_back_from_a_lost_connection_goes_to_its_place() -> None:
    outbox = EntryQueue()
    for order in (1, 4, 5, 2, 3):  # 2 and 3 were in flight when the connection broke
        outbox.put(entry(order))
    assert orders(outbox) == [1, 2, 3, 4, 5]


def test_withdraw_takes_out_one() -> None:
    outbox = EntryQueue()
    for order in (1, 2, 3):
        outbox.put(entry(order))
    assert outbox.withdraw(2)
    assert not outbox.withdraw(7)
    assert orders(outbox) == [1, 3]


def test_no_capacity_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        EntryQueue(0)


@given(st.lists(st.integers(0, 50), unique=True), st.integers(1, 20), st.sets(st.integers(0, 50)))
def test_is_always_the_newest_in_order(numbers: list[int], capacity: int, settled: set[int]) -> None:
    outbox = EntryQueue(capacity)
    dropped = sum(outbox.put(entry(number)) for number in numbers)
    assert dropped == max(0, len(numbers) - capacity)
    kept = orders(outbox)
    assert kept == sorted(kept)
    assert kept == sorted(numbers)[-len(kept) :] if kept else not numbers
    for order in settled:
        assert outbox.withdraw(order) is (order in kept)
    assert orders(outbox) == [order for order in kept if order not in settled]
