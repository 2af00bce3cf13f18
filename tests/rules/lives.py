"""Lives of one account, told to the engine and to the auditor alike."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from earnest.lab.market import Market
from earnest.rules.account import Account, Entry, Kind
from earnest.rules.burn import is_paid
from earnest.rules.commands import (
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
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Outcome
from earnest.rules.pack import convert_pack
from earnest.rules.price import JobSize, JobType
from earnest.rules.purchase import PurchaseStatus
from tests.auditor import Auditor

OPENED = datetime(2015, 11, 20, 9, 30, tzinfo=UTC)
ME = "acc_me"
OWNER = Member("mem_owner", "owner")

VERBS = (
    *("propose",) * 12,
    *("close",) * 5,
    *("hire", "withdraw", "decline", "invite", "lift", "suspend") * 1,
    *("grant", "grant_until", "revoke"),
    *("buy", "confirm", "reverse") * 2,
    *("up", "down", "keep", "fee_unpaid", "fee_paid"),
    "look",
)


class Act(NamedTuple):
    """One thing that happens: how long after the one before, what, and a number that says how much or which."""

    minutes: int
    verb: str
    number: int


def random_acts(random: Random, count: int) -> Iterable[Act]:
    """Yield acts whose gaps are often nothing, mostly hours, and now and then months."""
    for _ in range(count):
        gap = random.choice((0, 5, 300, 900, 1440, 4000) if random.random() < 0.98 else (30_000, 100_000, 200_000))
        yield Act(gap, random.choice(VERBS), random.randrange(1000))


class Life:
    """One account lived through by the engine, with everything accepted told to the auditor."""

    def __init__(self, raw: dict[str, Any], kind: Kind, plan: str, opened_at: datetime = OPENED) -> None:
        self.pack = convert_pack(raw)
        self.kind = kind
        self.plans = self.pack.at(opened_at).plans_of(kind)
        self.auditor = Auditor(raw)
        self.entries: list[Entry] = []
        self.refusals: Counter[str] = Counter()
        self.market = Market(self.pack, self._accepted)
        self.now = opened_at
        self.names = 0
        assert isinstance(self.market.open(Open(ME, kind, plan), self.now), Accepted)
        self.auditor.record(self.now, {"what": "open", "kind": kind, "plan": plan})

    @property
    def account(self) -> Account:
        return self.market.accounts[ME]

    def _accepted(self, outcome: Accepted) -> None:
        self.entries.extend(outcome.entries)

    def _name(self) -> str:
        self.names += 1
        return f"x{self.names}"

    def live(self, act: Act) -> Outcome | None:
        """Do one thing; what has no object yet, such as confirming without a purchase, does nothing."""
        self.now += timedelta(minutes=act.minutes)
        done: Outcome | None = getattr(self, f"_{act.verb}")(act.number)
        if done is not None and not isinstance(done, Accepted):
            self.refusals[done.code.value] += 1
        return done

    def _tell(self, outcome: Outcome, **fact: Any) -> Outcome:
        if isinstance(outcome, Accepted):
            self.auditor.record(self.now, fact)
        return outcome

    def _act(self, command: Any, **fact: Any) -> Outcome:
        return self._tell(self.market.act(ME, command, self.now), **fact)

    def _pick(self, number: int) -> str | None:
        jobs = [job_id for job_id in self.market.jobs if self.market.attempts(ME, job_id)]
        return jobs[-1 - number % min(len(jobs), 40)] if jobs else None

    def _propose(self, number: int) -> Outcome:
        job_id = self._name()
        if number % 50 == 0 and self._pick(number):
            job_id = self._pick(number) or job_id
        else:
            sizes = [JobSize(JobType.FIXED, budget) for budget in (1000, 30000, 100000, 300000, 900000)]
            self.market.post(job_id, "client", sizes[number % 5], self.now)
            if number % 17 == 0:
                self.market.invite(job_id, ME)
        outcome = self.market.propose(ME, job_id, self.now, OWNER if self.kind == "agency" else None)
        proposal = outcome.proposals[0] if isinstance(outcome, Accepted) else None
        spent = proposal.connects_spent if proposal else 0
        return self._tell(outcome, what="spend", proposal=proposal.n if proposal else 0, connects=spent)

    def _close(self, number: int) -> None:
        job_id = self._pick(number)
        if job_id is None:
            return
        back = self.market.close(job_id, ("cancelled", "filled", "removed")[number % 3], self.now)
        if back.proposals:
            numbers = [proposal.n for proposal in self.market.attempts(ME, job_id)]
            self.auditor.record(self.now, {"what": "return", "proposals": numbers})

    def _hire(self, number: int) -> Outcome | None:
        job_id = self._pick(number)
        # Hires are rare, or nobody would ever be suspended.
        if job_id is None or number % 8:
            return None
        return self._tell(self.market.hire(ME, job_id, self.now), what="hire")

    def _withdraw(self, number: int) -> Outcome | None:
        job_id = self._pick(number)
        return self.market.withdraw(ME, job_id, self.now) if job_id else None

    def _decline(self, number: int) -> Outcome | None:
        job_id = self._pick(number)
        return self.market.decline(ME, job_id, self.now) if job_id else None

    def _invite(self, number: int) -> None:
        job_id = self._pick(number)
        if job_id is not None:
            self.market.invite(job_id, ME)

    def _lift(self, number: int) -> Outcome:
        return self._act(DecideSuspension("lifted"), what="lift")

    def _suspend(self, number: int) -> Outcome | None:
        return self._act(Suspend("a word"), what="suspend") if number % 10 == 0 else None

    def _grant(self, number: int) -> Outcome:
        connects = 1 + number % 90
        return self._act(Grant(connects, "gift"), what="grant", connects=connects, expires_at=None)

    def _grant_until(self, number: int) -> Outcome:
        connects, expires_at = 1 + number % 90, self.now + timedelta(hours=1 + number * 3)
        if number % 4 == 0 and self.account.cycle_end > self.now:
            # Just at the boundary: the one instant at which a bonus of its own time can be taken for the cycle's.
            expires_at = self.account.cycle_end
        return self._act(Grant(connects, "gift", expires_at), what="grant", connects=connects, expires_at=expires_at)

    def _revoke(self, number: int) -> Outcome:
        connects = 1 + number % 60
        return self._act(Revoke(connects, "a word"), what="revoke", connects=connects)

    def _buy(self, number: int) -> Outcome:
        return self.market.buy(ME, self._name(), 1 + number % 120, self.now)

    def _bought(self, number: int, *statuses: PurchaseStatus) -> str | None:
        ids = [each.id for each in self.market.purchases.values() if each.status in statuses]
        return ids[-1 - number % min(len(ids), 5)] if ids else None

    def _confirm(self, number: int) -> Outcome | None:
        purchase_id = self._bought(number, *PurchaseStatus)
        if purchase_id is None:
            return None
        before = self.market.purchases[purchase_id].status
        outcome = self.market.confirm(ME, purchase_id, self.now)
        after = self.market.purchases[purchase_id]
        if after.status is not before and after.status is PurchaseStatus.CONFIRMED:
            self.auditor.record(self.now, {"what": "purchase", "purchase": purchase_id, "connects": after.connects})
        return outcome

    def _reverse(self, number: int) -> Outcome | None:
        purchase_id = self._bought(number, *PurchaseStatus)
        # Most payments stay.
        if purchase_id is None or number % 4:
            return None
        outcome = self.market.reverse(ME, purchase_id, self.now)
        purchase = self.market.purchases[purchase_id]
        if purchase.status is PurchaseStatus.REVERSED and purchase.decided_at == self.now:
            self.auditor.record(self.now, {"what": "reverse", "purchase": purchase_id})
        return outcome

    def _up(self, number: int) -> Outcome:
        return self._act(ChangePlan(self.plans[-1]), what="change_plan", plan=self.plans[-1])

    def _down(self, number: int) -> Outcome:
        return self._act(ChangePlan(self.plans[0]), what="change_plan", plan=self.plans[0])

    def _keep(self, number: int) -> Outcome:
        return self._act(KeepPlan(), what="take_back")

    def _fee_unpaid(self, number: int) -> Outcome | None:
        return self._act(ReportFee(paid=False), what="fee_unpaid") if number % 3 == 0 else None

    def _fee_paid(self, number: int) -> Outcome:
        return self._act(ReportFee(paid=True), what="fee_paid")

    def _look(self, number: int) -> Outcome:
        return self.market.act(ME, Settle(), self.now)

    def shown(self) -> dict[str, Any]:
        """What the engine says is there now, in the auditor's words; looking changes nothing."""
        account, written = self.account, len(self.entries)
        outcome = self.market.act(ME, Settle(), self.now)
        assert isinstance(outcome, Accepted)
        seen, entries = outcome.account, self.entries[:]
        self.market.accounts[ME] = account
        del self.entries[written:]
        totals: Counter[str] = Counter()
        for entry in entries:
            if entry.kind != "carry":
                totals[entry.kind.value] += abs(entry.connects)
            elif entry.connects > 0:
                totals["carry_moved"] += entry.connects
        paid: Counter[str] = Counter()
        expiries: Counter[datetime] = Counter()
        for lot in seen.lots:
            if lot.purchase_id is not None:
                paid[lot.purchase_id] += lot.remaining
            expiries[lot.expires_at or seen.cycle_end] += lot.remaining
        return {
            "balance": seen.balance,
            "debt": seen.debt,
            "plan": seen.plan,
            "free": sum(lot.remaining for lot in seen.lots if not is_paid(lot)),
            "paid": sum(paid.values()),
            "by_purchase": dict(paid),
            "expiries": dict(expiries),
            "totals": {kind: count for kind, count in totals.items() if count},
            "cycle": (seen.cycle_start, seen.cycle_end),
            "status": seen.status.value,
        }

    def agree(self) -> None:
        """Assert that the engine and the auditor see the same."""
        said = self.auditor.look(self.now)
        shown = self.shown()
        said["totals"] = {kind: count for kind, count in said["totals"].items() if count}
        assert shown == {key: said[key] for key in shown}
