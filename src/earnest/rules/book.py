"""An account opened for writing: lines are added to its journal, and the account after them is drawn up.

Whatever moves connects moves them here, so here stand the rules that every movement keeps: an addition pays the
debt first and is clipped to what the plan lets an account hold (RULES 5.5, 6.3), nothing goes below zero, and what
the lines say is what the lots hold (RULES 11), asserted on every write.
"""

from collections.abc import Iterable
from datetime import datetime

from earnest.rules.account import Account, Entry, EntryKind, Lot, Source
from earnest.rules.burn import burn, clip_order, with_brought
from earnest.rules.job import Job
from earnest.rules.outcome import Accepted, Charge, Notice, NoticeKind, PurchaseWarning
from earnest.rules.pack import Pack, Plan
from earnest.rules.proposal import Proposal
from earnest.rules.purchase import Purchase

# An enumeration's member costs ten times a name's look-up, and these are asked for on every carried lot.
_CARRY, _CARRIED = EntryKind.CARRY, Source.CARRIED


TOWARDS_DEBT = "paid towards the debt of a reversed purchase"
"""The note of lines that pay a debt."""


class UnbalancedError(RuntimeError):
    """The lines written and the lots left do not agree: a defect, caught before anything is kept."""


class Book:
    """An account while a command is decided on it: its fields are the account's, and change in place.

    `now` is the time of the command and `rules` the revision in force then. `proposals`, `job`, `purchase` and
    `warning` are what the command makes of what it brought along.
    """

    __slots__ = (
        "balance",
        "charges",
        "chosen_plan",
        "counted_from",
        "cycle_end",
        "cycle_start",
        "debt",
        "due_at",
        "entries",
        "fee_unpaid",
        "id",
        "job",
        "judge_on",
        "kind",
        "lots",
        "n",
        "notices",
        "now",
        "pack",
        "plan",
        "proposals",
        "purchase",
        "rules",
        "suspension",
        "touched_at",
        "warned",
        "warning",
    )

    def __init__(self, account: Account, pack: Pack, now: datetime) -> None:
        self.pack = pack
        self.now = now
        self.rules = pack.at(now)
        self.id = account.id
        self.kind = account.kind
        self.plan = account.plan
        self.n = account.n
        self.touched_at = account.touched_at
        self.cycle_start = account.cycle_start
        self.cycle_end = account.cycle_end
        self.due_at = account.due_at
        self.lots = account.lots
        self.balance = account.balance
        self.debt = account.debt
        self.judge_on = account.judge_on
        self.counted_from = account.counted_from
        self.warned = account.warned
        self.suspension = account.suspension
        self.chosen_plan = account.chosen_plan
        self.fee_unpaid = account.fee_unpaid
        self.entries: list[Entry] = []
        self.notices: list[Notice] = []
        self.charges: list[Charge] = []
        self.proposals: tuple[Proposal, ...] = ()
        self.job: Job | None = None
        self.purchase: Purchase | None = None
        self.warning: PurchaseWarning | None = None

    def write(
        self,
        kind: EntryKind,
        connects: int,
        lot: Lot | None,
        at: datetime,
        job_id: str | None = None,
        proposal: int | None = None,
        note: str = "",
    ) -> None:
        """Write one line. What it does to the lots is the caller's to see to."""
        self.n += 1
        self.balance += connects
        self.entries.append(Entry(self.n, kind, connects, lot, self.balance, at, self.plan, job_id, proposal, note))

    def write_taken(
        self,
        kind: EntryKind,
        slices: Iterable[Lot],
        at: datetime,
        job_id: str | None = None,
        proposal: int | None = None,
        note: str = "",
        *,
        pays_debt: bool = False,
    ) -> None:
        """Write a line for each slice that was taken from the lots."""
        n, balance, plan = self.n, self.balance, self.plan
        for slice_ in slices:
            n += 1
            connects = slice_.remaining
            balance -= connects
            self.entries.append(Entry(n, kind, -connects, slice_, balance, at, plan, job_id, proposal, note, pays_debt))
        self.n, self.balance = n, balance

    def write_carried(self, lots: Iterable[Lot], at: datetime) -> list[Lot]:
        """Write the two lines of each lot that is carried, and return the lots it goes on as."""
        # Most lines of a quiet life are written here, so this does without a call for each.
        n, balance, plan, entries = self.n, self.balance, self.plan, self.entries
        onward: list[Lot] = []
        for lot in lots:
            connects = lot.remaining
            new = Lot(n + 2, _CARRIED, connects, lot.root, None, lot.purchase_id, lot.unit_price)
            entries.append(Entry(n + 1, _CARRY, -connects, lot, balance - connects, at, plan))
            entries.append(Entry(n + 2, _CARRY, connects, new, balance, at, plan))
            onward.append(new)
            n += 2
        self.n = n
        return onward

    def complete_addition(self, brought: tuple[Lot, ...], plan: Plan, at: datetime, *, clip: bool = True) -> None:
        """Complete an addition: pay the debt out of it, forfeit what stands above the plan's most held, keep the rest.

        What was brought has been written in full, each lot with its line's number; debt and forfeit are lines of the
        same instant, and never take more than came in. With `clip` False nothing is forfeited (RULES 5.5).
        """
        most_held = plan.most_held if clip else None
        if self.debt or (most_held is not None and self.balance > most_held):
            brought = self._settle_up(brought, at, most_held)
        for lot in brought:
            if lot.expires_at is not None and lot.expires_at < self.due_at:
                self.due_at = lot.expires_at
        self.lots = with_brought(self.lots, brought, self.cycle_end, free_first=self.pack.free_first)

    def _settle_up(self, brought: tuple[Lot, ...], at: datetime, most_held: int | None) -> tuple[Lot, ...]:
        """Pay the debt out of what was brought, forfeit what stands above the limit, and return what is left."""
        connects = sum(lot.remaining for lot in brought)
        owed = min(self.debt, connects)
        left, taken = burn(clip_order(brought, self.cycle_end), owed)
        self.write_taken(EntryKind.REVOKE, taken, at, note=TOWARDS_DEBT, pays_debt=True)
        self.debt -= owed
        surplus = 0 if most_held is None else min(connects - owed, max(0, self.balance - most_held))
        if surplus:
            left, taken = burn(left, surplus)
            self.write_taken(EntryKind.FORFEIT, taken, at, note=f"above the {most_held} that may be held")
            self.notices.append(Notice(NoticeKind.FORFEITED, at, surplus))
        return left

    def charge(self, plan: Plan, at: datetime) -> None:
        """Record a plan's monthly fee, where it has one, as due."""
        if plan.fee:
            self.charges.append(Charge(plan.code, plan.fee, at))

    def close(self) -> Account:
        """Draw up the account as it stands.

        Raises UnbalancedError where lines and lots disagree, which no input may bring about.
        """
        counts = [lot.remaining for lot in self.lots]
        held = sum(counts)
        if held != self.balance or self.debt < 0 or min(counts, default=1) <= 0:
            raise UnbalancedError(f"{self.id}: lines say {self.balance}, lots hold {held}, debt {self.debt}")
        return Account(
            self.id,
            self.kind,
            self.plan,
            self.n,
            self.now,
            self.cycle_start,
            self.cycle_end,
            self.due_at,
            self.lots,
            held,
            self.debt,
            self.judge_on,
            self.counted_from,
            self.warned,
            self.suspension,
            self.chosen_plan,
            self.fee_unpaid,
        )

    def accepted(self) -> Accepted:
        """Draw up what the command came to."""
        return Accepted(
            self.close(),
            tuple(self.entries),
            tuple(self.notices),
            tuple(self.charges),
            self.proposals,
            self.job,
            self.purchase,
            self.warning,
        )
