"""What webhook endpoints are told of an account: the events of one accepted outcome.

They are written in the same transaction as what they tell of, a row for each endpoint that wants them, and leave
later, at least once, in the order of the account's `seq`.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache

import msgspec

from earnest.rules.account import Account, EntryKind
from earnest.rules.outcome import Accepted, NoticeKind
from earnest.rules.proposal import ProposalStatus
from earnest.rules.purchase import PurchaseStatus

WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"
"""What an event's delivery to an endpoint can be."""

_encode = msgspec.json.Encoder().encode

_NOTICES = {
    NoticeKind.FORFEITED: "connects.forfeited",
    NoticeKind.PLAN_CHANGED: "plan.changed",
    NoticeKind.WARNED: "account.warned",
    NoticeKind.SUSPENDED: "account.suspended",
    NoticeKind.REINSTATED: "account.reinstated",
}
_PROPOSALS = {
    ProposalStatus.LIVE: "proposal.submitted",
    ProposalStatus.WITHDRAWN: "proposal.withdrawn",
    ProposalStatus.DECLINED: "proposal.declined",
    ProposalStatus.HIRED: "proposal.hired",
}


EXPIRING = "connects.expiring"

KINDS = (
    "account.opened",
    "cycle.renewed",
    *_PROPOSALS.values(),
    "connects.returned",
    EXPIRING,
    "purchase.confirmed",
    "purchase.refused",
    "purchase.reversed",
    "purchase.cancelled",
    *_NOTICES.values(),
)
"""Everything an endpoint can be told of."""

MAILED = (
    "cycle.renewed",
    "connects.returned",
    EXPIRING,
    "plan.changed",
    "account.warned",
    "account.suspended",
    "account.reinstated",
)
"""What people are told of by e-mail: nothing that they have just done themselves, so proposing writes nothing more."""


@lru_cache(maxsize=64)
def wanted(kinds: str | None) -> frozenset[str] | None:
    """Return the kinds of events an endpoint asks for, from its row; None for all."""
    return None if kinds is None else frozenset(msgspec.json.decode(kinds, type=list[str]))


def wanted_by_any(kinds: Iterable[frozenset[str] | None]) -> frozenset[str]:
    """Return the kinds that at least one of some endpoints asks for, from what each does."""
    return frozenset().union(*(KINDS if each is None else each for each in kinds))


def events(
    before: Account | None, outcome: Accepted, asked: frozenset[str], *, decided: bool
) -> Iterator[tuple[str, str]]:
    """Yield the kind and the data, as JSON, of each event of the kinds that are asked for.

    `decided`: whether the outcome's purchase has just changed.
    """
    account = outcome.account
    if before is None and "account.opened" in asked:
        yield _event("account.opened", account_id=account.id, plan=account.plan, balance=account.balance)
    cycle_ends = {entry.effective_at for entry in outcome.entries if entry.kind is EntryKind.ALLOT}
    began = account.touched_at if before is None else before.cycle_end
    crossed = before is not None and "cycle.renewed" in asked
    for at in sorted(at for at in cycle_ends if crossed and at >= began and at <= account.cycle_start):
        held = [entry.balance_after for entry in outcome.entries if entry.effective_at == at][-1]
        yield _event("cycle.renewed", account_id=account.id, at=at, balance=held)
    returned = 0
    for proposal in outcome.proposals:
        if proposal.returned_at is not None:
            returned += proposal.connects_spent
            continue
        if _PROPOSALS[proposal.status] not in asked:
            continue
        yield _event(
            _PROPOSALS[proposal.status],
            account_id=account.id,
            proposal_id=f"prp_{account.id[4:]}_{proposal.n}",
            job_id=proposal.job_id,
            connects_spent=proposal.connects_spent,
            balance=account.balance,
        )
    if returned and "connects.returned" in asked:
        job_id = outcome.proposals[0].job_id
        yield _event(
            "connects.returned", account_id=account.id, job_id=job_id, connects=returned, balance=account.balance
        )
    purchase = outcome.purchase
    if purchase is not None and decided and purchase.status is not PurchaseStatus.PENDING:
        yield _event(
            f"purchase.{purchase.status.value}",
            account_id=account.id,
            purchase_id=purchase.id,
            connects=purchase.connects,
            balance=account.balance,
        )
    for notice in outcome.notices:
        yield _event(
            _NOTICES[notice.kind],
            account_id=account.id,
            at=notice.at,
            connects=notice.connects,
            plan=notice.plan,
            reason=notice.reason or None,
        )


def expiring(account_id: str, at: datetime, connects: int, balance: int) -> tuple[str, str]:
    """Return the event that so many connects expire at a coming boundary unless they are used."""
    return _event(EXPIRING, account_id=account_id, at=at, connects=connects, balance=balance)


def _event(kind: str, **data: object) -> tuple[str, str]:
    return kind, _encode({name: value for name, value in data.items() if value is not None}).decode()
