"""What callers send: bodies, and the parameters that many paths share. Each field says what it means, in its unit."""

from typing import Annotated, Literal

import msgspec
from litestar.params import PathParameter, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from earnest.ledger.outbox import KINDS
from earnest.marketplace.addresses import MOST_URL
from earnest.marketplace.endpoints import MOST_OVERLAP_HOURS
from earnest.marketplace.shown import Instant, Money
from earnest.rules.account import MOST_CONNECTS, Kind
from earnest.rules.job import CloseReason
from earnest.rules.member import Role
from earnest.rules.price import Duration, JobType, WeeklyHours
from earnest.wanted import RATE_LIMIT

AccountId = Annotated[str, PathParameter(description="`acc_…`, or `ext:` and the account's external id.")]
ClientId = Annotated[str, PathParameter(description="`cli_…`, or `ext:` and the client's external id.")]
JobId = Annotated[str, PathParameter(description="`job_…`, or `ext:` and the job's external id.")]
ProposalId = Annotated[str, PathParameter(description="`prp_…`")]
PurchaseId = Annotated[str, PathParameter(description="`pur_…`")]
MemberId = Annotated[str, PathParameter(description="`mem_…`")]
Limit = Annotated[int, QueryParameter(description="How many items a page has at most.", ge=1, le=500)]
Cursor = Annotated[str | None, QueryParameter(description="The `next_cursor` of the page before, for the next one.")]


Name = Annotated[str, Meta(min_length=1, max_length=200)]
Url = Annotated[str, Meta(max_length=MOST_URL)]
EventKind = Annotated[str, Meta(extra_json_schema={"enum": list(KINDS)})]
Kinds = Annotated[list[EventKind], Meta(min_length=1, max_length=len(KINDS))]
Letter = Annotated[str, Meta(max_length=10_000)]
Description = Annotated[str, Meta(max_length=50_000)]
RateLimit = Annotated[str, Meta(pattern=RATE_LIMIT)]
Connects = Annotated[int, Meta(ge=1, le=MOST_CONNECTS, description="How many connects.", examples=[10])]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request's body."""


class NoFields(Body, frozen=True):
    """Nothing: an action that needs no more than its path."""


class NewAccount(Body, frozen=True):
    """An account to open."""

    kind: Annotated[Kind, Meta(description="Whose it is: one freelancer's, or an agency's.")]
    plan: Annotated[str, Meta(description="The code of the membership plan it begins on.", examples=["plus"])]
    name: Annotated[Name, Meta(description="The holder's name.", examples=["Ana"])]
    external_id: Annotated[Name | None, Meta(description="Your own id of it.", examples=["user-17"])] = None
    opened_at: Annotated[
        Instant | None, Meta(description="As of when it is opened, for accounts from before; not after now.")
    ] = None


class PlanChange(Body, frozen=True):
    """A plan to move to."""

    plan: Annotated[str, Meta(description="The plan's code.", examples=["plus"])]
    by_member_id: Annotated[str | None, Meta(description="The agency's member who asks for it.")] = None


class NewPurchase(Body, frozen=True):
    """Connects to buy."""

    connects: Connects
    by_member_id: Annotated[str | None, Meta(description="The agency's member who asks for it.")] = None


class NewGrant(Body, frozen=True):
    """Connects to give."""

    connects: Connects
    reason: Annotated[str, Meta(min_length=1, description="Why; it stands in the journal.", examples=["a welcome"])]
    expires_at: Annotated[
        Instant | None, Meta(description="When they expire; without it, like the cycle's other connects.")
    ] = None


class NewRevocation(Body, frozen=True):
    """Connects to take."""

    connects: Connects
    reason: Annotated[str, Meta(min_length=1, description="Why; it stands in the journal.", examples=["a mistake"])]


class NewMember(Body, frozen=True):
    """A person to add to an agency."""

    name: Annotated[Name, Meta(description="The person's name.", examples=["Eve"])]
    role: Annotated[Role, Meta(description="What they are there.")]
    can_propose: Annotated[bool | None, Meta(description="Whether they may propose; null to leave it to the role.")] = (
        None
    )


class MemberChange(Body, frozen=True):
    """What is to change of a member; what is left out stays."""

    name: Annotated[Name | UnsetType, Meta(description="The person's name.", examples=["Eve"])] = UNSET
    role: Annotated[Role | UnsetType, Meta(description="What they are there.")] = UNSET
    can_propose: Annotated[
        bool | UnsetType | None, Meta(description="Whether they may propose; null to leave it to the role.")
    ] = UNSET


class NewSuspension(Body, frozen=True):
    """An operator's suspension."""

    reason: Annotated[str, Meta(min_length=1, description="Why; the holder is told.", examples=["copied letters"])]


class NewAppeal(Body, frozen=True):
    """A holder's appeal."""

    text: Annotated[str, Meta(min_length=1, description="What the holder says to it.")]


class Decision(Body, frozen=True):
    """An operator's decision on a suspension."""

    reason: Annotated[str, Meta(description="Why.")] = ""


class NewClient(Body, frozen=True):
    """A client to make known."""

    name: Annotated[Name, Meta(description="The client's name.", examples=["Dan"])]
    external_id: Annotated[Name | None, Meta(description="Your own id of it.", examples=["client-3"])] = None


