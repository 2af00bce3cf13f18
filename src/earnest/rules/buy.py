"""Buying connects, and what a reversed payment takes back (RULES 6)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from earnest.rules.account import Account, Entry, EntryKind, Lot, Source
from earnest.rules.book import Book
from earnest.rules.commands import ConfirmPurchase, ReversePurchase, StartPurchase
from earnest.rules.member import bar_for_role
from earnest.rules.outcome import PurchaseWarning, Refusal, Refused
from earnest.rules.pack import Revision
from earnest.rules.plan_change import bar_for_fee
from earnest.rules.purchase import Purchase, PurchaseStatus
from earnest.rules.settle import most_carried, pending_plan


def _bar_purchase(book: Book, connects: int, awaited: Iterable[Purchase]) -> Refused | None:
    """Refuse what the plan may not buy, or what would pass most held (RULES 6.1).

    Other purchases that have awaited payment for less than a day (the pack's hours) count as held already; a debt
    counts off, as the purchase pays it first. So what is bought is never clipped.
    """
    plan = book.rules.plan(book.plan)
    if plan.connect_price is None:
        return Refused(Refusal.PLAN_CANNOT_BUY, {"plan": book.plan})
    fit = would_fit(book, book.rules, awaited, book.now)
    if fit is not None and plan.most_held is not None and connects > fit:
        return Refused(Refusal.OVER_MOST_HELD, {"most_held": plan.most_held, "would_fit": fit})
    return None


def would_fit(account: Account | Book, rules: Revision, awaited: Iterable[Purchase], now: datetime) -> int | None:
    """Return how many connects could be bought without passing most held (RULES 6.1); None for no limit."""
    most_held = rules.plan(account.plan).most_held
    if most_held is None:
        return None
    since = now - timedelta(hours=rules.pending_purchase_hours)
    coming = sum(
        other.connects for other in awaited if other.status is PurchaseStatus.PENDING and other.requested_at > since
    )
    return max(0, most_held - account.balance - coming + account.debt)


def start_purchase(book: Book, command: StartPurchase) -> Refused | None:
    """Take a purchase on, to await its payment; warn of what the next boundary would take (RULES 6.4)."""
    refused = bar_for_role(command.by) or bar_for_fee(book) or _bar_purchase(book, command.connects, command.pending)
    if refused is not None:
        return refused
    price = book.rules.plan(book.plan).connect_price
    assert price is not None, "a plan without a price was refused above"  # noqa: S101
    book.purchase = Purchase(command.id, command.connects, price, PurchaseStatus.PENDING, book.now)
    book.warning = _warning(book, command.connects)
    return None


def _warning(book: Book, connects: int) -> PurchaseWarning | None:
    """Say how much of the cycle's connects and of the bought ones the boundary would take."""
    rules = book.pack.at(book.cycle_end)
    carried = most_carried(rules.plan(book.plan), rules) if pending_plan(book, rules) is None else 0
    inside = sum(lot.remaining for lot in book.lots if lot.expires_at is None)
    too_many = inside + max(0, connects - book.debt) - carried
    return PurchaseWarning(too_many, book.cycle_end) if too_many > 0 else None


def confirm_purchase(book: Book, command: ConfirmPurchase) -> None:
    """Bring a paid purchase's connects, once; what is no longer allowed brings none and is refused (RULES 6.2)."""
    book.purchase = purchase = command.purchase
    if purchase.status is not PurchaseStatus.PENDING:
        return
    refused = _bar_purchase(book, purchase.connects, [other for other in command.pending if other.id != purchase.id])
    if refused is not None:
        book.purchase = _decided(book, purchase, PurchaseStatus.REFUSED, refused.code.value)
        return
    n = book.n + 1
    lot = Lot(n, Source.PURCHASE, purchase.connects, n, None, purchase.id, purchase.unit_price)
    book.write(EntryKind.PURCHASE, lot.remaining, lot, book.now)
    book.complete_addition((lot,), book.rules.plan(book.plan), book.now)
    book.purchase = _decided(book, purchase, PurchaseStatus.CONFIRMED)


def reverse_purchase(book: Book, command: ReversePurchase) -> None:
    """Take back what is still held of a purchase; what it leaves to owe becomes a debt (RULES 6.3)."""
    book.purchase = purchase = command.purchase
    if purchase.status is PurchaseStatus.PENDING:
        book.purchase = _decided(book, purchase, PurchaseStatus.CANCELLED)
    if purchase.status is not PurchaseStatus.CONFIRMED:
        return
    held = [lot for lot in book.lots if lot.purchase_id == purchase.id]
    book.lots = tuple(lot for lot in book.lots if lot.purchase_id != purchase.id)
    book.write_taken(EntryKind.REVOKE, held, book.now, note=reversal_note(purchase.id))
    book.debt += command.owed
    book.purchase = _decided(book, purchase, PurchaseStatus.REVERSED)


def reversal_note(purchase_id: str) -> str:
    """Return the note of lines that take back what a reversed purchase brought."""
    return f"the payment of {purchase_id} was reversed"


def leaves_to_owe(entry: Entry) -> int:
    """Return by how much a line changes what reversing its lot's purchase would leave as a debt, in connects.

    Spent connects are owed, and so are those that paid a debt: with their own payment gone, that debt is unpaid
    again. Returned ones are not, nor is what expired, was forfeited or taken back (RULES 6.3).
    """
    owed = entry.kind in (EntryKind.SPEND, EntryKind.RETURN) or entry.pays_debt
    return -entry.connects if owed else 0


def _decided(book: Book, purchase: Purchase, status: PurchaseStatus, refusal: str | None = None) -> Purchase:
    return msgspec.structs.replace(purchase, status=status, decided_at=book.now, refusal=refusal)
