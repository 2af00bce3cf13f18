"""Giving back what was spent on a job that closed without a hire (RULES 5)."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from earnest.rules import conduct
from earnest.rules.account import EntryKind, Lot, Source
from earnest.rules.book import Book
from earnest.rules.commands import GiveBack
from earnest.rules.proposal import Proposal


def give_back(book: Book, command: GiveBack, history: Iterable[Proposal] | None) -> None:
    """Return what proposals cost, each once, and mark those it was done for as returned.

    What comes back keeps its nature and joins the present cycle; a bonus keeps its own expiry while that is ahead.
    All of it is one addition: it pays the debt and is clipped together, its free part first. Raises
    conduct.HistoryNeededError where returning them may change the account's standing and the history was left out.
    """
    due = [proposal for proposal in command.proposals if proposal.returned_at is None and proposal.connects_spent]
    brought = []
    for proposal in due:
        for slice_ in proposal.taken:
            lot = _refund(slice_, book.n + 1, book.now)
            book.write(EntryKind.RETURN, lot.remaining, lot, book.now, proposal.job_id, proposal.n, command.note)
            brought.append(lot)
    clip = book.rules.returns_above_most_held == "clip"
    book.keep(tuple(brought), book.rules.plan(book.plan), book.now, clip=clip)
    book.proposals = tuple(msgspec.structs.replace(proposal, returned_at=book.now) for proposal in due)
    if due:
        conduct.returned(book, history, {proposal.n for proposal in due})


def _refund(slice_: Lot, n: int, now: datetime) -> Lot:
    """Return the lot a spent slice comes back as."""
    own = slice_.expires_at if slice_.expires_at is not None and slice_.expires_at > now else None
    return Lot(n, Source.REFUND, slice_.remaining, slice_.root, own, slice_.purchase_id, slice_.unit_price)
