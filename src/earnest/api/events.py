"""What webhook endpoints are sent, for the documentation: each kind of event, and its data.

The ledger writes the data itself (ledger/outbox.py); a test holds this against what it writes.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from earnest.marketplace.shown import AccountId, Instant, JobId, ProposalId

Balance = Annotated[int, Meta(description="What the account held after it, in connects.", examples=[68])]
PurchaseId = Annotated[str, Meta(description="The purchase's id, `pur_…`.")]


class Data(msgspec.Struct, frozen=True):
    """What every event tells."""

    account_id: AccountId


class AccountOpened(Data, frozen=True):
    """An account was opened."""

    plan: Annotated[str, Meta(description="The code of the plan it began on.", examples=["plus"])]
    balance: Balance


class CycleRenewed(Data, frozen=True):
    """A cycle began: what wasn't carried has expired, and the allotment has come."""

    at: Annotated[Instant, Meta(description="Its first instant.")]
    balance: Balance


class ProposalChanged(Data, frozen=True):
    """A proposal was submitted, or something became of it."""

    proposal_id: ProposalId
    job_id: JobId
    connects_spent: Annotated[int, Meta(description="What it cost, in connects.", examples=[2])]
    balance: Balance


class ConnectsReturned(Data, frozen=True):
    """A job was closed without a hire, and what the account spent on it came back."""

    job_id: JobId
    connects: Annotated[int, Meta(description="How many came back.", examples=[2])]
    balance: Balance


class ConnectsExpiring(Data, frozen=True):
    """Connects expire soon unless they are used."""

    at: Annotated[Instant, Meta(description="When they expire.")]
    connects: Annotated[int, Meta(description="How many expire then.", examples=[40])]
    balance: Balance


class PurchaseDecided(Data, frozen=True):
    """It became known what came of a purchase's payment."""

    purchase_id: PurchaseId
    connects: Annotated[int, Meta(description="How many connects it was for.", examples=[20])]
    balance: Balance


class HolderTold(Data, frozen=True):
    """Something the holder is to be told of."""

    at: Annotated[Instant, Meta(description="As of when.")]
    connects: Annotated[int, Meta(description="The connects it is about; 0 where it is about none.", examples=[0])]
    plan: Annotated[
        str | msgspec.UnsetType, Meta(description="With `plan.changed`: the plan the account is on now.")
    ] = msgspec.UNSET
    reason: Annotated[
        str | msgspec.UnsetType, Meta(description="Why, in an operator's words, where one did it and said so.")
    ] = msgspec.UNSET


PAYLOADS: dict[str, tuple[str, type[Data]]] = {
    "account.opened": ("An account was opened", AccountOpened),
    "cycle.renewed": ("A cycle began", CycleRenewed),
    "proposal.submitted": ("A proposal was submitted", ProposalChanged),
    "proposal.withdrawn": ("A proposal was taken back", ProposalChanged),
    "proposal.declined": ("A proposal was turned down by the client", ProposalChanged),
    "proposal.hired": ("The client hired from a proposal", ProposalChanged),
    "connects.returned": ("Connects came back from a job closed without a hire", ConnectsReturned),
    "connects.expiring": ("Connects expire soon unless they are used", ConnectsExpiring),
    "purchase.confirmed": ("A purchase was paid, and its connects arrived", PurchaseDecided),
    "purchase.refused": ("A purchase was paid, but is no longer allowed: return the money", PurchaseDecided),
    "purchase.reversed": ("A purchase's payment was taken back after it was confirmed", PurchaseDecided),
    "purchase.cancelled": ("A purchase's payment will not come", PurchaseDecided),
    "connects.forfeited": ("Connects beyond what may be held were forfeited", HolderTold),
    "plan.changed": ("The account is on another plan", HolderTold),
    "account.warned": ("The account is warned: many proposals, and no hire", HolderTold),
    "account.suspended": ("The account is suspended from proposing", HolderTold),
    "account.reinstated": ("The account's suspension has ended", HolderTold),
}
"""Every kind of event: what it says, and its data."""
