"""What a scenario is told to and looks at: a `World` and its plain values, in the words of the rules.

Whatever keeps accounts can be one; nothing here knows an engine. Money is in minor units.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Size:
    """A job's type, and what its price may depend on."""

    type: str
    budget: int | None = None
    duration: str | None = None
    weekly_hours: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a step was answered. `refused` is None where it was accepted; the rest only where the step has it."""

    refused: str | None = None
    figures: Mapping[str, int | str] = field(default_factory=dict)
    costs: int | None = None
    returned: tuple[int, int] | None = None  # connects, in so many proposals
    purchase: str | None = None
    amount: int | None = None
    warning: tuple[int, datetime] | None = None


@dataclass(frozen=True)
class LotSeen:
    """A lot as its holder sees it; one without an expiry of its own shows its cycle's end."""

    source: str
    connects: int
    until: datetime
    purchase: str | None
    unit_price: int | None


@dataclass(frozen=True)
class Line:
    """A line of the journal, written or due."""

    kind: str
    connects: int
    source: str | None
    purchase: str | None
    unit_price: int | None
    balance_after: int
    effective_at: datetime


@dataclass(frozen=True)
class ProposalSeen:
    """A proposal as the account's list shows it."""

    job: str
    status: str
    worker: str | None
    invited: bool


@dataclass(frozen=True)
class SuspensionSeen:
    """A suspension with what it rests on: jobs, and the connects spent on each."""

    since: datetime
    evidence: tuple[tuple[str, int], ...]
    appealed: bool
    decision: str | None


@dataclass(frozen=True)
class View:
    """All that can be seen of an account at a time; what is due but not yet written is in it."""

    balance: int
    debt: int
    status: str
    plan: str
    pending_plan: str | None
    cycle: tuple[datetime, datetime]
    lots: tuple[LotSeen, ...]  # in the order they would be spent in
    lines: tuple[Line, ...]  # from the opening on
    losses: tuple[tuple[int, datetime], ...]
    told: tuple[tuple[str, int], ...]  # what, and about how many connects
    charges: tuple[int, ...]
    proposals: tuple[ProposalSeen, ...]
    suspension: SuspensionSeen | None


class World(Protocol):
    """A marketplace that scenarios can happen in: a verb for each thing a person does, and a look that is only a look.

    It starts empty, on a pack. A verb answers a refusal as an Answer and raises nothing for what a user can do.
    """

    def join(self, account: str, kind: str, plan: str, opened_at: datetime | None, at: datetime) -> Answer: ...
    def add_member(self, account: str, member: str, role: str, at: datetime) -> Answer: ...
    def let_propose(self, account: str, member: str, allowed: bool, at: datetime) -> Answer: ...
    def post(self, job: str, client: str, size: Size, at: datetime) -> Answer: ...
    def edit(self, job: str, size: Size, at: datetime) -> Answer: ...
    def invite(self, account: str, job: str, at: datetime) -> Answer: ...
    def propose(self, account: str, job: str, worker: str | None, at: datetime) -> Answer: ...
    def withdraw(self, account: str, job: str, at: datetime) -> Answer: ...
    def decline(self, account: str, job: str, at: datetime) -> Answer: ...
    def hire(self, account: str, job: str, at: datetime) -> Answer: ...
    def close(self, job: str, reason: str, at: datetime) -> Answer: ...
    def lapse(self, job: str, at: datetime) -> Answer: ...
    def job_status(self, job: str, at: datetime) -> str: ...
    def buy(self, account: str, purchase: str, connects: int, by: str | None, at: datetime) -> Answer: ...
    def confirm(self, purchase: str, at: datetime) -> Answer: ...
    def reverse(self, purchase: str, at: datetime) -> Answer: ...
    def change_plan(self, account: str, plan: str, by: str | None, at: datetime) -> Answer: ...
    def keep_plan(self, account: str, by: str | None, at: datetime) -> Answer: ...
    def report_fee(self, account: str, paid: bool, at: datetime) -> Answer: ...
    def grant(self, account: str, connects: int, until: datetime | None, at: datetime) -> Answer: ...
    def revoke(self, account: str, connects: int, at: datetime) -> Answer: ...
    def suspend(self, account: str, at: datetime) -> Answer: ...
    def appeal(self, account: str, at: datetime) -> Answer: ...
    def lift(self, account: str, at: datetime) -> Answer: ...
    def uphold(self, account: str, at: datetime) -> Answer: ...
    def settle(self, account: str, at: datetime) -> Answer: ...
    def look(self, account: str, at: datetime) -> View: ...
