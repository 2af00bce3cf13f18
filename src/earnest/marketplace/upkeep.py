"""What nobody waits for: idle accounts written up, finished things let go of, unfinished ones gone on with.

None of it is needed for correctness. It goes in small batches in the order of the tables' keys, and can be stopped
and started anywhere.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec

from earnest.ledger.errors import BusyError, LedgerError
from earnest.ledger.ids import NOBODY
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import micros
from earnest.marketplace.accounts import SettleAccount
from earnest.marketplace.closing import finish_tasks, return_lapsed

ACCOUNTS_AT_ONCE = 500
REQUESTS_AT_ONCE = 1_000
REQUESTS_KEPT = timedelta(days=30)
"""How long an idempotency key is remembered."""

DELIVERIES_KEPT = timedelta(days=30)
"""How long what became of an event is told."""

STALE_SECONDS = 60
"""After how long an unfinished return is taken for one that nobody works on."""

_DUE = (
    "select account_id from account where account_id > id(:after) and due_at <= :now order by account_id limit :limit"
)
_COUNT_DUE = "select count(*) from account where due_at <= :now"
_REQUESTS = (
    "select owner_id, key, recorded_at from request"
    " where (owner_id, key) > (id(:owner), :key) order by owner_id, key limit :limit"
)
_DROP_REQUESTS = (
    "delete from request where recorded_at < :before"
    " and (owner_id, key) > (id(:owner), :key) and (owner_id, key) <= (id(:last_owner), :last_key)"
)

_DROP_DELIVERIES = (
    "delete from delivery where (status <> 'waiting' and recorded_at < :before)"
    " or not exists (select 1 from endpoint e where e.endpoint_id = delivery.endpoint_id)"
)


class UpkeepDone(msgspec.Struct, frozen=True):
    """What was done: accounts written up, requests dropped, returns finished, events dropped that nobody wants.

    `accounts_failed` could not be written up, and why; the audit tells what else is wrong with them.
    """

    accounts_settled: int
    accounts_failed: list[str]
    requests_dropped: int
    returns_finished: int
    events_dropped: int


Tell = Callable[[int, int], None]
"""Told how much is done, and of how much."""


async def keep_up(ledger: Ledger, *, tell: Tell = lambda _done, _all: None) -> UpkeepDone:
    """Write up accounts with something due, drop requests older than 30 days, finish returns left unfinished."""
    settled, failed = await settle_due(ledger, tell=tell)
    dropped = await drop_requests(ledger)
    finished = await finish_tasks(ledger, started_seconds_ago=STALE_SECONDS) + await return_lapsed(ledger)
    return UpkeepDone(settled, failed, dropped, finished, await drop_deliveries(ledger))


async def drop_deliveries(ledger: Ledger) -> int:
    """Let go of events whose endpoint is gone, and of those delivered or failed long ago; return how many."""
    before = micros(ledger.now - DELIVERIES_KEPT)
    return await ledger.store.change(_DROP_DELIVERIES, {"before": before})


async def settle_due(ledger: Ledger, *, tell: Tell = lambda _done, _all: None) -> tuple[int, list[str]]:
    """Write up every account that has something due; return how many were, and which could not be."""
    now = micros(ledger.now)
    [(total,)] = await ledger.fetch(_COUNT_DUE, {"now": now})
    after, done = NOBODY, 0
    failed: list[str] = []
    while True:
        rows = await ledger.fetch(_DUE, {"after": after, "now": now, "limit": ACCOUNTS_AT_ONCE})
        answers = await asyncio.gather(*(_settle(ledger, row[0]) for row in rows), return_exceptions=True)
        for (account_id,), answer in zip(rows, answers, strict=True):
            if isinstance(answer, LedgerError):
                raise answer
            if isinstance(answer, BaseException):
                # One account that can't be settled keeps no other from it.
                failed.append(_named(account_id, answer))
        done += len(rows)
        tell(done, max(done, total))
        if len(rows) < ACCOUNTS_AT_ONCE:
            return done - len(failed), failed
        after = rows[-1][0]


def _named(account_id: str, error: BaseException) -> str:
    """Say what is wrong with an account, beginning with its id."""
    said = str(error)
    return said if account_id in said else f"acc_{account_id}: {said}"


async def _settle(ledger: Ledger, account_id: str) -> None:
    while True:
        try:
            await ledger.do(SettleAccount(account_id))
        except BusyError as error:
            await asyncio.sleep(error.retry_after_seconds)
        else:
            return


async def drop_requests(ledger: Ledger) -> int:
    """Forget idempotency keys that nobody will repeat any more; return how many."""
    before = micros(ledger.now - REQUESTS_KEPT)
    owner, key, dropped = NOBODY, "", 0
    while True:
        params = {"owner": owner, "key": key, "limit": REQUESTS_AT_ONCE}
        rows = await ledger.fetch(_REQUESTS, params)
        if not rows:
            return dropped
        last_owner, last_key, _ = rows[-1]
        if any(recorded_at < before for _, _, recorded_at in rows):
            span = {"owner": owner, "key": key, "last_owner": last_owner, "last_key": last_key, "before": before}
            dropped += await ledger.store.change(_DROP_REQUESTS, span)
        owner, key = last_owner, last_key
