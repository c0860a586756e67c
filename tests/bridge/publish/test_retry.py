"""Patience: waits that grow, and one line in the log a change."""

from __future__ import annotations

import logging

import pytest
from ciibridge.publish.retry import Backoff, Outage, Reason

REFUSED = Reason("refused", "nothing listens", "Start it.")


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1, longest_s=10, jitter=0)
    assert [backoff.next_s() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_reset_starts_with_the_short_wait() -> None:
    backoff = Backoff(first_s=1, longest_s=10, jitter=0)
    backoff.next_s()
    backoff.next_s()
    backoff.reset()
    assert backoff.next_s() == 1


@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0])
def test_jitter_only_shortens(draw: float) -> None:
    backoff = Backoff(first_s=10, jitter=0.3, draw=lambda: draw)
    assert backoff.next_s() == pytest.approx(10 * (1 - 0.3 * draw))


def test_an_outage_is_one_line_and_one_more_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = iter([100.0, 160.0])
    outage = Outage(logging.getLogger("test"), "broker mqtt://nas:1883", clock=lambda: next(now))
    logged = [outage.failed(REFUSED) for _ in range(500)]
    assert logged == [True] + [False] * 499
    assert outage.open
    outage.recovered("connected")
    assert not outage.open
    assert caplog.messages == [
        "broker mqtt://nas:1883: nothing listens. Start it. Trying again.",
        "broker mqtt://nas:1883: connected again after 500 failed attempts in 60 s",
    ]


def test_a_new_reason_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(logging.getLogger("test"), "x")
    for reason in [REFUSED, Reason("dns", "unknown name"), REFUSED, Reason("dns", "unknown name")]:
        outage.failed(reason)
    assert len(caplog.messages) == 2


def test_reasons_that_never_repeat_do_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(logging.getLogger("test"), "x")
    for number in range(1000):
        outage.failed(Reason("odd", f"error {number}"))
    assert len(caplog.messages) == 5


@pytest.mark.parametrize(("later_s", "lines"), [(100.0, 4), (5.0, 2)])
def test_the_next_outage_is_said_again_unless_it_is_the_same_one(
    caplog: pytest.LogCaptureFixture, later_s: float, lines: int
) -> None:
    """A connection that comes and goes every few seconds is one trouble, not a thousand."""
    caplog.set_level(logging.INFO)
    now = [0.0]
    outage = Outage(logging.getLogger("test"), "x", clock=lambda: now[0])
    for _ in range(2):
        outage.failed(REFUSED)
        outage.recovered("connected")
        now[0] += later_s
    assert len(caplog.messages) == lines
