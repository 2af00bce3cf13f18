"""What a purchase or a change of plan would come to: decided on paper by the rules themselves, and nothing moves."""

from datetime import datetime

import msgspec

from earnest.ledger import reads
from earnest.ledger.ids import PURCHASE
from earnest.ledger.ledger import Ledger
from earnest.ledger.reads import Paper
from earnest.marketplace import showing
from earnest.marketplace.given import find
from earnest.marketplace.members import named_member
from earnest.marketplace.shown import Money, WarningShown
from earnest.rules import commands
from earnest.rules.account import Account
from earnest.rules.buy import would_fit
from earnest.rules.commands import Command
from earnest.rules.decide import decide
from earnest.rules.forecast import Expiring, expiring
from earnest.rules.outcome import Accepted, Refusal, Refused

_UNKNOWN_ACCOUNT = Refused(Refusal.UNKNOWN_ACCOUNT)


class PurchasePreview(msgspec.Struct, frozen=True):
    """What buying so many connects would cost and bring.

    `would_fit` is how many could be bought now, None where the plan sets no limit; `warning` what the next boundary
    would take. With a refusal there is no amount, and the balance stays.
    """

    connects: int
    balance_before: int
    balance_after: int
    debt: int
    would_fit: int | None
    amount: Money | None = None
    warning: WarningShown | None = None
    refusal: Refused | None = None


class PlanPreview(msgspec.Struct, frozen=True):
    """What moving to a plan would bring and cost.

    Up: `granted` connects at once, and the fee due at once. Down: `starts_at` the next cycle, None where it is at
    once. `lost` is what that boundary would take of what is held now, unless it is used, and `lost_anyway` what it
    takes without the change.
    """

    plan: str
    granted: int
    fee: Money
    balance_after: int
    lost: int
    lost_anyway: int
    starts_at: datetime | None = None
    refusal: Refused | None = None


async def preview_purchase(
    ledger: Ledger, account_id: str, connects: int, *, by_member_id: str | None = None
) -> PurchasePreview | Refused:
    """Show what buying connects would cost and bring, how many would fit, and whether it would be turned down.

    Refused as `unknown_account`, `unknown_member`. Raises ValueError for a number out of range.
    """
    commands.StartPurchase("", connects)
    found = await find(ledger, "account", account_id)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None:
        return _UNKNOWN_ACCOUNT
    by = None if by_member_id is None else await named_member(ledger, found, by_member_id)
    if isinstance(by, Refused):
        return by
    pending = await reads.pending_purchases(ledger, found)
    account, now = paper.account, paper.account.touched_at
    fit = would_fit(account, ledger.pack.at(now), pending, now)
    outcome = _on_paper(ledger, paper, commands.StartPurchase(PURCHASE, connects, pending, by))
    if isinstance(outcome, Refused):
        return PurchasePreview(connects, account.balance, account.balance, account.debt, fit, refusal=outcome)
    assert outcome.purchase is not None, "an accepted purchase is one"  # noqa: S101
    warning = outcome.warning
    return PurchasePreview(
        connects,
        account.balance,
        account.balance + max(0, connects - account.debt),
        account.debt,
        fit,
        showing.money(ledger.pack, outcome.purchase.amount),
        None if warning is None else WarningShown(warning.connects, warning.at),
    )


async def preview_plan(
    ledger: Ledger, account_id: str, plan: str, *, by_member_id: str | None = None
) -> PlanPreview | Refused:
    """Show what moving to a plan would bring, cost and lose, and whether it would be turned down (RULES 7).

    Refused as `unknown_account`, `unknown_member`, `malformed` for an unknown plan.
    """
    found = await find(ledger, "account", account_id)
    paper = None if found is None else await reads.paper(ledger, found, ledger.now)
    if paper is None or found is None:
        return _UNKNOWN_ACCOUNT
    by = None if by_member_id is None else await named_member(ledger, found, by_member_id)
    if isinstance(by, Refused):
        return by
    before, now = paper.account, paper.account.touched_at
    outcome = _on_paper(ledger, paper, commands.ChangePlan(plan, by))
    if isinstance(outcome, Refused) and outcome.code is Refusal.MALFORMED:
        return outcome
    after = before if isinstance(outcome, Refused) else outcome.account
    end = after.cycle_end
    fee = ledger.pack.at(now if after.plan == plan else end).plan(plan).fee
    return PlanPreview(
        plan,
        after.balance - before.balance,
        showing.money(ledger.pack, fee),
        after.balance,
        _lost(after, ledger, now),
        _lost(before, ledger, now),
        None if after.plan == plan else end,
        outcome if isinstance(outcome, Refused) else None,
    )


def _lost(account: Account, ledger: Ledger, now: datetime) -> int:
    """Return what the end of the cycle takes of what an account holds."""
    losses: list[Expiring] = expiring(account, ledger.pack, now)
    return sum(loss.connects for loss in losses if loss.at == account.cycle_end)


def _on_paper(ledger: Ledger, paper: Paper, command: Command) -> Accepted | Refused:
    # As of when it was settled and judged, so its proposals aren't needed again.
    return decide(paper.account, command, ledger.pack, paper.account.touched_at, ())
