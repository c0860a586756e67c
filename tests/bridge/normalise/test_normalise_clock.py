"""Meter time → UTC, and whose clock is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from ciibridge.normalise.clock import SET_SINCE, Clock, moved, to_utc
from ciibridge.normalise.settings import ClockPolicy
from ciibridge.types import MeterTime
from hypothesis import given
from hypothesis import strategies as st
from normalise_parts import NOW, local

ZURICH = ZoneInfo("Europe/Zurich")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_given_deviation_needs_no_zone() -> None:
    assert to_utc(local("2020-08-15T06:19:45", 120, 0x80), ZoneInfo("Asia/Tokyo")) == utc(
        "2020-08-15T04:19:45"
    )
    assert to_utc(local("2020-01-15T06:19:45", -90), ZURICH) == utc("2020-01-15T07:49:45")


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("2026-05-04T11:39:21", "2026-05-04T09:39:21"), ("2026-01-04T11:39:21", "2026-01-04T10:39:21")],
)
def test_without_deviation_it_is_local_time_of_the_zone(clock: str, expected: str) -> None:
    for status in (None, 0x00, 0x80, 0x81, 0xFF):  # meters leave the status at 0 in summer, too
        assert to_utc(local(clock, None, status), ZURICH) == utc(expected)


def test_the_hour_that_comes_twice() -> None:
    first, second = utc("2026-10-25T00:30:00"), utc("2026-10-25T01:30:00")
    clock = "2026-10-25T02:30:00"
    assert to_utc(local(clock, None, 0x80), ZURICH) == first
    assert to_utc(local(clock, None, 0x00), ZURICH) == second
    assert to_utc(local(clock, None, None), ZURICH, near=first - timedelta(seconds=5)) == first
    assert to_utc(local(clock, None, 0x00), ZURICH, near=second - timedelta(seconds=5)) == second
    assert (
        to_utc(local(clock, None, 0x80), ZURICH, near=second) == first
    )  # the meter says summer time: it knows


def test_the_hour_that_does_not_exist() -> None:
    assert to_utc(local("2026-03-29T02:30:00"), ZURICH) == utc("2026-03-29T01:30:00")


@given(st.integers(2000, 2060), st.sampled_from([3, 10]), st.integers(15, 900))
def test_time_goes_on_when_the_clocks_change(year: int, month: int, step_s: int) -> None:
    """A meter that pushes local time with the status always 0: each telegram gets its true time, through the change."""
    clock = Clock(ClockPolicy.METER)
    day = max(d for d in range(25, 32) if datetime(year, month, d, tzinfo=UTC).weekday() == 6)
    true = datetime(year, month, day, 0, 0, tzinfo=UTC) - timedelta(hours=1)
    for _ in range(4 * 3600 // step_s):
        wall = true.astimezone(ZURICH).replace(tzinfo=None)
        assert clock.stamp(local(wall.isoformat(), None, 0), None, ZURICH, NOW).ts == true
        true += timedelta(seconds=step_s)


def test_check_uses_a_good_meter_clock() -> None:
    stamp = Clock("check").stamp(local("2026-05-04T11:39:21"), local("2026-05-04T11:39:20"), ZURICH, NOW)
    assert (stamp.ts, stamp.source, stamp.rx) == (utc("2026-05-04T09:39:21"), "meter", NOW)
    assert stamp.offset_s == pytest.approx(-1.402)
    assert stamp.problem is None


def test_the_time_of_the_message_where_there_is_no_clock_object() -> None:
    stamp = Clock("check").stamp(None, local("2026-05-04T11:39:20"), ZURICH, NOW)
    assert (stamp.ts, stamp.source) == (utc("2026-05-04T09:39:20"), "message")


def test_check_distrusts_a_clock_that_is_off_and_says_so_once() -> None:
    clock = Clock("check")
    stamp = clock.stamp(local("2026-05-04T10:39:21"), None, ZURICH, NOW)
    assert (stamp.ts, stamp.source) == (NOW.replace(microsecond=0), "receiver")
    assert stamp.offset_s == pytest.approx(-3601.402)
    assert stamp.problem is not None
    assert stamp.problem.code == "clock_off"
    assert "3601 s behind" in stamp.problem.message
    later = NOW + timedelta(seconds=5)
    assert clock.stamp(local("2026-05-04T10:39:26"), None, ZURICH, later).problem is None
    again = clock.stamp(local("2026-05-04T12:39:26"), None, ZURICH, later).problem
    assert again is not None
    assert "ahead of" in again.message
    assert clock.stamp(local("2026-05-04T11:39:26"), None, ZURICH, later).problem is None
    assert clock.stamp(local("2026-05-04T12:39:26"), None, ZURICH, later).problem is not None  # off anew


@pytest.mark.parametrize(
    ("seconds", "source"), [(60, "meter"), (-60, "meter"), (61, "receiver"), (-61, "receiver")]
)
def test_sixty_seconds_are_the_limit(seconds: int, source: str) -> None:
    now = utc("2026-05-04T09:39:21")
    wall = (now + timedelta(hours=2, seconds=seconds)).replace(tzinfo=None)
    assert Clock("check").stamp(local(wall.isoformat()), None, ZURICH, now).source == source


def test_meter_policy_keeps_the_receivers_clock_out() -> None:
    stamp = Clock("meter").stamp(local("2021-07-06T14:58:18"), None, ZURICH, NOW)
    assert (stamp.ts, stamp.source, stamp.rx, stamp.offset_s) == (
        utc("2021-07-06T12:58:18"),
        "meter",
        None,
        None,
    )
    without = Clock("meter").stamp(None, None, ZURICH, NOW)
    assert (without.ts, without.source, without.rx) == (NOW.replace(microsecond=0), "receiver", None)


def test_receiver_policy_still_reports_the_offset() -> None:
    stamp = Clock("receiver").stamp(local("2026-05-04T11:39:21"), None, ZURICH, NOW)
    assert (stamp.ts, stamp.source, stamp.rx) == (NOW.replace(microsecond=0), "receiver", NOW)
    assert stamp.offset_s == pytest.approx(-1.402)


@pytest.mark.parametrize("clock", [local("0001-01-01T00:00:00", 120), local("9999-12-31T23:59:59", -120)])
def test_a_clock_that_was_never_set(clock: object) -> None:
    stamp = Clock("meter").stamp(clock, None, ZURICH, NOW)  # type: ignore[arg-type]
    assert stamp.source == "receiver"


@given(
    st.datetimes(),
    st.none() | st.integers(-24 * 60, 24 * 60),
    st.sampled_from([None, "S", "W"]),
    st.sampled_from(["UTC", "Europe/Zurich", "Pacific/Kiritimati", "America/Los_Angeles"]),
)
def test_any_time_can_be_reckoned_with_or_is_none(
    wall: datetime, deviation_min: int | None, season: str | None, zone: str
) -> None:
    utc = to_utc(MeterTime(wall, deviation_min, None, season), ZoneInfo(zone))
    assert (utc is not None) == (1900 <= wall.year < 2200)
    if utc is not None:
        assert abs(utc.replace(tzinfo=None) - wall) <= timedelta(days=1, hours=1)


def test_a_moment_that_no_clock_shows_is_none() -> None:
    day = timedelta(days=1)
    assert moved(NOW, day, 3) == NOW + 3 * day
    assert moved(NOW, -day, 400_000) is None
    assert moved(NOW, day, 10**20) is None


# -- a receiver without a clock ------------------------------------------------------------------------------------------

BOOT = datetime(1970, 1, 1, 0, 0, 12, tzinfo=UTC)


@pytest.mark.parametrize("policy", ["check", "receiver"])
@pytest.mark.parametrize("now", [BOOT, datetime(2024, 7, 4, tzinfo=UTC)])
def test_the_meters_time_is_used_while_the_receivers_clock_was_never_set(policy: str, now: datetime) -> None:
    clock = Clock(policy)
    stamps = [clock.stamp(local("2026-05-04T11:39:21"), None, ZURICH, now) for _ in range(3)]
    for stamp in stamps:
        assert (stamp.ts, stamp.source) == (utc("2026-05-04T09:39:21"), "meter")
        assert (stamp.rx, stamp.offset_s) == (None, None)
    assert [stamp.problem and stamp.problem.code for stamp in stamps] == ["clock_off", None, None]
    after = clock.stamp(local("2026-05-04T11:39:26"), None, ZURICH, NOW)
    assert (after.ts, after.rx) == (
        NOW.replace(microsecond=0) if policy == "receiver" else utc("2026-05-04T09:39:26"),
        NOW,
    )


@pytest.mark.parametrize("time", [None, "2000-01-01T00:00:00"])
def test_where_nobody_knows_the_time_it_is_said(time: str | None) -> None:
    stamp = Clock("check").stamp(local(time) if time else None, None, ZURICH, BOOT)
    assert (stamp.source, stamp.rx) == ("receiver", None)
    assert stamp.ts < SET_SINCE
    assert stamp.problem
    assert "was not set" in stamp.problem.message


def test_a_clock_that_goes_on_from_where_it_was_saved_is_not_believed() -> None:
    """A machine that stores its clock now and then: after two hours without power it is two hours late."""
    clock = Clock("check")
    late = NOW - timedelta(hours=2)
    clock.since = NOW - timedelta(minutes=30)  # the last telegram before the power cut
    stamp = clock.stamp(local("2026-05-04T11:39:21"), None, ZURICH, late)
    assert (stamp.ts, stamp.source, stamp.rx) == (utc("2026-05-04T09:39:21"), "meter", None)


def test_a_memory_from_the_future_does_not_overrule_two_clocks_that_agree() -> None:
    clock = Clock("check")
    clock.since = NOW + timedelta(days=3650)
    stamp = clock.stamp(local("2026-05-04T11:39:21"), None, ZURICH, NOW)
    assert (stamp.ts, stamp.rx, stamp.problem) == (utc("2026-05-04T09:39:21"), NOW, None)
    behind = clock.stamp(local("2026-05-04T08:00:00"), None, ZURICH, NOW)
    assert behind.source == "receiver", "a meter that is late is still not believed"
