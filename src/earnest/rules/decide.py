"""The way into the rules: one account, one command, one time, one answer.

`decide` is a pure function. It settles the account to the time asked about, judges its standing, and then accepts
the command, with the account after and the lines its journal gains, or refuses it, with a code and its figures. It
raises nothing for what a user can do; what it does raise is a caller's mistake, named in its docstring.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from earnest.rules import buy, conduct, grant, plan_change, propose, refund
from earnest.rules.account import Account
from earnest.rules.book import Book
from earnest.rules.calendar import EARLIEST, LATEST, NEVER_DAY, as_utc, told
from earnest.rules.commands import (
    Appeal,
    ChangePlan,
    Command,
    ConfirmPurchase,
    DecideSuspension,
    Decline,
    GiveBack,
    Grant,
    Hire,
    KeepPlan,
    Open,
    ReportFee,
    ReversePurchase,
    Revoke,
    Settle,
    StartPurchase,
    Submit,
    Suspend,
    Withdraw,
)
from earnest.rules.outcome import Outcome, Refusal, Refused
from earnest.rules.pack import Pack
from earnest.rules.proposal import Proposal
from earnest.rules.settle import allot, settle

_HANDLERS: dict[type, Callable[[Book, Any], Refused | None]] = {
    Submit: propose.submit,
    Withdraw: propose.withdraw,
    Decline: propose.decline,
    Hire: propose.hire,
    StartPurchase: buy.start_purchase,
    ConfirmPurchase: buy.confirm_purchase,
    ReversePurchase: buy.reverse_purchase,
    ChangePlan: plan_change.change_plan,
    KeepPlan: plan_change.keep_plan,
    ReportFee: plan_change.report_fee,
    Grant: grant.grant,
    Revoke: grant.revoke,
    Suspend: conduct.suspend,
    Appeal: conduct.appeal,
    DecideSuspension: conduct.decide_suspension,
}


def decide(
    account: Account | None, command: Command, pack: Pack, now: datetime, history: Collection[Proposal] | None = None
) -> Outcome:
    """Decide a command on an account as of `now`.

    `account` is None for an opening, and where there is no such account. `history` are the account's proposals
    submitted from `conduct.history_from(account, pack, now)` on; they are needed only where that names a
    time. Raises ValueError for a `now` without a zone or out of all range, and conduct.HistoryNeededError for a
    history left out.
    """
    if now.tzinfo is not UTC or not EARLIEST <= now <= LATEST:
        now = as_utc(now, "now")
    kind = type(command)
    if account is None:
        return _open(command, pack, now) if isinstance(command, Open) else Refused(Refusal.UNKNOWN_ACCOUNT)
    if kind is Open:
        return Refused(Refusal.MALFORMED, {"field": "id", "expected": "an id no account has yet"})
    if now < account.touched_at:
        return Refused(Refusal.CLOCK_BEHIND, {"now": told(now), "last_effect_at": told(account.touched_at)})
    book = Book(account, pack, now)
    settle(book)
    conduct.judge(book, history)
    # Boundaries and days of conduct come about in turn: in the same order as if somebody had looked at each.
    book.notices.sort(key=lambda notice: notice.at)
    refused: Refused | None = None
    if isinstance(command, GiveBack):
        refused = refund.give_back(book, command, history)
    elif kind is not Settle:
        refused = _HANDLERS[kind](book, command)
    return book.accepted() if refused is None else refused


def _open(command: Open, pack: Pack, now: datetime) -> Outcome:
    """Open an account as of its opening, and settle it to now (RULES 3.5)."""
    at = now if command.opened_at is None else command.opened_at.astimezone(UTC)
    rules = pack.at(at)
    codes = [plan.code for plan in rules.plans]
    if at > now:
        return Refused(Refusal.MALFORMED, {"field": "opened_at", "expected": "a time not after now"})
    if command.plan not in codes:
        return Refused(Refusal.MALFORMED, {"field": "plan", "expected": f"one of {', '.join(codes)}"})
    plan = rules.plan(command.plan)
    if plan.kind != command.kind:
        return Refused(Refusal.NOT_FOR_THIS_KIND, {"plan": command.plan, "kind": command.kind})
    start, end = pack.calendar.first_cycle(at)
    blank = Account(command.id, command.kind, plan.code, 0, at, start, end, end, (), 0, 0, NEVER_DAY, 0)
    book = Book(blank, pack, now)
    book.charge(plan, at)
    whole = rules.first_month == "full"
    allot(book, plan.connects if whole else pack.calendar.prorated(plan.connects, at, start, end), plan, at)
    settle(book)
    return book.accepted()
