"""In which order connects are taken (RULES 4.1), and how lots are split.

There is one order and it is total: soonest expiry, then free before paid (or paid before free, as the pack says),
then oldest by the original grant, then lot number. Tested by `test_burn_order_is_total_and_stable`.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from earnest.rules.account import Lot


def is_paid(lot: Lot) -> bool:
    """Say whether the lot's connects were bought, through whatever carries and refunds they came."""
    return lot.purchase_id is not None


def burn_order(lots: Iterable[Lot], cycle_end: datetime, *, free_first: bool) -> tuple[Lot, ...]:
    """Return lots in the order they are spent in; those without an expiry of their own end with the cycle."""
    return tuple(
        sorted(lots, key=lambda lot: (lot.expires_at or cycle_end, is_paid(lot) == free_first, lot.root, lot.n))
    )


def with_brought(
    lots: tuple[Lot, ...], brought: tuple[Lot, ...], cycle_end: datetime, *, free_first: bool
) -> tuple[Lot, ...]:
    """Return lots in burn order with others added to them."""
    # What a month mostly brings, one grant younger than others like it, is quicker told than sorted.
    if len(brought) == 1:
        if not lots:
            return brought
        last, (new,) = lots[-1], brought
        if last.root < new.root and last.expires_at is new.expires_at is None and is_paid(last) == is_paid(new):
            return lots + brought
    return burn_order(lots + brought, cycle_end, free_first=free_first)


def clip_order(lots: Iterable[Lot], cycle_end: datetime) -> tuple[Lot, ...]:
    """Return what one addition brought in the order a debt or a limit takes of it: the free part first (RULES 5.5)."""
    return tuple(sorted(lots, key=lambda lot: (is_paid(lot), lot.expires_at or cycle_end, lot.root, lot.n)))


def split(lot: Lot, taken: int) -> tuple[Lot, Lot]:
    """Split a lot into what is taken and what stays."""
    return msgspec.structs.replace(lot, remaining=taken), msgspec.structs.replace(lot, remaining=lot.remaining - taken)


def burn(lots: tuple[Lot, ...], connects: int) -> tuple[tuple[Lot, ...], tuple[Lot, ...]]:
    """Take connects from the front of lots and return what is left and the slices taken.

    The lots must hold as many: what they do not cover is refused before anything is taken (RULES 4.2).
    """
    taken: list[Lot] = []
    for index, lot in enumerate(lots):
        if connects == 0:
            return lots[index:], tuple(taken)
        if lot.remaining > connects:
            slice_, rest = split(lot, connects)
            taken.append(slice_)
            return (rest, *lots[index + 1 :]), tuple(taken)
        taken.append(lot)
        connects -= lot.remaining
    assert connects == 0, "more was taken than is held"  # noqa: S101 - an invariant, asserted on every write
    return (), tuple(taken)
