"""Questions to the ledger: accounts on paper as of any time, journals, proposals, jobs.

A read settles on paper and writes nothing, so what it shows includes the lines that settling would write.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from earnest.ledger import packing
from earnest.ledger.flows import by_span
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import micros
from earnest.ledger.rows import (
    AccountRow,
    ChargeRow,
    EntryRow,
    JobRow,
    LetterRow,
    MemberRow,
    NoticeRow,
    ProfileRow,
    ProposalRow,
    PurchaseRow,
)
from earnest.ledger.sql import names
from earnest.rules import conduct
from earnest.rules.account import Account, Entry, EntryKind, Lot
from earnest.rules.burn import burn_order
from earnest.rules.commands import Settle
from earnest.rules.decide import decide
from earnest.rules.outcome import Accepted, Charge, Notice, NoticeKind
from earnest.rules.proposal import Proposal, ProposalStatus
from earnest.rules.purchase import Purchase
from earnest.rules.stats import Invited, Moved, Sent

_ACCOUNT = f"select {names(AccountRow)} from account where account_id = id(:account)"  # noqa: S608
_PROFILE = f"select {names(ProfileRow)} from profile where account_id = id(:account)"  # noqa: S608
_PROPOSALS_SINCE = (
    f"select {names(ProposalRow)} from proposal"  # noqa: S608
    " where account_id = id(:account) and submitted_at >= :since and n <= :n order by n"
)
_LATEST_SINCE = (
    "select min(n) from (select n from proposal where account_id = id(:account) and submitted_at >= :since"
    " order by n desc limit :limit) as latest"
)
_PROPOSAL = f"select {names(ProposalRow)} from proposal where account_id = id(:account) and n = :n"  # noqa: S608
_PROPOSALS = (
    f"select {names(ProposalRow)} from proposal where account_id = id(:account) and n < :before"  # noqa: S608
    " and (:status = '' or status = :status) order by n desc limit :limit"
)
_PROPOSALS_FOR = (
    f"select {names(ProposalRow)} from proposal"  # noqa: S608
    " where job_id = id(:job) and (account_id, attempt) > (id(:account), :attempt)"
    " order by account_id, attempt limit :limit"
)
_ATTEMPTS = (
    f"select {names(ProposalRow)} from proposal where job_id = id(:job) and account_id = id(:account)"  # noqa: S608
    " order by attempt"
)
_LETTERS = f"select {names(LetterRow)} from letter where account_id = id(:account) and n >= :since order by n"  # noqa: S608
_LETTER = "select letter from letter where account_id = id(:account) and n = :n"
_ENTRIES = (
    f"select {names(EntryRow)} from entry"  # noqa: S608
    " where account_id = id(:account) and n > :after and effective_at >= :since and effective_at < :until"
    " and (:kind = '' or kind = :kind) order by n limit :limit"
)
_LATEST_ENTRIES = (
    f"select {names(EntryRow)} from entry"  # noqa: S608
    " where account_id = id(:account) and n < :before and effective_at >= :since and effective_at < :until"
    " and (:kind = '' or kind = :kind) order by n desc limit :limit"
)
# What holders are shown of their months. Whatever the rule doesn't tell apart is one row.
_MOVED = (
    "select {span}, kind, sum(connects) from entry"
    " where account_id = id(:account) and effective_at >= :since and effective_at < :until group by 1, 2"
)
_SENT = (
    "select {span}, status, invited, count(*) from proposal"
    " where account_id = id(:account) and submitted_at >= :since and submitted_at < :until group by 1, 2, 3"
)
_INVITATIONS = (
    "select {span}, count(*) from invitation"
    " where account_id = id(:account) and invited_at >= :since and invited_at < :until group by 1"
)
_CHARGES = (
    f"select {names(ChargeRow)} from charge where account_id = id(:account) and seq <= :seq"  # noqa: S608
    " order by seq limit :limit offset :skipped"
)
_NOTICES = (
    f"select {names(NoticeRow)} from notice where account_id = id(:account) and seq <= :seq"  # noqa: S608
    " order by seq limit :limit offset :skipped"
)
_COUNT = "select count(*) from {} where account_id = id(:account) and seq <= :seq"
_OPENED = "select opened_at from profile where account_id = id(:account)"
_LAST_ENTRY = (
    "select n, plan from entry where account_id = id(:account) and effective_at <= :at order by n desc limit 1"
)
_OWED = (
    "select coalesce(sum(owed), 0) from purchase"
    " where account_id = id(:account) and owed is not null and decided_at <= :at"
)
_REPAID = (
    "select coalesce(sum(-connects), 0) from entry"
    " where account_id = id(:account) and pays_debt and effective_at <= :at"
)
_JOB = f"select {names(JobRow)} from job where job_id = id(:job)"  # noqa: S608
_PURCHASE = f"select {names(PurchaseRow)} from purchase where account_id = id(:account) and seq = :seq"  # noqa: S608
_PURCHASES = (
    f"select {names(PurchaseRow)} from purchase where account_id = id(:account) and seq < :before"  # noqa: S608
    " order by seq desc limit :limit"
)
_PENDING = f"select {names(PurchaseRow)} from purchase where account_id = id(:account) and status = 'pending'"  # noqa: S608
_MEMBER = f"select {names(MemberRow)} from member where account_id = id(:account) and seq = :seq"  # noqa: S608
_MEMBERS = (
    f"select {names(MemberRow)} from member"  # noqa: S608
    " where account_id = id(:account) and removed_at is null and seq > :after order by seq limit :limit"
)
_INVITED = "select invited_at from invitation where account_id = id(:account) and job_id = id(:job)"

ALL = 2**31 - 1
EVER = 2**62
UNPACKED_AT_ONCE = 1_000


class Paper(msgspec.Struct, frozen=True):
    """An account as it is kept, as it is at a time on paper, and what is due till then.

    `seq` is the last number of what has been written beside the journal.
    """

    kept: Account
    seq: int
    account: Account
    due: tuple[Entry, ...]
    due_notices: tuple[Notice, ...]
    due_charges: tuple[Charge, ...]


async def account(ledger: Ledger, account_id: str) -> Account | None:
    """Return an account as it is kept."""
    row = await ledger.fetch_one(_ACCOUNT, {"account": account_id})
    return None if row is None else packing.unpack_account(AccountRow(*row))


async def paper(ledger: Ledger, account_id: str, at: datetime) -> Paper | None:
    """Return an account settled and judged on paper; for a time before its last effect, as of that effect."""
    row = await ledger.fetch_one(_ACCOUNT, {"account": account_id})
    return None if row is None else await paper_of(ledger, AccountRow(*row), at)


async def paper_of(ledger: Ledger, row: AccountRow, at: datetime) -> Paper:
    """Return what `paper` does for an account whose row was read already."""
    kept = packing.unpack_account(row)
    at = max(at, kept.touched_at)
    since = conduct.history_from(kept, ledger.pack, at)
    history = None if since is None else await proposals_since(ledger, row.account_id, since, kept.n)
    outcome = decide(kept, Settle(), ledger.pack, at, history)
    assert isinstance(outcome, Accepted), "settling is never refused"  # noqa: S101
    return Paper(kept, row.seq, outcome.account, outcome.entries, outcome.notices, outcome.charges)


async def as_of(ledger: Ledger, kept: Account, at: datetime) -> Account | None:
    """Return an account as it was at a time before its last effect, None before its opening.

    Its lots are folded from its journal. What decides only about the future (its standing, a change of plan it had
    chosen) is not told.
    """
    account_id = kept.id[4:]
    params = {"account": account_id, "at": micros(at)}
    opened = await ledger.fetch_one(_OPENED, {"account": account_id})
    if opened is None or micros(at) < opened[0]:
        return None
    last = await ledger.fetch_one(_LAST_ENTRY, params) or (0, kept.plan)
    rows = await entry_rows(ledger, account_id, until=micros(at) + 1)
    # A long journal takes a while, in which others are to be answered.
    held = await asyncio.to_thread(_held, rows) if len(rows) > UNPACKED_AT_ONCE else _held(rows)
    start, end = _cycle_at(ledger, packing.instant(opened[0]), at)
    (owed,), (repaid,) = await ledger.fetch_one(_OWED, params) or (0,), await ledger.fetch_one(_REPAID, params) or (0,)
    lots = burn_order(tuple(held.values()), end, free_first=ledger.pack.free_first)
    return msgspec.structs.replace(
        kept,
        n=last[0],
        plan=last[1],
        touched_at=at,
        cycle_start=start,
        cycle_end=end,
        due_at=min([end, *(lot.expires_at for lot in lots if lot.expires_at is not None)]),
        lots=lots,
        balance=sum(lot.remaining for lot in lots),
        debt=int(owed) - int(repaid),
        warned=False,
        suspension=None,
        chosen_plan=None,
        fee_unpaid=False,
    )


def _held(rows: Iterable[EntryRow]) -> dict[int, Lot]:
    """Return the lots that some lines of a journal leave, by their numbers."""
    held: dict[int, Lot] = {}
    for line in map(packing.unpack_entry, rows):
        lot = line.lot
        if lot is None:
            continue
        if line.connects > 0:
            held[lot.n] = lot
            continue
        left = held[lot.n].remaining + line.connects
        if left:
            held[lot.n] = msgspec.structs.replace(held[lot.n], remaining=left)
        else:
            del held[lot.n]
    return held


def _cycle_at(ledger: Ledger, opened_at: datetime, at: datetime) -> tuple[datetime, datetime]:
    """Return the cycle an account was in at a time."""
    calendar = ledger.pack.calendar
    start, end = calendar.first_cycle(opened_at)
    while end <= at:
        start, end = end, calendar.next_boundary(end)
    return start, end


async def profile(ledger: Ledger, account_id: str) -> ProfileRow | None:
    """Return who holds an account."""
    row = await ledger.fetch_one(_PROFILE, {"account": account_id})
    return None if row is None else ProfileRow(*row)


async def entries(
    ledger: Ledger,
    account_id: str,
    *,
    after: int = 0,
    kind: EntryKind | None = None,
    since: int = 0,
    until: int = EVER,
    limit: int = ALL,
) -> list[Entry]:
    """Return written lines of a journal in their order: after a number, of a kind, effective in a span."""
    return [
        packing.unpack_entry(row)
        for row in await entry_rows(ledger, account_id, after=after, kind=kind, since=since, until=until, limit=limit)
    ]


async def entry_rows(
    ledger: Ledger,
    account_id: str,
    *,
    after: int = 0,
    kind: EntryKind | None = None,
    since: int = 0,
    until: int = EVER,
    limit: int = ALL,
) -> list[EntryRow]:
    """Return the rows of written lines of a journal in their order."""
    params = {
        "account": account_id,
        "after": after,
        "kind": "" if kind is None else kind.value,
        "since": since,
        "until": until,
        "limit": limit,
    }
    return [EntryRow(*row) for row in await ledger.fetch(_ENTRIES, params)]


async def latest_entry_rows(
    ledger: Ledger, account_id: str, *, before: int, kind: EntryKind | None, since: int, until: int, limit: int
) -> list[EntryRow]:
    """Return the rows of written lines of a journal before a number, the latest first."""
    params = {
        "account": account_id,
        "before": before,
        "kind": "" if kind is None else kind.value,
        "since": since,
        "until": until,
        "limit": limit,
    }
    return [EntryRow(*row) for row in await ledger.fetch(_LATEST_ENTRIES, params)]


async def moved(ledger: Ledger, account_id: str, starts: Sequence[datetime]) -> list[Moved]:
    """Return what the written lines of a journal moved, by kind, from each start to the next."""
    rows = await _by_start(ledger, _MOVED, "effective_at", account_id, starts)
    return [Moved(at, EntryKind(kind), int(connects)) for at, kind, connects in rows]


async def sent(ledger: Ledger, account_id: str, starts: Sequence[datetime]) -> list[Sent]:
    """Return how many proposals an account submitted from each start to the next, by what became of them."""
    rows = await _by_start(ledger, _SENT, "submitted_at", account_id, starts)
    return [Sent(at, ProposalStatus(status), bool(invited), count) for at, status, invited, count in rows]


async def invitations(ledger: Ledger, account_id: str, starts: Sequence[datetime]) -> list[Invited]:
    """Return how many invitations came to an account from each start to the next."""
    return [Invited(*row) for row in await _by_start(ledger, _INVITATIONS, "invited_at", account_id, starts)]


async def _by_start(
    ledger: Ledger, question: str, at: str, account_id: str, starts: Sequence[datetime]
) -> list[tuple[Any, ...]]:
    """Return the rows of a question by spans, with the start of its span before each."""
    sql, spans = by_span(question, at, [micros(start) for start in starts])
    params = {"account": account_id, "since": micros(starts[0]), "until": micros(starts[-1])}
    return [(starts[span - 1], *row) for span, *row in await ledger.fetch(sql, spans | params)]


async def charges(ledger: Ledger, account_id: str, paper: Paper, skipped: int, limit: int) -> list[Charge]:
    """Return an account's fees, written or due, the earliest first: so many after so many."""
    params = {"account": account_id, "seq": paper.seq, "skipped": skipped, "limit": limit}
    rows = [ChargeRow(*row) for row in await ledger.fetch(_CHARGES, params)]
    written = [Charge(row.plan, row.amount, packing.instant(row.charged_at)) for row in rows]
    before = await _written_before(ledger, "charge", account_id, paper.seq, skipped, len(rows))
    return (written + list(paper.due_charges[max(0, skipped - before) :]))[:limit]


