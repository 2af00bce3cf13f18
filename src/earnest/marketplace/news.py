"""News of an account, for its holder: what came, came back and was lost, and what was decided about it.

They are made of what is there anyway: lines of the journal, of which those belong together that took effect as one, and
notices. Lines and notices that are due and not yet written are among them, so how often one looks changes nothing. A
person's mark says how far they have read: the last line of the journal, and how many notices there were.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from earnest.ledger import packing, reads
from earnest.ledger.ids import ACCOUNT, PERSON, plain
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import instant
from earnest.ledger.rows import EntryRow
from earnest.ledger.sql import names
from earnest.marketplace.given import page_size
from earnest.marketplace.jobs import jobs_by_id
from earnest.marketplace.shown import Page
from earnest.rules.account import Entry, EntryKind
from earnest.rules.buy import reversal_note
from earnest.rules.outcome import Notice, Refusal, Refused

ROWS_FOR_EACH = 8
"""Lines that are read for each piece of news that is asked for: a month's turn has several."""

MOST_COUNTED = 100

_UNKNOWN = Refused(Refusal.UNKNOWN_ACCOUNT)

# Somebody's own proposals are no news to them, and what was forfeited has a notice.
_ENTRIES = (
    f"select {names(EntryRow)} from entry"  # noqa: S608
    " where account_id = id(:account) and n > :after and n < :before and kind not in ('spend', 'forfeit')"
    " order by n desc limit :limit"
)
_COUNT = "select count(*) from notice where account_id = id(:account) and seq <= :seq"
_SEEN = "select n, notices from seen where person_id = id(:person) and account_id = id(:account)"
_SINCE = "select recorded_at from person where person_id = id(:person)"
_SEE = (
    "insert into seen (account_id, person_id, n, notices) values (id(:account), id(:person), :n, :notices)"
    " on conflict (account_id, person_id) do update set n = excluded.n, notices = excluded.notices"
    " where excluded.n >= seen.n and excluded.notices >= seen.notices"
)
_CURSOR = re.compile(r"([0-9]{1,10})_([0-9]{1,10})")


class News(msgspec.Struct, frozen=True):
    """Something that happened to an account.

    `kind` is `opened`, `renewed` (a month began), `reversed` (a payment was taken back), or what a line or a notice
    records (`EntryKind`, `NoticeKind`); `allot` is what came with a higher plan. `connects` came, or went with
    `expire`, `revoke`, `reversed` and `forfeited`; with `renewed`, `carried` of those before were kept and `expired`
    were lost. `paid_debt` of what came went towards a debt. `balance` is what was held after it.
    """

    kind: str
    at: datetime
    connects: int = 0
    carried: int = 0
    expired: int = 0
    balance: int = 0
    job_id: str | None = None
    job_title: str | None = None
    purchase_id: str | None = None
    plan: str | None = None
    reason: str = ""
    paid_debt: int = 0
    expires_at: datetime | None = None


async def news(ledger: Ledger, account_id: str, *, limit: int = 20, cursor: str | None = None) -> Page[News] | Refused:
    """Show what happened to an account, the latest first. Refused as `unknown_account`."""
    limit = page_size(limit)
    found = plain(account_id, ACCOUNT)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None:
        return _UNKNOWN
    told = await _notice_count(ledger, found, paper)
    before, left = _from_cursor(cursor) if cursor is not None else (paper.account.n + 1, told)
    left = min(left, told)
    wanted = limit * ROWS_FOR_EACH
    while True:
        lines = await _lines(ledger, found, paper, 0, before, wanted)
        groups = _grouped(lines)
        if len(lines) < wanted or len(groups) > 1:
            break
        # A turn of so many lots that its lines fill all that was read.
        wanted *= 4
    first = max(0, left - limit - 1)
    notices = (await reads.notices(ledger, found, paper, first, left - first))[::-1]
    if len(lines) == wanted:
        # The last one may have lines that were not read.
        del groups[-1]
    items: list[News] = []
    at_line, at_notice = 0, 0
    while len(items) < limit and (at_line < len(groups) or at_notice < len(notices)):
        group = groups[at_line] if at_line < len(groups) else None
        notice = notices[at_notice] if at_notice < len(notices) else None
        if notice is None or (group is not None and group[0].effective_at >= notice.at):
            assert group is not None, "there is one of the two"  # noqa: S101
            at_line += 1
            before = group[0].n
            items.append(_of_lines(group))
        else:
            at_notice += 1
            items.append(_of_notice(notice))
    more = at_line < len(groups) or left - at_notice > 0 or len(lines) == wanted
    titles = await jobs_by_id(ledger, {each.job_id for each in items if each.job_id is not None})
    items = [
        each if each.job_id not in titles else msgspec.structs.replace(each, job_title=titles[each.job_id].title)
        for each in items
    ]
    return Page(items, f"{before}_{left - at_notice}" if more and items else None)


