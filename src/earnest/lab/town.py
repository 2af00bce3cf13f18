"""The people of a simulated marketplace, and their habits.

Clients post and invite, decline, hire, close and forget; freelancers of very different diligence propose, withdraw,
run out, buy, move between plans, are suspended and appeal. One seeded generator decides everything and time is
counted from a fixed start. The habits are guesses at a plausible marketplace, chosen so that everything the rules
know happens.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import TypeVar

from earnest.lab.circulation import Circulation
from earnest.lab.market import Market
from earnest.ledger.conservation import Conservation, Totals
from earnest.rules.account import Kind, Status
from earnest.rules.commands import (
    Appeal,
    ChangePlan,
    DecideSuspension,
    Grant,
    KeepPlan,
    Open,
    ReportFee,
    Revoke,
    Settle,
    Suspend,
)
from earnest.rules.job import CloseReason
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, NoticeKind, Outcome, Refusal
from earnest.rules.pack import Pack
from earnest.rules.price import JobSize
from earnest.rules.purchase import PurchaseStatus

FIRST_MONTH = date(2016, 1, 1)
"""Where simulated time starts."""

JOBS_A_MONTH = 1.25
"""Jobs posted for each freelancer."""

PACES = ((0.30, 3.0), (0.40, 8.0), (0.25, 20.0), (0.05, 90.0))
"""Shares of the individuals, and how many proposals a month each of them would send."""

AGENCY_PACE = 40.0
AGENCY_SHARE = 0.04
HIGHER_PLAN_SHARE = 0.2
DAYS_A_MONTH = 30.4
LATEST_CLOSING = 40
"""Days after which a job from which somebody was hired is closed at the latest."""


class _Freelancer:
    """Who holds an account: a person, or an agency's members together."""

    __slots__ = ("a_day", "id", "kind", "members", "plan", "rests_until", "skill")

    def __init__(self, id_: str, kind: Kind, plan: str, a_day: float, skill: float, members: list[Member]) -> None:
        self.id = id_
        self.kind = kind
        self.plan = plan  # at the opening
        self.a_day = a_day  # proposals
        self.skill = skill  # 0 to 1: how likely a client prefers them
        self.members = members
        self.rests_until = 0  # the day of the simulation on which they propose again


_Event = tuple[Callable[..., None], tuple[object, ...]]
_Any = TypeVar("_Any")


