"""Audits that are asked for from a page: one at a time, whichever process does it, with its progress and its result.

What is kept of a run is a row, so every process shows it. Whoever audits holds a lease; an unfinished run that
nobody holds the lease for any more has broken off. Times are the machine's, not those of a sandbox's clock.
"""

import asyncio
import contextlib
import logging
import time
from datetime import datetime
from typing import Literal

import msgspec

from earnest.ending import end
from earnest.ledger.audit import Audit, audit
from earnest.ledger.errors import BusyError, LedgerError
from earnest.ledger.ids import PERSON, plain
from earnest.ledger.leases import Lease
from earnest.ledger.ledger import Ledger, utc_now
from earnest.ledger.packing import instant, micros
from earnest.ledger.rows import AuditRunRow
from earnest.ledger.sql import names
from earnest.marketplace.given import cursor_id, page_size
from earnest.marketplace.shown import Page

LEASE = "audit"
LEASE_SECONDS = 30.0
"""After how long a run is known to have broken off, where its process was killed."""

BEGUN_SECONDS = 2.0
"""How long whoever holds the lease is given to write that a run has begun, or to let go of it after one."""

TOLD_SECONDS = 0.5
"""How often the progress is written."""

_BEGIN = (
    "insert into audit_run (run_id, started_at, done, total, asked_by)"
    " values (id(:run), :at, 0, 0, id(:person)) on conflict (run_id) do nothing"
)
_BEGIN_FOR_NOBODY = (
    "insert into audit_run (run_id, started_at, done, total) values (id(:run), :at, 0, 0)"
    " on conflict (run_id) do nothing"
)
_TELL = "update audit_run set done = :done, total = :total where run_id = id(:run) and finished_at is null"
_END = "update audit_run set done = total, finished_at = :at, findings = :findings where run_id = id(:run)"
_RUNS = f"select {names(AuditRunRow)} from audit_run where run_id < id(:before) order by run_id desc limit :limit"  # noqa: S608
_HELD = "select 1 from lease where name = :name and until > :now"

_log = logging.getLogger("earnest.audit")


class AuditRunShown(msgspec.Struct, frozen=True):
    """A run: `done` of `total` rows are read. `audit` is what it found, once it has finished."""

    id: str
    status: Literal["running", "finished", "broken_off"]
    started_at: datetime
    done: int
    total: int
    asked_by: str | None
    finished_at: datetime | None
    audit: Audit | None


async def start_audit(ledger: Ledger, *, asked_by: str | None = None) -> AuditRunShown:
    """Begin an audit, for a person or nobody in particular, and show it; where one is under way, show that one.

    It goes on after this has answered. Raises BusyError where another process takes long to begin one.
    """
    lease = Lease(ledger.store, LEASE, LEASE_SECONDS)
    patience = time.monotonic() + BEGUN_SECONDS
    while not await lease.take():
        latest = (await audit_runs(ledger, limit=1)).items
        if latest and latest[0].status == "running":
            return latest[0]
        if time.monotonic() >= patience:
            raise BusyError("an audit is being started")
        await asyncio.sleep(BEGUN_SECONDS / 40)
    now = utc_now()
    run, person = ledger.ids.new(now), plain(asked_by or "", PERSON)
    if person is None:
        await ledger.store.change(_BEGIN_FOR_NOBODY, {"run": run, "at": micros(now)})
    else:
        await ledger.store.change(_BEGIN, {"run": run, "at": micros(now), "person": person})
    ledger.once(f"audit {run}", lambda: _run(ledger, lease, run))
    return AuditRunShown(run, "running", now, 0, 0, asked_by, None, None)


async def audit_runs(ledger: Ledger, *, limit: int = 20, cursor: str | None = None) -> Page[AuditRunShown]:
    """List the runs, the latest first."""
    limit, before = page_size(limit), cursor_id(cursor, "f" * 32)
    # Asked first: a run that ends in between is then shown as ended, and never as broken off.
    held = await ledger.fetch_one(_HELD, {"name": LEASE, "now": micros(utc_now())}) is not None
    rows = [AuditRunRow(*row) for row in await ledger.fetch(_RUNS, {"before": before, "limit": limit + 1})]
    newest = cursor is None
    shown = [_shown(row, under_way=held and newest and n == 0) for n, row in enumerate(rows[:limit])]
    return Page(shown, rows[limit - 1].run_id if len(rows) > limit else None)


def _shown(row: AuditRunRow, *, under_way: bool) -> AuditRunShown:
    found = None if row.findings is None else msgspec.json.decode(row.findings, type=Audit)
    unfinished: Literal["running", "broken_off"] = "running" if under_way else "broken_off"
    return AuditRunShown(
        row.run_id,
        unfinished if row.finished_at is None else "finished",
        instant(row.started_at),
        row.done,
        row.total,
        None if row.asked_by is None else f"{PERSON}{row.asked_by}",
        None if row.finished_at is None else instant(row.finished_at),
        found,
    )


async def _run(ledger: Ledger, lease: Lease, run: str) -> bool:
    """Audit, tell how far it is, and keep what was found; what fails has broken off."""
    progress = [0, 0]

    def tell(done: int, total: int) -> None:
        progress[:] = done, total

    telling = asyncio.create_task(_tell(ledger, lease, run, progress))
    try:
        found = await audit(ledger, tell=tell)
        await ledger.store.change(_TELL, {"done": progress[0], "total": progress[1], "run": run})
        ended = {"at": micros(utc_now()), "findings": msgspec.json.encode(found).decode(), "run": run}
        await ledger.store.change(_END, ended)
    except Exception:
        _log.exception("the audit %s broke off", run)
    finally:
        await end([telling])
        with contextlib.suppress(LedgerError):
            await lease.end()
    return True


async def _tell(ledger: Ledger, lease: Lease, run: str, progress: list[int]) -> None:
    """Write how far a run is, and keep its lease, for as long as it goes on."""
    while True:
        with contextlib.suppress(LedgerError):
            await ledger.store.change(_TELL, {"done": progress[0], "total": progress[1], "run": run})
            if not lease.lasts(LEASE_SECONDS / 2):
                await lease.take()
        await asyncio.sleep(TOLD_SECONDS)
