"""The auditor: a second, deliberately naive model of the rules of connects, to check the engine against.

It is slow and plain on purpose. Every single connect is an object of its own that remembers where it came
from and what became of it, so nothing is ever split, merged or summed up in advance; boundaries are listed
from the opening's date by the calendar; conduct is judged day by day; and every answer replays the whole
history. It shares nothing with the engine: no code, no import, no algorithm. The section numbers are those
of RULES.md.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# What becomes of a connect. Only a spent one can come back.
GRANTED, HELD, SPENT, EXPIRED, FORFEITED, REVOKED, PAID_DEBT = (
    "granted", "held", "spent", "expired", "forfeited", "revoked", "paid a debt",
)  # fmt: skip

# What a journal may sum up; `carry_moved` moves connects and makes or ends none, so it is not conserved.
CAME = ("allot", "purchase", "bonus", "return")
WENT = ("spend", "expire", "forfeit", "revoke")
TOTALS = (*CAME, *WENT, "carry_moved")


@dataclass(eq=False)
class Connect:
    """One single connect, from its grant to its end, through every carry and return."""

    grant: int  # which grant it first came with, counted in order: its age (4.1, 5.3)
    lot: int  # the lot it is in at present; a carry and a return make new lots
    paid: bool
    purchase: str | None
    source: str
    own_expiry: datetime | None  # only a bonus granted with one; None: belongs to the cycle (3.2)
    state: str = GRANTED  # until it is added to the balance


@dataclass(eq=False)
class Proposal:
    """A proposal, with the very connects it was paid with."""

    day: date
    connects: list[Connect]
    returned: bool = False

    @property
    def price(self) -> int:
        """What it cost."""
        return len(self.connects)


class Rules:
    """The pack, read: which revision is in force when, and where days and cycles begin."""

    def __init__(self, pack: dict[str, Any]) -> None:
        self.pack = pack
        self.zone = ZoneInfo(pack["time_zone"])

    def day_of(self, at: datetime) -> date:
        """The date of an instant in the pack's zone."""
        return at.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """The instant at which a day of the pack's zone begins, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def revision_at(self, at: datetime) -> dict[str, Any]:
        """The last revision whose first day has begun (7.3); the first one holds from the beginning."""
        in_force: dict[str, Any] = self.pack["revisions"][0]
        for revision in self.pack["revisions"][1:]:
            if self.midnight(revision["effective_from"]) <= at:
                in_force = revision
        return in_force

    def plan_in(self, revision: dict[str, Any], code: str) -> dict[str, Any]:
        """A plan as one revision has it (2)."""
        plan: dict[str, Any] = next(plan for plan in revision["plans"] if plan["code"] == code)
        return plan

    def conduct_on(self, day: date, kind: str) -> dict[str, int] | None:
        """The figures of conduct for one kind of account on a day; None where the pack has none (9.1)."""
        conduct = self.revision_at(self.midnight(day)).get("conduct")
        if conduct is None or kind not in conduct:
            return None
        return {"from": conduct["counts_from_day"], "to": conduct["counts_to_day"], **conduct[kind]}

    def cycle_starts(self, opening: datetime, horizon: datetime) -> list[datetime]:
        """The starts of all cycles from the one of the opening to one past the horizon (3.1)."""
        opened, last = self.day_of(opening), self.day_of(horizon)
        ordinal = opened.year * 12 + opened.month - 1  # months, counted from year 0
        enough = range(ordinal, last.year * 12 + last.month - 1 + 4)
        firsts = [date(month // 12, month % 12 + 1, 1) for month in enough]
        if self.pack["cycle"] == "calendar":
            days = firsts
        elif opened.day <= 28:
            days = [first.replace(day=opened.day) for first in firsts]
        else:
            # Not every month has such a day: from the first 1st at least 28 days later on, it is the 1sts.
            days = [opened] + [first for first in firsts if first >= opened + timedelta(days=28)]
        return [self.midnight(day) for day in days]


class Conduct:
    """Section 9, judged day by day: the facts move it, and every midnight in between is looked at."""

    def __init__(self, rules: Rules, kind: str, opened: date) -> None:
        self.rules, self.kind = rules, kind
        self.next_day = opened + timedelta(days=1)  # the next day whose beginning is to be judged
        self.proposals: list[Proposal] = []  # the paid ones after the last hire and the last lift
        self.since_day: date | None = None  # the first day of the suspension that stands
        self.by_operator: datetime | None = None

    def counts(self, proposal: Proposal, day: date) -> bool:
        """Whether a proposal counts on a day: made at least `from` and at most `to` days before it (9.1)."""
        figures = self.rules.conduct_on(day, self.kind)
        return (
            figures is not None
            and not proposal.returned
            and figures["from"] <= (day - proposal.day).days <= figures["to"]
        )

    def count_on(self, day: date) -> int:
        """The ordinary count of a day, of what is known by now."""
        return sum(proposal.price for proposal in self.proposals if self.counts(proposal, day))

    def judge_days(self, at: datetime) -> None:
        """Judge each day that has begun by `at` on what was recorded before it began (9.2)."""
        while self.rules.midnight(self.next_day) <= at:
            figures = self.rules.conduct_on(self.next_day, self.kind)
            reached = figures is not None and self.count_on(self.next_day) >= figures["suspended_at"]
            if reached and self.since_day is None:
                self.since_day = self.next_day
            self.next_day += timedelta(days=1)

    def start_anew(self) -> None:
        """A hire or a lift: nothing before it counts any more, and a suspension by the count ends."""
        self.proposals = []
        self.since_day = None

    def after_return(self, today: date) -> None:
        """End the suspension if what came back took its count below the limit (9.2).

        Ageing out doesn't end a suspension, so its own count keeps whatever has counted on any of its days.
        """
        if self.since_day is None:
            return
        days = [self.since_day + timedelta(days=n) for n in range((today - self.since_day).days + 1)]
        count = sum(p.price for p in self.proposals if any(self.counts(p, day) for day in days))
        figures = self.rules.conduct_on(today, self.kind)
        if figures is None or count < figures["suspended_at"]:
            self.since_day = None

    def answer(self, at: datetime) -> dict[str, Any]:
        """Status, count and suspension at `at`, once all days up to it are judged."""
        today = self.rules.day_of(at)
        figures, count = self.rules.conduct_on(today, self.kind), self.count_on(today)
        standing = [self.by_operator] if self.by_operator else []
        if self.since_day:
            standing.append(self.rules.midnight(self.since_day))
        status = "active"
        if standing:
            status = "suspended"
        elif figures is not None and count >= figures["warned_at"]:
            status = "warned"
        return {"status": status, "count": count, "suspended_since": min(standing, default=None)}


@dataclass
class Book:
    """One replay of an account: what it holds while the facts and the months go by in time order."""

    rules: Rules
    starts: list[datetime]  # of all cycles, from the opening's to one past the horizon of this replay
    kind: str
    plan: str
    conduct: Conduct
    cycle: int = 0  # which of `starts` began the present cycle
    pending: str | None = None  # a change down that waits for the end of the cycle (7.2)
    unpaid: bool = False  # a fee reported unpaid: kept apart, only a payment or the fall clears it
    debt: int = 0
    grants: int = 0
    lots: int = 0
    connects: list[Connect] = field(default_factory=list)
    proposals: dict[Any, Proposal] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)

    # ---- what the rules look up ----

    @property
    def start(self) -> datetime:
        """The start of the present cycle."""
        return self.starts[self.cycle]

    @property
    def end(self) -> datetime:
        """The end of the present cycle: its connects show it as their expiry (3.2)."""
        return self.starts[self.cycle + 1]

    @property
    def held(self) -> list[Connect]:
        """All connects held now."""
        return [connect for connect in self.connects if connect.state == HELD]

    def plans_of_kind(self, at: datetime) -> list[str]:
        """The plans this account may be on, from low to high as they stand in the pack (2)."""
        return [plan["code"] for plan in self.rules.revision_at(at)["plans"] if plan["kind"] == self.kind]

    def expiry(self, connect: Connect) -> datetime:
        """When a held connect is lost at the latest, as shown."""
        return connect.own_expiry or self.end

    def burn_order(self) -> list[Connect]:
        """All held connects, the first to be spent first (4.1)."""
        paid_first = self.rules.pack["burn_first"] == "paid"
        return sorted(
            self.held,
            key=lambda c: (self.expiry(c), c.paid != paid_first, c.grant, c.lot),
        )

    def prorated(self, amount: int, at: datetime) -> int:
        """floor(amount x days left, today included, / days in the cycle), days in the pack's zone (3.5)."""
        first, today, after = (self.rules.day_of(moment) for moment in (self.start, at, self.end))
        return amount * (after - today).days // (after - first).days

    # ---- connects that come and go ----

    def end_all(self, connects: Iterable[Connect], state: str, line: str) -> None:
        """Let connects leave the balance, under one kind of journal line."""
        for connect in connects:
            assert connect.state == HELD
            connect.state = state
            self.totals[line] += 1

    def grant(
        self,
        number: int,
        source: str,
        purchase: str | None = None,
        own_expiry: datetime | None = None,
    ) -> list[Connect]:
        """Make new connects: one grant, one lot, all of one age. They still have to be added."""
        self.grants += 1
        self.lots += 1
        paid = purchase is not None
        new = [Connect(self.grants, self.lots, paid, purchase, source, own_expiry) for _ in range(number)]
        self.connects += new
        return new

    def relot(self, connects: list[Connect], source: str) -> None:
        """Put connects into new lots, one for each they were in; their nature stays (3.4, 5.3)."""
        renamed: dict[int, int] = {}
        for old in sorted({connect.lot for connect in connects}):
            self.lots += 1
            renamed[old] = self.lots
        for connect in connects:
            connect.lot, connect.source = renamed[connect.lot], source

    def add(self, added: list[Connect], line: str, at: datetime, *, clip: bool) -> None:
        """Add connects in full, pay the debt from them, then forfeit what is above most held (5.5, 6.3)."""
        for connect in added:
            assert connect.state != HELD
            connect.state = HELD
        self.totals[line] += len(added)
        # Of one addition the free part goes first, then as in burning; equals in the order of adding.
        in_order = sorted(added, key=lambda c: (c.paid, self.expiry(c), c.grant))
        pays, left = in_order[: self.debt], in_order[self.debt :]
        self.end_all(pays, PAID_DEBT, "revoke")
        self.debt -= len(pays)
        most_held = self.rules.plan_in(self.rules.revision_at(at), self.plan).get("most_held")
        if clip and most_held is not None:
            surplus = max(0, len(self.held) - most_held)
            self.end_all(left[:surplus], FORFEITED, "forfeit")

    # ---- the month (3.3) ----

    def settle(self, at: datetime) -> None:
        """Let everything that has come due by `at` happen, in time order."""
        while True:
            own = [connect.own_expiry for connect in self.held if connect.own_expiry is not None]
            due = min([self.end, *own])
            if due > at:
                break
            # At one instant, a bonus whose own time has come goes before the boundary.
            self.end_all([c for c in self.held if c.own_expiry == due], EXPIRED, "expire")
            if due == self.end:
                self.cross_boundary()
        self.conduct.judge_days(at)

    def cross_boundary(self) -> None:
        """Carry, expire the rest, allot."""
        boundary = self.end
        revision = self.rules.revision_at(boundary)
        next_plan = self.pending or self.plan
        lowest = self.plans_of_kind(boundary)[0]
        if self.unpaid and self.plan != lowest:
            next_plan, self.unpaid = lowest, False
        plan = self.rules.plan_in(revision, next_plan)

        limit = plan["carry_limit"]
        if revision["carry_limit_counts"] == "opening":
            limit = max(0, limit - plan["connects"])
        if next_plan != self.plan:
            limit = 0  # 7.2: nothing is carried over a change
        paid_first = revision["carry_first"] == "paid"
        of_cycle = [connect for connect in self.held if connect.own_expiry is None]
        in_order = sorted(of_cycle, key=lambda c: (c.paid != paid_first, -c.grant, -c.lot))
        self.relot(in_order[:limit], "carried")
        self.totals["carry_moved"] += len(in_order[:limit])
        self.end_all(in_order[limit:], EXPIRED, "expire")

        self.plan, self.pending = next_plan, None
        self.cycle += 1
        self.add(self.grant(plan["connects"], "allotment"), "allot", boundary, clip=True)

    # ---- the facts ----

    def apply(self, at: datetime, fact: dict[str, Any]) -> None:
        """Settle up to an accepted command, then carry it out."""
        self.settle(at)
        getattr(self, "on_" + fact["what"])(at, fact)

    def on_open(self, at: datetime, fact: dict[str, Any]) -> None:
        """The first month's allotment (3.5)."""
        revision = self.rules.revision_at(at)
        number = self.rules.plan_in(revision, fact["plan"])["connects"]
        if revision["first_month"] == "prorated":
            number = self.prorated(number, at)
        self.add(self.grant(number, "allotment"), "allot", at, clip=True)

    def on_spend(self, at: datetime, fact: dict[str, Any]) -> None:
        """A proposal, paid in burn order (4)."""
        price = fact["connects"]
        burnt = self.burn_order()[:price]
        assert len(burnt) == price, f"{price} spent where only {len(burnt)} are held"
        assert fact["proposal"] not in self.proposals
        self.end_all(burnt, SPENT, "spend")
        proposal = Proposal(self.rules.day_of(at), burnt)
        self.proposals[fact["proposal"]] = proposal
        self.conduct.proposals.append(proposal)  # an invited one costs 0, and so counts for nothing

    def on_return(self, at: datetime, fact: dict[str, Any]) -> None:
        """What a closed post gives back, all in one addition (5)."""
        back: list[Connect] = []
        for number in fact["proposals"]:
            proposal = self.proposals[number]
            if proposal.returned:
                continue
            proposal.returned = True
            self.relot(proposal.connects, "refund")
            back += proposal.connects
        if not back:
            return
        for connect in back:
            if connect.own_expiry is not None and connect.own_expiry <= at:
                connect.own_expiry = None  # 5.3: its time has passed, so it joins the present cycle
        clip = self.rules.revision_at(at)["returns_above_most_held"] == "clip"
        self.add(back, "return", at, clip=clip)
        self.conduct.after_return(self.rules.day_of(at))

    def on_grant(self, at: datetime, fact: dict[str, Any]) -> None:
        """A bonus, with an expiry of its own or without (3.2)."""
        expires_at: datetime | None = fact["expires_at"]
        own_expiry = expires_at.astimezone(UTC) if expires_at else None
        self.add(self.grant(fact["connects"], "bonus", own_expiry=own_expiry), "bonus", at, clip=True)

    def on_revoke(self, at: datetime, fact: dict[str, Any]) -> None:
        """An operator takes connects, in burn order."""
        taken = self.burn_order()[: fact["connects"]]
        assert len(taken) == fact["connects"], f"{fact['connects']} revoked where only {len(taken)} are held"
        self.end_all(taken, REVOKED, "revoke")

    def on_purchase(self, at: datetime, fact: dict[str, Any]) -> None:
        """A confirmed purchase: it would have been refused above most held, so it is never clipped (6.2)."""
        bought = self.grant(fact["connects"], "purchase", purchase=fact["purchase"])
        self.add(bought, "purchase", at, clip=False)

    def on_reverse(self, at: datetime, fact: dict[str, Any]) -> None:
        """A payment reversed: what is held goes, what is spent and has not come back is a debt (6.3).

        What of it paid a debt has paid nothing now that its own payment is gone.
        """
        bought = [connect for connect in self.connects if connect.purchase == fact["purchase"]]
        self.debt += sum(connect.state in (SPENT, PAID_DEBT) for connect in bought)
        self.end_all([connect for connect in bought if connect.state == HELD], REVOKED, "revoke")

    def on_change_plan(self, at: datetime, fact: dict[str, Any]) -> None:
        """Up at once, down at the end of the cycle; to the plan already held takes a change back (7)."""
        order = self.plans_of_kind(at)
        new, old = fact["plan"], self.plan
        if order.index(new) < order.index(old):
            self.pending = new
            return
        self.pending = None  # a change up goes ahead of a change down that was still waiting
        if new == old:
            return
        revision = self.rules.revision_at(self.start)  # allotments are those this cycle began with (7.3)
        number = self.rules.plan_in(revision, new)["connects"]
        if revision["upgrade_grants"] != "full":
            number -= self.rules.plan_in(revision, old)["connects"]
        if revision["upgrade_grants"] == "prorated":
            number = self.prorated(number, at)
        self.plan = new
        self.add(self.grant(max(0, number), "allotment"), "allot", at, clip=True)

    def on_take_back(self, at: datetime, fact: dict[str, Any]) -> None:
        """The holder takes a change down back (7.2)."""
        self.pending = None

    def on_fee_unpaid(self, at: datetime, fact: dict[str, Any]) -> None:
        """A fee reported unpaid (7.2); where the plan asks for none, none is."""
        self.unpaid = self.rules.plan_in(self.rules.revision_at(at), self.plan)["fee"] > 0

    def on_fee_paid(self, at: datetime, fact: dict[str, Any]) -> None:
        """The fee came after all."""
        self.unpaid = False

    def on_hire(self, at: datetime, fact: dict[str, Any]) -> None:
        """A hire: the count starts anew; an operator's suspension stands (9.2)."""
        self.conduct.start_anew()

    def on_lift(self, at: datetime, fact: dict[str, Any]) -> None:
        """A lift: the count starts anew, and any suspension ends (9.3)."""
        self.conduct.start_anew()
        self.conduct.by_operator = None

    def on_suspend(self, at: datetime, fact: dict[str, Any]) -> None:
        """An operator suspends; a second time changes nothing."""
        self.conduct.by_operator = self.conduct.by_operator or at

    # ---- the answer ----

    def answer(self, at: datetime) -> dict[str, Any]:
        """Everything that is there, once settled up to `at`."""
        held = self.held
        came = sum(self.totals[line] for line in CAME)
        assert came == sum(self.totals[line] for line in WENT) + len(held), "conservation (11)"
        paid = sum(connect.paid for connect in held)
        return {
            "balance": len(held),
            "debt": self.debt,
            "plan": self.plan,
            "free": len(held) - paid,
            "paid": paid,
            "by_purchase": dict(Counter(c.purchase for c in held if c.purchase is not None)),
            "expiries": dict(Counter(self.expiry(c) for c in held)),
            "totals": {line: self.totals[line] for line in TOTALS},
            "cycle": (self.start, self.end),
            **self.conduct.answer(at),
        }


