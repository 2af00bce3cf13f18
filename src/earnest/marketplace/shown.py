"""What the use cases answer: plain values, ready to be shown or sent.

Connects are whole numbers, money is whole minor units with its currency, times are aware and in UTC. Ids are opaque.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from earnest.rules.account import EntryKind, Kind, Source, Status
from earnest.rules.advice import Advice
from earnest.rules.forecast import Expiring
from earnest.rules.job import CloseReason, JobStatus
from earnest.rules.member import Member, Role
from earnest.rules.outcome import NoticeKind, Refused
from earnest.rules.price import Duration, JobType, WeeklyHours
from earnest.rules.proposal import ProposalStatus
from earnest.rules.purchase import PurchaseStatus
from earnest.rules.stats import Month

T = TypeVar("T")

Instant = Annotated[datetime, Meta(tz=True)]
AccountId = Annotated[
    str, Meta(description="The account's id, `acc_…`.", examples=["acc_019b8d627a8071038386bbc4cd613e30"])
]


def _choice(kind: type[StrEnum], description: str | None = None, examples: list[str] | None = None) -> Meta:
    """Return what is said of a text that is one of a few: which they are, for the documentation."""
    return Meta(
        description=description, examples=examples, extra_json_schema={"enum": [choice.value for choice in kind]}
    )


JobId = Annotated[str, Meta(description="The job's id, `job_…`.", examples=["job_019b8d627a807c9da12e7696a6cecc1b"])]
LotId = Annotated[str, Meta(description="The lot's id, `lot_…`.", examples=["lot_019b8d627a8071038386bbc4cd613e30_1"])]
ProposalId = Annotated[
    str, Meta(description="The proposal's id, `prp_…`.", examples=["prp_019b8d627a8071038386bbc4cd613e30_2"])
]


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of money."""

    amount: Annotated[int, Meta(description="In minor units of the currency.", examples=[30000])]
    currency: Annotated[str, Meta(description="The currency's ISO 4217 code.", examples=["USD"])]


