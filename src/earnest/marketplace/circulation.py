"""What circulated: where connects came from in a span of time, and where they went, on one account or on all.

The figures are the journal's sums, settled on paper: what an account was due to be written before the span's end is
counted whether it is written or not, so settling changes nothing here.
"""

import asyncio
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from earnest.ledger import reads
from earnest.ledger.flows import Flow, Move, bonuses, due_accounts, flows, moves
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import instant as instant_of
from earnest.ledger.packing import micros, unpack_account
from earnest.ledger.rows import AccountRow
from earnest.marketplace.given import find, instant, whole
from earnest.marketplace.shown import Instant
from earnest.rules.account import Account, Entry, EntryKind, Lot, Source
from earnest.rules.book import Book
from earnest.rules.outcome import Notice, NoticeKind, Refusal, Refused
from earnest.rules.pack import Pack
from earnest.rules.settle import settle
from earnest.rules.stats import by_month

_FIGURES = {
    EntryKind.ALLOT: "granted",
    EntryKind.BONUS: "granted",
    EntryKind.PURCHASE: "bought",
    EntryKind.RETURN: "returned",
    EntryKind.SPEND: "spent",
    EntryKind.EXPIRE: "expired",
    EntryKind.FORFEIT: "forfeited",
    EntryKind.REVOKE: "taken_back",
}

MOST_MONTHS = 24
"""Months that are shown at once."""

_MOVED = (
    "select case when effective_at < :start then 0 else 1 end, kind, sum(connects) from entry"
    " where account_id = id(:account) and n <= :n and effective_at < :end and kind <> 'carry' group by 1, 2"
)

ORIGINS = (Source.ALLOTMENT, Source.PURCHASE, Source.BONUS)
"""What a lot can first have come from."""


class Circulated(msgspec.Struct, frozen=True, kw_only=True):
    """What moved, in connects.

    held_before + granted + bought + returned = spent + expired + forfeited + taken_back + held.
    """

    held_before: Annotated[int, Meta(description="Connects held before the span.")]
    granted: Annotated[int, Meta(description="Connects granted: allotments and bonuses.")]
    bought: Annotated[int, Meta(description="Connects bought.")]
    returned: Annotated[int, Meta(description="Connects given back.")]
    spent: Annotated[int, Meta(description="Connects spent on proposals.")]
    expired: Annotated[int, Meta(description="Connects that expired unused.")]
    forfeited: Annotated[int, Meta(description="Connects beyond what may be held, taken at once.")]
    taken_back: Annotated[int, Meta(description="Connects taken back: after reversed payments, and by operators.")]
    held: Annotated[int, Meta(description="Connects held at the end of the span.")]


class CirculatedOnPlan(Circulated, frozen=True, kw_only=True):
    """What moved on one plan, with what its accounts brought when they came to it and took when they left it.

    held_before + granted + bought + returned + moved_in = spent + expired + forfeited + taken_back + moved_out + held.
    """

    moved_in: Annotated[int, Meta(description="Connects that accounts brought when they came to the plan.")]
    moved_out: Annotated[int, Meta(description="Connects that accounts took when they left it.")]


class CirculatedInMonth(Circulated, frozen=True, kw_only=True):
    """What moved in one month; `start` is its first day in the pack's zone."""

    start: date


class CirculationShown(Circulated, frozen=True, kw_only=True):
    """What circulated from `since` on and before `until`."""

    since: Annotated[Instant | None, Meta(description="From this time on; null: from the beginning.")]
    until: Annotated[Instant, Meta(description="Before this time.")]
    by_source: Annotated[
        dict[str, Circulated],
        Meta(description="By what connects first came from, through carries and refunds: allotment, purchase, bonus."),
    ]
    by_plan: Annotated[
        dict[str, CirculatedOnPlan], Meta(description="By the code of the plan that their account was on.")
    ]


