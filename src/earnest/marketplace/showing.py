"""Drawing up what is shown from what is kept."""

from datetime import datetime
from typing import Literal

import msgspec

from earnest.ledger import outbox, packing
from earnest.ledger.ids import DELIVERY, ENDPOINT, EVENT
from earnest.ledger.rows import DeliveryRow, EndpointRow, JobRow, MemberRow, ProfileRow, ProposalRow, PurchaseRow
from earnest.marketplace.shown import (
    AccountShown,
    Cycle,
    DeliveryShown,
    EndpointShown,
    EntryShown,
    EvidenceShown,
    JobShown,
    LotShown,
    MemberShown,
    Money,
    ProposalShown,
    PurchaseShown,
    SuspensionShown,
    WarningShown,
)
from earnest.rules.account import Account, Entry, Lot, Suspension
from earnest.rules.burn import is_paid
from earnest.rules.outcome import PurchaseWarning
from earnest.rules.pack import Pack
from earnest.rules.price import Duration, JobType, WeeklyHours
from earnest.rules.proposal import Proposal
from earnest.rules.purchase import Purchase
from earnest.rules.settle import pending_plan


def money(pack: Pack, amount: int) -> Money:
    """Return an amount in the pack's currency."""
    return Money(amount, pack.file.currency.code)


def account(account_: Account, pack: Pack, profile: ProfileRow | None = None) -> AccountShown:
    """Show an account settled to now."""
    return AccountShown(
        account_.id,
        account_.kind,
        account_.plan,
        account_.status.value,
        Cycle(account_.cycle_start, account_.cycle_end),
        account_.fee_unpaid,
        pending_plan(account_, pack.at(account_.cycle_end)),
        None if profile is None else profile.name,
        None if profile is None else profile.external_id,
    )


def lot(lot_: Lot, account_: Account, pack: Pack) -> LotShown:
    """Show a lot of an account."""
    return LotShown(
        f"lot_{account_.id[4:]}_{lot_.n}",
        lot_.source.value,
        lot_.remaining,
        lot_.expires_at or account_.cycle_end,
        is_paid(lot_),
        None if lot_.unit_price is None else money(pack, lot_.unit_price),
        lot_.purchase_id,
    )


def entry(account_id: str, line: Entry, recorded_at: datetime | None) -> EntryShown:
    """Show a line of a journal."""
    lot_ = line.lot
    return EntryShown(
        f"ent_{account_id}_{line.n}",
        line.kind.value,
        line.connects,
        line.balance_after,
        line.plan,
        line.effective_at,
        recorded_at,
        lot_ is not None and is_paid(lot_),
        None if lot_ is None else f"lot_{account_id}_{lot_.n}",
        None if lot_ is None else lot_.source.value,
        line.job_id,
        None if line.proposal is None else f"prp_{account_id}_{line.proposal}",
        None if lot_ is None else lot_.purchase_id,
        line.note,
    )


def member(row: MemberRow) -> MemberShown:
    """Show a member."""
    known = packing.unpack_member(row)
    return MemberShown(known.id, f"acc_{row.account_id}", known.role, row.name, known.can_propose)


def job(row: JobRow, pack: Pack, now: datetime) -> JobShown:
    """Show a job as it is now."""
    known = packing.unpack_job(row)
    return JobShown(
        known.id,
        known.client_id,
        known.status(now).value,
        known.price,
        row.title,
        JobType(row.type),
        known.posted_at,
        known.lapses_at,
        known.hires,
        None if row.budget is None else money(pack, row.budget),
        None if row.duration is None else Duration(row.duration),
        None if row.weekly_hours is None else WeeklyHours(row.weekly_hours),
        row.description,
        () if row.skills is None else msgspec.json.decode(row.skills, type=tuple[str, ...]),
        row.external_id,
        known.closed_at,
        known.close_reason,
    )


def proposal(
    known: Proposal, pack: Pack, bid: int | None, letter: str | None = None, balance_after: int | None = None
) -> ProposalShown:
    """Show a proposal."""
    return ProposalShown(
        f"prp_{known.account_id[4:]}_{known.n}",
        known.job_id,
        known.account_id,
        known.status.value,
        known.connects_spent,
        known.invited,
        known.attempt,
        known.submitted_at,
        known.worker_id,
        None if bid is None else money(pack, bid),
        known.returned_at,
        letter,
        balance_after,
    )


def kept_proposal(row: ProposalRow, pack: Pack, letter: str | None = None) -> ProposalShown:
    """Show a proposal as it is kept."""
    return proposal(packing.unpack_proposal(row), pack, row.bid, letter)


def purchase(known: Purchase, account_id: str, pack: Pack, warning: PurchaseWarning | None = None) -> PurchaseShown:
    """Show a purchase of an account."""
    return PurchaseShown(
        known.id,
        f"acc_{account_id}",
        known.status.value,
        known.connects,
        money(pack, known.amount),
        known.requested_at,
        known.decided_at,
        known.refusal,
        None if warning is None else WarningShown(warning.connects, warning.at),
    )


def kept_purchase(row: PurchaseRow, pack: Pack) -> PurchaseShown:
    """Show a purchase as it is kept."""
    return purchase(packing.unpack_purchase(row), row.account_id, pack)


def suspension(known: Suspension, account_id: str) -> SuspensionShown:
    """Show a suspension of an account."""
    return SuspensionShown(
        known.since,
        known.by,
        [
            EvidenceShown(f"prp_{account_id}_{proof.proposal}", proof.job_id, proof.connects, proof.submitted_at)
            for proof in known.evidence
        ],
        known.reason,
        known.appeal,
        known.appealed_at,
        known.decision,
        known.decided_at,
        known.decision_reason,
    )


def endpoint(row: EndpointRow) -> EndpointShown:
    """Show a webhook endpoint, without its secrets."""
    status: Literal["active", "failing", "paused"] = "active" if row.failing_since is None else "failing"
    return EndpointShown(
        f"{ENDPOINT}{row.endpoint_id}",
        row.url,
        None if row.kinds is None else msgspec.json.decode(row.kinds, type=list[str]),
        row.description,
        status if row.paused_at is None else "paused",
        _optional(row.failing_since),
        _optional(row.paused_at),
        row.paused_because,
        _optional(row.old_secret_until),
        packing.instant(row.created_at),
    )


def delivery(row: DeliveryRow) -> DeliveryShown:
    """Show a delivery."""
    return DeliveryShown(
        f"{DELIVERY}{row.account_id}_{row.seq}_{row.endpoint_id}",
        event_id(row),
        row.kind,
        f"acc_{row.account_id}",
        msgspec.convert(row.status, Literal["waiting", "delivered", "failed"]),
        row.attempts,
        packing.instant(row.recorded_at),
        # What has not been tried is sent as soon as it is its turn, whatever a sandbox's clock says.
        packing.instant(row.next_at) if row.status == outbox.WAITING and row.attempts else None,
        _optional(row.tried_at),
        row.answered,
        row.error,
        msgspec.json.decode(row.payload),
    )


def event_id(row: DeliveryRow) -> str:
    """Return the id of the event that a delivery tells of, the same for all endpoints."""
    return f"{EVENT}{row.account_id}_{row.seq}"


def _optional(at: int | None) -> datetime | None:
    return None if at is None else packing.instant(at)