class Cycle(msgspec.Struct, frozen=True):
    """One month of a membership, half-open: `end` is the first instant of the next one."""

    start: Annotated[Instant, Meta(description="Its first instant.", examples=["2026-01-01T00:00:00Z"])]
    end: Annotated[Instant, Meta(description="The first instant of the next one.", examples=["2026-02-01T00:00:00Z"])]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A piece of a list."""

    items: Annotated[list[T], Meta(description="The piece, in the list's order.")]
    next_cursor: Annotated[
        str | None, Meta(description="What to send as `cursor` for the next piece; null at the end of the list.")
    ] = None


class AccountShown(msgspec.Struct, frozen=True):
    """An account: what holds connects, one freelancer's or one agency's."""

    id: AccountId
    kind: Annotated[Kind, Meta(description="Whose it is: one freelancer's, or an agency's.")]
    plan: Annotated[str, Meta(description="The code of the plan it is on.", examples=["plus"])]
    status: Annotated[
        str,
        _choice(Status, "Its standing; `suspended` from proposing.", examples=["active"]),
    ]
    cycle: Annotated[Cycle, Meta(description="The month of its membership that it is in.")]
    fee_unpaid: Annotated[bool, Meta(description="Whether its membership fee is reported unpaid.")] = False
    pending_plan: Annotated[
        str | None, Meta(description="The plan it is on from its next cycle; null where that is the present one.")
    ] = None
    name: Annotated[str | None, Meta(description="The holder's name; null once they are erased.")] = None
    external_id: Annotated[str | None, Meta(description="Your own id of it.", examples=["user-17"])] = None


class LotShown(msgspec.Struct, frozen=True):
    """Connects that came together."""

    id: LotId
    source: Annotated[str, _choice(Source, "What they came as.")]
    remaining: Annotated[int, Meta(description="What is left of them, in connects.", examples=[58])]
    expires_at: Annotated[
        Instant, Meta(description="When they expire, if they aren't carried: the cycle's end, or a time of their own.")
    ]
    paid: Annotated[bool, Meta(description="Whether they were bought.")]
    unit_price: Annotated[Money | None, Meta(description="What was paid for each connect; null for free ones.")] = None
    purchase_id: Annotated[str | None, Meta(description="The purchase they came with, `pur_…`.")] = None


class BalanceShown(msgspec.Struct, frozen=True):
    """What an account holds at a time."""

    account_id: AccountId
    at: Annotated[Instant, Meta(description="The time this is about.")]
    available: Annotated[int, Meta(description="What can be spent, in connects; never negative.", examples=[58])]
    debt: Annotated[
        int, Meta(description="Connects owed after a reversed purchase, taken from what comes next.", examples=[0])
    ]
    lots: Annotated[list[LotShown], Meta(description="What is held, in the order in which it is spent.")]
    expiring: Annotated[
        list[Expiring],
        Meta(description="What each coming boundary would take of it if nothing were used, the earliest first."),
    ]
    most_held: Annotated[
        int | None,
        Meta(description="The most connects it may hold; null for no limit.", examples=[350]),
    ]
    carry_limit: Annotated[
        int, Meta(description="The most connects that are carried into the next cycle.", examples=[140])
    ]


class EntryShown(msgspec.Struct, frozen=True):
    """A line of a journal."""

    id: Annotated[str, Meta(description="The line's id, `ent_…`.")]
    kind: Annotated[str, _choice(EntryKind, "What it records.")]
    connects: Annotated[int, Meta(description="How many connects came (positive) or went (negative).", examples=[-2])]
    balance_after: Annotated[int, Meta(description="What the account held after it, in connects.", examples=[58])]
    plan: Annotated[str, Meta(description="The plan the account was on.", examples=["plus"])]
    effective_at: Annotated[Instant, Meta(description="When it took effect.")]
    recorded_at: Annotated[
        Instant | None, Meta(description="When it was written; null for one that is due and not yet written.")
    ]
    paid: Annotated[bool, Meta(description="Whether the connects were bought.")]
    lot_id: Annotated[
        str | None, Meta(description="The lot it touched, `lot_…`; null where an invited proposal moved nothing.")
    ] = None
    source: Annotated[
        Annotated[str, _choice(Source)] | None, Meta(description="What the lot came as; null without a lot.")
    ] = None
    job_id: Annotated[str | None, Meta(description="The job it is about, `job_…`.")] = None
    proposal_id: Annotated[str | None, Meta(description="The proposal it is about, `prp_…`.")] = None
    purchase_id: Annotated[str | None, Meta(description="The purchase the connects came with, `pur_…`.")] = None
    note: Annotated[str, Meta(description="Why, in words, where there is something to say; else empty.")] = ""


class ChargeShown(msgspec.Struct, frozen=True):
    """A membership fee that fell due."""

    plan: Annotated[str, Meta(description="The plan it is for.", examples=["plus"])]
    amount: Annotated[Money, Meta(description="How much.")]
    at: Annotated[Instant, Meta(description="When it fell due.")]


class NoticeShown(msgspec.Struct, frozen=True):
    """Something to tell the holder."""

    kind: Annotated[str, _choice(NoticeKind, "What it is.")]
    at: Annotated[Instant, Meta(description="As of when.")]
    connects: Annotated[int, Meta(description="The connects it is about; 0 where it is about none.")] = 0
    plan: Annotated[str | None, Meta(description="With `plan_changed`: the plan the account is on now.")] = None
    reason: Annotated[str, Meta(description="Why, in words, where there is something to say; else empty.")] = ""


class MemberShown(msgspec.Struct, frozen=True):
    """A person of an agency."""

    id: Annotated[str, Meta(description="The member's id, `mem_…`.")]
    account_id: Annotated[str, Meta(description="The agency's account, `acc_…`.")]
    role: Annotated[Role, Meta(description="What they are there: owners and admins may buy and change the plan.")]
    name: Annotated[str | None, Meta(description="Their name; null once it is erased.", examples=["Eve"])] = None
    can_propose: Annotated[
        bool | None, Meta(description="Whether they may propose; null where the role decides: owners and admins may.")
    ] = None

    @property
    def ruled(self) -> Member:
        """The member as the rules know one, to be asked what they may do."""
        return Member(self.id, self.role, self.can_propose)


class ClientShown(msgspec.Struct, frozen=True):
    """Who posts jobs."""

    id: Annotated[str, Meta(description="The client's id, `cli_…`.")]
    name: Annotated[str | None, Meta(description="Their name; null once they are erased.", examples=["Dan"])] = None
    external_id: Annotated[str | None, Meta(description="Your own id of them.", examples=["client-3"])] = None


class JobShown(msgspec.Struct, frozen=True):
    """A job."""

    id: JobId
    client_id: Annotated[str, Meta(description="Who posted it, `cli_…`.")]
    status: Annotated[str, _choice(JobStatus, "`lapsed` jobs take no new proposals, but can be hired from and closed.")]
    price: Annotated[int, Meta(description="What a proposal to it costs, in connects.", examples=[2])]
    title: Annotated[str, Meta(description="What it is called.", examples=["A logo"])]
    type: Annotated[JobType, Meta(description="Whether it is paid as a whole or by the hour.")]
    posted_at: Annotated[Instant, Meta(description="When it was posted.")]
    lapses_at: Annotated[Instant, Meta(description="When it stops taking proposals, if it isn't closed before.")]
    hires: Annotated[int, Meta(description="How many were hired from it.", examples=[0])] = 0
    budget: Annotated[Money | None, Meta(description="What the client means to pay, for a fixed price.")] = None
    duration: Annotated[Duration | None, Meta(description="How long it will take; null for unknown.")] = None
    weekly_hours: Annotated[WeeklyHours | None, Meta(description="How many hours a week; null for unknown.")] = None
    description: Annotated[str | None, Meta(description="What is to be done.")] = None
    skills: Annotated[tuple[str, ...], Meta(description="What it takes, in words.", examples=[["lettering"]])] = ()
    external_id: Annotated[str | None, Meta(description="Your own id of it.", examples=["job-9"])] = None
    closed_at: Annotated[Instant | None, Meta(description="When it was closed; null while it isn't.")] = None
    close_reason: Annotated[CloseReason | None, Meta(description="Why it was closed; null while it isn't.")] = None


class Returned(msgspec.Struct, frozen=True):
    """What closing a job gave back so far."""

    proposals: Annotated[int, Meta(description="For how many proposals.", examples=[1])]
    connects: Annotated[int, Meta(description="How many connects.", examples=[2])]
    pending: Annotated[bool, Meta(description="Whether more may still come back; ask again to know.")]


class ClosedShown(msgspec.Struct, frozen=True):
    """A closed job, and what was given back."""

    job: Annotated[JobShown, Meta(description="The job.")]
    returned: Annotated[Returned, Meta(description="What was given back to those who proposed.")]


class QuoteShown(msgspec.Struct, frozen=True):
    """What proposing to a job would cost an account, and leave."""

    price: Annotated[int, Meta(description="What it would cost, in connects.", examples=[2])]
    why: Annotated[str, Meta(description="What the price rests on.", examples=["fixed, by budget"])]
    balance_before: Annotated[int, Meta(description="What the account has, in connects.", examples=[70])]
    balance_after: Annotated[int, Meta(description="What it would have after; if refused, the same.", examples=[68])]
    price_in_money: Annotated[
        Money | None,
        Meta(description="What so many connects would cost to buy; null where the plan may not buy."),
    ] = None
    refusal: Annotated[Refused | None, Meta(description="Why it would be refused; null where it wouldn't.")] = None


class InvitationShown(msgspec.Struct, frozen=True):
    """An account's invitation to a job: proposing to it costs nothing."""

    account_id: AccountId
    job_id: JobId
    invited_at: Annotated[Instant, Meta(description="When the client invited it.")]


