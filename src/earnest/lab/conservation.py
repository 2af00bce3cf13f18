"""An auditor's arithmetic: whether the lines of a journal add up (RULES 11).

It reads lines and nothing else, and shares no code with what wrote them: no function of the rules is called here,
only their plain values are read. What is folded is small (each account's open lots, and what of each grant was spent
and has not come back), so a journal of any length streams through.

Lines of one account come in their order; lines of different accounts may come in any.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NoReturn

import msgspec

from earnest.rules.account import Account, Entry, EntryKind, Lot, Source

_ALLOT, _PURCHASE, _BONUS, _RETURN = EntryKind.ALLOT, EntryKind.PURCHASE, EntryKind.BONUS, EntryKind.RETURN
_SPEND, _EXPIRE, _FORFEIT, _REVOKE = EntryKind.SPEND, EntryKind.EXPIRE, EntryKind.FORFEIT, EntryKind.REVOKE
_CARRY = EntryKind.CARRY
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class ConservationError(RuntimeError):
    """A journal that does not add up; `account_id` and `n` name the account and the line."""

    def __init__(self, account_id: str, n: int, what: str) -> None:
        super().__init__(f"{account_id}, line {n}: {what}")
        self.account_id = account_id
        self.n = n


class Totals(msgspec.Struct, frozen=True):
    """What lines add up to, in connects; `held` is what is left."""

    granted: int = 0
    bought: int = 0
    returned: int = 0
    spent: int = 0
    expired: int = 0
    forfeited: int = 0
    taken_back: int = 0
    held: int = 0

    @property
    def surplus(self) -> int:
        """What came in beyond what went out and what is held: nothing, where connects are conserved."""
        came = self.granted + self.bought + self.returned
        return came - self.spent - self.expired - self.forfeited - self.taken_back - self.held


class AccountFold:
    """One account's journal, folded line by line."""

    __slots__ = (
        "_at",
        "_balance",
        "_bought",
        "_carrying",
        "_expired",
        "_forfeited",
        "_granted",
        "_held",
        "_n",
        "_returnable",
        "_returned",
        "_spent",
        "_taken_back",
        "account_id",
    )

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._n = self._balance = 0
        self._at = _BEGINNING
        # Open lots only: as they came, and what remains of each.
        self._held: dict[int, tuple[Lot, int]] = {}
        # By root, so that it stays as small as the number of grants, however often connects come and go.
        self._returnable: dict[int, int] = {}
        self._carrying: Lot | None = None
        self._granted = self._bought = self._returned = 0
        self._spent = self._expired = self._forfeited = self._taken_back = 0

    def add(self, entry: Entry) -> None:
        """Fold the account's next line; raises ConservationError where it does not follow from those before it."""
        n, connects, at = entry.n, entry.connects, entry.effective_at
        if n != self._n + 1:
            self._fail(n, f"expected line {self._n + 1}")
        if at < self._at:
            self._fail(n, f"effective at {at.isoformat()}, before the line before it at {self._at.isoformat()}")
        if entry.balance_after != self._balance + connects:
            self._fail(n, f"balance_after: expected {self._balance + connects}, got {entry.balance_after}")
        if self._carrying is not None and entry.kind is not _CARRY:
            self._fail(n, "expected the second line of a carry")
        if entry.lot is None:
            if entry.kind is not _SPEND or connects != 0:
                self._fail(n, f"{entry.kind} of {connects} without a lot")
        elif connects < 0:
            self._take(entry, entry.lot, -connects)
        else:
            self._bring(entry, entry.lot, connects)
        self._n, self._balance, self._at = n, entry.balance_after, at

    def _take(self, entry: Entry, lot: Lot, connects: int) -> None:
        """Fold a line that takes connects from a lot."""
        n, kind = entry.n, entry.kind
        was, remaining = self._held.get(lot.n, (None, 0))
        if was is None:
            self._fail(n, f"lot {lot.n} holds nothing")
        if connects > remaining:
            self._fail(n, f"takes {connects} from lot {lot.n}, which holds {remaining}")
        if lot is not was and (lot.remaining != connects or not _same_nature(lot, was)):
            self._fail(n, f"expected a slice of {connects} of {was}, got {lot}")
        if lot.expires_at is not None and kind is not _EXPIRE and entry.effective_at >= lot.expires_at:
            self._fail(n, f"takes from lot {lot.n}, which expired at {lot.expires_at.isoformat()}")
        if remaining == connects:
            del self._held[lot.n]
        else:
            self._held[lot.n] = (was, remaining - connects)
        if kind is _SPEND:
            self._spent += connects
            root, returnable = lot.root, self._returnable
            returnable[root] = returnable[root] + connects if root in returnable else connects
        elif kind is _EXPIRE:
            self._expired += connects
        elif kind is _CARRY:
            if self._carrying is not None:
                self._fail(n, "expected the second line of a carry")
            self._carrying = lot
        elif kind is _FORFEIT:
            self._forfeited += connects
        elif kind is _REVOKE:
            self._taken_back += connects
        else:
            self._fail(n, f"{kind} must add, but takes {connects}")

    def _bring(self, entry: Entry, lot: Lot, connects: int) -> None:
        """Fold a line that brings a lot."""
        n, kind, source = entry.n, entry.kind, lot.source
        if lot.n != n or lot.remaining != connects or connects == 0:
            self._fail(n, f"expected a lot {n} of {connects}, more than none, got {lot}")
        if kind is _RETURN:
            self._give_back(n, lot, connects)
            fits = source is Source.REFUND
            self._returned += connects
        elif kind is _CARRY:
            fits = source is Source.CARRIED and self._is_carried_on(entry, lot, connects)
            self._carrying = None
        elif kind is _ALLOT:
            fits = source is Source.ALLOTMENT and lot.root == n
            self._granted += connects
        elif kind is _BONUS:
            fits = source is Source.BONUS and lot.root == n
            self._granted += connects
        elif kind is _PURCHASE:
            fits = source is Source.PURCHASE and lot.root == n and lot.purchase_id is not None
            self._bought += connects
        else:
            self._fail(n, f"{kind} must take, but adds {connects}")
        if not fits:
            self._fail(n, f"{kind} cannot bring {lot}")
        self._held[n] = (lot, connects)

    def _give_back(self, n: int, lot: Lot, connects: int) -> None:
        """Fold what a return brings: nothing that was not spent before."""
        left = self._returnable.get(lot.root, 0) - connects
        if left < 0:
            self._fail(n, f"returns {connects} of grant {lot.root}, of which {left + connects} are spent")
        if left:
            self._returnable[lot.root] = left
        else:
            del self._returnable[lot.root]

    def _is_carried_on(self, entry: Entry, lot: Lot, connects: int) -> bool:
        """Say whether the line brings what the line before it took to be carried."""
        was = self._carrying
        return (
            was is not None
            and (was.remaining, was.root, was.purchase_id, was.unit_price)
            == (connects, lot.root, lot.purchase_id, lot.unit_price)
            and entry.effective_at == self._at
        )

    def totals(self) -> Totals:
        """Return what the lines so far add up to; raises ConservationError where a carry is only half written."""
        if self._carrying is not None:
            self._fail(self._n, "the journal ends between the two lines of a carry")
        held = sum(remaining for _, remaining in self._held.values())
        totals = Totals(
            self._granted,
            self._bought,
            self._returned,
            self._spent,
            self._expired,
            self._forfeited,
            self._taken_back,
            held,
        )
        if totals.surplus or held != self._balance:
            self._fail(self._n, f"not conserved: {totals}, balance {self._balance}")
        return totals

    def check(self, account: Account) -> Totals:
        """Compare the account as it is kept with its journal, and return what the journal adds up to.

        Raises ConservationError where its number of lines, its balance or any of its lots differ, or where it was
        last touched before its last line took effect.
        """
        totals = self.totals()
        if account.n != self._n or account.touched_at < self._at:
            self._fail(self._n, f"the account is at line {account.n}, touched at {account.touched_at.isoformat()}")
        if account.balance != self._balance:
            self._fail(self._n, f"the account's balance is {account.balance}, the journal's {self._balance}")
        for lot in account.lots:
            was, remaining = self._held.get(lot.n, (None, 0))
            if was is None or lot.remaining != remaining or not _same_nature(lot, was):
                self._fail(self._n, f"the account holds {lot}, the journal {remaining} of {was}")
        if len(account.lots) != len(self._held):
            self._fail(self._n, f"the account holds {len(account.lots)} lots, the journal {len(self._held)}")
        return totals

    def _fail(self, n: int, what: str) -> NoReturn:
        raise ConservationError(self.account_id, n, what)