async def unseen_news(ledger: Ledger, account_id: str, person_id: str) -> int:
    """Return how much of an account's news a person has not seen, at most 100; what was there before them is none.

    Of unknown ones there is no news.
    """
    found, known = plain(account_id, ACCOUNT), plain(person_id, PERSON)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None or known is None:
        return 0
    params = {"person": known, "account": found}
    seen = await ledger.fetch_one(_SEEN, params)
    since, after, skipped = None, 0, 0
    if seen is not None:
        after, skipped = seen
    else:
        row = await ledger.fetch_one(_SINCE, params)
        if row is None:
            return 0
        since = instant(row[0])
    lines, notices = await asyncio.gather(
        _lines(ledger, found, paper, after, paper.account.n + 1, MOST_COUNTED * ROWS_FOR_EACH),
        reads.notices(ledger, found, paper, skipped, MOST_COUNTED),
    )
    count = sum(since is None or group[0].effective_at >= since for group in _grouped(lines))
    count += sum(since is None or notice.at >= since for notice in notices)
    return min(MOST_COUNTED, count)


async def see_news(ledger: Ledger, account_id: str, person_id: str) -> None:
    """Note that a person has seen all that is known of an account now. Of unknown ones nothing is noted."""
    found, known = plain(account_id, ACCOUNT), plain(person_id, PERSON)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None or known is None:
        return
    told = await _notice_count(ledger, found, paper)
    params = {"person": known, "account": found, "n": paper.account.n, "notices": told}
    if await ledger.fetch_one(_SEEN, params) != (paper.account.n, told):
        await ledger.store.change(_SEE, params)


async def _notice_count(ledger: Ledger, found: str, paper: reads.Paper) -> int:
    [(written,)] = await ledger.fetch(_COUNT, {"account": found, "seq": paper.seq})
    return int(written) + len(paper.due_notices)


async def _lines(ledger: Ledger, found: str, paper: reads.Paper, after: int, before: int, limit: int) -> list[Entry]:
    """Return lines that are news, the latest first: those numbered between two numbers, at most so many."""
    left_out = (EntryKind.SPEND, EntryKind.FORFEIT)
    due = [line for line in paper.due if after < line.n < before and line.kind not in left_out][::-1][:limit]
    params = {
        "account": found,
        "after": after,
        "before": min(before, paper.kept.n + 1),
        "limit": limit - len(due),
    }
    return due + [packing.unpack_entry(EntryRow(*row)) for row in await ledger.fetch(_ENTRIES, params)]


def _grouped(lines: Iterable[Entry]) -> list[list[Entry]]:
    """Put lines together that took effect as one: a month's turn, what a job returned, what came and paid a debt.

    Takes and returns the latest first.
    """
    groups: list[list[Entry]] = []
    last: object = None
    for line in reversed(list(lines)):
        what = _what(line)
        if groups and (what == last or (line.pays_debt and groups[-1][-1].effective_at == line.effective_at)):
            groups[-1].append(line)
        else:
            groups.append([line])
            last = what
    return groups[::-1]


def _what(line: Entry) -> object:
    """Return what the lines of one piece of news have in common."""
    at = line.effective_at
    match line.kind:
        case EntryKind.CARRY | EntryKind.EXPIRE:
            return "turn", at
        case EntryKind.ALLOT:
            # One that says why came with a higher plan, in the middle of a month.
            return ("turn", at) if not line.note else ("allot", line.n)
        case EntryKind.RETURN:
            return "return", at, line.job_id
        case EntryKind.REVOKE:
            return "revoke", at, line.note
    return line.kind, line.n


def _of_lines(group: Sequence[Entry]) -> News:
    """Say what some lines that belong together record."""
    first, last = group[0], group[-1]
    sums = {kind: abs(sum(line.connects for line in group if line.kind is kind)) for kind in EntryKind}
    kinds = {line.kind for line in group}
    kind, connects = first.kind.value, sums[first.kind]
    purchase_id = None if first.lot is None else first.lot.purchase_id
    if EntryKind.ALLOT in kinds and not first.note:
        kind, connects = "opened" if first.n == 1 else "renewed", sums[EntryKind.ALLOT]
    elif first.kind is EntryKind.REVOKE and first.note == reversal_note(purchase_id or ""):
        kind = "reversed"
    return News(
        kind,
        first.effective_at,
        connects,
        sum(line.connects for line in group if line.kind is EntryKind.CARRY and line.connects > 0),
        sums[EntryKind.EXPIRE],
        last.balance_after,
        first.job_id,
        purchase_id=purchase_id if kind in ("purchase", "reversed") else None,
        plan=last.plan,
        # Others say why in the rules' own words, which the page has sentences of its own for.
        reason=first.note if kind in ("bonus", "revoke") else "",
        paid_debt=sum(-line.connects for line in group if line.pays_debt),
        expires_at=None if first.lot is None else first.lot.expires_at,
    )


def _of_notice(notice: Notice) -> News:
    return News(notice.kind.value, notice.at, notice.connects, plan=notice.plan, reason=notice.reason)


def _from_cursor(cursor: str) -> tuple[int, int]:
    match = _CURSOR.fullmatch(cursor) if type(cursor) is str else None
    if match is None or int(match[1]) > reads.ALL or int(match[2]) > reads.ALL:
        raise ValueError(f"cursor: expected one that was answered before, got {cursor!r}")
    return int(match[1]), int(match[2])
