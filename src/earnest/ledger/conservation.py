"""An auditor's arithmetic: whether the lines of a journal add up (RULES 11).

It reads lines and nothing else, and shares no code with what wrote them: no function of the rules is called here,
only their plain values are read. What is folded is small (each account's open lots, and what of each grant was spent
and has not come back), so a journal of any length streams through.

A line is a tuple, so that a table's row is one as it comes. Times are either aware datetimes or whole microseconds
since 1970, and a purchase is named by whatever names it, in all lines of an account alike.

Lines of one account come in their order; lines of different accounts may come in any.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec

from earnest.rules.account import Account, Entry, EntryKind, Lot, Source

_SPEND, _EXPIRE, _CARRY = EntryKind.SPEND.value, EntryKind.EXPIRE.value, EntryKind.CARRY.value
_RETURN, _PURCHASE = EntryKind.RETURN.value, EntryKind.PURCHASE.value
_KINDS = tuple(kind.value for kind in EntryKind)
_TAKING = frozenset((_SPEND, _EXPIRE, _CARRY, EntryKind.FORFEIT.value, EntryKind.REVOKE.value))
_GRANTING = {
    EntryKind.ALLOT.value: Source.ALLOTMENT.value,
    EntryKind.BONUS.value: Source.BONUS.value,
    _PURCHASE: Source.PURCHASE.value,
}
_REFUND, _CARRIED = Source.REFUND.value, Source.CARRIED.value
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Nature = tuple[str | None, int | None, Any, Any, int | None]
"""What every slice of a lot has in common: source, root, own expiry, purchase, unit price."""

Line = tuple[int, str, int, int, Any, int | None, str | None, int | None, Any, Any, int | None]
"""n, kind, connects, balance_after, effective_at, lot, and the lot's nature: source, root, expires_at, purchase,
unit_price."""


class ConservationError(RuntimeError):
    """A journal that does not add up; `account_id` and `n` name the account and the line, `what` says what is wrong."""

    def __init__(self, account_id: str, n: int, what: str) -> None:
        super().__init__(f"{account_id}, line {n}: {what}")
        self.account_id = account_id
        self.n = n
        self.what = what


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

    __slots__ = ("_at", "_balance", "_carrying", "_held", "_n", "_returnable", "_sums", "account_id")

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._n = self._balance = 0
        self._at: Any = None
        # Open lots only: what remains of each.
        self._held: dict[int, tuple[Nature, int]] = {}
        # By root, so that it stays as small as the number of grants, however often connects come and go.
        self._returnable: dict[int | None, int] = {}
        self._carrying: tuple[object, ...] | None = None
        self._sums: dict[str, int] = dict.fromkeys(_KINDS, 0)

    def add(self, line: Line) -> None:
        """Fold the account's next line; raises ConservationError where it does not follow from those before it."""
        n, kind, connects, balance_after, at, lot, source, root, expires_at, purchase, unit_price = line
        last = self._n
        if n != last + 1:
            self._fail(n, f"expected line {last + 1}")
        if last and at < self._at:
            self._fail(n, f"effective at {_time(at)}, before the line before it at {_time(self._at)}")
        if balance_after != self._balance + connects:
            self._fail(n, f"balance_after: expected {self._balance + connects}, got {balance_after}")
        if self._carrying is not None and kind != _CARRY:
            self._fail(n, "expected the second line of a carry")
        if lot is None:
            if kind != _SPEND or connects != 0:
                self._fail(n, f"{kind} of {connects} without a lot")
        elif connects < 0:
            self._take(n, kind, -connects, at, lot, (source, root, expires_at, purchase, unit_price))
            self._sums[kind] -= connects
        else:
            self._bring(n, kind, connects, at, lot, (source, root, expires_at, purchase, unit_price))
            self._sums[kind] += connects
        self._n, self._balance, self._at = n, balance_after, at

    def _take(self, n: int, kind: str, connects: int, at: Any, lot: int, nature: Nature) -> None:
        """Fold a line that takes connects from a lot."""
        held = self._held
        if lot not in held:
            self._fail(n, f"takes {connects} from lot {lot}, which holds nothing")
        was, remaining = held[lot]
        if connects > remaining:
            self._fail(n, f"takes {connects} from lot {lot}, which holds {remaining}")
        if nature != was:
            self._fail(n, f"expected a slice of {connects} of {_lot(lot, was)}, got {_lot(lot, nature)}")
        expires_at = was[2]
        if expires_at is not None and (at >= expires_at) != (kind == _EXPIRE):
            self._fail(n, f"{kind} takes from lot {lot}, which {_expiry(kind)} at {_time(expires_at)}")
        if remaining == connects:
            del held[lot]
        else:
            held[lot] = (was, remaining - connects)
        if kind == _SPEND:
            root, returnable = was[1], self._returnable
            returnable[root] = returnable[root] + connects if root in returnable else connects
        elif kind == _CARRY:
            if self._carrying is not None:
                self._fail(n, "expected the second line of a carry")
            self._carrying = (connects, was[1], was[3], was[4])
        elif kind not in _TAKING:
            self._fail(n, f"{kind} must add, but takes {connects}")

    def _bring(self, n: int, kind: str, connects: int, at: Any, lot: int, nature: Nature) -> None:
        """Fold a line that brings a lot."""
        source, root, expires_at, purchase, unit_price = nature
        if lot != n or connects == 0:
            self._fail(n, f"expected a lot {n} of more than none, got {connects} of lot {lot}")
        if kind == _RETURN:
            self._give_back(n, root, connects)
            fits = source == _REFUND
        elif kind == _CARRY:
            carried = self._carrying == (connects, root, purchase, unit_price) and at == self._at
            fits = carried and source == _CARRIED and expires_at is None
            self._carrying = None
        elif kind in _GRANTING:
            fits = source == _GRANTING[kind] and root == n and (purchase is not None) == (kind == _PURCHASE)
        else:
            self._fail(n, f"{kind} must take, but adds {connects}")
        if not fits:
            self._fail(n, f"{kind} cannot bring {connects} as {_lot(lot, nature)}")
        self._held[n] = (nature, connects)

    def _give_back(self, n: int, root: int | None, connects: int) -> None:
        """Fold what a return brings: nothing that was not spent before."""
        left = self._returnable.get(root, 0) - connects
        if left < 0:
            self._fail(n, f"returns {connects} of grant {root}, of which {left + connects} are spent")
        if left:
            self._returnable[root] = left
        else:
            del self._returnable[root]

    def totals(self) -> Totals:
        """Return what the lines so far add up to; raises ConservationError where a carry is only half written."""
        if self._carrying is not None:
            self._fail(self._n, "the journal ends between the two lines of a carry")
        held = sum(remaining for _, remaining in self._held.values())
        allotted, bought, bonus, returned, spent, expired, forfeited, taken_back, _ = self._sums.values()
        totals = Totals(allotted + bonus, bought, returned, spent, expired, forfeited, taken_back, held)
        if totals.surplus or held != self._balance:
            self._fail(self._n, f"not conserved: {totals}, balance {self._balance}")
        return totals

    def check(self, n: int, balance: int, touched_at: Any, lots: Iterable[tuple[int, int, Nature]]) -> Totals:
        """Compare the account as it is kept with its journal, and return what the journal adds up to.

        A lot is its number, what remains, and its nature. Raises ConservationError where the number of lines, the
        balance or any lot differs, or where the account was last touched before its last line took effect.
        """
        totals = self.totals()
        if n != self._n:
            self._fail(self._n, f"the account is at line {n}, the journal ends with line {self._n}")
        if self._n and touched_at < self._at:
            touched, last = _time(touched_at), _time(self._at)
            self._fail(self._n, f"the account was last touched at {touched}, before its last line at {last}")
        if balance != self._balance:
            self._fail(self._n, f"the account's balance is {balance}, the journal's {self._balance}")
        left = dict(self._held)
        for number, remaining, nature in lots:
            was, expected = left.pop(number, (None, 0))
            if was is None or remaining != expected or nature != was:
                journal = "nothing of it" if was is None else f"{expected} of {_lot(number, was)}"
                kept = f"{remaining} of {_lot(number, nature)}"
                self._fail(self._n, f"the account holds {kept}; by the journal it holds {journal}")
        for number, (was, expected) in left.items():
            self._fail(self._n, f"the account lacks {expected} of {_lot(number, was)}, which by the journal it holds")
        return totals

    def _fail(self, n: int, what: str) -> NoReturn:
        raise ConservationError(self.account_id, n, what)