class Auditor:
    """One account: it is told the accepted commands, and says what must be there."""

    def __init__(self, pack: dict[str, Any]) -> None:
        self._rules = Rules(copy.deepcopy(pack))
        self._log: list[tuple[datetime, dict[str, Any]]] = []

    def record(self, at: datetime, fact: dict[str, Any]) -> None:
        """Take down an accepted command, in the order of acceptance; `at` never runs backwards."""
        assert at.tzinfo is not None, "an instant needs its zone"
        assert (fact["what"] == "open") == (not self._log), "the opening comes first, and once"
        assert not self._log or at >= self._log[-1][0], "time runs backwards"
        self._log.append((at.astimezone(UTC), copy.deepcopy(fact)))

    def look(self, at: datetime) -> dict[str, Any]:
        """What must be there at `at`: the history replayed on a fresh book, so looking leaves no trace."""
        assert self._log, "nothing was opened"
        assert at >= self._log[-1][0], "an answer for a time before the last record"
        rules, (opening, opened) = self._rules, self._log[0]
        kind = opened["kind"]
        conduct = Conduct(rules, kind, rules.day_of(opening))
        book = Book(rules, rules.cycle_starts(opening, at), kind, opened["plan"], conduct)
        for when, fact in self._log:
            book.apply(when, fact)
        book.settle(at)
        return book.answer(at)
