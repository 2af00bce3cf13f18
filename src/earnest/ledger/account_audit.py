"""One account's rows against each other: its journal adds up, and all else that is kept of it agrees with the journal.

Nothing is asked of the rules. Rows come as the plain tuples that the questions below return, and packed lots are read
here once more, so that what wrote them isn't what vouches for them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from earnest.ledger.conservation import AccountFold, ConservationError, Totals
from earnest.rules.account import EntryKind, Source
from earnest.rules.purchase import PurchaseStatus

ACCOUNTS = "select account_id, n, balance, debt, touched_at, lots from account order by account_id"
ENTRIES = (
    "select account_id, n, kind, connects, balance_after, effective_at,"
    " lot, source, root, expires_at, purchase, unit_price, job_id, proposal, pays_debt"
    " from entry order by account_id, n"
)
PROPOSALS = (
    "select account_id, n, job_id, connects_spent, invited, submitted_at, returned_at, taken"
    " from proposal order by account_id, n"
)
PURCHASES = (
    "select account_id, seq, connects, unit_price, status, decided_at, owed from purchase order by account_id, seq"
)

Row = tuple[Any, ...]
_Slice = tuple[int | None, str | None, int, int | None, int | None, int | None, int | None]
"""Connects of one lot: lot, source, connects, root, expires_at, purchase, unit_price."""

_NOTHING: _Slice = (None, None, 0, None, None, None, None)
"""What the line of a proposal that cost nothing takes."""

_SPEND, _RETURN, _PURCHASE = EntryKind.SPEND.value, EntryKind.RETURN.value, EntryKind.PURCHASE.value
_CONFIRMED, _REVERSED = PurchaseStatus.CONFIRMED.value, PurchaseStatus.REVERSED.value
_LETTERS = {source.value[0]: source.value for source in Source}


class _PackedLot(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A lot as it is packed; `packing.py` tells the format."""

    n: int
    source: str
    remaining: int
    root: int = 0
    expires_at: int | None = None
    purchase: int | None = None
    unit_price: int | None = None


_decode = msgspec.json.Decoder(tuple[int, list[_PackedLot]]).decode


# What proposals are paid with is mostly alike: a few connects of one of the first lots.
@lru_cache(maxsize=4096)
def _slices(text: str) -> list[_Slice] | None:
    """Read packed lots; None for what can't be read."""
    try:
        version, packed = _decode(text)
        if version != 1:
            return None
        return [
            (
                lot.n,
                _LETTERS[lot.source],
                lot.remaining,
                lot.root or lot.n,
                lot.expires_at,
                lot.purchase,
                lot.unit_price,
            )
            for lot in packed
        ]
    except (msgspec.DecodeError, KeyError):
        return None


class _Bid:
    """A proposal, and what the journal says of it: the slices that were spent, and what came back."""

    __slots__ = ("cost", "invited", "job_id", "n", "returned", "returned_at", "spent", "submitted_at", "taken")

    def __init__(self, row: Row) -> None:
        _, self.n, self.job_id, self.cost, self.invited, self.submitted_at, self.returned_at, self.taken = row
        self.spent: list[_Slice] = []
        self.returned: list[tuple[int, int | None, int | None, int | None]] = []


class _Bought:
    """A purchase, and what the journal says of it.

    `owes` is what reversing it would leave to owe, and `held` what is held of it, up to where it was reversed. Other
    lines may have been written at that very instant, before it or after it, so `possible` collects what it may have
    left to owe: as much as was owed at any point of that instant at which nothing of it was held.
    """

    __slots__ = (
        "connects",
        "decided_at",
        "held",
        "lines",
        "owed",
        "owes",
        "possible",
        "seq",
        "status",
        "unit_price",
    )

    def __init__(self, row: Row) -> None:
        _, self.seq, self.connects, self.unit_price, self.status, self.decided_at, self.owed = row
        self.lines: list[Row] = []
        self.owes = self.held = 0
        self.possible: set[int] = set()

    def note(self) -> None:
        """Note what is owed now as what may have been owed when the purchase was reversed."""
        if self.lines and not self.held:
            self.possible.add(self.owes)


