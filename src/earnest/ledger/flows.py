"""What flowed through all accounts together: written lines summed up, and connects that moved between plans.

The sums are made by the store. The two lines of a carry come to nothing in every sum, so they are left out. What is
due but not written is the caller's to add, from `due_accounts`.
"""

from collections.abc import AsyncIterator, Sequence

import msgspec

from earnest.ledger.ids import NOBODY
from earnest.ledger.rows import AccountRow
from earnest.ledger.sql import names
from earnest.ledger.store import Snapshot
from earnest.rules.account import EntryKind, Source

ACCOUNTS_AT_ONCE = 1_000

# What wasn't bought was given: in an allotment, or as a bonus. A lot's root tells, through whatever carries and
# refunds it came; a bonus is the rarest root, so the fewest lines are looked up.
_FLOWS = (
    "select {span}, e.plan, e.kind,"
    " case when e.purchase is not null then 'purchase' when r.n is not null then 'bonus' else 'allotment' end,"
    " sum(e.connects)"
    " from entry e left join entry r on r.account_id = e.account_id and r.n = e.root and r.kind = 'bonus'"
    " where e.effective_at < :until and e.kind <> 'carry' and e.connects <> 0"
    " group by 1, 2, 3, 4"
)

# A change of plan may write no line, so it is known from what its holder was told. Whatever the account held then
# moved with it. At the very instant of a change, what expired came before it, and what was written under the plan it
# led to, or under one that a still later change led to, came after it. An account's first line is under its first
# plan: without a line before the change there was nothing to move.
_MOVES = (
    "select {span}, coalesce(c.before, o.plan), c.plan,"
    " sum(coalesce((select e.balance_after from entry e where e.account_id = c.account_id"
    " and (e.effective_at < c.noticed_at or (e.effective_at = c.noticed_at and (e.kind = 'expire' or not exists"
    " (select 1 from notice t where t.account_id = c.account_id and t.seq >= c.seq and t.kind = 'plan_changed'"
    " and t.noticed_at = c.noticed_at and t.plan = e.plan)))) order by e.n desc limit 1), 0))"
    " from (select account_id, seq, noticed_at, plan, lag(plan) over (partition by account_id order by seq) as before"
    " from notice where kind = 'plan_changed' and noticed_at < :until) as c"
    " join entry o on o.account_id = c.account_id and o.n = 1"
    " group by 1, 2, 3"
)

_DUE = (
    f"select {names(AccountRow)} from account where due_at < :until and account_id > id(:after)"  # noqa: S608
    " order by account_id limit :limit"
)
_BONUSES = (
    "select account_id, n from entry where kind = 'bonus' and account_id >= id(:first) and account_id <= id(:last)"
)


class Flow(msgspec.Struct, frozen=True):
    """Lines of one kind, written under one plan, of lots with one original source; `connects` is signed.

    `span` is the one they took effect in, 0 what lies before all that are asked about.
    """

    span: int
    plan: str
    kind: EntryKind
    source: Source
    connects: int


class Move(msgspec.Struct, frozen=True):
    """Connects that accounts held when they changed from one plan to another, in a span as in `Flow`."""

    span: int
    old: str
    new: str
    connects: int


async def flows(snapshot: Snapshot, starts: Sequence[int], until: int) -> list[Flow]:
    """Sum up the written lines that took effect before a time, by the spans that begin at `starts`; in microseconds."""
    sql, params = by_span(_FLOWS, "e.effective_at", starts)
    rows = await snapshot.fetch(sql, params | {"until": until})
    return [Flow(span, plan, EntryKind(kind), Source(source), int(sum_)) for span, plan, kind, source, sum_ in rows]


async def moves(snapshot: Snapshot, starts: Sequence[int], until: int) -> list[Move]:
    """Sum up what moved with the changes of plan that are written, before a time, by spans; in microseconds."""
    sql, params = by_span(_MOVES, "c.noticed_at", starts)
    rows = await snapshot.fetch(sql, params | {"until": until})
    return [Move(span, old, new, int(connects)) for span, old, new, connects in rows]


def by_span(sql: str, at: str, starts: Sequence[int]) -> tuple[str, dict[str, int]]:
    """Return a question whose first column is the number of the span that a time lies in, 0 before the first start."""
    cases = " ".join(f"when {at} < :start_{n} then {n}" for n in range(len(starts)))
    params = {f"start_{n}": start for n, start in enumerate(starts)}
    return sql.replace("{span}", f"case {cases} else {len(starts)} end"), params


async def due_accounts(snapshot: Snapshot, until: int) -> AsyncIterator[list[AccountRow]]:
    """Yield the accounts that have something due before a time, in microseconds, some at once."""
    after = NOBODY
    while True:
        params = {"until": until, "after": after, "limit": ACCOUNTS_AT_ONCE}
        rows = [AccountRow(*row) for row in await snapshot.fetch(_DUE, params)]
        if rows:
            yield rows
            after = rows[-1].account_id
        if len(rows) < ACCOUNTS_AT_ONCE:
            return


async def bonuses(snapshot: Snapshot, first: str, last: str) -> set[tuple[str, int]]:
    """Return the accounts and numbers of the bonuses that were given, from one account to another."""
    return {(account_id, n) for account_id, n in await snapshot.fetch(_BONUSES, {"first": first, "last": last})}
