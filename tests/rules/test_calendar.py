"""Days, cycles and zones, against dates worked out by hand."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.rules.calendar import Calendar, as_utc


def calendar(zone: str = "UTC", *, anniversary: bool = False) -> Calendar:
    return Calendar(ZoneInfo(zone), anniversary=anniversary)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anniversary", "opened", "start", "end"),
    [
        (False, "2024-02-29T23:59", "2024-02-01", "2024-03-01"),
        (False, "2023-12-01T00:00", "2023-12-01", "2024-01-01"),
        (True, "2024-01-15T10:00", "2024-01-15", "2024-02-15"),
        (True, "2023-12-28T00:00", "2023-12-28", "2024-01-28"),
        (True, "2023-01-28T00:00", "2023-01-28", "2023-02-28"),
        (True, "2024-01-29T10:00", "2024-01-29", "2024-03-01"),
        (True, "2023-01-31T10:00", "2023-01-31", "2023-03-01"),
        (True, "2024-02-29T00:00", "2024-02-29", "2024-04-01"),
        (True, "2024-12-30T00:00", "2024-12-30", "2025-02-01"),
        (True, "2024-04-30T00:00", "2024-04-30", "2024-06-01"),
    ],
)
def test_the_first_cycle(anniversary: bool, opened: str, start: str, end: str) -> None:
    cycle = calendar(anniversary=anniversary).first_cycle(at(opened))
    assert cycle == (at(start), at(end))
    assert cycle[0] <= at(opened) < cycle[1]


@pytest.mark.parametrize(
    ("zone", "boundary", "following"),
    [
        ("UTC", "2024-01-01T00:00", "2024-02-01T00:00"),
        ("UTC", "2024-12-01T00:00", "2025-01-01T00:00"),
        ("UTC", "2024-01-28T00:00", "2024-02-28T00:00"),
        # New York is four hours behind in summer, five in winter.
        ("America/New_York", "2024-10-01T04:00", "2024-11-01T04:00"),
        ("America/New_York", "2024-11-01T04:00", "2024-12-01T05:00"),
        # Cairo's clocks went from 00:00 to 01:00 on 26 April 2024.
        ("Africa/Cairo", "2024-03-25T22:00", "2024-04-25T22:00"),
    ],
)
def test_the_next_boundary_is_a_month_on_at_midnight_in_the_zone(zone: str, boundary: str, following: str) -> None:
    months = calendar(zone)
    assert months.next_boundary(at(boundary)) == at(following)
    assert months.next_boundary(at(boundary)) == at(following)


def test_a_day_without_a_midnight_starts_when_the_clocks_are_moved() -> None:
    start = calendar("Africa/Cairo").day_start(date(2024, 4, 26).toordinal())
    assert (start, start.tzinfo) == (at("2024-04-25T22:00"), UTC)


def test_a_day_with_two_midnights_starts_at_the_first() -> None:
    # Havana's clocks went back from 01:00 to 00:00 on 3 November 2024.
    assert calendar("America/Havana").day_start(date(2024, 11, 3).toordinal()) == at("2024-11-03T04:00")


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia"]),
    st.booleans(),
)
def test_cycles_follow_one_another_without_a_gap(opened: datetime, zone: str, anniversary: bool) -> None:
    months = calendar(zone, anniversary=anniversary)
    start, end = months.first_cycle(opened)
    assert start <= opened < end
    for _ in range(14):
        following = months.next_boundary(end)
        assert timedelta(days=27, hours=22) < following - end < timedelta(days=31, hours=2)
        assert date.fromordinal(months.day(following)).day == date.fromordinal(months.day(end)).day
        end = following


@pytest.mark.parametrize(
    ("zone", "now", "left"),
    [
        ("UTC", "2024-01-01T00:00", 60),
        ("UTC", "2024-01-02T00:00", 58),
        ("UTC", "2024-01-17T12:00", 29),
        ("UTC", "2024-01-31T23:59", 1),
        # Three in the morning of the 17th is still the 16th in New York.
        ("America/New_York", "2024-01-17T03:00", 30),
    ],
)
def test_prorating_counts_the_days_left_today_included(zone: str, now: str, left: int) -> None:
    months = calendar(zone)
    start, end = months.first_cycle(at("2024-01-15T12:00"))
    assert months.prorated(60, at(now), start, end) == left


def test_times_come_in_any_zone_but_with_one() -> None:
    east = timezone(timedelta(hours=2))
    assert as_utc(datetime(2024, 1, 1, 1, tzinfo=east), "now") == at("2023-12-31T23:00")
    assert as_utc(datetime(2024, 1, 1, 1, tzinfo=east), "now").tzinfo is UTC
    with pytest.raises(ValueError, match="now: expected a time with a zone, got 2024-01-01T00:00:00"):
        as_utc(datetime(2024, 1, 1), "now")
    for odd in (
        datetime.min.replace(tzinfo=east),
        datetime.max.replace(tzinfo=UTC),
        at("1970-01-01"),
        at("9000-01-02"),
    ):
        with pytest.raises(ValueError, match="opened_at: expected a time from 1970 to 9000"):
            as_utc(odd, "opened_at")
    for edge in (at("1970-01-02"), at("9000-01-01")):
        assert as_utc(edge, "now") == edge