class Town:
    """The people of a marketplace and their habits, day by day.

    They act on a market of the kind given. Each act has an instant of its own, unless `instants_a_day` says how many
    instants the acts of a day share.
    """

    def __init__(
        self,
        sizes: list[JobSize],
        freelancers: int,
        months: int,
        seed: int,
        pack: Pack,
        kind: type[Market] = Market,
        instants_a_day: int | None = None,
    ) -> None:
        self.sizes, self.months, self.seed, self.pack = sizes, months, seed, pack
        self.instants_a_day = instants_a_day
        self.chance = Random(seed)
        self.market = kind(pack, self._audit)
        self.conservation = Conservation()
        self.circulation = Circulation(pack, FIRST_MONTH, months)
        month, year = FIRST_MONTH.month - 1 + months, FIRST_MONTH.year
        last = date(year + month // 12, month % 12 + 1, 1)
        self.days = last.toordinal() - FIRST_MONTH.toordinal()
        self.agenda: list[list[_Event]] = [[] for _ in range(self.days)]
        self.forgotten_on: list[list[str]] = [[] for _ in range(self.days)]
        self.day = 0
        self.board: list[str] = []  # jobs a freelancer sees, the newest last
        self.closed_since_yesterday: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[Refusal] = Counter()
        self.told: dict[NoticeKind, set[str]] = {NoticeKind.WARNED: set(), NoticeKind.SUSPENDED: set()}
        self.freelancers: list[_Freelancer] = []
        self.by_id: dict[str, _Freelancer] = {}
        self.totals = Totals()
        self.habits: tuple[tuple[float, Callable[[datetime, _Freelancer], None]], ...] = (
            (0.020, self._move_up),
            (0.015, self._move_down),
            (0.002, self._keep_plan),
            (0.002, self._try_other_kind),
            (0.010, self._miss_fee),
            (0.010, self._grant),
            (0.002, self._revoke),
            (0.030, self._stock_up),
            (0.001, self._suspend),
            (0.001, self._appeal),
        )
        self._people(freelancers)

    # Days

    def live(self, progress: Callable[[int, int], None] | None = None) -> Iterator[datetime]:
        """Live all days, and settle every account at the last instant of the last one.

        Yields each instant when everything has happened that happens at it.
        """
        calendar, first = self.pack.calendar, FIRST_MONTH.toordinal()
        starts = [calendar.day_start(first + day) for day in range(self.days + 1)]
        for day in range(self.days):
            self.day = day
            self._clear_board()
            events = self._events()
            instants = min(self.instants_a_day or len(events), len(events))
            step = (starts[day + 1] - starts[day]) / (instants + 1)
            for instant in range(instants):
                now = starts[day] + (instant + 1) * step
                for act, arguments in events[
                    len(events) * instant // instants : len(events) * (instant + 1) // instants
                ]:
                    act(now, *arguments)
                yield now
            if date.fromordinal(first + day + 1).day == 1:
                now = starts[day + 1] - timedelta(microseconds=1)
                self._end_month(now)
                yield now
            if progress is not None:
                progress(day + 1, self.days)

    def _events(self) -> list[_Event]:
        """Return what happens today, in no order of its own."""
        random, day = self.chance.random, self.day
        events, self.agenda[day] = self.agenda[day], []
        present = [each for each in self.freelancers if each.id in self.market.accounts]
        propose = self._propose
        for each in present:
            if each.rests_until <= day:
                count = int(each.a_day + random())
                if count:
                    events.extend([(propose, (each,))] * count)
        events.extend([(self._post, ())] * self._times(JOBS_A_MONTH, self.freelancers))
        for rate, habit in self.habits:
            events.extend((habit, (self._one_of(present),)) for _ in range(self._times(rate, present)))
        self.chance.shuffle(events)
        return events

    def _times(self, a_month: float, people: list[_Freelancer]) -> int:
        """Return how often today something happens that each of them does so often a month."""
        return int(a_month * len(people) / DAYS_A_MONTH + self.chance.random())

    def _later(self, days: int, act: Callable[..., None], *arguments: object) -> None:
        """Put something on the agenda, unless it lies beyond the end."""
        if self.day + days < self.days:
            self.agenda[self.day + days].append((act, arguments))

    def _between(self, low: int, high: int) -> int:
        return low + int(self.chance.random() * (high - low + 1))

    def _one_of(self, choices: list[_Any]) -> _Any:
        # Random.choice takes three times as long, and this is the most frequent question of all.
        return choices[int(self.chance.random() * len(choices))]

    def _clear_board(self) -> None:
        """Take what was closed yesterday or lapsed a day ago off the board, and forget what nobody asks for."""
        if self.closed_since_yesterday:
            self.board = [each for each in self.board if each not in self.closed_since_yesterday]
            self.closed_since_yesterday.clear()
        for job_id in self.forgotten_on[self.day]:
            self.market.forget(job_id)
        self.forgotten_on[self.day] = []

    def _end_month(self, now: datetime) -> None:
        market = self.market
        if self.day == self.days - 1:
            for account_id in market.accounts:
                self._did(market.act(account_id, Settle(), now))
        self.totals = self.conservation.check(market.accounts.values())
        for account_id in market.accounts:
            market.forget_uncounted(account_id)

    # The auditor

    def _audit(self, outcome: Accepted) -> None:
        """Read every line as it is written."""
        account, entries = outcome.account, outcome.entries
        if entries:
            self.conservation.add(account.id, entries)
            self.counts["lines"] += len(entries)
        # Every change of plan is told of, so without lines and notices nothing circulated.
        if entries or outcome.notices:
            self.circulation.add(account, entries)
        for notice in outcome.notices:
            if notice.kind in self.told:
                self.told[notice.kind].add(account.id)

    def _did(self, outcome: Outcome) -> bool:
        """Say whether it was accepted, and count the refusal if not."""
        if isinstance(outcome, Accepted):
            return True
        self.refusals[outcome.code] += 1
        return False

    # Freelancers

    def _people(self, count: int) -> None:
        """Think up who opens an account, with which habits, and on which day of the first month."""
        rules = self.pack.at(self.pack.calendar.day_start(FIRST_MONTH.toordinal()))
        individuals, agencies = rules.plans_of("individual"), rules.plans_of("agency")
        random = self.chance.random
        for number in range(count):
            agency = not individuals or (agencies and random() < AGENCY_SHARE)
            plans = agencies if agency else individuals
            plan = self._one_of(plans[1:]) if plans[1:] and random() < HIGHER_PLAN_SHARE else plans[0]
            each = _Freelancer(
                f"acc_{number}",
                "agency" if agency else "individual",
                plan,
                (AGENCY_PACE if agency else _pace(random())) / DAYS_A_MONTH,
                random(),
                self._members(number) if agency else [],
            )
            self.freelancers.append(each)
            self.by_id[each.id] = each
            # Half are there from the start, so that even a short simulation is lively.
            self.agenda[0 if random() < 0.5 else self._between(0, 27)].append((self._open, (each,)))

    def _members(self, number: int) -> list[Member]:
        """Return an agency's people: all that propose, and some that may not."""
        members = [Member(f"mem_{number}_0", "owner"), Member(f"mem_{number}_1", "admin")]
        for other in range(self._between(1, 6)):
            can_propose = None if self.chance.random() < 0.1 else True
            members.append(Member(f"mem_{number}_{other + 2}", "member", can_propose))
        return members

    def _open(self, now: datetime, who: _Freelancer) -> None:
        self._did(self.market.open(Open(who.id, who.kind, who.plan), now))

    def _member(self, who: _Freelancer) -> Member | None:
        return self._one_of(who.members) if who.members else None

    def _propose(self, now: datetime, who: _Freelancer) -> None:
        """Propose to a job on the board, the newer ones first."""
        if self.board and who.rests_until <= self.day:
            self._propose_to(now, who, self.board[-1 - int(len(self.board) * self.chance.random() ** 3)])

    def _propose_to(self, now: datetime, who: _Freelancer, job_id: str) -> None:
        outcome = self.market.propose(who.id, job_id, now, self._member(who))
        if isinstance(outcome, Accepted):
            self.counts["proposals"] += 1
            self.counts["invited"] += outcome.proposals[0].invited
            if self.chance.random() < 0.03:
                self._later(self._between(0, 5), self._withdraw, who, job_id)
            return
        self.refusals[outcome.code] += 1
        if outcome.code is Refusal.INSUFFICIENT_CONNECTS:
            self._run_out(now, who)
        elif outcome.code is Refusal.ACCOUNT_SUSPENDED:
            who.rests_until = self.day + 30
            if self.chance.random() < 0.7:
                self._later(self._between(0, 4), self._appeal, who)

    def _run_out(self, now: datetime, who: _Freelancer) -> None:
        """Buy, move up, or wait for the next cycle."""
        cycle_end = self.market.accounts[who.id].cycle_end
        until = self.pack.calendar.day(cycle_end) - FIRST_MONTH.toordinal()
        chance = self.chance.random()
        if chance < 0.05:
            self._move_up(now, who)
        elif chance < 0.12:
            self._buy(now, who, self._between(10, 40))
        else:
            who.rests_until = until

    def _withdraw(self, now: datetime, who: _Freelancer, job_id: str) -> None:
        """Take a proposal back, and at times write a better one."""
        if job_id in self.market.jobs and self._did(self.market.withdraw(who.id, job_id, now)):
            self.counts["withdrawn"] += 1
            if self.chance.random() < 0.3:
                self._propose_to(now, who, job_id)

    # Memberships

    def _ladder(self, who: _Freelancer, now: datetime) -> tuple[list[str], int]:
        plans = self.pack.at(now).plans_of(who.kind)
        return plans, plans.index(self.market.accounts[who.id].plan)

    def _move_up(self, now: datetime, who: _Freelancer) -> None:
        plans, at = self._ladder(who, now)
        if at + 1 < len(plans):
            self._change(now, who, plans[at + 1])

    def _move_down(self, now: datetime, who: _Freelancer) -> None:
        """Choose a lower plan for the next cycle, and at times think better of it."""
        plans, at = self._ladder(who, now)
        if at > 0:
            self._change(now, who, plans[at - 1])
            if self.chance.random() < 0.3:
                self._later(self._between(1, 9), self._keep_plan, who)

    def _try_other_kind(self, now: datetime, who: _Freelancer) -> None:
        others = self.pack.at(now).plans_of("individual" if who.kind == "agency" else "agency")
        if others:
            self._change(now, who, others[0])

    def _change(self, now: datetime, who: _Freelancer, plan: str) -> None:
        self._did(self.market.act(who.id, ChangePlan(plan, self._member(who)), now))

    def _keep_plan(self, now: datetime, who: _Freelancer) -> None:
        self._did(self.market.act(who.id, KeepPlan(self._member(who)), now))

    def _miss_fee(self, now: datetime, who: _Freelancer) -> None:
        if self.pack.at(now).plan(self.market.accounts[who.id].plan).fee:
            self._did(self.market.act(who.id, ReportFee(paid=False), now))
            if self.chance.random() < 0.6:
                self._later(self._between(1, 20), self._pay_fee, who)

    def _pay_fee(self, now: datetime, who: _Freelancer) -> None:
        self._did(self.market.act(who.id, ReportFee(paid=True), now))

    # Buying

    def _stock_up(self, now: datetime, who: _Freelancer) -> None:
        self._buy(now, who, self._between(50, 200))

    def _buy(self, now: datetime, who: _Freelancer, connects: int) -> None:
        """Ask to buy, or as many as would fit; nearly all of it is paid for, most of it at once."""
        purchase_id = f"pur_{self.counts['purchases']}"
        self.counts["purchases"] += 1
        outcome = self.market.buy(who.id, purchase_id, connects, now, self._member(who))
        if not isinstance(outcome, Accepted):
            self.refusals[outcome.code] += 1
            fitting = outcome.figures.get("would_fit")
            if isinstance(fitting, int) and fitting:
                self._buy(now, who, fitting)
            return
        chance = self.chance.random()
        if chance < 0.85:
            self._confirm(now, who, purchase_id)
        elif chance < 0.95:
            self._later(self._between(0, 3), self._confirm, who, purchase_id)
        elif chance < 0.98:
            self._later(self._between(0, 9), self._reverse, who, purchase_id)

    def _confirm(self, now: datetime, who: _Freelancer, purchase_id: str) -> None:
        self._did(self.market.confirm(who.id, purchase_id, now))
        purchase = self.market.purchases[purchase_id]
        if purchase.status is PurchaseStatus.CONFIRMED and self.chance.random() < 0.03:
            self._later(self._between(0, 40), self._reverse, who, purchase_id)

    def _reverse(self, now: datetime, who: _Freelancer, purchase_id: str) -> None:
        self._did(self.market.reverse(who.id, purchase_id, now))

    # The operator

    def _grant(self, now: datetime, who: _Freelancer) -> None:
        expires_at = now + timedelta(days=self._between(3, 90)) if self.chance.random() < 0.5 else None
        self._did(self.market.act(who.id, Grant(self._between(5, 60), "a welcome back", expires_at), now))

    def _revoke(self, now: datetime, who: _Freelancer) -> None:
        self._did(self.market.act(who.id, Revoke(self._between(1, 40), "granted by mistake"), now))

    def _suspend(self, now: datetime, who: _Freelancer) -> None:
        self._did(self.market.act(who.id, Suspend("reported by clients"), now))

    def _appeal(self, now: datetime, who: _Freelancer) -> None:
        """Appeal a suspension, and hear from the operator days later."""
        if self._did(self.market.act(who.id, Appeal("Every letter was written for its job."), now)):
            self._later(self._between(1, 10), self._judge, who)

    def _judge(self, now: datetime, who: _Freelancer) -> None:
        lifted = self.chance.random() < 0.6
        decision = DecideSuspension("lifted") if lifted else DecideSuspension("upheld")
        if self._did(self.market.act(who.id, decision, now)) and lifted:
            who.rests_until = self.day

    # Clients

    def _post(self, now: datetime) -> None:
        """Post a job, and decide what will become of it."""
        job_id = f"job_{self.counts['jobs']}"
        self.counts["jobs"] += 1
        job = self.market.post(job_id, f"cli_{self._between(0, len(self.freelancers))}", self._one_of(self.sizes), now)
        self.board.append(job_id)
        random = self.chance.random
        lapses_in = (job.lapses_at - now).days
        self._later(lapses_in + 1, self._lapse, job_id)
        # By then it is closed, if ever, by whichever of the ways below.
        self._forget_in(max(2 * lapses_in, LATEST_CLOSING) + 1, job_id)
        if random() < 0.1:
            self._later(1, self._resize, job_id)
        if random() < 0.3:
            for _ in range(self._between(1, 3)):
                self._later(self._between(0, 4), self._invite, self._one_of(self.freelancers), job_id)
        if random() < 0.5:
            self._later(self._between(2, 7), self._review, job_id)
        chance = random()
        if chance < 0.45:
            self._later(self._between(2, 14), self._hire, job_id)
            if chance < 0.40:
                self._later(self._between(15, LATEST_CLOSING), self._close, job_id, "filled")
        elif chance < 0.65:
            self._later(self._between(1, 20), self._close, job_id, "cancelled" if chance < 0.62 else "removed")
        elif chance < 0.80:
            self._later(self._between(lapses_in + 1, 2 * lapses_in), self._close, job_id, "cancelled")
        elif chance < 0.85:
            self._later(self._between(lapses_in + 1, lapses_in + 10), self._hire, job_id)

    def _invite(self, now: datetime, who: _Freelancer, job_id: str) -> None:
        """Invite an account that is likely to answer."""
        if job_id in self.market.jobs and who.id in self.market.accounts:
            self.market.invite(job_id, who.id)
            if self.chance.random() < 0.6:
                self._propose_to(now, who, job_id)

    def _resize(self, now: datetime, job_id: str) -> None:
        if job_id in self.market.jobs:
            self.market.resize(job_id, self._one_of(self.sizes), now)

    def _review(self, now: datetime, job_id: str) -> None:
        """Turn some of the proposals down."""
        for account_id in self.market.bidders(job_id):
            if self.chance.random() < 0.3 and self._did(self.market.decline(account_id, job_id, now)):
                self.counts["declined"] += 1

    def _hire(self, now: datetime, job_id: str) -> None:
        """Hire the best of a few, and at times another one."""
        if job_id not in self.market.jobs:
            return
        random = self.chance.random
        bidders = self.market.bidders(job_id)
        few = [self.by_id[self._one_of(bidders)] for _ in range(min(6, len(bidders)))]
        few.sort(key=lambda who: who.skill * random(), reverse=True)
        places = 2 if random() < 0.1 else 1
        for who in few:
            if places and self._did(self.market.hire(who.id, job_id, now)):
                self.counts["hires"] += 1
                places -= 1
                if self.market.accounts[who.id].status is not Status.SUSPENDED:
                    who.rests_until = min(who.rests_until, self.day + 30)

    def _lapse(self, now: datetime, job_id: str) -> None:
        """Give back at the lapse where the pack says so."""
        if job_id in self.market.jobs:
            self.closed_since_yesterday.add(job_id)
            self.counts["returned_proposals"] += self.market.give_back(job_id, now).proposals

    def _close(self, now: datetime, job_id: str, reason: CloseReason) -> None:
        returned = self.market.close(job_id, reason, now)
        self.counts["returned_proposals"] += returned.proposals
        self.counts["closed_with_hire" if self.market.jobs[job_id].hires else "closed_without_hire"] += 1
        self.closed_since_yesterday.add(job_id)
        self._forget_in(1, job_id)

    def _forget_in(self, days: int, job_id: str) -> None:
        if self.day + days < self.days:
            self.forgotten_on[self.day + days].append(job_id)


def _pace(chance: float) -> float:
    """Return how many proposals a month an individual would send."""
    for share, pace in PACES:
        if chance < share:
            return pace
        chance -= share
    return PACES[-1][1]
