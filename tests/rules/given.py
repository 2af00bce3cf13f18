"""One account on 7 March 2024, and the short words in which tests act on it."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from earnest.rules.account import Account
from earnest.rules.commands import (
    Command,
    ConfirmPurchase,
    GiveBack,
    Open,
    StartPurchase,
    Submit,
)
from earnest.rules.decide import decide
from earnest.rules.job import Job, close, post
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Refused
from earnest.rules.price import JobSize, JobType
from earnest.rules.proposal import Proposal
from tests.packs import article

PACK = article()
NOW = datetime(2024, 3, 7, 12, tzinfo=UTC)
END = datetime(2024, 4, 1, tzinfo=UTC)
OWNER, ADMIN, MEMBER = Member("mem_o", "owner"), Member("mem_a", "admin"), Member("mem_m", "member")
DUE = datetime(2024, 3, 21, tzinfo=UTC)


def done(account: Account | None, command: Command, now: datetime = NOW, history: Any = None) -> Accepted:
    outcome = decide(account, command, PACK, now, history)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def refused(account: Account, command: Command, now: datetime = NOW, history: Any = None) -> tuple[str, dict[str, Any]]:
    outcome = decide(account, command, PACK, now, history)
    assert isinstance(outcome, Refused), outcome
    return outcome.code.value, outcome.figures


def opened(plan: str = "plus", kind: Any = "individual") -> Account:
    return done(None, Open("acc", kind, plan)).account


def job(budget: int = 30_000, now: datetime = NOW) -> Job:
    return post("job", "dan", JobSize(JobType.FIXED, budget), PACK, now)


def bought(account: Account, connects: int, id_: str = "pur") -> Accepted:
    started = done(account, StartPurchase(id_, connects))
    assert started.purchase is not None
    return done(started.account, ConfirmPurchase(started.purchase))


def sprayed(count: int, connects: int = 2) -> tuple[Account, list[Proposal]]:
    """An account that sent proposals on 7 March and was never hired."""
    account, sent = opened(), []
    for n in range(count):
        outcome = done(account, Submit(msgspec.structs.replace(job(), id=f"job-{n}", price=connects)))
        account = outcome.account
        sent += outcome.proposals
    return account, sent


def job_of(proposal: Proposal) -> Job:
    return msgspec.structs.replace(job(), id=proposal.job_id)


def given_back(proposal: Proposal) -> GiveBack:
    return GiveBack(close(job_of(proposal), "cancelled", NOW), (proposal,))
