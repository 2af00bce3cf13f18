"""The audit: everything the ledger keeps, proven from the journal alone (RULES 11).

It shares no code with what decides. Every table streams by once or twice in the order of its ids, all of them in one
snapshot, and is merged with the others as it comes; so what is kept in memory is one account or one job at a time,
however large the ledger is, and it may run beside a server.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec

from earnest.ledger.account_audit import ACCOUNTS, ENTRIES, PROPOSALS, PURCHASES, AccountAudit, Row
from earnest.ledger.conservation import Totals
from earnest.ledger.ledger import Ledger
from earnest.ledger.store import Snapshot
from earnest.rules.proposal import ProposalStatus

ROWS_AT_ONCE = 500
"""After how many rows others on the event loop have their turn."""

MOST_TOLD = 100
"""Differences that are told of; of more only the number."""

_COUNT = "select (select count(*) from entry) + (select count(*) from proposal)"
_JOBS = "select job_id, hires, closed_at, lapses_at from job order by job_id"
_BIDS = (
    "select job_id, account_id, n, attempt, status, connects_spent, returned_at"
    " from proposal order by job_id, account_id, attempt"
)
_CLOSINGS = "select job_id, done_at from task where kind = 'closing' order by job_id"

_WITHDRAWN, _HIRED = ProposalStatus.WITHDRAWN.value, ProposalStatus.HIRED.value
_END = "~"
"""Sorts behind every id."""


class Difference(msgspec.Struct, frozen=True):
    """Something that doesn't agree, of an account or, without one, of a job that `what` names."""

    account_id: str | None
    what: str

    def __str__(self) -> str:
        return self.what if self.account_id is None else f"{self.account_id}: {self.what}"


class AuditTotals(Totals, frozen=True):
    """What all journals that add up come to, in connects, and what accounts owe."""

    debt: int = 0


class Audit(msgspec.Struct, frozen=True):
    """What an audit read and found. Nothing differs where `differences` is empty.

    `more` counts the differences beyond those listed. `pending` counts proposals on jobs closed without a hire whose
    connects have yet to come back, while the closing is still at it: no difference.
    """

    accounts: int
    entries: int
    totals: AuditTotals
    differences: list[Difference]
    more: int
    pending: int


Tell = Callable[[int, int], None]
"""Told how many rows are read, and of how many."""


class _Findings:
    """What was read and found so far."""

    def __init__(self, tell: Tell, rows: int) -> None:
        self.accounts = self.entries = self.pending = self._read = self._more = 0
        self._tell, self._rows, self._rested_at = tell, rows, 0
        self._sums = [0] * len(AuditTotals.__struct_fields__)
        self._differences: list[Difference] = []

    def differ(self, account_id: str | None, what: str) -> None:
        if len(self._differences) < MOST_TOLD:
            self._differences.append(Difference(None if account_id is None else f"acc_{account_id}", what))
        else:
            self._more += 1

    def add(self, totals: Totals, debt: int) -> None:
        both = zip(self._sums, (*msgspec.structs.astuple(totals), debt), strict=True)
        self._sums = [one + other for one, other in both]

    async def tell(self, rows: int) -> None:
        """Tell how much is read by now, and let others on the loop have their turn."""
        self._read += rows
        self._tell(self._read, self._rows)
        if self._read - self._rested_at >= ROWS_AT_ONCE:
            self._rested_at = self._read
            await asyncio.sleep(0)

    def audit(self) -> Audit:
        totals = AuditTotals(*self._sums)
        return Audit(self.accounts, self.entries, totals, self._differences, self._more, self.pending)


class _Table:
    """A table as it streams by in the order of the id in its first column.

    `rows` are the next rows of one id, `id`; more of the same id may follow. At the end `id` is behind all others.
    """

    def __init__(self, snapshot: Snapshot, sql: str) -> None:
        self._runs = self._cut(snapshot.stream(sql))
        self.id = ""
        self.rows: list[Row] = []

    async def _cut(self, pieces: AsyncIterator[Sequence[Row]]) -> AsyncIterator[tuple[str, list[Row]]]:
        async for piece in pieces:
            for id_, rows in groupby(piece, itemgetter(0)):
                yield id_, list(rows)

    async def step(self) -> None:
        """Go on to the next rows."""
        async for run in self._runs:
            self.id, self.rows = run
            return
        self.id, self.rows = _END, []

    async def take(self, id_: str) -> list[Row]:
        """Return all rows of an id, and go on behind them."""
        rows: list[Row] = []
        while self.id == id_:
            rows += self.rows
            await self.step()
        return rows


