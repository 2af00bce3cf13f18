"""Proposals: what one cost, where the connects came from, and what became of it (RULES 4, 5)."""

from datetime import datetime
from enum import StrEnum

import msgspec

from earnest.rules.account import Lot


class ProposalStatus(StrEnum):
    """What became of a proposal; whether its connects came back is told by `Proposal.returned_at`."""

    LIVE = "live"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    HIRED = "hired"


class Proposal(msgspec.Struct, frozen=True):
    """One proposal: `n` is the number of its first line in the account's journal.

    `taken` are the slices that paid for it, with their nature, so that giving them back asks nothing else.
    `attempt` counts an account's proposals for one job from 1.
    """

    account_id: str
    n: int
    job_id: str
    attempt: int
    status: ProposalStatus
    connects_spent: int
    invited: bool
    submitted_at: datetime
    taken: tuple[Lot, ...]
    worker_id: str | None = None
    returned_at: datetime | None = None
