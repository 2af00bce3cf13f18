"""What the use cases answer: plain values, ready to be shown or sent.

Connects are whole numbers, money is whole minor units with its currency, times are aware and in UTC. Ids are opaque.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from earnest.rules.account import Kind
from earnest.rules.advice import Advice
from earnest.rules.forecast import Expiring
from earnest.rules.job import CloseReason
from earnest.rules.member import Role
from earnest.rules.outcome import Refused
from earnest.rules.price import Duration, JobType, WeeklyHours
from earnest.rules.stats import Month

T = TypeVar("T")


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of money."""

    amount: Annotated[int, Meta(description="In minor units of the currency.", examples=[30000])]
    currency: Annotated[str, Meta(description="The currency's ISO 4217 code.", examples=["USD"])]


class Cycle(msgspec.Struct, frozen=True):
    """One month of a membership, half-open: `end` is the first instant of the next one."""

    start: datetime
    end: datetime


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A piece of a list. `next_cursor` asks for the next one; None at the end."""

    items: list[T]
    next_cursor: str | None = None


class AccountShown(msgspec.Struct, frozen=True):
    """An account. `pending_plan` is the plan it will be on from its next cycle, None where that is its present one."""

    id: str
    kind: Kind
    plan: str
    status: str
    cycle: Cycle
    fee_unpaid: bool = False
    pending_plan: str | None = None
    name: str | None = None
    external_id: str | None = None


class LotShown(msgspec.Struct, frozen=True):
    """Connects that came together. What belongs to the cycle shows the cycle's end as `expires_at`."""

    id: str
    source: str
    remaining: int
    expires_at: datetime
    paid: bool
    unit_price: Money | None = None
    purchase_id: str | None = None


class BalanceShown(msgspec.Struct, frozen=True):
    """What an account holds at a time.

    `expiring` is what each coming boundary would take of it if nothing were used, `most_held` None where there is no
    limit.
    """

    account_id: str
    at: datetime
    available: int
    debt: int
    lots: list[LotShown]
    expiring: list[Expiring]
    most_held: int | None
    carry_limit: int


class EntryShown(msgspec.Struct, frozen=True):
    """A line of a journal; `connects` is signed. `recorded_at` is None for a line that is due but not yet written."""

    id: str
    kind: str
    connects: int
    balance_after: int
    plan: str
    effective_at: datetime
    recorded_at: datetime | None
    paid: bool
    lot_id: str | None = None
    source: str | None = None
    job_id: str | None = None
    proposal_id: str | None = None
    purchase_id: str | None = None
    note: str = ""


class ChargeShown(msgspec.Struct, frozen=True):
    """A membership fee that fell due."""

    plan: str
    amount: Money
    at: datetime


class NoticeShown(msgspec.Struct, frozen=True):
    """Something the holder is told of: `forfeited`, `plan_changed`, `warned`, `suspended` or `reinstated`."""

    kind: str
    at: datetime
    connects: int = 0
    plan: str | None = None
    reason: str = ""


class MemberShown(msgspec.Struct, frozen=True):
    """A person of an agency. `can_propose` is None where the role alone decides."""

    id: str
    account_id: str
    role: Role
    name: str | None = None
    can_propose: bool | None = None


class ClientShown(msgspec.Struct, frozen=True):
    """Who posts jobs."""

    id: str
    name: str | None = None
    external_id: str | None = None


class JobShown(msgspec.Struct, frozen=True):
    """A job; `price` is what a proposal costs, in connects."""

    id: str
    client_id: str
    status: str
    price: int
    title: str
    type: JobType
    posted_at: datetime
    lapses_at: datetime
    hires: int = 0
    budget: Money | None = None
    duration: Duration | None = None
    weekly_hours: WeeklyHours | None = None
    description: str | None = None
    skills: tuple[str, ...] = ()
    external_id: str | None = None
    closed_at: datetime | None = None
    close_reason: CloseReason | None = None


class Returned(msgspec.Struct, frozen=True):
    """What a closing gave back so far: for how many proposals, and how many connects; `pending` until that is all."""

    proposals: int
    connects: int
    pending: bool


class ClosedShown(msgspec.Struct, frozen=True):
    """A closed job, and what was given back."""

    job: JobShown
    returned: Returned


class QuoteShown(msgspec.Struct, frozen=True):
    """What proposing to a job would cost an account, and leave.

    `why` says what the price rests on; `price_in_money` is what so many connects would cost to buy, where the plan may
    buy. With a `refusal` the proposal would be turned down.
    """

    price: int
    why: str
    balance_before: int
    balance_after: int
    price_in_money: Money | None = None
    refusal: Refused | None = None


class InvitationShown(msgspec.Struct, frozen=True):
    """An account's invitation to a job: proposing to it costs nothing."""

    account_id: str
    job_id: str
    invited_at: datetime


class ProposalShown(msgspec.Struct, frozen=True):
    """A proposal. `balance_after` is told where it has just been changed."""

    id: str
    job_id: str
    account_id: str
    status: str
    connects_spent: int
    invited: bool
    attempt: int
    submitted_at: datetime
    worker_id: str | None = None
    bid: Money | None = None
    returned_at: datetime | None = None
    cover_letter: str | None = None
    balance_after: int | None = None


class WarningShown(msgspec.Struct, frozen=True):
    """How many connects the next boundary takes unless they are used."""

    connects: int
    at: datetime


