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
from earnest.ledger.ledger import Ledger, utc_now
from earnest.ledger.packing import micros
from earnest.marketplace.accounts import SettleAccount
from earnest.marketplace.closing import finish_tasks, return_lapsed
from earnest.marketplace.expiring import tell_expiring
from earnest.marketplace.given import whole
from earnest.marketplace.passwords import drop_links
from earnest.marketplace.sessions import drop_sessions
from earnest.marketplace.tries import drop_tries

ACCOUNTS_AT_ONCE = 500
EVER = 2**62
REQUESTS_AT_ONCE = 1_000
REQUESTS_KEPT = timedelta(days=30)
"""How long an idempotency key is remembered."""

DELIVERIES_AT_ONCE = 1_000
DELIVERIES_KEPT = timedelta(days=30)
"""How long what became of an event is told."""

TOLD_AT_ONCE = 1_000
TOLD_KEPT = timedelta(days=2)
"""How long it is remembered that a boundary was told of, once it has passed: clocks may differ, but not by so much."""

EXPIRING_DAYS = 3
MOST_EXPIRING_DAYS = 28

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

# Each by what an index begins with: from one endpoint that has deliveries to the next, whether it is there or not.
_NEXT_ENDPOINT = "select endpoint_id from delivery where endpoint_id > id(:after) order by endpoint_id limit 1"
_IS_THERE = "select 1 from endpoint where endpoint_id = id(:endpoint)"
_SPAN = "endpoint_id = id(:endpoint) and (recorded_at, account_id, seq) > (:at, id(:account), :seq)"
_DELIVERIES = (
    f"select recorded_at, account_id, seq from delivery where {_SPAN} and recorded_at < :recorded_before"  # noqa: S608
    " order by recorded_at, account_id, seq limit :limit"
)
_DROP_DELIVERIES = (
    f"delete from delivery where {_SPAN}"  # noqa: S608
    " and (recorded_at, account_id, seq) <= (:last_at, id(:last_account), :last_seq)"
    " and (:all or (status <> 'waiting' and tried_at < :tried_before))"
)
_TOLD = (
    "select account_id, boundary from told"
    " where (account_id, boundary) > (id(:account), :at) order by account_id, boundary limit :limit"
)
_DROP_TOLD = (
    "delete from told where boundary < :before"
    " and (account_id, boundary) > (id(:account), :at) and (account_id, boundary) <= (id(:last_account), :last_at)"
)


class UpkeepDone(msgspec.Struct, frozen=True):
    """What was done: accounts written up, requests dropped, returns finished, deliveries dropped, and events told.

    `accounts_failed` could not be written up, and why; the audit tells what else is wrong with them.
    """

    accounts_settled: int
    accounts_failed: list[str]
    requests_dropped: int
    returns_finished: int
    events_dropped: int
    expiring_told: int


Tell = Callable[[int, int], None]
"""Told how much is done, and of how much."""


async def keep_up(
    ledger: Ledger, *, expiring_days: int = EXPIRING_DAYS, tell: Tell = lambda _done, _all: None
) -> UpkeepDone:
    """Write up accounts with something due, finish returns left unfinished, drop what nobody asks for any more.

    Webhook endpoints that want to know are told of what expires in the next `expiring_days`, once for each boundary.
    """
    whole("expiring_days", expiring_days, 1, MOST_EXPIRING_DAYS)
    settled, failed = await settle_due(ledger, tell=tell)
    dropped = await drop_requests(ledger)
    finished = await finish_tasks(ledger, started_seconds_ago=STALE_SECONDS) + await return_lapsed(ledger)
    events = await drop_deliveries(ledger)
    await drop_told(ledger)
    await drop_sessions(ledger)
    await drop_links(ledger)
    await drop_tries(ledger)
    return UpkeepDone(settled, failed, dropped, finished, events, await tell_expiring(ledger, expiring_days))


async def drop_deliveries(ledger: Ledger) -> int:
    """Let go of deliveries that ended 30 days ago, and of all whose endpoint is gone; return how many."""
    after, dropped = NOBODY, 0
    while row := await ledger.fetch_one(_NEXT_ENDPOINT, {"after": after}):
        after = str(row[0])
        is_gone = await ledger.fetch_one(_IS_THERE, {"endpoint": after}) is None
        dropped += await _drop_deliveries_of(ledger, after, is_gone=is_gone)
    return dropped


async def _drop_deliveries_of(ledger: Ledger, endpoint: str, *, is_gone: bool) -> int:
    # When it was recorded goes by the ledger's clock, when it was sent by the machine's.
    limits = {
        "recorded_before": EVER if is_gone else micros(ledger.now - DELIVERIES_KEPT),
        "limit": DELIVERIES_AT_ONCE,
    }
    drops = {"all": is_gone, "tried_before": micros(utc_now() - DELIVERIES_KEPT)}
    at, account, seq, dropped = -1, NOBODY, 0, 0
    while True:
        span = {"endpoint": endpoint, "at": at, "account": account, "seq": seq}
        rows = await ledger.fetch(_DELIVERIES, span | limits)
        if not rows:
            return dropped
        last_at, last_account, last_seq = rows[-1]
        last = {"last_at": last_at, "last_account": last_account, "last_seq": last_seq}
        dropped += await ledger.store.change(_DROP_DELIVERIES, span | last | drops)
        at, account, seq = last_at, last_account, last_seq


async def drop_told(ledger: Ledger) -> None:
    """Forget of which boundaries was told that have long passed."""
    before = micros(ledger.now - TOLD_KEPT)
    account, at = NOBODY, 0
    while True:
        rows = await ledger.fetch(_TOLD, {"account": account, "at": at, "limit": TOLD_AT_ONCE})
        if not rows:
            return
        last_account, last_at = rows[-1]
        if any(boundary < before for _, boundary in rows):
            last = {"last_account": last_account, "last_at": last_at}
            await ledger.store.change(_DROP_TOLD, {"account": account, "at": at, "before": before} | last)
        account, at = last_account, last_at


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
