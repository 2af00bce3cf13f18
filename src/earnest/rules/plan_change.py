"""Changing plan: up at once, down at the end of the cycle, and down for an unpaid fee (RULES 7)."""

from earnest.rules.book import Book
from earnest.rules.commands import ChangePlan, KeepPlan, ReportFee
from earnest.rules.member import bar_for_role
from earnest.rules.outcome import Notice, NoticeKind, Refusal, Refused
from earnest.rules.settle import allot


def bar_for_fee(book: Book) -> Refused | None:
    """Refuse proposing and buying while a fee is unpaid and there is no lower plan to fall to (RULES 7.2)."""
    if book.fee_unpaid and book.plan == book.rules.plans_of(book.kind)[0]:
        return Refused(Refusal.NOT_PERMITTED, {"reason": "fee_unpaid"})
    return None


def change_plan(book: Book, command: ChangePlan) -> Refused | None:
    """Move up at once, or down at the end of the cycle; the plan already held takes a chosen change back."""
    codes = [plan.code for plan in book.rules.plans]
    if command.plan not in codes:
        return Refused(Refusal.MALFORMED, {"field": "plan", "expected": f"one of {', '.join(codes)}"})
    refused = bar_for_role(command.by)
    if refused is not None:
        return refused
    plans = book.rules.plans_of(book.kind)
    up = command.plan in plans and plans.index(command.plan) > plans.index(book.plan)
    if up and book.fee_unpaid:
        return Refused(Refusal.NOT_PERMITTED, {"reason": "fee_unpaid"})
    if command.plan not in plans:
        return Refused(Refusal.NOT_FOR_THIS_KIND, {"plan": command.plan, "kind": book.kind})
    if up:
        _move_up(book, command.plan)
    else:
        book.chosen_plan = None if command.plan == book.plan else command.plan
    return None


def keep_plan(book: Book, command: KeepPlan) -> Refused | None:
    """Take a chosen change back. A fall for an unpaid fee isn't one: only paying ends it."""
    refused = bar_for_role(command.by)
    if refused is None and book.chosen_plan is None:
        refused = Refused(Refusal.NOTHING_PENDING)
    if refused is None:
        book.chosen_plan = None
    return refused


def report_fee(book: Book, command: ReportFee) -> None:
    """Note the membership fee as unpaid, or as paid after all; twice changes nothing.

    On a plan without a fee none is unpaid: a report that comes after the fall has had its consequence.
    """
    book.fee_unpaid = not command.paid and book.rules.plan(book.plan).fee > 0


def _move_up(book: Book, plan: str) -> None:
    # The allotments are those the present cycle began with: a newer revision's hold from its next boundary on.
    began = book.pack.at(book.cycle_start)
    allotted = {each.code: each.connects for each in (*book.rules.plans, *began.plans)}
    old = book.plan
    more = allotted[plan] - allotted[old]
    if began.upgrade_grants == "full":
        more = allotted[plan]
    elif began.upgrade_grants == "prorated":
        more = book.pack.calendar.prorated(more, book.now, book.cycle_start, book.cycle_end)
    book.plan, book.chosen_plan = plan, None
    book.notices.append(Notice(NoticeKind.PLAN_CHANGED, book.now, plan=plan))
    higher = book.rules.plan(plan)
    book.charge(higher, book.now)
    allot(book, max(0, more), higher, book.now, note=f"moved up from {old} to {plan}")
