"""Taking payments for purchases: a small port, and the two providers there are so far.

A provider says where the holder pays. What became of the payment is reported through `confirm_purchase` and
`reverse_purchase`, by whoever knows it.
"""

from typing import Protocol

import msgspec

from earnest.marketplace.shown import PurchaseShown
from earnest.rules.purchase import PurchaseStatus


class Provider(Protocol):
    """Who takes payments."""

    async def checkout_url(self, purchase: PurchaseShown) -> str | None:
        """Return where a pending purchase is paid, None where nowhere; the same however often it is asked."""


class Manual:
    """Nobody: the holder pays in some other way, and an operator confirms it."""

    async def checkout_url(self, purchase: PurchaseShown) -> None:
        """Return None."""


class Sandbox:
    """One request pays, and no money moves."""

    async def checkout_url(self, purchase: PurchaseShown) -> str:
        """Return the path that pays by being posted to."""
        return f"/v1/sandbox/purchases/{purchase.id}/pay"


def provider(name: str | None, *, is_sandbox: bool) -> Provider:
    """Return the provider of a name; without one, a sandbox's own in a sandbox, and elsewhere an operator.

    Raises ValueError for an unknown one, and for the sandbox's where payments are real.
    """
    chosen = name or ("sandbox" if is_sandbox else "manual")
    if chosen == "manual":
        return Manual()
    if chosen == "sandbox" and is_sandbox:
        return Sandbox()
    raise ValueError(f"payments: expected manual{', or sandbox' if is_sandbox else ''}, got {chosen!r}")


async def with_checkout(payments: Provider, purchase: PurchaseShown) -> PurchaseShown:
    """Return a purchase with where it is paid, as long as it is to be."""
    if purchase.status != PurchaseStatus.PENDING:
        return purchase
    return msgspec.structs.replace(purchase, checkout_url=await payments.checkout_url(purchase))