async def circulation(
    ledger: Ledger, *, since: datetime | None = None, until: datetime | None = None
) -> CirculationShown:
    """Show what circulated from `since` on and before `until`, in total, by original source, and by plan.

    A line counts when it took effect, however late it was written. Without `until`, or with one in the future, all is
    counted up to now, and with what takes effect right now. Raises ValueError for a `since` after `until`.
    """
    first, last = instant("since", since), instant("until", until)
    if first is not None and last is not None and first > last:
        raise ValueError(f"since: expected a time not after until, {last.isoformat()}, got {first.isoformat()}")
    now = ledger.now
    # One past now, so that what has just happened is there.
    end = micros(now) + 1 if last is None else min(micros(last), micros(now) + 1)
    tally = await _tally(ledger, [0 if first is None else micros(first)], end)
    plans = dict.fromkeys(plan.code for revision in ledger.pack.revisions for plan in revision.plans)
    return CirculationShown(
        since=first,
        until=now if last is None or last > now else last,
        by_source={source.value: tally.of_source(source) for source in ORIGINS},
        by_plan={plan: tally.on_plan(plan) for plan in plans},
        **tally.total(),
    )


async def circulation_by_month(ledger: Ledger, *, months: int = 6) -> list[CirculatedInMonth]:
    """Show what circulated in each of the last months in the pack's zone, the earliest first, now's up to now.

    All of them are of one moment, so that each month begins with what the one before it left.
    """
    whole("months", months, 1, MOST_MONTHS)
    now, calendar = ledger.now, ledger.pack.calendar
    shown = by_month((), (), (), calendar, now, months)
    starts = [micros(calendar.day_start(month.start.toordinal())) for month in shown]
    tally = await _tally(ledger, starts, micros(now) + 1)
    return [CirculatedInMonth(start=month.start, **tally.total(span)) for span, month in enumerate(shown, start=1)]


async def circulated(
    ledger: Ledger, account_id: str, *, since: datetime | None = None, until: datetime | None = None
) -> Circulated | Refused:
    """Show what moved on one account from `since` on and before `until`, by now's reading of its journal.

    Refused as `unknown_account`. Raises ValueError for a `since` after `until`.
    """
    first, last = instant("since", since), instant("until", until)
    if first is not None and last is not None and first > last:
        raise ValueError(f"since: expected a time not after until, {last.isoformat()}, got {first.isoformat()}")
    found = await find(ledger, "account", account_id)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None:
        return Refused(Refusal.UNKNOWN_ACCOUNT)
    start = 0 if first is None else micros(first)
    end = reads.EVER if last is None else micros(last)
    row = _Row()
    # What was written since the account was looked at is due there too, and counts once.
    params = {"account": found, "n": paper.kept.n, "start": start, "end": end}
    for span, kind, connects in await ledger.fetch(_MOVED, params):
        row.add(_FIGURES[EntryKind(kind)], int(connects), span)
    for line in paper.due:
        at = micros(line.effective_at)
        if line.kind is not EntryKind.CARRY and at < end:
            row.add(_FIGURES[line.kind], line.connects, int(at >= start))
    return Circulated(**row.figures(1))


async def _tally(ledger: Ledger, starts: list[int], end: int) -> "_Tally":
    """Sum up what moved before a time, written or due, by the spans that begin at `starts`; in microseconds."""
    tally = _Tally()
    async with ledger.snapshot() as snapshot:
        tally.add(await flows(snapshot, starts, end), await moves(snapshot, starts, end))
        async for rows in due_accounts(snapshot, end):
            accounts = [unpack_account(row) for row in rows]
            given = await bonuses(snapshot, rows[0].account_id, rows[-1].account_id) if _want_roots(accounts) else set()
            # It is mere arithmetic, but a lot of it, and others wait on this loop.
            due = await asyncio.to_thread(_due, rows, accounts, given, ledger.pack, starts, end)
            tally.add(*due)
    return tally


