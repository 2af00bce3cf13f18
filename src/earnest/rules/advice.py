"""Should I upgrade, or buy? Answered from the holder's own months (RULES 10).

Each plan is tried with the rules themselves: an account is opened on it as of the present cycle, and in each cycle
from there it spends what one of the last months needed, buys what is missing where it may, and lets go what is left.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from earnest.rules.account import MOST_CONNECTS, Account, EntryKind
from earnest.rules.commands import Command, ConfirmPurchase, Open, Revoke, Settle, StartPurchase
from earnest.rules.decide import decide
from earnest.rules.outcome import Accepted, Outcome, Refused
from earnest.rules.pack import Pack
from earnest.rules.stats import Month, percent


class Verdict(StrEnum):
    """What the figures come to."""

    STAY = "stay"
    BUY = "buy"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    WORK_ON_PROPOSALS = "work_on_proposals"


class Trial(msgspec.Struct, frozen=True):
    """What a plan would have come to over the months looked at."""

    plan: Annotated[str, Meta(description="The plan's code.", examples=["plus"])]
    cost: Annotated[int, Meta(description="Fees and purchases, in minor units of the pack's currency.")]
    bought: Annotated[int, Meta(description="Connects that would have been bought.")]
    missing: Annotated[int, Meta(description="Connects that were needed and not to be had.")]
    expired: Annotated[int, Meta(description="Connects that would have expired unused.")]


class Advice(msgspec.Struct, frozen=True):
    """The figures behind an answer, and the answer."""

    needed: Annotated[
        tuple[int, ...],
        Meta(description="What each month's proposals cost, in connects, returned ones included, the earliest first."),
    ]
    trials: Annotated[
        tuple[Trial, ...], Meta(description="What each plan would have come to, in the order of the plans.")
    ]
    proposals_left: Annotated[
        int, Meta(description="How many proposals the balance allows at the price most jobs have.", examples=[30])
    ]
    days_left: Annotated[int, Meta(description="Days left in the cycle, today included.", examples=[28])]
    verdict: Annotated[
        Verdict,
        Meta(description="The answer; `work_on_proposals`: many proposals, few replies, so more connects won't help."),
    ]


def advise(account: Account, months: Sequence[Month], usual_price: int, pack: Pack, now: datetime) -> Advice:
    """Advise the holder of an account settled to now, from its last whole months.

    `usual_price` is what most jobs cost, in connects, at least 1. Raises ValueError for less.
    """
    if usual_price < 1:
        raise ValueError(f"usual_price: expected at least 1, got {usual_price}")
    calendar = pack.calendar
    needed = tuple(month.spent for month in months)
    trials = tuple(_try(account, plan, needed, pack, now) for plan in pack.at(now).plans_of(account.kind))
    return Advice(
        needed,
        trials,
        account.balance // usual_price,
        calendar.day(account.cycle_end) - calendar.day(now),
        _verdict(account, months, trials, pack, now),
    )


def _verdict(account: Account, months: Sequence[Month], trials: Sequence[Trial], pack: Pack, now: datetime) -> Verdict:
    rules = pack.at(now).advice
    proposals = sum(month.proposals for month in months)
    hires = sum(month.hires for month in months)
    if proposals >= rules.many_proposals and percent(hires, proposals) < rules.few_hires_percent:
        return Verdict.WORK_ON_PROPOSALS
    if not months:
        return Verdict.STAY
    best = best_trial(trials, account.plan)
    plans = [trial.plan for trial in trials]
    step = plans.index(best.plan) - plans.index(account.plan)
    if step:
        return Verdict.UPGRADE if step > 0 else Verdict.DOWNGRADE
    return Verdict.BUY if best.bought else Verdict.STAY


def best_trial(trials: Sequence[Trial], plan: str) -> Trial:
    """Return the trial of the plan that would have served best: nothing missing, then cheap, then the present one."""
    return min(trials, key=lambda trial: (trial.missing, trial.cost, trial.plan != plan))


def _try(account: Account, plan: str, needed: Sequence[int], pack: Pack, now: datetime) -> Trial:
    # A plan that came with a revision since is tried from now on.
    at = account.cycle_start if plan in pack.at(account.cycle_start).plans_of(account.kind) else now
    tried = _accepted(_decide(None, Open(account.id, account.kind, plan), pack, at)).account
    cost = bought = missing = expired = 0
    for need in needed:
        cost += pack.at(at).plan(plan).fee
        while need:
            spent = min(need, tried.balance)
            if spent:
                # An operator's revocation takes in burn order, as spending does.
                tried = _accepted(_decide(tried, Revoke(spent, "needed"), pack, at)).account
                need -= spent
                continue
            most = pack.at(at).plan(plan).most_held or MOST_CONNECTS
            asked = _decide(tried, StartPurchase("trial", min(need, most)), pack, at)
            if isinstance(asked, Refused) or asked.purchase is None:
                missing += need
                break
            tried = _accepted(_decide(asked.account, ConfirmPurchase(asked.purchase), pack, at)).account
            cost += asked.purchase.amount
            bought += asked.purchase.connects
        at = tried.cycle_end
        settled = _accepted(_decide(tried, Settle(), pack, at))
        tried = settled.account
        expired += sum(-entry.connects for entry in settled.entries if entry.kind is EntryKind.EXPIRE)
    return Trial(plan, cost, bought, missing, expired)


def _decide(account: Account | None, command: Command, pack: Pack, at: datetime) -> Outcome:
    # Who is only tried has sent nothing that could count towards conduct.
    return decide(account, command, pack, at, ())


def _accepted(outcome: Outcome) -> Accepted:
    assert isinstance(outcome, Accepted), f"a trial asks only for what is allowed: {outcome}"  # noqa: S101
    return outcome
