"""Closing a job, and giving back what was spent on it (RULES 5).

Closing is one small transaction: the job's row, which also decides between a closing and a hire, and a task. Giving
back goes account by account, each in a transaction of its own that finds what was returned already and returns it
once. A proposal that was being written when the job was closed may have seen it open, so after a first sweep the
fence is waited for, and whatever appeared till then is returned by a second one. Only then is the task done; whoever
finds it undone can go on with it, also at the same time.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

import msgspec

from earnest.ledger import reads
from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import BusyError, LedgerError, already_done
from earnest.ledger.ids import NOBODY
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import instant, micros, repack_job, unpack_job
from earnest.ledger.rows import TaskRow
from earnest.ledger.store import Needs
from earnest.ledger.writer import Key
from earnest.marketplace import showing
from earnest.marketplace.given import find, idempotency_key, one_of
from earnest.marketplace.shown import ClosedShown, JobShown, Returned
from earnest.rules import job
from earnest.rules.commands import GiveBack
from earnest.rules.job import CloseReason
from earnest.rules.outcome import Accepted, Refusal, Refused

CLOSING = "closing"
LAPSE = "lapse"
REASONS = ("cancelled", "filled", "removed")

ACCOUNTS_AT_ONCE = 200
FENCE_SECONDS = 10.0
WAIT_SECONDS = 30.0
LAPSE_MARGIN = timedelta(minutes=1)
"""By how much the clocks of two servers may differ."""

_log = logging.getLogger("earnest.marketplace")

_UNKNOWN = Refused(Refusal.UNKNOWN_JOB)

_BIDDERS = (
    "select distinct account_id from proposal"
    " where job_id = id(:job) and returned_at is null and connects_spent > 0 and account_id > id(:after)"
    " order by account_id limit :limit"
)
_RETURNED = (
    "select count(*), coalesce(sum(connects_spent), 0) from proposal where job_id = id(:job) and returned_at >= :since"
)
_DONE = "update task set done_at = :at where job_id = id(:job) and kind = :kind and done_at is null"
_IS_UNDONE = "select 1 from task where job_id = id(:job) and kind = :kind and done_at is null"
_UNDONE = "select job_id, kind from task where done_at is null and started_at <= :before order by job_id limit :limit"
_LAPSED = (
    "select j.job_id from job j where j.closed_at is null and j.hires = 0 and j.lapses_at <= :before"
    " and not exists (select 1 from task t where t.job_id = j.job_id) and j.job_id > id(:after)"
    " order by j.job_id limit :limit"
)
_BEGIN_LAPSE = (
    "insert into task (job_id, kind, started_at) values (id(:job), :kind, :at) on conflict (job_id, kind) do nothing"
)


class CloseJob(Act[JobShown], frozen=True):
    """Close a job."""

    answers: ClassVar[type] = JobShown

    job: str
    reason: CloseReason

    def needs(self, needs: Needs) -> None:
        """Say what has to be read: the job's row decides between a hire and a closing."""
        needs.held_jobs.add(self.job)

    def decide(self, batch: Batch) -> JobShown | Refused:
        """Close it, once, and note that what was spent on it has to go back."""
        row = batch.job_row(self.job)
        if row is None:
            return _UNKNOWN
        if row.closed_at is None:
            row = repack_job(row, job.close(unpack_job(row), self.reason, batch.now))
            batch.put(row, new=False)
            if not row.hires:
                batch.put(TaskRow(self.job, CLOSING, batch.at))
        return showing.job(row, batch.pack, batch.now)


class GiveBackTo(Act[bool], frozen=True):
    """Return what an account spent on a job."""

    answers: ClassVar[type] = bool
    patient: ClassVar[bool] = True
    gives_back: ClassVar[bool] = True

    account: str
    job: str

    @property
    def account_id(self) -> str:
        """To whom it is returned."""
        return self.account

    def needs(self, needs: Needs) -> None:
        """Say what has to be read."""
        needs.jobs.add(self.job)
        needs.attempts.add((self.account, self.job))

    def decide(self, batch: Batch) -> bool | Refused:
        """Return it, if the job gives back."""
        known = batch.job(self.job)
        if known is None:
            return _UNKNOWN
        proposals = [each for each in batch.attempts(self.account, self.job) if each.returned_at is None]
        if not proposals:
            return False
        outcome = batch.decide(self.account, GiveBack(known, tuple(proposals)))
        return isinstance(outcome, Accepted) and bool(outcome.proposals)


async def close_job(
    ledger: Ledger,
    job_id: str,
    reason: CloseReason,
    *,
    wait_seconds: float = WAIT_SECONDS,
    key: str | Key | None = None,
) -> ClosedShown | Refused:
    """Close a job. Without a hire everything spent on its proposals goes back to whoever spent it (RULES 5.1).

    Answers when that is done, or `pending` after `wait_seconds`; it goes on all the same. A closed job stays as it was
    first closed, and closing it again answers how far its returns are. Refused as `unknown_job`.
    """
    one_of("reason", reason, REASONS)
    if wait_seconds < 0:
        raise ValueError(f"wait_seconds: expected none or more, got {wait_seconds}")
    # An id that names no job is refused by the act, as a key that is known goes before.
    found = await find(ledger, "job", job_id) or NOBODY
    closed = await ledger.do(CloseJob(found, reason), idempotency_key(key))
    if isinstance(closed, Refused):
        return closed
    done = True
    with already_done():
        undone = await ledger.fetch(_IS_UNDONE, {"job": found, "kind": CLOSING})
    if undone:
        work = ledger.once(f"give back {found}", lambda: give_back(ledger, found, CLOSING))
        # It goes on whoever stops waiting; where it fails, or is stopped, the rest is still to come.
        await asyncio.wait({work}, timeout=wait_seconds)
        done = work.done() and not work.cancelled() and work.exception() is None and work.result()
    with already_done():
        row = await reads.job(ledger, found)
        back = await returned(ledger, found, pending=not done)
    return _UNKNOWN if row is None else ClosedShown(showing.job(row, ledger.pack, ledger.now), back)


