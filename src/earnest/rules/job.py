"""Jobs: their price, how long they take proposals, and what closing one decides (RULES 1.3, 5.1, 5.2)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from earnest.rules.calendar import as_utc
from earnest.rules.pack import Pack
from earnest.rules.price import JobSize, price

CloseReason = Literal["cancelled", "filled", "removed"]


class JobStatus(StrEnum):
    """Where a job stands; a hire leaves it open."""

    OPEN = "open"
    LAPSED = "lapsed"
    CLOSED = "closed"


class Job(msgspec.Struct, frozen=True):
    """A posted job. Its `price` in connects was set when it was posted, or when its size last changed."""

    id: str
    client_id: str
    size: JobSize
    price: int
    posted_at: datetime
    lapses_at: datetime
    hires: int = 0
    closed_at: datetime | None = None
    close_reason: CloseReason | None = None

    def status(self, now: datetime) -> JobStatus:
        """Return the job's status at a time."""
        if self.closed_at is not None:
            return JobStatus.CLOSED
        return JobStatus.LAPSED if now >= self.lapses_at else JobStatus.OPEN

    def gives_back(self, pack: Pack, now: datetime) -> bool:
        """Say whether what was spent on the job goes back to who spent it, now.

        A closed job without a hire gives back, whatever reason was given; a lapsed one only where the pack says so.
        """
        if self.hires:
            return False
        status = self.status(now)
        return status is JobStatus.CLOSED or (status is JobStatus.LAPSED and pack.at(self.posted_at).lapse_gives_back)


def post(job_id: str, client_id: str, size: JobSize, pack: Pack, now: datetime) -> Job:
    """Post a job at the price and for the time that hold now; raises ValueError for a `now` without a zone."""
    now = as_utc(now, "now")
    rules = pack.at(now)
    return Job(job_id, client_id, size, price(size, rules.price_card), now, now + timedelta(days=rules.lapse_days))


def resize(job: Job, size: JobSize, pack: Pack, now: datetime) -> Job:
    """Edit a job's size: where what counts of it changes, later proposals cost what it is worth now (RULES 1.3).

    Raises ValueError for a `now` without a zone.
    """
    rules = pack.at(as_utc(now, "now"))
    costs = job.price if size.that_counts() == job.size.that_counts() else price(size, rules.price_card)
    return msgspec.structs.replace(job, size=size, price=costs)


def close(job: Job, reason: CloseReason, now: datetime) -> Job:
    """Close a job. A closed one stays as it was first closed. Raises ValueError for a `now` without a zone."""
    if job.closed_at is not None:
        return job
    return msgspec.structs.replace(job, closed_at=as_utc(now, "now"), close_reason=reason)