class PurchaseShown(msgspec.Struct, frozen=True):
    """A purchase: `pending`, `confirmed`, `refused`, `reversed` or `cancelled`."""

    id: str
    account_id: str
    status: str
    connects: int
    amount: Money
    requested_at: datetime
    decided_at: datetime | None = None
    refusal: str | None = None
    warning: WarningShown | None = None


class EvidenceShown(msgspec.Struct, frozen=True):
    """A proposal that counted when an account was suspended."""

    proposal_id: str
    job_id: str
    connects: int
    submitted_at: datetime


class SuspensionShown(msgspec.Struct, frozen=True):
    """Why an account may not propose, since when, and what was said about it."""

    since: datetime
    by: Literal["conduct", "operator"]
    evidence: list[EvidenceShown]
    reason: str = ""
    appeal: str | None = None
    appealed_at: datetime | None = None
    decision: Literal["upheld"] | None = None
    decided_at: datetime | None = None
    decision_reason: str = ""


class StatsShown(msgspec.Struct, frozen=True):
    """The last months in figures, the earliest first, and how alike the letters are that were sent in them.

    `letters_alike` is a share from 0 to 100, None where fewer than two letters can be compared.
    """

    months: list[Month]
    letters_alike: int | None


class AdviceShown(msgspec.Struct, frozen=True):
    """Whether to upgrade or to buy, from the holder's own months; `usual_price` is what most jobs cost, in connects."""

    advice: Advice
    usual_price: int


class KeyShown(msgspec.Struct, frozen=True):
    """An API key."""

    id: Annotated[str, Meta(description="The key's id, `key_…`.")]
    name: Annotated[str, Meta(description="What it is called, for whoever looks through the keys.")]
    scope: Annotated[
        Literal["read", "propose", "manage", "operate"],
        Meta(description="What it may do; each scope includes those before it."),
    ]
    account_id: Annotated[str | None, Meta(description="The one account it sees and touches; null for all.")]
    rate_limit: Annotated[str | None, Meta(description="How many requests it may make in a span, as in 600/minute.")]
    created_at: Annotated[datetime, Meta(description="When it was made.")]
    expires_at: Annotated[datetime | None, Meta(description="From when on it is no longer taken; null for never.")]
    revoked_at: Annotated[datetime | None, Meta(description="When it was revoked.")]
    secret: Annotated[str | None, Meta(description="What its bearer sends. Shown once, when it is made.")] = None


class EndpointShown(msgspec.Struct, frozen=True):
    """Where events are sent, and how that goes."""

    id: Annotated[str, Meta(description="The endpoint's id, `whe_…`.")]
    url: Annotated[str, Meta(description="Where events are posted to.")]
    kinds: Annotated[list[str] | None, Meta(description="The kinds of events it is told of; null for all.")]
    description: Annotated[str | None, Meta(description="What it is for, in the words of whoever made it.")]
    status: Annotated[
        Literal["active", "failing", "paused"],
        Meta(
            description="`active`; `failing` from a failed attempt to the next success; `paused` when nothing is sent to "
            "it any more, until something is asked to be redelivered."
        ),
    ]
    failing_since: Annotated[
        datetime | None,
        Meta(description="When the first attempt failed since the last success, by the machine's clock."),
    ]
    paused_at: Annotated[datetime | None, Meta(description="When it was paused, by the machine's clock.")]
    paused_because: Annotated[str | None, Meta(description="Why it was paused.")]
    old_secret_until: Annotated[
        datetime | None, Meta(description="Until when the secret before this one signs too, by the machine's clock.")
    ]
    created_at: Annotated[datetime, Meta(description="When it was made.")]
    secret: Annotated[
        str | None,
        Meta(description="What signatures are checked with, `whsec_…`. Shown once, when it is made or rotated."),
    ] = None


class DeliveryShown(msgspec.Struct, frozen=True):
    """An event, and what became of telling one endpoint of it."""

    id: Annotated[str, Meta(description="The delivery's id, `del_…`.")]
    event_id: Annotated[
        str, Meta(description="The event's id, `evt_…`: the same at all endpoints and attempts; sent as `webhook-id`.")
    ]
    kind: Annotated[str, Meta(description="The kind of event, as in `proposal.submitted`.")]
    account_id: Annotated[str, Meta(description="The account it is about.")]
    status: Annotated[
        Literal["waiting", "delivered", "failed"],
        Meta(description="`waiting` to be sent, or sent again; `delivered`; `failed` when it was given up."),
    ]
    attempts: Annotated[int, Meta(description="How often it was sent since it was last asked for.")]
    recorded_at: Annotated[datetime, Meta(description="When what it tells of was recorded.")]
    next_at: Annotated[
        datetime | None,
        Meta(description="Not before when it is sent again, by the machine's clock; null: as soon as it is its turn."),
    ]
    tried_at: Annotated[datetime | None, Meta(description="When it was last sent, by the machine's clock.")]
    answered: Annotated[int | None, Meta(description="The HTTP status of the last answer; null where none came.")]
    error: Annotated[str | None, Meta(description="Why the last attempt failed.")]
    payload: Annotated[dict[str, Any], Meta(description="What is sent as `data`.")]


class ClockShown(msgspec.Struct, frozen=True):
    """A sandbox's clock."""

    now: Annotated[datetime, Meta(description="The time, till it is moved.")]