class ProposalShown(msgspec.Struct, frozen=True):
    """A proposal."""

    id: ProposalId
    job_id: JobId
    account_id: AccountId
    status: Annotated[str, _choice(ProposalStatus, "What became of it.")]
    connects_spent: Annotated[int, Meta(description="What it cost, in connects; 0 where invited.", examples=[2])]
    invited: Annotated[bool, Meta(description="Whether the client had invited the account.")]
    attempt: Annotated[
        int, Meta(description="The how manieth of this account to this job it is; one more after each withdrawal.")
    ]
    submitted_at: Annotated[Instant, Meta(description="When it was submitted.")]
    worker_id: Annotated[
        str | None, Meta(description="The agency's member who would do the work, `mem_…`; null for an individual's.")
    ] = None
    bid: Annotated[Money | None, Meta(description="What is asked for.")] = None
    returned_at: Annotated[
        Instant | None, Meta(description="When its connects were given back; null where they weren't.")
    ] = None
    cover_letter: Annotated[
        str | None,
        Meta(
            description="What was written to the client; null for nothing, and where a request only moved the proposal."
        ),
    ] = None
    balance_after: Annotated[
        int | None,
        Meta(description="What the account held then, in connects: told where this request changed it, else null."),
    ] = None


class WarningShown(msgspec.Struct, frozen=True):
    """What would be lost of a purchase."""

    connects: Annotated[int, Meta(description="How many connects the boundary takes unless they are used.")]
    at: Annotated[Instant, Meta(description="When that boundary is.")]


class PurchaseShown(msgspec.Struct, frozen=True):
    """Connects bought, or asked for."""

    id: Annotated[str, Meta(description="The purchase's id, `pur_…`.")]
    account_id: AccountId
    status: Annotated[
        str,
        _choice(
            PurchaseStatus,
            "`pending` till the payment is known; `confirmed`: they arrived; `refused`: paid, no longer "
            "allowed; `reversed` after being confirmed; `cancelled` before.",
        ),
    ]
    connects: Annotated[int, Meta(description="How many connects.", examples=[20])]
    amount: Annotated[Money, Meta(description="What they cost together.")]
    requested_at: Annotated[Instant, Meta(description="When they were asked for.")]
    decided_at: Annotated[
        Instant | None, Meta(description="When its status last changed; null while it is pending.")
    ] = None
    refusal: Annotated[
        str | None, Meta(description="With `refused`: the code of why.", examples=["over_most_held"])
    ] = None
    warning: Annotated[
        WarningShown | None,
        Meta(description="When it is asked for: what the next boundary would take of it, if anything; later null."),
    ] = None
    checkout_url: Annotated[
        str | None,
        Meta(description="Where the holder pays, while it is pending; null in lists, and where an operator confirms."),
    ] = None


