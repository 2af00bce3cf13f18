"""Proposing, and what becomes of a proposal (RULES 4, 5.2)."""

import msgspec

from earnest.rules import conduct
from earnest.rules.account import EntryKind, Kind
from earnest.rules.book import Book
from earnest.rules.burn import burn
from earnest.rules.calendar import told
from earnest.rules.commands import Decline, Hire, Submit, Withdraw
from earnest.rules.job import JobStatus
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.plan_change import bar_for_fee
from earnest.rules.proposal import Proposal, ProposalStatus


def submit(book: Book, command: Submit) -> Refused | None:
    """Spend what the job costs, all or nothing; by invitation it costs nothing and is recorded like any other."""
    refused = _bar(book, command)
    if refused is not None:
        return refused
    job = command.job
    price = 0 if command.invited else job.price
    if price > book.balance:
        return Refused(Refusal.INSUFFICIENT_CONNECTS, {"required": price, "available": book.balance})
    n = book.n + 1
    book.lots, taken = burn(book.lots, price)
    if price:
        book.write_taken(EntryKind.SPEND, taken, book.now, job.id, n)
        conduct.proposed(book)
    else:
        book.write(EntryKind.SPEND, 0, None, book.now, job.id, n)
    worker_id = None if command.worker is None else command.worker.id
    book.proposals = (
        Proposal(
            book.id,
            n,
            job.id,
            command.attempts + 1,
            ProposalStatus.LIVE,
            price,
            command.invited,
            book.now,
            taken,
            worker_id,
        ),
    )
    return None


def _bar(book: Book, command: Submit) -> Refused | None:
    """Refuse whom and where nobody may propose, whatever the balance."""
    job, worker = command.job, command.worker
    refused = bar_for_worker(book.kind, named=worker is not None)
    if refused is not None:
        return refused
    if worker is not None and not worker.may_propose:
        return Refused(Refusal.NOT_PERMITTED, {"reason": "role", "member": worker.id, "role": worker.role})
    refused = bar_for_fee(book)
    if refused is not None:
        return refused
    if book.suspension is not None:
        return Refused(Refusal.ACCOUNT_SUSPENDED, {"since": told(book.suspension.since)})
    status = job.status(book.now)
    if status is not JobStatus.OPEN:
        return Refused(Refusal.JOB_NOT_OPEN, {"job": job.id, "status": status.value})
    if command.live:
        return Refused(Refusal.ALREADY_PROPOSED, {"job": job.id})
    return None


def bar_for_worker(kind: Kind, *, named: bool) -> Refused | None:
    """Refuse an agency's proposal that names no worker, and an individual's that names one (RULES 8)."""
    if named == (kind == "agency"):
        return None
    expected = "none, as the account is an individual's" if named else "a member of the agency"
    return Refused(Refusal.MALFORMED, {"field": "worker_id", "expected": expected})


def withdraw(book: Book, command: Withdraw) -> Refused | None:
    """Take a live proposal back; nothing is returned (RULES 4.4)."""
    return _move(book, command.proposal, ProposalStatus.WITHDRAWN)


def decline(book: Book, command: Decline) -> Refused | None:
    """Turn a live proposal down; nothing is returned (RULES 4.4)."""
    return _move(book, command.proposal, ProposalStatus.DECLINED)


def hire(book: Book, command: Hire) -> Refused | None:
    """Hire from a job that is not closed; a lapsed one will do (RULES 5.2). The account's count starts anew."""
    job = command.job
    if job.closed_at is not None and command.proposal.account_id == book.id:
        return Refused(Refusal.JOB_NOT_OPEN, {"job": job.id, "status": JobStatus.CLOSED.value})
    refused = _move(book, command.proposal, ProposalStatus.HIRED)
    if refused is None:
        book.job = msgspec.structs.replace(job, hires=job.hires + 1)
        conduct.start_anew(book)
    return refused


def _move(book: Book, proposal: Proposal, status: ProposalStatus) -> Refused | None:
    """Move a live proposal of the account to its final status."""
    if proposal.account_id != book.id:
        return Refused(Refusal.UNKNOWN_PROPOSAL)
    if proposal.status is not ProposalStatus.LIVE:
        return Refused(Refusal.PROPOSAL_NOT_LIVE, {"status": proposal.status.value})
    book.proposals = (msgspec.structs.replace(proposal, status=status),)
    return None
