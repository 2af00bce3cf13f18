"""Giving back what was spent on a job that closed without a hire (RULES 5)."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from earnest.rules import conduct
from earnest.rules.account import EntryKind, Lot, Source
from earnest.rules.book import Book
from earnest.rules.commands import GiveBack
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.proposal import Proposal

LAPSED = "the job lapsed"
"""The note of what comes back because a post lapsed; every other return is that of a closing."""


def give_back(book: Book, command: GiveBack, history: Collection[Proposal] | None) -> Refused | None:
    """Return what proposals cost, each once, if their job gives back; mark those it was done for as returned.

    What comes back keeps its nature and joins the present cycle; a bonus keeps its own expiry while that is ahead.
    All of it is one addition: it pays the debt and is clipped together, its free part first. Raises
    conduct.HistoryNeededError where returning them may change the account's standing and the history was left out.
    """
    job = command.job
    if any(proposal.account_id != book.id for proposal in command.proposals):
        return Refused(Refusal.UNKNOWN_PROPOSAL)
    once = {proposal.n: proposal for proposal in command.proposals}.values()
    due = [proposal for proposal in once if proposal.returned_at is None and proposal.connects_spent]
    if not due or not job.gives_back(book.pack, book.now):
        return None
    note = f"the job was closed without a hire: {job.close_reason}" if job.close_reason else LAPSED
    brought = []
    for proposal in due:
        for slice_ in proposal.taken:
            lot = _refund(slice_, book.n + 1, book.now)
            book.write(EntryKind.RETURN, lot.remaining, lot, book.now, job.id, proposal.n, note)
            brought.append(lot)
    clip = book.rules.returns_above_most_held == "clip"
    book.complete_addition(tuple(brought), book.rules.plan(book.plan), book.now, clip=clip)
    book.proposals = tuple(msgspec.structs.replace(proposal, returned_at=book.now) for proposal in due)
    conduct.returned(book, history, {proposal.n for proposal in due})
    return None


def _refund(slice_: Lot, n: int, now: datetime) -> Lot:
    """Return the lot a spent slice comes back as."""
    own = slice_.expires_at if slice_.expires_at is not None and slice_.expires_at > now else None
    return Lot(n, Source.REFUND, slice_.remaining, slice_.root, own, slice_.purchase_id, slice_.unit_price)
