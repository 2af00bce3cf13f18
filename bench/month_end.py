"""Submissions while a million accounts pass a month's end, with and without the sweeper at their side.

The clock is set to and fro over the boundary, so that each slice after it stands beside one before it. Whoever submits
has not been settled: the sweeper goes by account id, from the first half of them on, and they are of the second.
"""

import asyncio
import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

from bench.filling import NOW, TickingClock, account_rows, fill_accounts, pairs, post_jobs
from bench.load import RATE, latencies, p99
from bench.row import Row, at_most
from bench.submissions import Pairs
from earnest import AsyncMarketplace
from tools.postgres import Server

ACCOUNTS = 1_000_000
BEFORE = datetime(2024, 1, 31, 12, tzinfo=UTC)
AFTER = datetime(2024, 2, 1, tzinfo=UTC)
ROUNDS = 5
SLICE_SECONDS = 5
MOST = 1.5


class _EnoughError(Exception):
    """The slice is over."""


async def slice_p99(market: AsyncMarketplace, chosen: Pairs) -> float:
    """Return the p99 of a slice, in ms."""
    return p99(await latencies(market, chosen, lambda elapsed: elapsed < SLICE_SECONDS))


async def swept_p99(market: AsyncMarketplace, chosen: Pairs) -> tuple[float, float]:
    """Return the p99 of a slice with the sweeper at its side, and how many accounts a second that wrote up."""
    settled, over = 0, False

    def tell(done: int, _: int) -> None:
        nonlocal settled
        settled = done
        if over:
            raise _EnoughError

    sweeper = asyncio.create_task(market.keep_up(tell=tell))
    found = await slice_p99(market, chosen)
    over = True
    try:
        await sweeper
    except _EnoughError:
        return found, settled / SLICE_SECONDS
    raise AssertionError("the sweeper was done with a million accounts too soon")


async def month_ends() -> list[Row]:
    """Measure before, after, and after with the sweeper, in turn."""
    clock = TickingClock()
    with Server() as server:
        async with await AsyncMarketplace.open(server.create_database("town"), clock=clock) as market:
            like = [account_rows(market.ledger, plan, opened_at=NOW) for plan in ("basic", "plus")]
            accounts = await fill_accounts(market.ledger, ACCOUNTS, *like)
            chosen = pairs(accounts[ACCOUNTS // 2 :], await post_jobs(market, 2_000), times=1)
            del accounts
            await market.ledger.store.change("vacuum analyze")
            await market.ledger.store.change("checkpoint")
            # A server has no such list of accounts to look through for garbage.
            gc.collect()
            gc.freeze()
            rounds = []
            for _ in range(ROUNDS + 1):
                clock.set_to(BEFORE)
                before = await slice_p99(market, chosen)
                clock.set_to(AFTER)
                rounds.append((before, await slice_p99(market, chosen), *await swept_p99(market, chosen)))
    # The first round only warms up.
    befores, lazy, swept, settled = zip(*rounds[1:], strict=True)
    return [
        Row(f"p99 at {RATE}/s before a month's end", round(median(befores), 1), " ms"),
        Row("p99 after it", round(median(lazy), 1), " ms"),
        Row("p99 after it, with the sweeper", round(median(swept), 1), " ms"),
        Row("accounts swept meanwhile", round(median(settled)), "/s"),
        at_most("p99 after, to before", median(after / one for one, after, _, _ in rounds[1:]), MOST),
        at_most("p99 with the sweeper, to before", median(after / one for one, _, after, _ in rounds[1:]), MOST),
    ]


def measure_month_end() -> Iterator[Row]:
    """Submit while a million accounts pass a month's end."""
    yield from asyncio.run(month_ends())