class _Tally:
    """The figures while they grow: flows and moves are added in any number of pieces."""

    def __init__(self) -> None:
        self._total = _Row()
        self._by_source: defaultdict[Source, _Row] = defaultdict(_Row)
        self._by_plan: defaultdict[str, _Row] = defaultdict(_Row)

    def add(self, flowed: Iterable[Flow], moved: Iterable[Move]) -> None:
        """Add what flowed, and what moved between plans."""
        for flow in flowed:
            for row in (self._total, self._by_source[flow.source], self._by_plan[flow.plan]):
                row.add(_FIGURES[flow.kind], flow.connects, flow.span)
        for move in moved:
            self._by_plan[move.old].add("moved_out", -move.connects, move.span)
            self._by_plan[move.new].add("moved_in", move.connects, move.span)

    def total(self, span: int = 1) -> dict[str, int]:
        """Return the figures of all accounts."""
        return self._total.figures(span)

    def of_source(self, source: Source) -> Circulated:
        """Return the figures of what first came from a source."""
        return Circulated(**self._by_source[source].figures(1))

    def on_plan(self, plan: str) -> CirculatedOnPlan:
        """Return the figures of a plan."""
        row = self._by_plan[plan]
        moved = {figure: row.sums[1, figure] for figure in ("moved_in", "moved_out")}
        return CirculatedOnPlan(**row.figures(1), **moved)


class _Row:
    """The figures of one row while they grow, by spans; what left is counted as more than nothing."""

    def __init__(self) -> None:
        self.sums = Counter[tuple[int, str]]()
        self._came = Counter[int]()

    def add(self, figure: str, connects: int, span: int) -> None:
        """Add connects that came, or below 0, left: in a span, or in 0, before all of them."""
        self._came[span] += connects
        self.sums[span, figure] += abs(connects)

    def figures(self, span: int) -> dict[str, int]:
        """Return the figures that every row has, of a span."""
        before = sum(connects for at, connects in self._came.items() if at < span)
        flowed = {figure: self.sums[span, figure] for figure in _FIGURES.values()}
        return {"held_before": before, "held": before + self._came[span], **flowed}


def _want_roots(accounts: Iterable[Account]) -> bool:
    """Say whether accounts hold lots of which only their root can tell where they first came from."""
    return any(
        lot.purchase_id is None and lot.source in (Source.CARRIED, Source.REFUND)
        for account in accounts
        for lot in account.lots
    )


def _due(
    rows: list[AccountRow],
    accounts: list[Account],
    given: set[tuple[str, int]],
    pack: Pack,
    starts: list[int],
    until: int,
) -> tuple[list[Flow], list[Move]]:
    """Settle accounts on paper, and return what would be written as having taken effect before a time."""
    at = instant_of(until - 1)
    lines: Counter[tuple[int, str, EntryKind, Source]] = Counter()
    moved: Counter[tuple[int, str, str]] = Counter()
    for row, account in zip(rows, accounts, strict=True):
        book = Book(account, pack, at)
        settle(book)
        for line in book.entries:
            if line.kind is not EntryKind.CARRY and line.lot is not None:
                source = _origin(row.account_id, line.lot, given)
                lines[_span(starts, line.effective_at), line.plan, line.kind, source] += line.connects
        for change, old, new, connects in _changes(account, book.entries, book.notices):
            moved[_span(starts, change.at), old, new] += connects
    return [Flow(*key, connects) for key, connects in lines.items()], [Move(*key, n) for key, n in moved.items()]


def _span(starts: list[int], at: datetime) -> int:
    """Return which of the spans that begin at `starts` a time lies in, 0 before all of them."""
    return bisect_right(starts, micros(at))


def _origin(account_id: str, lot: Lot, given: set[tuple[str, int]]) -> Source:
    """Return what a lot first came from."""
    if lot.purchase_id is not None:
        return Source.PURCHASE
    if lot.source is Source.BONUS or (account_id, lot.root) in given:
        return Source.BONUS
    return Source.ALLOTMENT


def _changes(account: Account, lines: list[Entry], notices: list[Notice]) -> Iterable[tuple[Notice, str, str, int]]:
    """Yield changes of plan that settling brings: the notice, the plans before and after, and what moved."""
    plan, balance, n = account.plan, account.balance, 0
    for notice in notices:
        if notice.kind is not NoticeKind.PLAN_CHANGED or notice.plan is None:
            continue
        # At the instant of the change, what expired is written under the plan before it.
        while n < len(lines) and (
            lines[n].effective_at < notice.at or (lines[n].effective_at == notice.at and lines[n].plan == plan)
        ):
            balance = lines[n].balance_after
            n += 1
        yield notice, plan, notice.plan, balance
        plan = notice.plan