async def notices(ledger: Ledger, account_id: str, paper: Paper, skipped: int, limit: int) -> list[Notice]:
    """Return what an account's holder is told of, written or due, the earliest first: so many after so many."""
    params = {"account": account_id, "seq": paper.seq, "skipped": skipped, "limit": limit}
    rows = [NoticeRow(*row) for row in await ledger.fetch(_NOTICES, params)]
    written = [
        Notice(NoticeKind(row.kind), packing.instant(row.noticed_at), row.connects, row.plan, row.reason or "")
        for row in rows
    ]
    before = await _written_before(ledger, "notice", account_id, paper.seq, skipped, len(rows))
    return (written + list(paper.due_notices[max(0, skipped - before) :]))[:limit]


async def _written_before(ledger: Ledger, table: str, account_id: str, seq: int, skipped: int, found: int) -> int:
    """Return how many rows of an account are written, of which so many were found after so many."""
    if found or not skipped:
        return skipped + found
    return int((await ledger.fetch(_COUNT.format(table), {"account": account_id, "seq": seq}))[0][0])


async def proposals_since(ledger: Ledger, account_id: str, since: datetime, n: int = ALL) -> list[Proposal]:
    """Return the proposals an account submitted from a time on, up to a number."""
    params = {"account": account_id, "since": micros(since), "n": n}
    rows = await ledger.fetch(_PROPOSALS_SINCE, params)
    # Many take a while, in which others are to be answered.
    return await asyncio.to_thread(_unpacked, rows) if len(rows) > UNPACKED_AT_ONCE else _unpacked(rows)


