"""A marketplace in memory: the pure rules with just enough around them to live by.

It keeps accounts, jobs, proposals and purchases in dictionaries, hands each command what it needs to know, and keeps
what comes of it. Times are arguments, as everywhere. It is for simulations and tests; it stores nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime

import msgspec

from earnest.rules import conduct, job
from earnest.rules.account import Account
from earnest.rules.buy import leaves_to_owe
from earnest.rules.commands import (
    Command,
    ConfirmPurchase,
    Decline,
    GiveBack,
    Hire,
    Open,
    ReversePurchase,
    StartPurchase,
    Submit,
    Withdraw,
)
from earnest.rules.decide import decide
from earnest.rules.job import CloseReason, Job
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Outcome, Refusal, Refused
from earnest.rules.pack import Pack
from earnest.rules.price import JobSize
from earnest.rules.proposal import Proposal, ProposalStatus
from earnest.rules.purchase import Purchase, PurchaseStatus


class Returned(msgspec.Struct, frozen=True):
    """What a closing gave back: to how many proposals, and how many connects."""

    proposals: int
    connects: int


class Market:
    """Accounts, jobs, proposals and purchases, in memory.

    `on_accepted` is called with every accepted outcome, before it is kept.
    """

    def __init__(self, pack: Pack, on_accepted: Callable[[Accepted], None] | None = None) -> None:
        self.pack = pack
        self.accounts: dict[str, Account] = {}
        self.jobs: dict[str, Job] = {}
        self.purchases: dict[str, Purchase] = {}
        self.proposals: dict[str, dict[int, Proposal]] = defaultdict(dict)
        self._invited: dict[str, set[str]] = defaultdict(set)
        # By job and account, the numbers of its proposals: nearly always one, so no list is kept for them.
        self._by_job: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
        self._pending: dict[str, set[str]] = defaultdict(set)
        self._owed: dict[str, int] = defaultdict(int)
        self._returned: dict[str, Returned] = {}
        self._on_accepted = on_accepted

    def act(self, account_id: str, command: Command, now: datetime) -> Outcome:
        """Decide a command on an account and keep what comes of it."""
        account = self.accounts.get(account_id)
        history: Collection[Proposal] | None = None
        gives_back = isinstance(command, GiveBack)
        if account is not None and conduct.history_from(account, self.pack, now, gives_back=gives_back) is not None:
            history = self.proposals[account_id].values()
        outcome = decide(account, command, self.pack, now, history)
        if isinstance(outcome, Accepted):
            self._keep(outcome)
        return outcome

    def _keep(self, outcome: Accepted) -> None:
        if self._on_accepted is not None:
            self._on_accepted(outcome)
        account_id = outcome.account.id
        self.accounts[account_id] = outcome.account
        if outcome.proposals:
            proposals = self.proposals[account_id]
            for proposal in outcome.proposals:
                proposals[proposal.n] = proposal
        for entry in outcome.entries:
            if entry.lot is not None and entry.lot.purchase_id is not None:
                self._owed[entry.lot.purchase_id] += leaves_to_owe(entry)
        if outcome.job is not None:
            self.jobs[outcome.job.id] = outcome.job
        if outcome.purchase is not None:
            purchase = outcome.purchase
            self.purchases[purchase.id] = purchase
            pending = self._pending[account_id]
            (pending.add if purchase.status is PurchaseStatus.PENDING else pending.discard)(purchase.id)

    # What a holder does

    def open(self, command: Open, now: datetime) -> Outcome:
        """Open an account."""
        return self.act(command.id, command, now)

    def propose(self, account_id: str, job_id: str, now: datetime, worker: Member | None = None) -> Outcome:
        """Propose to a job; invited accounts pay nothing."""
        if account_id not in self.accounts:
            return Refused(Refusal.UNKNOWN_ACCOUNT)
        job_ = self.jobs.get(job_id)
        if job_ is None:
            return Refused(Refusal.UNKNOWN_JOB)
        bidders = self._by_job[job_id]
        before = bidders.get(account_id, ())
        command = Submit(
            job_,
            invited=job_id in self._invited and account_id in self._invited[job_id],
            live=before != () and self.proposals[account_id][before[-1]].status is not ProposalStatus.WITHDRAWN,
            attempts=len(before),
            worker=worker,
        )
        outcome = self.act(account_id, command, now)
        if isinstance(outcome, Accepted):
            bidders[account_id] = (*before, outcome.proposals[0].n)
        return outcome

    def attempts(self, account_id: str, job_id: str) -> list[Proposal]:
        """Return an account's proposals for a job, the first one first."""
        numbers = self._by_job[job_id].get(account_id) if job_id in self._by_job else None
        if numbers is None:
            return []
        proposals = self.proposals[account_id]
        return [proposals[n] for n in numbers]

    def bidders(self, job_id: str) -> list[str]:
        """Return the accounts that proposed to a job, in the order in which they first did."""
        return list(self._by_job.get(job_id, ()))

    def withdraw(self, account_id: str, job_id: str, now: datetime) -> Outcome:
        """Take the account's latest proposal for a job back."""
        before = self.attempts(account_id, job_id)
        if not before:
            return Refused(Refusal.UNKNOWN_PROPOSAL)
        return self.act(account_id, Withdraw(before[-1]), now)

    def buy(self, account_id: str, purchase_id: str, connects: int, now: datetime, by: Member | None = None) -> Outcome:
        """Ask to buy connects."""
        return self.act(account_id, StartPurchase(purchase_id, connects, self.pending(account_id), by), now)

    def pending(self, account_id: str) -> tuple[Purchase, ...]:
        """Return the account's purchases that await payment."""
        return tuple(self.purchases[purchase_id] for purchase_id in sorted(self._pending[account_id]))

    # What a payment provider does

    def confirm(self, account_id: str, purchase_id: str, now: datetime) -> Outcome:
        """Report a purchase's payment as received."""
        purchase = self.purchases.get(purchase_id)
        if purchase is None:
            return Refused(Refusal.UNKNOWN_PURCHASE)
        return self.act(account_id, ConfirmPurchase(purchase, self.pending(account_id)), now)

    def reverse(self, account_id: str, purchase_id: str, now: datetime) -> Outcome:
        """Report a purchase's payment as taken back."""
        purchase = self.purchases.get(purchase_id)
        if purchase is None:
            return Refused(Refusal.UNKNOWN_PURCHASE)
        return self.act(account_id, ReversePurchase(purchase, self._owed[purchase_id]), now)

    # What a client does

    def post(self, job_id: str, client_id: str, size: JobSize, now: datetime) -> Job:
        """Post a job."""
        self.jobs[job_id] = job.post(job_id, client_id, size, self.pack, now)
        return self.jobs[job_id]

    def resize(self, job_id: str, size: JobSize, now: datetime) -> Job:
        """Edit a job's size."""
        self.jobs[job_id] = job.resize(self.jobs[job_id], size, self.pack, now)
        return self.jobs[job_id]

    def invite(self, job_id: str, account_id: str) -> None:
        """Invite an account to a job."""
        self._invited[job_id].add(account_id)

    def decline(self, account_id: str, job_id: str, now: datetime) -> Outcome:
        """Turn the account's latest proposal for a job down."""
        before = self.attempts(account_id, job_id)
        if not before:
            return Refused(Refusal.UNKNOWN_PROPOSAL)
        return self.act(account_id, Decline(before[-1]), now)

    def hire(self, account_id: str, job_id: str, now: datetime) -> Outcome:
        """Hire from the account's latest proposal for a job."""
        before = self.attempts(account_id, job_id)
        if not before:
            return Refused(Refusal.UNKNOWN_PROPOSAL)
        return self.act(account_id, Hire(before[-1], self.jobs[job_id]), now)

    def close(self, job_id: str, reason: CloseReason, now: datetime) -> Returned:
        """Close a job, and give back what was spent on it where nobody was hired; again answers the first result."""
        if self.jobs[job_id].closed_at is None:
            self.jobs[job_id] = job.close(self.jobs[job_id], reason, now)
            self._returned[job_id] = self.give_back(job_id, now)
        return self._returned[job_id]

    def give_back(self, job_id: str, now: datetime) -> Returned:
        """Return what was spent on a job to everyone who spent it, if the job gives back now; once."""
        job_ = self.jobs[job_id]
        if not job_.gives_back(self.pack, now):
            return Returned(0, 0)
        proposals = connects = 0
        for account_id in self.bidders(job_id):
            outcome = self.act(account_id, GiveBack(job_, tuple(self.attempts(account_id, job_id))), now)
            assert isinstance(outcome, Accepted), "a return is never refused"  # noqa: S101
            proposals += len(outcome.proposals)
            connects += sum(proposal.connects_spent for proposal in outcome.proposals)
        return Returned(proposals, connects)

    # What keeps a long simulation small

    def forget(self, job_id: str) -> None:
        """Let go of a job nobody acts on any more, with its proposals but for those that count towards conduct."""
        for account_id, numbers in self._by_job.pop(job_id, {}).items():
            proposals, counted_from = self.proposals[account_id], self.accounts[account_id].counted_from
            for n in numbers:
                if not conduct.counts(proposals[n], counted_from):
                    del proposals[n]
        self.jobs.pop(job_id, None)
        self._invited.pop(job_id, None)
        self._returned.pop(job_id, None)

    def forget_uncounted(self, account_id: str) -> None:
        """Let go of an account's proposals for forgotten jobs that no judgement will ask about any more."""
        account = self.accounts[account_id]
        # A suspension goes on counting what counted when it began; otherwise days before the last touch are judged.
        judged_from = account.touched_at if account.suspension is None else account.suspension.since
        longest = max(revision.conduct.counts_to_day for revision in self.pack.revisions)
        since = self.pack.calendar.day_start(self.pack.calendar.day(judged_from) - longest)
        proposals = self.proposals[account_id]
        self.proposals[account_id] = {
            n: each
            for n, each in proposals.items()
            if each.job_id in self.jobs or (each.submitted_at >= since and conduct.counts(each, account.counted_from))
        }