async def _begin(snapshot: Snapshot, *questions: str) -> list[_Table]:
    tables = [_Table(snapshot, sql) for sql in questions]
    for table in tables:
        await table.step()
    return tables


async def audit(ledger: Ledger, *, tell: Tell = lambda _done, _all: None) -> Audit:
    """Recompute every balance, lot and debt from the journal, and compare them, and all that goes with them.

    Of an account whose journal breaks off, only the first line that doesn't follow is told. Raises UnavailableError.
    """
    async with ledger.snapshot() as snapshot:
        [(rows,)] = await snapshot.fetch(_COUNT)
        findings = _Findings(tell, rows)
        await _audit_accounts(snapshot, findings)
        await _audit_jobs(snapshot, findings)
        return findings.audit()


async def _audit_accounts(snapshot: Snapshot, findings: _Findings) -> None:
    tables = await _begin(snapshot, ACCOUNTS, ENTRIES, PROPOSALS, PURCHASES)
    accounts, entries, proposals, purchases = tables
    while (id_ := min(table.id for table in tables)) != _END:
        row = await accounts.take(id_)
        account = AccountAudit(id_, row[0] if row else None, await proposals.take(id_), await purchases.take(id_))
        while entries.id == id_:
            account.read(entries.rows)
            await findings.tell(len(entries.rows))
            await entries.step()
        for what in account.differences():
            findings.differ(id_, what)
        findings.add(account.totals, account.debt)
        findings.accounts += len(row)
        findings.entries += account.lines


async def _audit_jobs(snapshot: Snapshot, findings: _Findings) -> None:
    tables = await _begin(snapshot, _JOBS, _BIDS, _CLOSINGS)
    jobs, bids, closings = tables
    while (id_ := min(table.id for table in tables)) != _END:
        job, proposals, closing = await jobs.take(id_), await bids.take(id_), await closings.take(id_)
        await findings.tell(len(proposals))
        for account_id, attempts in groupby(proposals, itemgetter(1)):
            _audit_attempts(id_, account_id, list(attempts), findings)
        if job:
            _audit_job(job[0], proposals, closing, findings)
        elif proposals:
            findings.differ(None, f"job_{id_} does not exist, but {len(proposals)} proposals for it do")


def _audit_attempts(job_id: str, account_id: str, proposals: list[Row], findings: _Findings) -> None:
    """Compare one account's proposals for a job: numbered from 1 as they came, and all but the last withdrawn."""
    if len(proposals) == 1 and proposals[0][3] == 1:
        return
    _, _, numbers, attempts, statuses, _, _ = zip(*proposals, strict=True)
    if attempts != tuple(range(1, len(attempts) + 1)) or list(numbers) != sorted(numbers):
        findings.differ(account_id, f"its proposals for job_{job_id} are not numbered as they came: {attempts}")
    if any(status != _WITHDRAWN for status in statuses[:-1]):
        said = ", ".join(statuses)
        findings.differ(account_id, f"it proposed again for job_{job_id} without having withdrawn: {said}")


def _audit_job(job: Row, proposals: list[Row], closing: list[Row], findings: _Findings) -> None:
    """Compare a job with its proposals: its hires, and that it gives back if, and only if, it closed without one."""
    job_id, hires, closed_at, lapses_at = job
    hired = sum(proposal[4] == _HIRED for proposal in proposals)
    if hires != hired:
        findings.differ(None, f"job_{job_id} counts {hires} hires, but {hired} of its proposals are hired")
        return
    gives_back = closed_at is not None and not hires
    unfinished = bool(closing) and closing[0][1] is None
    for _, account_id, n, _, _, spent, returned_at in proposals:
        if gives_back and spent and returned_at is None:
            if unfinished:
                findings.pending += 1
            else:
                why = f"job_{job_id} closed without a hire"
                findings.differ(account_id, f"proposal {n}: its {spent} never came back, though {why}")
        elif not gives_back and returned_at is not None and returned_at < lapses_at:
            why = f"job_{job_id} did not close without a hire"
            findings.differ(account_id, f"proposal {n}: its {spent} came back, though {why}")