def _unpacked(rows: Iterable[Sequence[Any]]) -> list[Proposal]:
    return [packing.unpack_proposal(ProposalRow(*row)) for row in rows]


async def latest_since(ledger: Ledger, account_id: str, since: datetime, limit: int) -> int | None:
    """Return the first number of the latest proposals, at most so many, that an account submitted from a time on."""
    params = {"account": account_id, "since": micros(since), "limit": limit}
    [(first,)] = await ledger.fetch(_LATEST_SINCE, params)
    return None if first is None else int(first)


async def proposal(ledger: Ledger, account_id: str, n: int) -> ProposalRow | None:
    """Return a proposal."""
    row = await ledger.fetch_one(_PROPOSAL, {"account": account_id, "n": n})
    return None if row is None else ProposalRow(*row)


async def proposals(
    ledger: Ledger, account_id: str, before: int, limit: int, status: ProposalStatus | None = None
) -> list[ProposalRow]:
    """Return an account's proposals, the latest first, before a number; of a status, if one is asked for."""
    params = {"account": account_id, "before": before, "limit": limit, "status": status.value if status else ""}
    return [ProposalRow(*row) for row in await ledger.fetch(_PROPOSALS, params)]


async def proposals_for(ledger: Ledger, job_id: str, account_id: str, attempt: int, limit: int) -> list[ProposalRow]:
    """Return the proposals for a job, by account, after an account's attempt."""
    params = {"job": job_id, "account": account_id, "attempt": attempt, "limit": limit}
    return [ProposalRow(*row) for row in await ledger.fetch(_PROPOSALS_FOR, params)]


