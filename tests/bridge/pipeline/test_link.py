"""States of the link as a function of what came and when; learnt intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import ciimodel
import pytest
from ciibridge.intervals import Interval, Intervals
from ciibridge.link import HINTS, Link, LinkState

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def learnt(*seconds: float) -> float | None:
    interval = Interval()
    for second in seconds:
        interval.seen(at(second))
    return interval.seconds


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((), None),
        ((0,), None),
        ((0, 5), 5),
        ((0, 5.1, 9.9, 15.02), 5),
        ((0, 0.1, 0.2), None),  # pieces of one push
        ((0, 1.0, 2.0), 1.0),
        ((0, 5, 10, 7210, 7215, 7220), 5),  # an outage
        ((0, 7200, 7205, 7210), 5),  # an outage at the start
        ((0, 10, 900, 910, 1800, 1810), 890),  # in bursts
    ],
)
def test_interval(seconds: tuple[float, ...], expected: float | None) -> None:
    assert learnt(*seconds) == expected


def test_jitter_does_not_move_the_interval() -> None:
    interval = Interval()
    clock = 0.0
    for step in (10, 10.8, 9.3, 10.4, 11.2, 9.1, 10):
        clock += step
        interval.seen(at(clock))
    assert interval.seconds == 11
    values = set()
    for step in (10, 10.8, 9.3, 10.4, 11.2, 9.1, 10):
        clock += step
        interval.seen(at(clock))
        values.add(interval.seconds)
    assert values == {11}


def test_intervals_are_bounded() -> None:
    intervals = Intervals()
    for number in range(1000):
        intervals.seen(number, at(number))
    assert len(intervals._known) <= 64
    intervals.seen("a", at(2000))
    intervals.seen("a", at(2005))
    assert intervals.of("a") == 5
    assert intervals.of("b") is None


def run(link: Link, name: str, every_s: float, count: int, start_s: float = 0) -> float:
    last = start_s
    for number in range(count):
        last = start_s + number * every_s
        link.telegram(name, at(last))
    return last


def test_waiting_then_ok_then_stale_after_thirty_seconds() -> None:
    link = Link()
    assert link.state(at(0)) is LinkState.WAITING
    last = run(link, "", 5, 4)
    assert link.state(at(last)) is LinkState.OK
    assert link.state(at(last + 30)) is LinkState.OK
    assert link.state(at(last + 31)) is LinkState.STALE
    link.telegram("", at(last + 40))
    assert link.state(at(last + 40)) is LinkState.OK


def test_stale_is_three_times_the_longest_interval() -> None:
    link = Link()
    run(link, "fast", 5, 30)
    last = run(link, "slow", 60, 4)
    assert link.stale_after_s() == 180
    assert link.intervals == {"fast": 5, "slow": 60}
    assert link.state(at(last + 179)) is LinkState.OK
    assert link.state(at(last + 181)) is LinkState.STALE


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("key_missing", LinkState.KEY_MISSING),
        ("key_wrong", LinkState.KEY_WRONG),
        ("not_authentic", LinkState.NOT_AUTHENTIC),
        ("replayed", LinkState.REPLAYED),
        ("unknown_layout", LinkState.UNKNOWN_FORMAT),
        ("bad_apdu", LinkState.UNKNOWN_FORMAT),
    ],
)
def test_trouble_shows_at_once_before_the_first_telegram_and_stays(code: str, state: LinkState) -> None:
    link = Link()
    link.problem(code, at(0))
    assert link.state(at(0)) is state
    assert link.state(at(900)) is state  # a meter that pushes four times an hour is not "waiting" in between
    link.telegram("", at(901))
    assert link.state(at(901)) is LinkState.OK


def test_trouble_amid_good_telegrams_does_not_show() -> None:
    link = Link()
    last = run(link, "", 5, 4)
    link.problem("key_wrong", at(last + 1))
    assert link.state(at(last + 1)) is LinkState.OK


def test_trouble_instead_of_telegrams_shows_when_it_would_be_stale() -> None:
    link = Link()
    last = run(link, "", 5, 4)
    for step in range(5, 41, 5):
        link.problem("key_missing", at(last + step))
    assert link.state(at(last + 20)) is LinkState.OK
    assert link.state(at(last + 41)) is LinkState.KEY_MISSING
    assert link.state(at(last + 100)) is LinkState.STALE  # and then silence


def test_a_few_bad_frames_are_normal() -> None:
    link = Link()
    link.problem("noise", at(0))
    link.problem("bad_length", at(1))
    assert link.state(at(1)) is LinkState.WAITING
    link.problem("bad_checksum", at(2))
    assert link.state(at(2)) is LinkState.BAD_FRAMES


def test_the_gravest_trouble_stands_for_all() -> None:
    link = Link()
    for code in ("key_missing", "noise", "noise", "noise", "unknown_format"):
        link.problem(code, at(0))
    assert link.state(at(0)) is LinkState.KEY_MISSING


def test_what_is_not_of_the_line_does_not_concern_the_link() -> None:
    link = Link()
    for code in ("clock_off", "implausible", "no_identity", "model_unknown"):
        link.problem(code, at(0))
    assert link.state(at(0)) is LinkState.WAITING


def test_the_states_are_those_of_the_contract_and_all_but_ok_have_a_hint() -> None:
    states = ciimodel.load().payloads["diag"]["properties"]["link"]["enum"]
    assert {str(state) for state in LinkState} == set(states)
    assert set(HINTS) == set(LinkState) - {LinkState.OK}


def test_rate() -> None:
    link = Link()
    assert link.per_minute(at(0)) is None
    run(link, "", 5, 13)
    assert link.per_minute(at(60)) == 12
    assert link.per_minute(at(3600)) is None


def test_a_slow_list_does_not_hide_that_the_quick_one_has_stopped() -> None:
    link = Link()
    for second in range(0, 1801, 5):
        link.telegram("quick", at(second))
        if second % 900 == 0:
            link.telegram("slow", at(second))
    assert link.intervals == {"quick": 5, "slow": 900}
    assert link.stale_after_s() == 30
    assert link.state(at(1800 + 31)) == LinkState.STALE
