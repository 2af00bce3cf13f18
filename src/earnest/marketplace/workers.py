"""Who of an agency's people spent what of its pool (RULES 8): each proposal names its worker."""

from datetime import datetime

import msgspec

from earnest.ledger import reads
from earnest.ledger.ids import MEMBER, numbered
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import micros
from earnest.ledger.rows import MemberRow, ProposalRow
from earnest.ledger.sql import names
from earnest.marketplace import showing
from earnest.marketplace.given import cursor_number, find, instant, page_size
from earnest.marketplace.shown import MemberShown, Page, ProposalShown
from earnest.rules.outcome import Refusal, Refused

_SPENDING = (
    f"select {names(MemberRow, 'm.')}, coalesce(p.sent, 0), coalesce(p.hires, 0), coalesce(p.spent, 0),"  # noqa: S608
    " coalesce(p.returned, 0)"
    # Summed up first: joined row by row, a store walks all of the pool's proposals for each member.
    " from member m left join (select worker, count(*) as sent, count(*) filter (where status = 'hired') as hires,"
    " sum(connects_spent) as spent, sum(connects_spent) filter (where returned_at is not null) as returned"
    " from proposal where account_id = id(:account) and submitted_at >= :since group by worker) as p"
    " on p.worker = m.seq where m.account_id = id(:account) order by m.seq"
)
_BY_WORKER = (
    f"select {names(ProposalRow, 'p.')}, l.letter from proposal p"  # noqa: S608
    " left join letter l on l.account_id = p.account_id and l.n = p.n"
    " where p.account_id = id(:account) and p.worker = :worker and p.n < :before order by p.n desc limit :limit"
)


class WorkerSpending(msgspec.Struct, frozen=True):
    """What went out in a member's name: how many proposals, how many led to a hire, and the connects they cost.

    `returned` is how much of what was `spent` has come back since.
    """

    member: MemberShown
    has_left: bool
    proposals: int
    hires: int
    spent: int
    returned: int


async def spending_by_worker(
    ledger: Ledger, account_id: str, *, since: datetime | None = None
) -> list[WorkerSpending] | Refused:
    """Show for each member of an agency, also who has left, what their proposals from a time on cost the pool.

    In the order in which they came. Refused as `unknown_account`.
    """
    from_ = instant("since", since)
    found = await find(ledger, "account", account_id)
    if found is None or await reads.account(ledger, found) is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    params = {"account": found, "since": 0 if from_ is None else micros(from_)}
    width = len(MemberRow.__struct_fields__)
    spending = []
    for row in await ledger.fetch(_SPENDING, params):
        member = MemberRow(*row[:width])
        spending.append(WorkerSpending(showing.member(member), member.removed_at is not None, *map(int, row[width:])))
    return spending


async def proposals_by_worker(
    ledger: Ledger, member_id: str, *, limit: int = 100, cursor: str | None = None
) -> Page[ProposalShown] | Refused:
    """List the proposals that went out in a member's name, also of one who has left, the latest first.

    Refused as `unknown_member`.
    """
    limit = page_size(limit)
    before = cursor_number(cursor, reads.ALL)
    where = numbered(member_id, MEMBER)
    if where is None or await reads.member(ledger, *where) is None:
        return Refused(Refusal.UNKNOWN_MEMBER)
    params = {"account": where[0], "worker": where[1], "before": before, "limit": limit + 1}
    rows = [(ProposalRow(*row[:-1]), row[-1]) for row in await ledger.fetch(_BY_WORKER, params)]
    items = [showing.kept_proposal(row, ledger.pack, letter) for row, letter in rows[:limit]]
    return Page(items, str(rows[limit - 1][0].n) if len(rows) > limit else None)
