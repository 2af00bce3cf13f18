"""What holds connects: accounts, their lots, and the lines of their journal.

All are frozen values. An account keeps its lots in burn order (`burn.burn_order`), so the common acts only walk
them. One counter, `n`, numbers the lines of an account's journal without a gap, and what a line brings bears the
line's number: a lot that of the line that granted it, a proposal that of its first line. So one number orders
everything that ever happened to an account, even at one instant.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

MOST_CONNECTS = 2**31 - 1
"""The most connects one request may name."""

MOST_MINOR_UNITS = 2**53 - 1
"""The greatest amount of money that every JSON reader keeps exact."""

Kind = Literal["individual", "agency"]


class Source(StrEnum):
    """Where a lot came from."""

    ALLOTMENT = "allotment"
    CARRIED = "carried"
    PURCHASE = "purchase"
    REFUND = "refund"
    BONUS = "bonus"


class EntryKind(StrEnum):
    """What a line of the journal records. The first four add, the next four take, a carry does both."""

    ALLOT = "allot"
    PURCHASE = "purchase"
    BONUS = "bonus"
    RETURN = "return"
    SPEND = "spend"
    EXPIRE = "expire"
    FORFEIT = "forfeit"
    REVOKE = "revoke"
    CARRY = "carry"


class Status(StrEnum):
    """An account's standing (RULES 9)."""

    ACTIVE = "active"
    WARNED = "warned"
    SUSPENDED = "suspended"


class Lot(msgspec.Struct, frozen=True, gc=False):
    """Connects that came together; also a slice of such a lot, where only a part of it moved.

    `n` numbers the lot, `root` the original grant it comes from through carries and refunds: its age. Without an
    `expires_at` of its own a lot belongs to its account's cycle and ends with it (RULES 3.2). A lot with a
    `purchase_id` is paid; `unit_price` is what was paid for each connect, in minor units.
    """

    n: int
    source: Source
    remaining: int
    root: int
    expires_at: datetime | None = None
    purchase_id: str | None = None
    unit_price: int | None = None


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line of an account's journal.

    `connects` is signed; `lot` is the slice that moved, None only where an invited proposal moved nothing;
    `balance_after` is what the account holds after the line; `proposal` is a proposal's number in the account.
    `pays_debt` marks a `revoke` that paid towards the debt of a reversed purchase.
    """

    n: int
    kind: EntryKind
    connects: int
    lot: Lot | None
    balance_after: int
    effective_at: datetime
    plan: str
    job_id: str | None = None
    proposal: int | None = None
    note: str = ""
    pays_debt: bool = False


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """A proposal that counted when an account was suspended."""

    proposal: int
    job_id: str
    connects: int
    submitted_at: datetime


class Suspension(msgspec.Struct, frozen=True):
    """A suspension from proposing: by conduct, with its evidence, or by an operator, with a reason (RULES 9)."""

    since: datetime
    by: Literal["conduct", "operator"]
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    appeal: str | None = None
    appealed_at: datetime | None = None
    decision: Literal["upheld"] | None = None
    decided_at: datetime | None = None
    decision_reason: str = ""


class Account(msgspec.Struct, frozen=True):
    """One freelancer's account or one agency's, as of its last effect.

    `touched_at`: nothing may take effect before it. `due_at`: when a boundary or a lot's own expiry is next due.
    `judge_on`: the first day on which its standing may change by itself. `counted_from`: proposals with a greater
    number count towards its conduct. `balance` is the sum of its lots, in connects, as is `debt`.
    """

    id: str
    kind: Kind
    plan: str
    n: int
    touched_at: datetime
    cycle_start: datetime
    cycle_end: datetime
    due_at: datetime
    lots: tuple[Lot, ...]
    balance: int
    debt: int
    judge_on: int
    counted_from: int
    warned: bool = False
    suspension: Suspension | None = None
    chosen_plan: str | None = None
    fee_unpaid: bool = False

    @property
    def status(self) -> Status:
        """The standing as of the account's last effect; `decide` with `Settle` judges it for another time."""
        if self.suspension is not None:
            return Status.SUSPENDED
        return Status.WARNED if self.warned else Status.ACTIVE
