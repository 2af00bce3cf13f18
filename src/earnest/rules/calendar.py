"""Days and cycles in a rule pack's time zone (RULES 3.1).

Instants are aware UTC datetimes everywhere. A day is the ordinal of its date in the pack's zone, and a cycle is
half-open: its end is the first instant of the next one.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Beyond these a date is a typing mistake, and the arithmetic of months and zones would leave datetime's range.
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)

NEVER_DAY = date.max.toordinal()
"""A day that never comes."""

ANNIVERSARY_LAST_DAY = 28
"""The last day of the month that every month has; openings after it move to a first (RULES 3.1)."""


def as_utc(instant: datetime, name: str) -> datetime:
    """Return the instant in UTC.

    Raises ValueError, naming the field, for a time without a zone or one no marketplace can mean.
    """
    if instant.utcoffset() is None:
        raise ValueError(f"{name}: expected a time with a zone, got {instant.isoformat()}")
    # Compared as they came: converting a time at the very edge of the range would overflow.
    if not EARLIEST <= instant <= LATEST:
        raise ValueError(f"{name}: expected a time from {EARLIEST.year} to {LATEST.year}, got {instant.isoformat()}")
    return instant.astimezone(UTC)


def told(instant: datetime) -> str:
    """Return an instant as it is told beside a code: RFC 3339, in UTC."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Calendar:
    """The months and days of one rule pack: its zone and its kind of cycle."""

    __slots__ = ("_next", "_utc", "anniversary", "zone")

    def __init__(self, zone: ZoneInfo, *, anniversary: bool) -> None:
        self.zone = zone
        self.anniversary = anniversary
        self._utc = zone.key == "UTC"
        # Every account shares its boundaries with many others, so each is worked out once.
        self._next: dict[datetime, datetime] = {}

    def day(self, instant: datetime) -> int:
        """Return the day the instant lies on, as its date's ordinal."""
        if self._utc:
            return instant.toordinal()
        return instant.astimezone(self.zone).toordinal()

    def day_start(self, day: int) -> datetime:
        """Return the first instant of a day.

        Where the clocks skip midnight it is the instant they are moved; where they pass it twice, the first time.
        """
        return datetime.combine(date.fromordinal(day), time(), self.zone).astimezone(UTC)

    def first_cycle(self, opened_at: datetime) -> tuple[datetime, datetime]:
        """Return the cycle an opening falls into.

        It starts with the opening's month, or on an anniversary calendar with the opening's day.
        """
        opened = date.fromordinal(self.day(opened_at))
        start = opened if self.anniversary else opened.replace(day=1)
        if start.day <= ANNIVERSARY_LAST_DAY:
            end = _month_later(start)
        else:
            # 28 days after the 29th, 30th or 31st is never a first, so the first after it is always ahead.
            end = _month_later((start + timedelta(days=28)).replace(day=1))
        return self.day_start(start.toordinal()), self.day_start(end.toordinal())

    def next_boundary(self, boundary: datetime) -> datetime:
        """Return the boundary after a given one."""
        following = self._next.get(boundary)
        if following is None:
            following = self.day_start(_month_later(date.fromordinal(self.day(boundary))).toordinal())
            self._next[boundary] = following
        return following

    def prorated(self, connects: int, now: datetime, start: datetime, end: datetime) -> int:
        """Return the part of a cycle's connects that its days left stand for, today included (RULES 3.5)."""
        last = self.day(end)
        return connects * (last - self.day(now)) // (last - self.day(start))


def _month_later(day: date) -> date:
    """Return the same day of the next month; the day must be one that every month has."""
    return day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
