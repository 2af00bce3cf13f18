"""What an account can be asked to do.

A command checks its amounts, texts, times and choices when it is made: one out of range, or a time without a zone,
raises ValueError with the field's name, what was expected and what was found. That its parts are of their types is
for the type checker to see, and for whoever decodes it. What a command needs to know of jobs, proposals and purchases
it brings along.
"""

from datetime import datetime
from typing import Literal

import msgspec

from earnest.rules.account import MOST_CONNECTS, Kind
from earnest.rules.calendar import as_utc
from earnest.rules.job import Job
from earnest.rules.member import Member
from earnest.rules.proposal import Proposal
from earnest.rules.purchase import Purchase

MOST_TEXT = 10_000
"""The most characters a reason or an appeal may have."""


def _check_connects(connects: int) -> None:
    # type() and not isinstance(): True is no number of connects.
    if type(connects) is not int or not 1 <= connects <= MOST_CONNECTS:
        raise ValueError(f"connects: expected a whole number from 1 to {MOST_CONNECTS}, got {connects!r}")


def _check_text(name: str, text: str, least: int = 0) -> None:
    if type(text) is not str or not least <= len(text.strip()) <= MOST_TEXT:
        raise ValueError(f"{name}: expected a text of {least} to {MOST_TEXT} characters")


def _check_for_job(proposals: tuple[Proposal, ...], job: Job) -> None:
    for proposal in proposals:
        if proposal.job_id != job.id:
            raise ValueError(f"proposal: expected one for job {job.id}, got one for {proposal.job_id}")


class Open(msgspec.Struct, frozen=True):
    """Open an account, now or at an earlier time."""

    id: str
    kind: Kind
    plan: str
    opened_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("individual", "agency"):
            raise ValueError(f"kind: expected 'individual' or 'agency', got {self.kind!r}")
        if self.opened_at is not None:
            as_utc(self.opened_at, "opened_at")


class Settle(msgspec.Struct, frozen=True):
    """Carry the account to now and do nothing else."""


class Submit(msgspec.Struct, frozen=True):
    """Propose to a job.

    `invited`: the client has invited the account to it. `live`: the account has a proposal for it that is not
    withdrawn. `attempts`: how many it has made before. `worker`: who of an agency would do the work.
    """

    job: Job
    invited: bool = False
    live: bool = False
    attempts: int = 0
    worker: Member | None = None


class Withdraw(msgspec.Struct, frozen=True):
    """Take a proposal back; nothing is returned (RULES 4.4)."""

    proposal: Proposal


class Decline(msgspec.Struct, frozen=True):
    """Turn a proposal down, as the client; nothing is returned (RULES 4.4)."""

    proposal: Proposal


class Hire(msgspec.Struct, frozen=True):
    """Hire from a proposal for a job, as the client."""

    proposal: Proposal
    job: Job

    def __post_init__(self) -> None:
        _check_for_job((self.proposal,), self.job)


class GiveBack(msgspec.Struct, frozen=True):
    """Return what the account spent on its proposals for a job, if the job gives back; once for each (RULES 5)."""

    job: Job
    proposals: tuple[Proposal, ...]

    def __post_init__(self) -> None:
        _check_for_job(self.proposals, self.job)


class StartPurchase(msgspec.Struct, frozen=True):
    """Ask to buy connects. `pending` are the account's purchases that await payment; `by` is an agency's member."""

    id: str
    connects: int
    pending: tuple[Purchase, ...] = ()
    by: Member | None = None

    def __post_init__(self) -> None:
        _check_connects(self.connects)


class ConfirmPurchase(msgspec.Struct, frozen=True):
    """The payment has come in. `pending` are the account's purchases that await payment, this one or not."""

    purchase: Purchase
    pending: tuple[Purchase, ...] = ()


class ReversePurchase(msgspec.Struct, frozen=True):
    """The payment was taken back. `owed`: the sum of `buy.leaves_to_owe` over the lines of the purchase's lots."""

    purchase: Purchase
    owed: int = 0

    def __post_init__(self) -> None:
        if type(self.owed) is not int or not 0 <= self.owed <= self.purchase.connects:
            raise ValueError(f"owed: expected a whole number from 0 to {self.purchase.connects}, got {self.owed!r}")


class ChangePlan(msgspec.Struct, frozen=True):
    """Move to a plan: up at once, down at the end of the cycle; the plan already held takes that back (RULES 7)."""

    plan: str
    by: Member | None = None


class KeepPlan(msgspec.Struct, frozen=True):
    """Take a pending change of plan back."""

    by: Member | None = None


class ReportFee(msgspec.Struct, frozen=True):
    """Report the membership fee unpaid, or paid after all (RULES 7.2)."""

    paid: bool

    def __post_init__(self) -> None:
        if type(self.paid) is not bool:
            raise ValueError(f"paid: expected True or False, got {self.paid!r}")


class Grant(msgspec.Struct, frozen=True):
    """Give a bonus, as an operator; with an expiry of its own or to end with the cycle."""

    connects: int
    reason: str
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        _check_connects(self.connects)
        _check_text("reason", self.reason, 1)
        if self.expires_at is not None:
            as_utc(self.expires_at, "expires_at")


class Revoke(msgspec.Struct, frozen=True):
    """Take connects, as an operator, in burn order."""

    connects: int
    reason: str

    def __post_init__(self) -> None:
        _check_connects(self.connects)
        _check_text("reason", self.reason, 1)


class Suspend(msgspec.Struct, frozen=True):
    """Suspend the account from proposing, as an operator; it stands until it is lifted."""

    reason: str

    def __post_init__(self) -> None:
        _check_text("reason", self.reason, 1)


class Appeal(msgspec.Struct, frozen=True):
    """Appeal the suspension, as the holder; once (RULES 9.3)."""

    text: str

    def __post_init__(self) -> None:
        _check_text("text", self.text, 1)


class DecideSuspension(msgspec.Struct, frozen=True):
    """Lift or uphold the suspension, as an operator."""

    decision: Literal["lifted", "upheld"]
    reason: str = ""

    def __post_init__(self) -> None:
        if self.decision not in ("lifted", "upheld"):
            raise ValueError(f"decision: expected 'lifted' or 'upheld', got {self.decision!r}")
        _check_text("reason", self.reason)


Command = (
    Open
    | Settle
    | Submit
    | Withdraw
    | Decline
    | Hire
    | GiveBack
    | StartPurchase
    | ConfirmPurchase
    | ReversePurchase
    | ChangePlan
    | KeepPlan
    | ReportFee
    | Grant
    | Revoke
    | Suspend
    | Appeal
    | DecideSuspension
)
