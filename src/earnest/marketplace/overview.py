"""Who is warned or suspended now, over all accounts, and what they hold together (RULES 9, 11).

An account keeps the standing it had when it last changed, and is judged anew when it is read. A kept suspension holds:
what ends one (a hire, a lift, a return) is written when it happens. A kept warning, or none, may have become
something else since, but not before the day in `judge_on`, and not before another revision of the pack came into
force. So the accounts with a kept standing are read and those whose day has come, and both are judged on paper.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import msgspec

from earnest.ledger import reads
from earnest.ledger.flows import due_accounts
from earnest.ledger.ids import ACCOUNT, NOBODY
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import EPOCH, micros, unpack_account
from earnest.ledger.reads import Paper
from earnest.ledger.rows import AccountRow
from earnest.ledger.sql import names
from earnest.marketplace import showing
from earnest.marketplace.accounts import named
from earnest.marketplace.given import cursor_id, one_of, page_size
from earnest.marketplace.shown import AccountShown, Page, SuspensionShown
from earnest.rules.settle import look

Group = Literal["appealed", "suspended", "warned"]

GROUPS: tuple[Group, ...] = ("appealed", "suspended", "warned")

JUDGED_AT_ONCE = 100

_MAYBE = (
    f"select {names(AccountRow)} from account where account_id > id(:after)"  # noqa: S608
    " and (standing is not null or judge_on <= :today or touched_at < :revised)"
    " order by account_id limit :limit"
)
_HELD = "select count(*), coalesce(sum(case when due_at > :now then balance else 0 end), 0) from account"


class JudgedAccount(msgspec.Struct, frozen=True):
    """An account that is warned or suspended, and why it is suspended."""

    account: AccountShown
    suspension: SuspensionShown | None


class OverviewShown(msgspec.Struct, frozen=True):
    """How many accounts there are and in what standing; `suspended` counts the `appealed` ones in. `held`: connects."""

    accounts: int
    held: int
    appealed: int
    suspended: int
    warned: int


async def standings(ledger: Ledger, *, group: str, limit: int = 100, cursor: str | None = None) -> Page[JudgedAccount]:
    """List the accounts of a group, the oldest account first.

    `appealed`: suspended, and the holder's appeal waits for a decision; `suspended`: all others that are; `warned`.
    """
    chosen, limit = one_of("group", group, GROUPS), page_size(limit)
    found: list[Paper] = []
    async for paper in _judged(ledger, cursor_id(cursor, NOBODY)):
        if _group(paper) == chosen:
            found.append(paper)
            if len(found) > limit:
                break
    items = await asyncio.gather(*(_shown(ledger, paper) for paper in found[:limit]))
    return Page(list(items), found[limit - 1].kept.id[len(ACCOUNT) :] if len(found) > limit else None)


async def overview(ledger: Ledger) -> OverviewShown:
    """Count the accounts, those that are warned or suspended, and the connects all of them hold now."""
    now = ledger.now
    async with ledger.snapshot() as snapshot:
        [(accounts, held)] = await snapshot.fetch(_HELD, {"now": micros(now)})
        async for rows in due_accounts(snapshot, micros(now) + 1):
            held += await asyncio.to_thread(
                lambda: sum(look(unpack_account(row), ledger.pack, now)[0].balance for row in rows)  # noqa: B023
            )
    counts = dict.fromkeys(GROUPS, 0)
    async for paper in _judged(ledger, NOBODY):
        group = _group(paper)
        if group is not None:
            counts[group] += 1
    return OverviewShown(
        int(accounts), int(held), counts["appealed"], counts["appealed"] + counts["suspended"], counts["warned"]
    )


async def _judged(ledger: Ledger, after: str) -> AsyncIterator[Paper]:
    """Yield the accounts that may be warned or suspended, judged now, after one of them."""
    now = ledger.now
    revised = ledger.pack.starts_between(EPOCH, now)
    params = {
        "today": ledger.pack.calendar.day(now),
        "revised": micros(revised[-1]) if revised else 0,
        "limit": JUDGED_AT_ONCE,
    }
    while True:
        rows = [AccountRow(*row) for row in await ledger.fetch(_MAYBE, params | {"after": after})]
        for paper in await asyncio.gather(*(reads.paper_of(ledger, row, now) for row in rows)):
            yield paper
        if len(rows) < JUDGED_AT_ONCE:
            return
        after = rows[-1].account_id


def _group(paper: Paper) -> Group | None:
    suspension = paper.account.suspension
    if suspension is not None:
        return "appealed" if suspension.appealed_at is not None and suspension.decided_at is None else "suspended"
    return "warned" if paper.account.warned else None


async def _shown(ledger: Ledger, paper: Paper) -> JudgedAccount:
    known = paper.account.suspension
    account_id = paper.kept.id[len(ACCOUNT) :]
    return JudgedAccount(
        await named(ledger, showing.account(paper.account, ledger.pack)),
        None if known is None else showing.suspension(known, account_id),
    )
