"""What webhook endpoints are told of an account: the events of one accepted outcome.

They are written in the same transaction as what they tell of, and leave later, at least once, in the order of the
account's `seq`.
"""

from collections.abc import Iterator

import msgspec

from earnest.ledger.ids import NOBODY
from earnest.ledger.rows import EventRow
from earnest.ledger.sql import names
from earnest.ledger.store import Store
from earnest.rules.account import Account, EntryKind
from earnest.rules.outcome import Accepted, NoticeKind
from earnest.rules.proposal import ProposalStatus
from earnest.rules.purchase import PurchaseStatus

AT_ONCE = 500

_WAITING = (
    f"select {names(EventRow)} from event"  # noqa: S608
    " where (account_id, seq) > (id(:account), :seq) order by account_id, seq limit :limit"
)
_DROP = "delete from event where account_id = id(:account) and seq <= :seq"

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


def events(before: Account | None, outcome: Accepted, *, decided: bool) -> Iterator[tuple[str, str]]:
    """Yield each event's kind and its data as JSON. `decided`: whether the outcome's purchase has just changed."""
    account = outcome.account
    if before is None:
        yield _event("account.opened", account_id=account.id, plan=account.plan, balance=account.balance)
    cycle_ends = {entry.effective_at for entry in outcome.entries if entry.kind is EntryKind.ALLOT}
    began = account.touched_at if before is None else before.cycle_end
    for at in sorted(at for at in cycle_ends if before is not None and at >= began and at <= account.cycle_start):
        held = [entry.balance_after for entry in outcome.entries if entry.effective_at == at][-1]
        yield _event("cycle.renewed", account_id=account.id, at=at, balance=held)
    returned = 0
    for proposal in outcome.proposals:
        if proposal.returned_at is not None:
            returned += proposal.connects_spent
            continue
        yield _event(
            _PROPOSALS[proposal.status],
            account_id=account.id,
            proposal_id=f"prp_{account.id[4:]}_{proposal.n}",
            job_id=proposal.job_id,
            connects_spent=proposal.connects_spent,
            balance=account.balance,
        )
    if returned:
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
            _NOTICES[notice.kind], account_id=account.id, at=notice.at, connects=notice.connects, plan=notice.plan
        )


async def waiting(store: Store, after: tuple[str, int], limit: int) -> list[EventRow]:
    """Return events not yet delivered, by account and in an account's order, after an account's event."""
    params = {"account": after[0], "seq": after[1], "limit": limit}
    return [EventRow(*row) for row in await store.fetch(_WAITING, params)]


async def drop(store: Store, account_id: str, seq: int) -> int:
    """Let go of an account's events up to one that has been delivered; return how many."""
    return await store.change(_DROP, {"account": account_id, "seq": seq})


async def drop_unwanted(store: Store) -> int:
    """Let go of all events where nobody is left to be told of them; return how many."""
    if await store.fetch("select 1 from endpoint limit 1"):
        return 0
    dropped = 0
    while events_ := await waiting(store, (NOBODY, 0), AT_ONCE):
        for account_id, seq in {event.account_id: event.seq for event in events_}.items():
            dropped += await drop(store, account_id, seq)
    return dropped


def _event(kind: str, **data: object) -> tuple[str, str]:
    return kind, _encode({name: value for name, value in data.items() if value is not None}).decode()
