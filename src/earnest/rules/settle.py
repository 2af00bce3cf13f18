"""Carrying an account across what has fallen due: expiries, boundaries, allotments (RULES 3).

No midnight job is needed for correctness. An account is settled when it is touched and on paper when it is read,
by the same function, so how often one looks changes cost and never what is there: settling to one time and then to
a later one is settling to the later one (`test_when_you_look_never_changes_what_is_there`).
"""

from datetime import datetime

from earnest.rules.account import Account, Entry, EntryKind, Lot, Source
from earnest.rules.book import Book
from earnest.rules.burn import burn, burn_order, is_paid
from earnest.rules.calendar import as_utc
from earnest.rules.outcome import Notice, NoticeKind
from earnest.rules.pack import Pack, Plan, Revision

# An enumeration's member costs ten times a name's look-up, and these are asked for at every boundary.
_ALLOT, _EXPIRE, _ALLOTMENT = EntryKind.ALLOT, EntryKind.EXPIRE, Source.ALLOTMENT


def settle(book: Book) -> None:
    """Write everything that has fallen due by now, in the order it fell due; what is due at now is due."""
    while book.due_at <= book.now:
        at = book.due_at
        if at == book.cycle_end:
            _cross(book, at)
        else:
            _expire_own(book, at)
        # Lots stand in burn order, so the first is the first to expire.
        soonest = book.lots[0].expires_at if book.lots else None
        book.due_at = book.cycle_end if soonest is None else min(soonest, book.cycle_end)


def look(account: Account, pack: Pack, now: datetime) -> tuple[Account, tuple[Entry, ...]]:
    """Settle on paper: return the account as it is at a time, and the lines that settling would write.

    Its standing is not judged: that asks for its proposals (`conduct.judge`). Looking back shows what is there now.
    Raises ValueError for a time without a zone.
    """
    book = Book(account, pack, max(as_utc(now, "now"), account.touched_at))
    settle(book)
    return book.close(), tuple(book.entries)


def pending_plan(account: Account | Book, rules: Revision) -> str | None:
    """Return the plan the account will be on from its next cycle, if not its present one (RULES 7.2).

    An unpaid fee takes it to the lowest plan of its kind, whatever its holder chose.
    """
    if account.fee_unpaid:
        lowest = rules.plans_of(account.kind)[0]
        if account.plan != lowest:
            return lowest
    return account.chosen_plan


def most_carried(plan: Plan, rules: Revision) -> int:
    """Return how many connects a plan carries into its next cycle, at most (RULES 3.4)."""
    if rules.carry_limit_counts == "opening":
        return max(0, plan.carry_limit - plan.connects)
    return plan.carry_limit


def _expire_own(book: Book, at: datetime) -> None:
    """Expire the bonus lots whose own time has come."""
    gone = [lot for lot in book.lots if lot.expires_at is not None and lot.expires_at <= at]
    if gone:
        book.lots = tuple(lot for lot in book.lots if lot.expires_at is None or lot.expires_at > at)
        book.write_taken(_EXPIRE, gone, at)


def _cross(book: Book, at: datetime) -> None:
    """Cross a boundary: carry what may be carried, expire the rest, change the plan, allot (RULES 3.3)."""
    rules = book.pack.at(at)
    plan = rules.plan(book.plan)
    inside = tuple([lot for lot in book.lots if lot.expires_at is None])
    outside: tuple[Lot, ...] = ()
    if len(inside) < len(book.lots):
        _expire_own(book, at)
        outside = tuple([lot for lot in book.lots if lot.expires_at is not None])
    falls_to = pending_plan(book, rules)
    # A fall to a lower plan carries nothing (RULES 7.2).
    limit = most_carried(plan, rules) if falls_to is None else 0
    # Usually what burns first is what is carried last, and then all stays in burn order.
    sorted_ = book.pack.free_first == (rules.carry_first == "paid")
    if not sorted_:
        inside = tuple(sorted(inside, key=lambda lot: is_paid(lot) == (rules.carry_first == "paid")))
    carried, expired = _split(inside, limit)
    book.lots = tuple(book.write_carried(carried, at))
    book.write_taken(_EXPIRE, expired, at)
    book.cycle_start, book.cycle_end = at, book.pack.calendar.next_boundary(at)
    if outside or not sorted_:
        book.lots = burn_order(outside + book.lots, book.cycle_end, free_first=book.pack.free_first)
    if falls_to is not None:
        # An unpaid fee has had its consequence; on the plan fallen to it bars nothing.
        plan = rules.plan(falls_to)
        book.plan, book.chosen_plan, book.fee_unpaid = falls_to, None, False
        book.notices.append(Notice(NoticeKind.PLAN_CHANGED, at, plan=falls_to))
    book.charge(plan, at)
    allot(book, plan.connects, plan, at)


def _split(lots: tuple[Lot, ...], limit: int) -> tuple[tuple[Lot, ...], tuple[Lot, ...]]:
    """Split a cycle's lots at its end into what is carried and what expires (RULES 3.4).

    The lots stand with what is carried first at the end: paid ones, or as the pack says, and then the youngest. So
    the surplus over the limit is what the front holds.
    """
    if limit == 0:
        return (), lots
    return burn(lots, max(0, sum([lot.remaining for lot in lots]) - limit))


def allot(book: Book, connects: int, plan: Plan, at: datetime, note: str = "") -> None:
    """Grant connects of a plan's allotment, to end with the present cycle."""
    lots: tuple[Lot, ...] = ()
    if connects:
        n = book.n + 1
        lots = (Lot(n, _ALLOTMENT, connects, n),)
        book.write(_ALLOT, connects, lots[0], at, None, None, note)
    book.complete_addition(lots, plan, at)