class Conservation:
    """The journals of many accounts, folded as their lines come."""

    def __init__(self) -> None:
        self._folds: dict[str, AccountFold] = {}

    def add(self, account_id: str, entries: Iterable[Entry]) -> None:
        """Fold an account's next lines; raises ConservationError at the first that does not follow."""
        fold = self._folds.get(account_id)
        if fold is None:
            fold = self._folds[account_id] = AccountFold(account_id)
        add = fold.add
        for entry in entries:
            add(entry)

    def check(self, accounts: Iterable[Account]) -> Totals:
        """Compare all accounts with their journals, and return what all journals add up to.

        Raises ConservationError where one differs, or where lines belong to no account.
        """
        totals, unowned = [], dict(self._folds)
        for account in accounts:
            fold = unowned.pop(account.id, None)
            totals.append((AccountFold(account.id) if fold is None else fold).check(account))
        for fold in unowned.values():
            raise ConservationError(fold.account_id, 1, "lines of an account that does not exist")
        return Totals(*(sum(column) for column in zip(*map(msgspec.structs.astuple, totals), strict=True)))


def _same_nature(slice_: Lot, lot: Lot) -> bool:
    """Say whether a slice has the nature of the lot it is said to be of."""
    return (
        slice_.root == lot.root
        and slice_.source is lot.source
        and slice_.expires_at == lot.expires_at
        and slice_.purchase_id == lot.purchase_id
        and slice_.unit_price == lot.unit_price
    )
