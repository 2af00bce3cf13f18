"""Buying connects: asked for, paid, refused, reversed (RULES 6)."""

from typing import ClassVar, Literal

from earnest.ledger import reads
from earnest.ledger.act import Act, Batch
from earnest.ledger.ids import PURCHASE, numbered
from earnest.ledger.ledger import Ledger
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace import showing
from earnest.marketplace.given import cursor_number, find, idempotency_key, page_size
from earnest.marketplace.members import by_member
from earnest.marketplace.shown import Page, PurchaseShown
from earnest.rules import commands
from earnest.rules.outcome import Refusal, Refused

_UNKNOWN_ACCOUNT = Refused(Refusal.UNKNOWN_ACCOUNT)
_UNKNOWN = Refused(Refusal.UNKNOWN_PURCHASE)


class StartPurchase(Act[PurchaseShown], frozen=True):
    """Ask to buy connects."""

    answers: ClassVar[type] = PurchaseShown

    account: str
    connects: int
    by: tuple[str, int] | None

    @property
    def account_id(self) -> str:
        """Who buys."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.pending.add(self.account)
        if self.by is not None:
            needs.members.add(self.by)

    def decide(self, batch: Batch) -> PurchaseShown | Refused:
        """Take the purchase on under the account's next number."""
        if batch.account(self.account) is None:
            return _UNKNOWN_ACCOUNT
        by = None
        if self.by is not None:
            by = batch.member(*self.by) if self.by[0] == self.account else None
            if by is None:
                return Refused(Refusal.UNKNOWN_MEMBER)
        id_ = f"{PURCHASE}{self.account}_{batch.seq(self.account) + 1}"
        command = commands.StartPurchase(id_, self.connects, batch.pending(self.account), by)
        outcome = batch.decide(self.account, command)
        if isinstance(outcome, Refused):
            return outcome
        assert outcome.purchase is not None, "an accepted purchase is one"  # noqa: S101
        return showing.purchase(outcome.purchase, self.account, batch.pack, outcome.warning)


class DecidePurchase(Act[PurchaseShown], frozen=True):
    """Report what became of a purchase's payment."""

    answers: ClassVar[type] = PurchaseShown

    account: str
    seq: int
    to: Literal["confirmed", "reversed"]

    @property
    def account_id(self) -> str:
        """Who bought."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.purchases.add((self.account, self.seq))
        if self.to == "confirmed":
            needs.pending.add(self.account)
        else:
            needs.owed.add((self.account, self.seq))

    def decide(self, batch: Batch) -> PurchaseShown | Refused:
        """Bring the connects, or take them back; what is decided already stays so."""
        purchase = batch.purchase(self.account, self.seq)
        if batch.account(self.account) is None or purchase is None:
            return _UNKNOWN
        if self.to == "confirmed":
            outcome = batch.decide(self.account, commands.ConfirmPurchase(purchase, batch.pending(self.account)))
        else:
            owed = batch.owed(self.account, self.seq)
            outcome = batch.decide(self.account, commands.ReversePurchase(purchase, owed), owed=owed)
        if isinstance(outcome, Refused):
            return outcome
        return showing.purchase(outcome.purchase or purchase, self.account, batch.pack)


async def buy(
    ledger: Ledger, account_id: str, connects: int, *, by_member_id: str | None = None, key: str | Key | None = None
) -> PurchaseShown | Refused:
    """Ask to buy connects, at the plan's price; they arrive when the payment is confirmed (RULES 6).

    Answers with a warning of what the next boundary would take. Refused as `unknown_account`, `not_permitted`,
    `plan_cannot_buy`, `over_most_held` (with `would_fit`). Raises ValueError for a number out of range.
    """
    by = by_member(by_member_id)
    commands.StartPurchase("", connects)
    found = await find(ledger, "account", account_id)
    if found is None:
        return _UNKNOWN_ACCOUNT
    return await ledger.do(StartPurchase(found, connects, by), idempotency_key(key))


async def confirm_purchase(
    ledger: Ledger, purchase_id: str, *, key: str | Key | None = None
) -> PurchaseShown | Refused:
    """Report a purchase's payment as received: its connects arrive, once.

    What the plan no longer allows brings nothing, and the purchase is answered as `refused`: return the money.
    """
    return await _decide(ledger, purchase_id, "confirmed", key)


async def reverse_purchase(
    ledger: Ledger, purchase_id: str, *, key: str | Key | None = None
) -> PurchaseShown | Refused:
    """Report a purchase's payment as taken back, or not coming: what is held of it is taken back, the rest owed."""
    return await _decide(ledger, purchase_id, "reversed", key)


async def _decide(
    ledger: Ledger, purchase_id: str, to: Literal["confirmed", "reversed"], key: str | Key | None
) -> PurchaseShown | Refused:
    where = numbered(purchase_id, PURCHASE)
    if where is None:
        return _UNKNOWN
    return await ledger.do(DecidePurchase(*where, to), idempotency_key(key))


async def purchase(ledger: Ledger, purchase_id: str) -> PurchaseShown | Refused:
    """Show a purchase."""
    where = numbered(purchase_id, PURCHASE)
    row = None if where is None else await reads.purchase(ledger, *where)
    return _UNKNOWN if row is None else showing.kept_purchase(row, ledger.pack)


async def purchases(
    ledger: Ledger, account_id: str, *, limit: int = 100, cursor: str | None = None
) -> Page[PurchaseShown] | Refused:
    """List an account's purchases, the latest first."""
    limit = page_size(limit)
    found = await find(ledger, "account", account_id)
    if found is None or await reads.account(ledger, found) is None:
        return _UNKNOWN_ACCOUNT
    rows = await reads.purchases(ledger, found, cursor_number(cursor, reads.ALL), limit + 1)
    items = [showing.kept_purchase(row, ledger.pack) for row in rows[:limit]]
    return Page(items, str(rows[limit - 1].seq) if len(rows) > limit else None)
