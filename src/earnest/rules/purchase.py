"""Purchases of connects, from the request to what became of the payment (RULES 6)."""

from datetime import datetime
from enum import StrEnum

import msgspec


class PurchaseStatus(StrEnum):
    """Where a purchase stands; all but `pending` and `confirmed` are final."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    REVERSED = "reversed"
    CANCELLED = "cancelled"


class Purchase(msgspec.Struct, frozen=True):
    """Connects asked for, at a price each in minor units; they arrive when the payment is confirmed."""

    id: str
    connects: int
    unit_price: int
    status: PurchaseStatus
    requested_at: datetime
    decided_at: datetime | None = None
    refusal: str | None = None

    @property
    def amount(self) -> int:
        """The whole price, in minor units."""
        return self.connects * self.unit_price
