"""What a proposal costs, by the job's type and size (RULES 1.1, 1.2)."""

from enum import StrEnum

import msgspec

from earnest.rules.account import MOST_MINOR_UNITS
from earnest.rules.pack import PriceCard


class JobType(StrEnum):
    """How a job pays."""

    FIXED = "fixed"
    HOURLY = "hourly"


class Duration(StrEnum):
    """How long a job's work will take."""

    UNDER_1_MONTH = "under_1_month"
    ONE_TO_THREE_MONTHS = "1_to_3_months"
    THREE_TO_SIX_MONTHS = "3_to_6_months"
    OVER_6_MONTHS = "over_6_months"


class WeeklyHours(StrEnum):
    """How many hours a week a job asks for."""

    UNDER_30 = "under_30"
    THIRTY_OR_MORE = "30_or_more"


class JobSize(msgspec.Struct, frozen=True):
    """What sets a job's price: its type, and its budget in minor units or its duration and weekly hours."""

    type: JobType
    budget: int | None = None
    duration: Duration | None = None
    weekly_hours: WeeklyHours | None = None

    def __post_init__(self) -> None:
        # Its plain text would do for a member of an enumeration, and then be taken for none where the price is set.
        for name, value, kind in (
            ("type", self.type, JobType),
            ("duration", self.duration or Duration.UNDER_1_MONTH, Duration),
            ("weekly_hours", self.weekly_hours or WeeklyHours.UNDER_30, WeeklyHours),
        ):
            if not isinstance(value, kind):
                raise ValueError(f"{name}: expected a {kind.__name__}, got {value!r}")
        if self.budget is not None and (type(self.budget) is not int or not 0 <= self.budget <= MOST_MINOR_UNITS):
            raise ValueError(f"budget: expected minor units from 0 to {MOST_MINOR_UNITS}, got {self.budget!r}")

    def that_counts(self) -> tuple[int] | tuple[Duration | None, WeeklyHours | None]:
        """Return what the price looks at, so that sizes with equal ones cost the same."""
        if self.type is JobType.FIXED and self.budget is not None:
            return (self.budget,)
        return (self.duration, self.weekly_hours)


def price(size: JobSize, card: PriceCard) -> int:
    """Return what a proposal to a job of this size costs, in connects."""
    if size.type is JobType.FIXED and size.budget is not None:
        for band in card.fixed:
            if size.budget < band.under:
                return band.price
        return card.fixed_above
    by_duration = {
        None: card.duration.unstated,
        Duration.UNDER_1_MONTH: card.duration.under_1_month,
        Duration.ONE_TO_THREE_MONTHS: card.duration.one_to_three_months,
        Duration.THREE_TO_SIX_MONTHS: card.duration.three_to_six_months,
        Duration.OVER_6_MONTHS: card.duration.over_6_months,
    }
    by_hours = {
        None: card.weekly_hours.unstated,
        WeeklyHours.UNDER_30: card.weekly_hours.under_30,
        WeeklyHours.THIRTY_OR_MORE: card.weekly_hours.thirty_or_more,
    }
    return min(card.most, by_duration[size.duration] + by_hours[size.weekly_hours])
