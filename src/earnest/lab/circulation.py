"""What circulated: connects by plan and by month, and how they moved between plans with their accounts."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime

import msgspec

from earnest.rules.account import Account, Entry, EntryKind
from earnest.rules.pack import Pack

_RETURN, _SPEND, _CARRY = EntryKind.RETURN, EntryKind.SPEND, EntryKind.CARRY


class Circulated(msgspec.Struct, frozen=True):
    """What moved on one plan in one month, in connects.

    held_before + granted + bought + returned + moved_in = spent + expired + forfeited + taken_back + moved_out + held.
    """

    month: str
    plan: str
    held_before: int
    granted: int
    bought: int
    returned: int
    moved_in: int
    spent: int
    expired: int
    forfeited: int
    taken_back: int
    moved_out: int
    held: int


FIGURES = tuple(field for field in Circulated.__struct_fields__ if field not in ("month", "plan"))
"""The names of a row's figures, in connects each."""


class _Sums:
    """The figures of one plan and month while they grow."""

    __slots__ = (
        "bought",
        "expired",
        "forfeited",
        "granted",
        "moved_in",
        "moved_out",
        "returned",
        "spent",
        "taken_back",
    )

    def __init__(self) -> None:
        self.granted = self.bought = self.returned = self.moved_in = 0
        self.spent = self.expired = self.forfeited = self.taken_back = self.moved_out = 0

    @property
    def added(self) -> int:
        """What this plan holds more at the end of this month than at its start."""
        came = self.granted + self.bought + self.returned + self.moved_in
        return came - self.spent - self.expired - self.forfeited - self.taken_back - self.moved_out


class Circulation:
    """Sums of journal lines by the plan they were written under and the month they took effect in.

    The months are those of the pack's zone, from a first one on. A line counts in the month it took effect in
    however late it was written, so a month is complete only once every account is settled past it.
    """

    def __init__(self, pack: Pack, first: date, months: int) -> None:
        self._names = [
            f"{first.year + (first.month - 1 + i) // 12}-{(first.month - 1 + i) % 12 + 1:02}" for i in range(months + 1)
        ]
        self._starts = [pack.calendar.day_start(date.fromisoformat(f"{name}-01").toordinal()) for name in self._names]
        self._plans = list(dict.fromkeys(plan.code for revision in pack.revisions for plan in revision.plans))
        self._months = [defaultdict[str, _Sums](_Sums) for _ in range(months)]
        self._plan_of: dict[str, str] = {}
        self._from, self._until, self._sums = self._starts[0], self._starts[0], self._months[0]

    def add(self, account: Account, entries: Iterable[Entry]) -> None:
        """Add an account's next lines; `account` is as it is after them."""
        plan = before = self._plan_of.get(account.id)
        for entry in entries:
            at, kind, connects = entry.effective_at, entry.kind, entry.connects
            if not self._from <= at < self._until:
                self._turn_to(at)
            if entry.plan != plan:
                if plan is not None:
                    self._move(plan, entry.plan, entry.balance_after - connects)
                plan = entry.plan
            if kind is _SPEND:
                self._sums[plan].spent -= connects
            elif kind is _RETURN:
                self._sums[plan].returned += connects
            elif kind is not _CARRY:
                _add_rarer(self._sums[plan], kind, connects)
        if plan is not None and account.plan != plan:
            # A change of plan that granted nothing wrote no line.
            self._turn_to(account.touched_at)
            self._move(plan, account.plan, account.balance)
        if account.plan != before:
            self._plan_of[account.id] = account.plan

    def _turn_to(self, at: datetime) -> None:
        """Make the month of a time the one that is added to."""
        month = bisect_right(self._starts, at) - 1
        self._from, self._until, self._sums = self._starts[month], self._starts[month + 1], self._months[month]

    def _move(self, old: str, new: str, connects: int) -> None:
        self._sums[old].moved_out += connects
        self._sums[new].moved_in += connects

    def rows(self) -> tuple[Circulated, ...]:
        """Return one row for each month and plan, in their order."""
        rows, held = [], dict.fromkeys(self._plans, 0)
        for month, sums_of in zip(self._names, self._months, strict=False):
            for plan in self._plans:
                sums, before = sums_of[plan], held[plan]
                held[plan] = before + sums.added
                moved = {figure: getattr(sums, figure) for figure in _Sums.__slots__}
                rows.append(Circulated(month, plan, held_before=before, held=held[plan], **moved))
        return tuple(rows)


def _add_rarer(sums: _Sums, kind: EntryKind, connects: int) -> None:
    if kind is EntryKind.EXPIRE:
        sums.expired -= connects
    elif kind is EntryKind.ALLOT or kind is EntryKind.BONUS:
        sums.granted += connects
    elif kind is EntryKind.PURCHASE:
        sums.bought += connects
    elif kind is EntryKind.FORFEIT:
        sums.forfeited -= connects
    else:
        sums.taken_back -= connects


def summed(rows: Iterable[Circulated], key: Callable[[Circulated], tuple[str, str]]) -> tuple[Circulated, ...]:
    """Sum rows over what their key leaves out: movements add up, what is held is that of the first and last month."""
    groups: dict[tuple[str, str], list[Circulated]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    sums = []
    for (month, plan), members in groups.items():
        first, last = members[0].month, members[-1].month
        moved = {figure: sum(getattr(row, figure) for row in members) for figure in _Sums.__slots__}
        before = sum(row.held_before for row in members if row.month == first)
        held = sum(row.held for row in members if row.month == last)
        sums.append(Circulated(month, plan, held_before=before, held=held, **moved))
    return tuple(sums)