class AccountAudit:
    """One account: made with its row (None where there is none), proposals and purchases, then shown its lines."""

    def __init__(self, account_id: str, row: Row | None, proposals: Sequence[Row], purchases: Sequence[Row]) -> None:
        self.lines = 0
        self.debt = 0
        """What is owed, by its purchases and its journal."""
        self.totals = Totals()
        """What its journal adds up to; nothing, where it doesn't."""
        self._row = row
        self._fold = AccountFold(account_id)
        self._bids = {row[1]: _Bid(row) for row in proposals}
        self._bought = {row[1]: _Bought(row) for row in purchases}
        self._paid = 0
        self._broken: ConservationError | None = None
        self._found: list[str] = []

    def read(self, rows: Sequence[Row]) -> None:
        """Read the next lines of its journal. Behind a line that doesn't follow nothing can be told any more."""
        self.lines += len(rows)
        if self._broken is not None or self._row is None:
            return
        add = self._fold.add
        try:
            for row in rows:
                add(row[1:12])
                kind = row[2]
                if kind in (_SPEND, _RETURN):
                    self._read_for_proposal(row)
                if row[10] is not None:
                    self._read_for_purchase(row)
                if row[14]:
                    self._paid -= row[3]
        except ConservationError as error:
            self._broken = error

    def _read_for_proposal(self, row: Row) -> None:
        _, n, kind, connects, _, at, lot, source, root, expires_at, purchase, unit_price, job_id, proposal, _ = row
        bid = self._bids.get(proposal)
        if bid is None:
            self._found.append(f"line {n}: {kind} for proposal {proposal}, which does not exist")
            return
        if job_id != bid.job_id:
            self._found.append(f"line {n}: {kind} for job_{job_id}, but proposal {bid.n} is for job_{bid.job_id}")
        if kind == _RETURN:
            bid.returned.append((connects, root, purchase, unit_price))
            if bid.returned_at is not None and at != bid.returned_at:
                self._found.append(f"line {n}: returned at another time than proposal {bid.n} says")
            return
        if at != bid.submitted_at or (not bid.spent and n != bid.n):
            self._found.append(f"line {n}: spent for proposal {bid.n} at another time or as another line than it says")
        bid.spent.append((lot, source, -connects, root, expires_at, purchase, unit_price))

    def _read_for_purchase(self, row: Row) -> None:
        n, kind, connects, at, number, pays_debt = row[1], row[2], row[3], row[5], row[10], row[14]
        bought = self._bought.get(number)
        if bought is None:
            # Whatever else moves such connects follows from the line that brought them.
            if kind == _PURCHASE:
                self._found.append(f"line {n}: brings purchase {number}, which does not exist")
            return
        decided = at == bought.decided_at
        if decided:
            bought.note()
        if kind == _PURCHASE:
            bought.lines.append(row)
        if bought.status != _REVERSED or at > bought.decided_at:
            return
        bought.held += connects
        if pays_debt or kind in (_SPEND, _RETURN):
            bought.owes -= connects
        if decided:
            bought.note()

    def differences(self) -> list[str]:
        """Return what doesn't agree, when all lines were read."""
        if self._row is None:
            kept = f"{self.lines} lines, {len(self._bids)} proposals, {len(self._bought)} purchases"
            return [f"the account does not exist, but {kept} of it do"]
        _, n, balance, debt, touched_at, packed = self._row
        try:
            if self._broken is not None:
                raise self._broken
            lots = _slices(packed)
            if lots is None:
                return [f"the account's lots can't be read: {packed:.80}"]
            self.totals = self._fold.check(
                n, balance, touched_at, ((lot[0] or 0, lot[2], (lot[1], *lot[3:])) for lot in lots)
            )
        except ConservationError as error:
            return [f"line {error.n}: {error.what}"]
        for bid in self._bids.values():
            self._check_proposal(bid)
        for bought in self._bought.values():
            self._check_purchase(bought)
        owed = sum(bought.owed or 0 for bought in self._bought.values() if bought.status == _REVERSED)
        self.debt = owed - self._paid
        if debt != self.debt:
            self._found.append(
                f"the account owes {debt}, but its reversed purchases left {owed}, of which {self._paid} are paid"
            )
        return self._found

    def _check_proposal(self, bid: _Bid) -> None:
        n, cost, found = bid.n, bid.cost, self._found
        spent = sum(slice_[2] for slice_ in bid.spent)
        taken = _slices(bid.taken)
        if not bid.spent:
            found.append(f"proposal {n}: no line of the journal is for it")
        elif spent != cost:
            found.append(f"proposal {n}: it cost {cost}, but its lines spend {spent}")
        elif taken is None or (taken or [_NOTHING]) != bid.spent:
            found.append(f"proposal {n}: it was not paid with what its lines spend, but with {bid.taken:.80}")
        if bid.invited and cost:
            found.append(f"proposal {n}: it was by invitation, but cost {cost}")
        back = sum(each[0] for each in bid.returned)
        if bid.returned_at is None:
            if bid.returned:
                found.append(f"proposal {n}: {back} came back, but it is not marked as returned")
        elif back != cost:
            twice = " (more than once)" if back > cost else ""
            found.append(f"proposal {n}: it is marked as returned and cost {cost}, but {back} came back{twice}")
        elif taken is not None and bid.returned != [(each[2], each[3], each[5], each[6]) for each in taken]:
            found.append(f"proposal {n}: what came back is not what was spent")

    def _check_purchase(self, bought: _Bought) -> None:
        seq, found, lines = bought.seq, self._found, bought.lines
        arrived = bought.status in (_CONFIRMED, _REVERSED)
        if len(lines) != arrived:
            found.append(f"purchase {seq}: it is {bought.status}, but {len(lines)} lines bring it")
            return
        if lines and (lines[0][3], lines[0][11]) != (bought.connects, bought.unit_price):
            asked, got = f"{bought.connects} at {bought.unit_price} each", f"{lines[0][3]} at {lines[0][11]} each"
            found.append(f"purchase {seq}: it was of {asked}, but line {lines[0][1]} brings {got}")
        if bought.status == _CONFIRMED and lines[0][5] != bought.decided_at:
            found.append(f"purchase {seq}: it was confirmed at another time than line {lines[0][1]} says")
        if bought.status != _REVERSED:
            if bought.owed:
                found.append(f"purchase {seq}: it is {bought.status}, but left {bought.owed} to owe")
            return
        if not bought.possible:
            # No line was written as it was reversed: nothing of it was held.
            bought.note()
        if not bought.possible:
            found.append(f"purchase {seq}: it was reversed, but {bought.held} of it were not taken back")
        elif bought.owed not in bought.possible:
            owes = " or ".join(map(str, sorted(bought.possible)))
            found.append(f"purchase {seq}: its reversal left {bought.owed} to owe, by the journal {owes}")