class Conservation:
    """The journals of many accounts, folded as their lines are written."""

    def __init__(self) -> None:
        self._folds: dict[str, AccountFold] = {}

    def add(self, account_id: str, entries: Iterable[Entry]) -> None:
        """Fold an account's next lines; raises ConservationError at the first that does not follow."""
        fold = self._folds.get(account_id)
        if fold is None:
            fold = self._folds[account_id] = AccountFold(account_id)
        add = fold.add
        for entry in entries:
            lot, n, connects = entry.lot, entry.n, entry.connects
            kind, after, at = entry.kind, entry.balance_after, entry.effective_at
            if lot is None:
                add((n, kind, connects, after, at, None, None, None, None, None, None))
                continue
            if lot.remaining != connects and lot.remaining != -connects:
                raise ConservationError(account_id, n, f"expected a slice of {abs(connects)}, got {lot.remaining}")
            source, root, expires_at = lot.source, lot.root, lot.expires_at
            add((n, kind, connects, after, at, lot.n, source, root, expires_at, lot.purchase_id, lot.unit_price))

    def check(self, accounts: Iterable[Account]) -> Totals:
        """Compare all accounts with their journals, and return what all journals add up to.

        Raises ConservationError where one differs, or where lines belong to no account.
        """
        totals, unowned = [], dict(self._folds)
        for account in accounts:
            fold = unowned.pop(account.id, None) or AccountFold(account.id)
            totals.append(fold.check(account.n, account.balance, account.touched_at, map(_plain, account.lots)))
        for fold in unowned.values():
            raise ConservationError(fold.account_id, 1, "lines of an account that does not exist")
        return added_up(totals)


def added_up(totals: Iterable[Totals]) -> Totals:
    """Return the sums of many totals."""
    return Totals(*(sum(column) for column in zip(*map(msgspec.structs.astuple, totals), strict=True)))


def _plain(lot: Lot) -> tuple[int, int, Nature]:
    return lot.n, lot.remaining, (lot.source, lot.root, lot.expires_at, lot.purchase_id, lot.unit_price)


def _expiry(kind: str) -> str:
    return "only expires" if kind == _EXPIRE else "expired"


def _time(at: Any) -> str:
    return (_EPOCH + timedelta(microseconds=at) if isinstance(at, int) else at).isoformat()


def _lot(number: int, nature: Nature) -> str:
    """Say which lot it is, and of what nature."""
    source, root, expires_at, purchase, unit_price = nature
    parts = [f"{source}", f"grant {root}"]
    if expires_at is not None:
        parts.append(f"expires {_time(expires_at)}")
    if purchase is not None or unit_price is not None:
        parts.append(f"purchase {purchase} at {unit_price} each")
    return f"lot {number} ({', '.join(parts)})"
