"""What an operator gives and takes by hand."""

from datetime import UTC

from earnest.rules.account import EntryKind, Lot, Source
from earnest.rules.book import Book
from earnest.rules.burn import burn
from earnest.rules.commands import Grant, Revoke
from earnest.rules.outcome import Refusal, Refused


def grant(book: Book, command: Grant) -> Refused | None:
    """Give a bonus. With an expiry of its own it stands outside the cycle, without one it belongs to it (RULES 3.2)."""
    expires_at = None if command.expires_at is None else command.expires_at.astimezone(UTC)
    if expires_at is not None and expires_at <= book.now:
        return Refused(Refusal.MALFORMED, {"field": "expires_at", "expected": "a time after now"})
    n = book.n + 1
    lot = Lot(n, Source.BONUS, command.connects, n, expires_at)
    book.write(EntryKind.BONUS, lot.remaining, lot, book.now, note=command.reason)
    book.complete_addition((lot,), book.rules.plan(book.plan), book.now)
    return None


def revoke(book: Book, command: Revoke) -> Refused | None:
    """Take connects in burn order, all or nothing."""
    if command.connects > book.balance:
        return Refused(Refusal.INSUFFICIENT_CONNECTS, {"required": command.connects, "available": book.balance})
    book.lots, taken = burn(book.lots, command.connects)
    book.write_taken(EntryKind.REVOKE, taken, book.now, note=command.reason)
    return None