class EvidenceShown(msgspec.Struct, frozen=True):
    """A proposal that counted when an account was suspended."""

    proposal_id: ProposalId
    job_id: JobId
    connects: Annotated[int, Meta(description="What it cost, in connects.")]
    submitted_at: Annotated[Instant, Meta(description="When it was submitted.")]


class SuspensionShown(msgspec.Struct, frozen=True):
    """Why an account may not propose, since when, and what was said about it."""

    since: Annotated[Instant, Meta(description="Since when.")]
    by: Annotated[
        Literal["conduct", "operator"],
        Meta(description="What suspended it: `conduct`, as the rules judge it, or an `operator`."),
    ]
    evidence: Annotated[list[EvidenceShown], Meta(description="By conduct: the proposals that counted.")]
    reason: Annotated[str, Meta(description="By an operator: why.")] = ""
    appeal: Annotated[str | None, Meta(description="What the holder said to it; null where they didn't appeal.")] = None
    appealed_at: Annotated[Instant | None, Meta(description="When the holder appealed.")] = None
    decision: Annotated[
        Literal["upheld"] | None, Meta(description="What an operator decided; null where nothing is decided.")
    ] = None
    decided_at: Annotated[Instant | None, Meta(description="When that was decided.")] = None
    decision_reason: Annotated[str, Meta(description="Why it was decided so.")] = ""


class StatsShown(msgspec.Struct, frozen=True):
    """An account's last months in figures."""

    months: Annotated[list[Month], Meta(description="The months, the earliest first, the present one last.")]
    letters_alike: Annotated[
        int | None,
        Meta(
            description="How alike the letters are that were sent in these months, in percent: the share of a letter "
            "that stands in another one too; null where fewer than two can be compared.",
            examples=[35],
        ),
    ]


class AdviceShown(msgspec.Struct, frozen=True):
    """Whether to upgrade or to buy, from the holder's own months."""

    advice: Annotated[Advice, Meta(description="The answer, and the figures behind it.")]
    usual_price: Annotated[int, Meta(description="What most jobs cost, in connects.", examples=[2])]


class KeyShown(msgspec.Struct, frozen=True):
    """An API key."""

    id: Annotated[str, Meta(description="The key's id, `key_…`.")]
    name: Annotated[str, Meta(description="What it is called, for whoever looks through the keys.")]
    scope: Annotated[
        Literal["read", "propose", "manage", "operate"],
        Meta(description="What it may do: `read`, `propose`, `manage` or `operate`, each with those before it."),
    ]
    account_id: Annotated[str | None, Meta(description="The one account it sees and touches; null for all.")]
    rate_limit: Annotated[str | None, Meta(description="How many requests it may make in a span, as in 600/minute.")]
    created_at: Annotated[Instant, Meta(description="When it was made.")]
    expires_at: Annotated[Instant | None, Meta(description="From when on it is no longer taken; null for never.")]
    revoked_at: Annotated[Instant | None, Meta(description="When it was revoked.")]
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
            description="`active`; `failing` from a failed attempt to the next success; `paused` when nothing is sent "
            "to it any more, until something is asked to be redelivered."
        ),
    ]
    failing_since: Annotated[
        Instant | None,
        Meta(description="When the first attempt failed since the last success, by the machine's clock."),
    ]
    paused_at: Annotated[Instant | None, Meta(description="When it was paused, by the machine's clock.")]
    paused_because: Annotated[str | None, Meta(description="Why it was paused.")]
    old_secret_until: Annotated[
        Instant | None, Meta(description="Until when the secret before this one signs too, by the machine's clock.")
    ]
    created_at: Annotated[Instant, Meta(description="When it was made.")]
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
    recorded_at: Annotated[Instant, Meta(description="When what it tells of was recorded.")]
    next_at: Annotated[
        Instant | None,
        Meta(description="Not before when it is sent again, by the machine's clock; null: as soon as it is its turn."),
    ]
    tried_at: Annotated[Instant | None, Meta(description="When it was last sent, by the machine's clock.")]
    answered: Annotated[int | None, Meta(description="The HTTP status of the last answer; null where none came.")]
    error: Annotated[str | None, Meta(description="Why the last attempt failed.")]
    payload: Annotated[dict[str, Any], Meta(description="What is sent as `data`.")]


class ClockShown(msgspec.Struct, frozen=True):
    """A sandbox's clock."""

    now: Annotated[Instant, Meta(description="The time, till it is moved.")]
