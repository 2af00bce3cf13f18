"""What comes of a command: accepted, with what moved, or refused, with a code and the figures behind it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from earnest.rules.account import Account, Entry
from earnest.rules.job import Job
from earnest.rules.proposal import Proposal
from earnest.rules.purchase import Purchase


class Refusal(StrEnum):
    """Why a request is turned down. Where several would do, the first of this order is given.

    The first three are about the request itself. Whoever keeps things and looks them up gives most of the `unknown_`
    ones, `key_reused` (an idempotency key that came with another request before), `external_id_taken`, and those about
    people and signing in.
    """

    CLOCK_BEHIND = "clock_behind"
    MALFORMED = "malformed"
    KEY_REUSED = "key_reused"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_CLIENT = "unknown_client"
    UNKNOWN_JOB = "unknown_job"
    UNKNOWN_PROPOSAL = "unknown_proposal"
    UNKNOWN_PURCHASE = "unknown_purchase"
    UNKNOWN_MEMBER = "unknown_member"
    UNKNOWN_KEY = "unknown_key"
    UNKNOWN_ENDPOINT = "unknown_endpoint"
    UNKNOWN_DELIVERY = "unknown_delivery"
    UNKNOWN_PERSON = "unknown_person"
    UNKNOWN_LINK = "unknown_link"
    EXTERNAL_ID_TAKEN = "external_id_taken"
    EMAIL_TAKEN = "email_taken"
    NOT_SIGNED_IN = "not_signed_in"
    TOO_MANY_TRIES = "too_many_tries"
    WRONG_CREDENTIALS = "wrong_credentials"
    PRICE_CHANGED = "price_changed"
    NOT_PERMITTED = "not_permitted"
    ACCOUNT_SUSPENDED = "account_suspended"
    JOB_NOT_OPEN = "job_not_open"
    ALREADY_PROPOSED = "already_proposed"
    PROPOSAL_NOT_LIVE = "proposal_not_live"
    INSUFFICIENT_CONNECTS = "insufficient_connects"
    PLAN_CANNOT_BUY = "plan_cannot_buy"
    OVER_MOST_HELD = "over_most_held"
    NOT_FOR_THIS_KIND = "not_for_this_kind"
    NOT_SUSPENDED = "not_suspended"
    ALREADY_APPEALED = "already_appealed"
    NOTHING_PENDING = "nothing_pending"


class NoticeKind(StrEnum):
    """What a holder is told of."""

    FORFEITED = "forfeited"
    PLAN_CHANGED = "plan_changed"
    WARNED = "warned"
    SUSPENDED = "suspended"
    REINSTATED = "reinstated"


class Notice(msgspec.Struct, frozen=True):
    """Something to tell the holder: what, as of when, and the connects, the plan or the reason it is about."""

    kind: NoticeKind
    at: datetime
    connects: int = 0
    plan: str | None = None
    reason: str = ""


class Charge(msgspec.Struct, frozen=True, gc=False):
    """A membership fee that fell due, in minor units; fees are never in the journal of connects (RULES 7.1)."""

    plan: str
    amount: int
    at: datetime


class PurchaseWarning(msgspec.Struct, frozen=True):
    """How many connects the next boundary takes unless they are used (RULES 6.4)."""

    connects: int
    at: datetime


class Accepted(msgspec.Struct, frozen=True):
    """The account after, the lines its journal gains, and what else the command changed."""

    account: Account
    entries: tuple[Entry, ...]
    notices: tuple[Notice, ...] = ()
    charges: tuple[Charge, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    job: Job | None = None
    purchase: Purchase | None = None
    warning: PurchaseWarning | None = None


class Refused(msgspec.Struct, frozen=True):
    """A code and its figures; nothing moved."""

    code: Annotated[Refusal, Meta(description="The code.", examples=["insufficient_connects"])]
    figures: Annotated[
        dict[str, int | str],
        Meta(description="The figures behind it, by name.", examples=[{"required": 2, "available": 1}]),
    ] = {}


Outcome = Accepted | Refused