async def returned_by_closing(ledger: Ledger, job_id: str) -> Returned | Refused:
    """Show what closing a job has given back so far, and whether more may still come. Refused as `unknown_job`."""
    found = await find(ledger, "job", job_id)
    if found is None or await reads.job(ledger, found) is None:
        return _UNKNOWN
    undone = await ledger.fetch(_IS_UNDONE, {"job": found, "kind": CLOSING})
    return await returned(ledger, found, pending=bool(undone))


async def returned(ledger: Ledger, job_id: str, *, pending: bool) -> Returned:
    """Return what a closing has given back so far."""
    row = await reads.job(ledger, job_id)
    since = 0
    if row is not None and row.closed_at is not None and ledger.pack.at(instant(row.posted_at)).lapse_gives_back:
        # What its lapse gave back was not this closing's doing.
        since = row.closed_at
    proposals, connects = await ledger.fetch_one(_RETURNED, {"job": job_id, "since": since}) or (0, 0)
    return Returned(int(proposals), int(connects), pending)


async def give_back_lapsed(ledger: Ledger, job_id: str) -> Returned | Refused:
    """Give back what was spent on a job that has lapsed, where the pack says so (RULES 5.2); else nothing.

    The sweeper does it for all of them; this is for one.
    """
    found = await find(ledger, "job", job_id)
    row = None if found is None else await reads.job(ledger, found)
    if row is None or found is None:
        return _UNKNOWN
    before = await returned(ledger, found, pending=False)
    done = await give_back(ledger, found, LAPSE)
    after = await returned(ledger, found, pending=not done)
    return msgspec.structs.replace(
        after, proposals=after.proposals - before.proposals, connects=after.connects - before.connects
    )


async def give_back(ledger: Ledger, job_id: str, kind: str) -> bool:
    """Return everything spent on a job, if it gives back; say whether that is sure to be all."""
    await _sweep(ledger, job_id)
    fenced = await ledger.store.fence(FENCE_SECONDS)
    failed = await _sweep(ledger, job_id)
    if failed or not fenced:
        return False
    await ledger.store.change(_DONE, {"job": job_id, "kind": kind, "at": micros(ledger.now)})
    return True


async def _sweep(ledger: Ledger, job_id: str) -> bool:
    """Return to everybody who has something to get back; say whether that failed for anybody, for the log to name."""
    after, failed = NOBODY, False
    while True:
        params = {"job": job_id, "after": after, "limit": ACCOUNTS_AT_ONCE}
        bidders = [row[0] for row in await ledger.fetch(_BIDDERS, params)]
        acts = [patiently(ledger, GiveBackTo(account, job_id)) for account in bidders]
        answers = await asyncio.gather(*acts, return_exceptions=True)
        for account, answer in zip(bidders, answers, strict=True):
            if isinstance(answer, LedgerError):
                raise answer
            if isinstance(answer, BaseException):
                # One account that can't be written keeps nobody else's connects from them.
                _log.error("acc_%s: what it spent on job_%s can't be returned: %s", account, job_id, answer)
                failed = True
        if len(bidders) < ACCOUNTS_AT_ONCE:
            return failed
        # Without a change either somebody else was faster, or the job gives nothing back, and so to nobody.
        if True not in answers and not await _gives_back(ledger, job_id):
            return failed
        after = bidders[-1]


async def _gives_back(ledger: Ledger, job_id: str) -> bool:
    """Say whether what was spent on a job goes back, now."""
    row = await reads.job(ledger, job_id)
    return row is not None and unpack_job(row).gives_back(ledger.pack, ledger.now)


async def patiently(ledger: Ledger, act: Act[bool]) -> bool:
    """Have something done that nobody waits for, however busy the ledger is."""
    while True:
        try:
            return await ledger.do(act) is True
        except BusyError as error:
            await asyncio.sleep(error.retry_after_seconds)


async def finish_tasks(
    ledger: Ledger, *, started_seconds_ago: float = 0, tell: Callable[[int], None] = lambda _: None
) -> int:
    """Go on with returns that somebody began and did not finish; return how many could be finished."""
    before = micros(ledger.now) - int(started_seconds_ago * 1_000_000)
    finished = 0
    for job_id, kind in await ledger.fetch(_UNDONE, {"before": before, "limit": reads.ALL}):
        finished += await give_back(ledger, job_id, kind)
        tell(finished)
    return finished


async def return_lapsed(ledger: Ledger) -> int:
    """Give back for jobs that have lapsed, where the pack says so; return for how many.

    Not at once: a server whose clock is a little behind may still take proposals for them.
    """
    if not any(revision.lapse_gives_back for revision in ledger.pack.revisions):
        return 0
    after, count = NOBODY, 0
    before = micros(ledger.now - LAPSE_MARGIN)
    while rows := await ledger.fetch(_LAPSED, {"before": before, "after": after, "limit": ACCOUNTS_AT_ONCE}):
        for (job_id,) in rows:
            await ledger.store.change(_BEGIN_LAPSE, {"job": job_id, "kind": LAPSE, "at": micros(ledger.now)})
            count += await give_back(ledger, job_id, LAPSE)
        after = rows[-1][0]
    return count
