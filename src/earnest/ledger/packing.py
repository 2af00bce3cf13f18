"""Between the rules' values and the ledger's rows.

Lots travel as one JSON text: `[1,[[61,"a",60],[12,"b",5,7,1767225600000000]]]`, a format number and the lots, each
`[n, source, remaining, root, expires_at, purchase, unit_price]`, without what it lacks at its end; a root of 0 is the
lot's own number.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from earnest.ledger import rows
from earnest.rules.account import Account, Entry, EntryKind, Lot, Source, Suspension
from earnest.rules.job import Job
from earnest.rules.member import Member
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours
from earnest.rules.proposal import Proposal, ProposalStatus
from earnest.rules.purchase import Purchase, PurchaseStatus

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOTS_FORMAT = 1

_LETTERS = {
    Source.ALLOTMENT: "a",
    Source.CARRIED: "c",
    Source.PURCHASE: "p",
    Source.REFUND: "r",
    Source.BONUS: "b",
}
_SOURCES = {letter: source for source, letter in _LETTERS.items()}
_KINDS = {kind.value: kind for kind in EntryKind}
_SOURCE_OF = {source.value: source for source in Source}
_STATUSES = {status.value: status for status in ProposalStatus}


class FormatError(RuntimeError):
    """A row written by a newer Earnest, or damaged."""


class _PackedLot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    n: int
    source: str
    remaining: int
    root: int = 0
    expires_at: int | None = None
    purchase: int | None = None
    unit_price: int | None = None


class _Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    warned: bool = False
    suspension: Suspension | None = None


_encode = msgspec.json.Encoder().encode
_decode_lots = msgspec.json.Decoder(tuple[int, list[_PackedLot]]).decode
_decode_standing = msgspec.json.Decoder(_Standing).decode


# Boundaries are shared by very many accounts.
@lru_cache(maxsize=4096)
def micros(at: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(maxsize=4096)
def instant(at: int) -> datetime:
    """Return the instant of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=at)


def pack_lots(lots: tuple[Lot, ...]) -> str:
    """Return lots as one text."""
    return _encode((LOTS_FORMAT, [_packed(lot) for lot in lots])).decode()


def _packed(lot: Lot) -> tuple[object, ...]:
    root = 0 if lot.root == lot.n else lot.root
    expires_at = None if lot.expires_at is None else micros(lot.expires_at)
    if lot.purchase_id is not None:
        number = _number(lot.purchase_id)
        return (lot.n, _LETTERS[lot.source], lot.remaining, root, expires_at, number, lot.unit_price)
    if expires_at is not None:
        return (lot.n, _LETTERS[lot.source], lot.remaining, root, expires_at)
    if root:
        return (lot.n, _LETTERS[lot.source], lot.remaining, root)
    return (lot.n, _LETTERS[lot.source], lot.remaining)


def unpack_lots(account_id: str, text: str) -> tuple[Lot, ...]:
    """Return the lots of a text; raises FormatError for one this version can't read."""
    try:
        version, packed = _decode_lots(text)
    except msgspec.DecodeError as error:
        raise FormatError(f"account {account_id}: its lots can't be read: {error}") from error
    if version != LOTS_FORMAT:
        raise FormatError(f"account {account_id}: its lots are of format {version}, this version knows {LOTS_FORMAT}")
    return tuple(
        [
            Lot(
                lot.n,
                _SOURCES[lot.source],
                lot.remaining,
                lot.root or lot.n,
                None if lot.expires_at is None else instant(lot.expires_at),
                None if lot.purchase is None else f"pur_{account_id}_{lot.purchase}",
                lot.unit_price,
            )
            for lot in packed
        ]
    )


def _number(id_: str) -> int:
    """Return the number within its account of an id that ends with it."""
    return int(id_.rpartition("_")[2])


def pack_account(account: Account, seq: int) -> rows.AccountRow:
    """Return an account's row."""
    standing = None
    if account.warned or account.suspension is not None:
        standing = _encode(_Standing(account.warned, account.suspension)).decode()
    return rows.AccountRow(
        account.id[4:],
        micros(account.touched_at),
        micros(account.cycle_start),
        micros(account.cycle_end),
        micros(account.due_at),
        account.n,
        seq,
        account.balance,
        account.debt,
        account.judge_on,
        account.counted_from,
        account.fee_unpaid,
        account.kind,
        account.plan,
        pack_lots(account.lots),
        account.chosen_plan,
        standing,
    )


def unpack_account(row: rows.AccountRow) -> Account:
    """Return the account of a row; raises FormatError for one this version can't read."""
    standing = _Standing() if row.standing is None else _decode_standing(row.standing)
    return Account(
        f"acc_{row.account_id}",
        row.kind,  # type: ignore[arg-type]
        row.plan,
        row.n,
        instant(row.touched_at),
        instant(row.cycle_start),
        instant(row.cycle_end),
        instant(row.due_at),
        unpack_lots(row.account_id, row.lots),
        row.balance,
        row.debt,
        row.judge_on,
        row.counted_from,
        standing.warned,
        standing.suspension,
        row.chosen_plan,
        bool(row.fee_unpaid),
    )