class NewJob(Body, frozen=True):
    """A job to post."""

    client_id: Annotated[str, Meta(description="Who posts it: `cli_…`, or `ext:` and the client's external id.")]
    title: Annotated[Name, Meta(description="What it is called.", examples=["A logo"])]
    type: Annotated[JobType, Meta(description="Whether it is paid as a whole or by the hour.")]
    description: Annotated[Description | None, Meta(description="What is to be done.")] = None
    budget: Annotated[Money | None, Meta(description="What the client means to pay, for a fixed price.")] = None
    duration: Annotated[Duration | None, Meta(description="How long it will take.")] = None
    weekly_hours: Annotated[WeeklyHours | None, Meta(description="How many hours a week.")] = None
    skills: Annotated[
        tuple[Name, ...], Meta(max_length=50, description="What it takes, in words.", examples=[["lettering"]])
    ] = ()
    external_id: Annotated[Name | None, Meta(description="Your own id of it.", examples=["job-9"])] = None


class JobChange(Body, frozen=True):
    """What is to change of a job; what is left out stays. A change of its size reprices later proposals only."""

    title: Annotated[Name | UnsetType, Meta(description="What it is called.", examples=["Two logos"])] = UNSET
    type: Annotated[JobType | UnsetType, Meta(description="Whether it is paid as a whole or by the hour.")] = UNSET
    description: Annotated[Description | UnsetType, Meta(description="What is to be done.")] = UNSET
    budget: Annotated[Money | UnsetType | None, Meta(description="What the client means to pay; null for none.")] = (
        UNSET
    )
    duration: Annotated[Duration | UnsetType | None, Meta(description="How long it will take; null for unknown.")] = (
        UNSET
    )
    weekly_hours: Annotated[WeeklyHours | UnsetType | None, Meta(description="Hours a week; null for unknown.")] = UNSET
    skills: Annotated[tuple[Name, ...] | UnsetType, Meta(description="What it takes, in words.")] = UNSET


class JobClosing(Body, frozen=True):
    """Why a job is closed. Whether connects go back depends on whether somebody was hired, not on this."""

    reason: Annotated[CloseReason, Meta(description="Why it is closed.")]


class NewInvitation(Body, frozen=True):
    """An account to invite."""

    account_id: Annotated[str, Meta(description="Whom: `acc_…`, or `ext:` and the account's external id.")]


class NewProposal(Body, frozen=True):
    """A proposal to submit."""

    account_id: Annotated[str, Meta(description="Who proposes: `acc_…`, or `ext:` and the account's external id.")]
    worker_id: Annotated[
        str | None, Meta(description="For an agency: the member who would do the work. An individual names nobody.")
    ] = None
    cover_letter: Annotated[Letter | None, Meta(description="What is written to the client.")] = None
    bid: Annotated[Money | None, Meta(description="What is asked for.")] = None


class ProposalOfMany(NewProposal, frozen=True, kw_only=True):
    """A proposal to submit, one of many."""

    job_id: Annotated[str, Meta(description="To which job: `job_…`, or `ext:` and the job's external id.")]


class ManyProposals(Body, frozen=True):
    """Proposals to submit, each on its own."""

    proposals: Annotated[list[ProposalOfMany], Meta(max_length=1_000, description="The proposals, up to 1,000.")]


class ManyAsSent(Body, frozen=True):
    """Proposals to submit, each still to be read: what is wrong with one is no matter of the others."""

    proposals: Annotated[list[msgspec.Raw], Meta(max_length=1_000)]


class NewKey(Body, frozen=True):
    """An API key to make."""

    name: Annotated[Name, Meta(description="What to call it.", examples=["till"])]
    scope: Annotated[
        Literal["read", "propose", "manage", "operate"],
        Meta(description="What it may do: `read`, `propose`, `manage` or `operate`, each with those before it."),
    ]
    account_id: Annotated[str | None, Meta(description="The one account it is for; without it, all.")] = None
    rate_limit: Annotated[
        RateLimit | None,
        Meta(
            description="How much it may ask; without it, what the server allows every key.",
            examples=["600/minute"],
        ),
    ] = None
    expires_at: Annotated[Instant | None, Meta(description="From when on it isn't taken any more.")] = None


class NewEndpoint(Body, frozen=True):
    """A webhook endpoint to make."""

    url: Annotated[
        Url,
        Meta(
            description="Where events are posted to: https, to a public address unless the server allows others.",
            examples=["https://example.com/earnest"],
        ),
    ]
    kinds: Annotated[
        Kinds | None,
        Meta(description="The kinds of events it is told of; null for all.", examples=[["connects.returned"]]),
    ] = None
    description: Annotated[Name | None, Meta(description="What it is for, in your words.", examples=["our mailer"])] = (
        None
    )


class EndpointChange(Body, frozen=True):
    """What is to change of a webhook endpoint; what is left out stays."""

    url: Annotated[Url | UnsetType, Meta(description="Where events are posted to, also those that wait.")] = UNSET
    kinds: Annotated[
        Kinds | UnsetType | None, Meta(description="The kinds of events it is told of from now on; null for all.")
    ] = UNSET
    description: Annotated[
        Name | UnsetType | None, Meta(description="What it is for, in your words; null for nothing.")
    ] = UNSET


class SecretRotation(Body, frozen=True):
    """A secret to replace."""

    overlap_hours: Annotated[
        int,
        Meta(ge=0, le=MOST_OVERLAP_HOURS, description="For how many hours the old secret signs too.", examples=[24]),
    ] = 24


class Redelivery(Body, frozen=True):
    """What is to be sent again."""

    delivery_id: Annotated[
        str | None,
        Meta(description="The one delivery, `del_…`, whatever became of it; without it, all that have not arrived."),
    ] = None


class Payment(Body, frozen=True):
    """How a payment in a sandbox ends."""

    outcome: Annotated[
        Literal["paid", "refused"],
        Meta(description="`paid`, or `refused`: it doesn't come, or is taken back if it had."),
    ] = "paid"


class ClockMove(Body, frozen=True):
    """A time to move a sandbox's clock to."""

    now: Annotated[Instant, Meta(description="Not before the time it stands at.")]
