"""What a holder is shown of the balance: what is there, and what will be lost when if it isn't used (RULES 10)."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from earnest.rules.account import Account, EntryKind
from earnest.rules.burn import is_paid
from earnest.rules.pack import Pack
from earnest.rules.settle import look

MOST_BOUNDARIES = 1200
"""How far ahead losses are looked for: a hundred years of months, against a pack whose balances never repeat."""


class Expiring(msgspec.Struct, frozen=True):
    """Connects held now that a coming boundary, or their own expiry, takes unless they are used."""

    at: Annotated[datetime, Meta(tz=True, description="When that is.", examples=["2026-02-01T00:00:00Z"])]
    connects: Annotated[int, Meta(description="How many it takes.", examples=[58])]


def expiring(account: Account, pack: Pack, now: datetime) -> list[Expiring]:
    """Return what will be lost when, of what is held at `now`, if nothing is used and nothing comes but allotments.

    Pending changes of plan and known revisions of the pack are counted in. What is carried for ever is not lost and
    does not appear.
    """
    ahead, _ = look(account, pack, now)
    last_held = ahead.n
    losses: list[Expiring] = []
    shape: list[object] = []
    for _ in range(MOST_BOUNDARIES):
        if not any(lot.root <= last_held for lot in ahead.lots):
            break
        at = ahead.due_at
        ahead, entries = look(ahead, pack, at)
        gone = [entry.lot for entry in entries if entry.kind is EntryKind.EXPIRE and entry.lot is not None]
        lost = sum(lot.remaining for lot in gone if lot.root <= last_held)
        if lost:
            losses.append(Expiring(at, lost))
        # Once a boundary leaves all as the one before did, so will every later one, but for what has its own time.
        before, shape = shape, _shape(ahead, last_held)
        if shape == before and at >= pack.last_start and all(lot.expires_at is None for lot in ahead.lots):
            break
    return losses


def _shape(account: Account, last_held: int) -> list[object]:
    """Return what decides the boundaries to come, but for the numbers and dates that move on with every month."""
    lots = [(lot.remaining, is_paid(lot), lot.root <= last_held) for lot in account.lots]
    return [account.plan, account.chosen_plan, account.fee_unpaid, account.debt, lots]