async def attempts(ledger: Ledger, account_id: str, job_id: str) -> list[ProposalRow]:
    """Return an account's proposals for a job, the first one first."""
    return [ProposalRow(*row) for row in await ledger.fetch(_ATTEMPTS, {"account": account_id, "job": job_id})]


async def letters(ledger: Ledger, account_id: str, since: int = 0) -> list[LetterRow]:
    """Return an account's letters, from a proposal's number on."""
    return [LetterRow(*row) for row in await ledger.fetch(_LETTERS, {"account": account_id, "since": since})]


async def letter(ledger: Ledger, account_id: str, n: int) -> str | None:
    """Return a proposal's letter."""
    row = await ledger.fetch_one(_LETTER, {"account": account_id, "n": n})
    return None if row is None else str(row[0])


async def job(ledger: Ledger, job_id: str) -> JobRow | None:
    """Return a job."""
    row = await ledger.fetch_one(_JOB, {"job": job_id})
    return None if row is None else JobRow(*row)


async def invited(ledger: Ledger, account_id: str, job_id: str) -> bool:
    """Say whether an account was invited to a job."""
    return await ledger.fetch_one(_INVITED, {"account": account_id, "job": job_id}) is not None


async def purchase(ledger: Ledger, account_id: str, seq: int) -> PurchaseRow | None:
    """Return a purchase."""
    row = await ledger.fetch_one(_PURCHASE, {"account": account_id, "seq": seq})
    return None if row is None else PurchaseRow(*row)


async def purchases(ledger: Ledger, account_id: str, before: int, limit: int) -> list[PurchaseRow]:
    """Return an account's purchases, the latest first, before a number."""
    params = {"account": account_id, "before": before, "limit": limit}
    return [PurchaseRow(*row) for row in await ledger.fetch(_PURCHASES, params)]


async def pending_purchases(ledger: Ledger, account_id: str) -> tuple[Purchase, ...]:
    """Return an account's purchases that await payment."""
    rows = await ledger.fetch(_PENDING, {"account": account_id})
    return tuple(packing.unpack_purchase(PurchaseRow(*row)) for row in rows)


async def member(ledger: Ledger, account_id: str, seq: int) -> MemberRow | None:
    """Return a member, also one who has left."""
    row = await ledger.fetch_one(_MEMBER, {"account": account_id, "seq": seq})
    return None if row is None else MemberRow(*row)


async def members(ledger: Ledger, account_id: str, after: int, limit: int) -> list[MemberRow]:
    """Return an agency's members, in the order in which they came, after a number."""
    params = {"account": account_id, "after": after, "limit": limit}
    return [MemberRow(*row) for row in await ledger.fetch(_MEMBERS, params)]