def pack_entry(account_id: str, entry: Entry, recorded_at: int) -> rows.EntryRow:
    """Return the row of a journal's line."""
    lot = entry.lot
    return rows.EntryRow(
        account_id,
        entry.n,
        entry.kind.value,
        entry.connects,
        entry.plan,
        entry.balance_after,
        micros(entry.effective_at),
        recorded_at,
        None if lot is None else lot.n,
        None if lot is None else lot.source.value,
        None if lot is None else lot.root,
        None if lot is None or lot.expires_at is None else micros(lot.expires_at),
        None if lot is None or lot.purchase_id is None else _number(lot.purchase_id),
        None if lot is None else lot.unit_price,
        None if entry.job_id is None else entry.job_id[4:],
        entry.proposal,
        entry.pays_debt or None,
        entry.note or None,
    )


def unpack_entry(row: rows.EntryRow) -> Entry:
    """Return the line of a row."""
    lot = None
    if row.lot is not None:
        lot = Lot(
            row.lot,
            _SOURCE_OF[row.source or ""],
            abs(row.connects),
            row.root or 0,
            None if row.expires_at is None else instant(row.expires_at),
            None if row.purchase is None else f"pur_{row.account_id}_{row.purchase}",
            row.unit_price,
        )
    return Entry(
        row.n,
        _KINDS[row.kind],
        row.connects,
        lot,
        row.balance_after,
        instant(row.effective_at),
        row.plan,
        None if row.job_id is None else f"job_{row.job_id}",
        row.proposal,
        row.note or "",
        bool(row.pays_debt),
    )


def pack_proposal(proposal: Proposal, bid: int | None) -> rows.ProposalRow:
    """Return a proposal's row. `bid` is what it asks for, in minor units."""
    return rows.ProposalRow(
        proposal.account_id[4:],
        proposal.n,
        proposal.job_id[4:],
        proposal.attempt,
        proposal.status.value,
        proposal.connects_spent,
        proposal.invited,
        micros(proposal.submitted_at),
        pack_lots(proposal.taken),
        None if proposal.worker_id is None else _number(proposal.worker_id),
        None if proposal.returned_at is None else micros(proposal.returned_at),
        bid,
    )


def unpack_proposal(row: rows.ProposalRow) -> Proposal:
    """Return the proposal of a row."""
    return Proposal(
        f"acc_{row.account_id}",
        row.n,
        f"job_{row.job_id}",
        row.attempt,
        _STATUSES[row.status],
        row.connects_spent,
        bool(row.invited),
        instant(row.submitted_at),
        unpack_lots(row.account_id, row.taken),
        None if row.worker is None else f"mem_{row.account_id}_{row.worker}",
        None if row.returned_at is None else instant(row.returned_at),
    )


def unpack_member(row: rows.MemberRow) -> Member:
    """Return the member of a row."""
    can_propose = None if row.can_propose is None else bool(row.can_propose)
    return Member(f"mem_{row.account_id}_{row.seq}", row.role, can_propose)  # type: ignore[arg-type]


def pack_purchase(purchase: Purchase, owed: int | None = None) -> rows.PurchaseRow:
    """Return a purchase's row. `owed` is the debt its reversal left, in connects."""
    _, account_id, seq = purchase.id.split("_")
    return rows.PurchaseRow(
        account_id,
        int(seq),
        purchase.connects,
        purchase.unit_price,
        purchase.status.value,
        micros(purchase.requested_at),
        None if purchase.decided_at is None else micros(purchase.decided_at),
        purchase.refusal,
        owed,
    )


def unpack_purchase(row: rows.PurchaseRow) -> Purchase:
    """Return the purchase of a row."""
    return Purchase(
        f"pur_{row.account_id}_{row.seq}",
        row.connects,
        row.unit_price,
        PurchaseStatus(row.status),
        instant(row.requested_at),
        None if row.decided_at is None else instant(row.decided_at),
        row.refusal,
    )


def unpack_job(row: rows.JobRow) -> Job:
    """Return what the rules know of a row's job."""
    size = JobSize(
        JobType(row.type),
        row.budget,
        None if row.duration is None else Duration(row.duration),
        None if row.weekly_hours is None else WeeklyHours(row.weekly_hours),
    )
    return Job(
        f"job_{row.job_id}",
        f"cli_{row.client_id}",
        size,
        row.price,
        instant(row.posted_at),
        instant(row.lapses_at),
        row.hires,
        None if row.closed_at is None else instant(row.closed_at),
        row.close_reason,  # type: ignore[arg-type]
    )


def repack_job(row: rows.JobRow, job: Job) -> rows.JobRow:
    """Return a job's row with what the rules know of it as it is now."""
    size = job.size
    return msgspec.structs.replace(
        row,
        type=size.type.value,
        budget=size.budget,
        duration=None if size.duration is None else size.duration.value,
        weekly_hours=None if size.weekly_hours is None else size.weekly_hours.value,
        price=job.price,
        hires=job.hires,
        closed_at=None if job.closed_at is None else micros(job.closed_at),
        close_reason=job.close_reason,
    )
