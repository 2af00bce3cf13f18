"""Closing a job with 10,000 proposals, while others submit."""

import asyncio
from collections.abc import Iterator
from statistics import median
from time import perf_counter

from bench.filling import TickingClock, account_rows, fill_accounts, pairs, post_jobs
from bench.load import RATE, freeze, latencies, p99
from bench.row import Row, at_most
from bench.submissions import Pairs
from earnest import AsyncMarketplace
from earnest.marketplace.shown import ClosedShown, ProposalShown
from tools.postgres import Server

PROPOSALS = 10_000
AT_ONCE = 1_000
ROUNDS = 5
QUIET_SECONDS = 4


async def propose(market: AsyncMarketplace, accounts: list[str], job: str) -> None:
    """Let every account propose to a job."""
    for first in range(0, len(accounts), AT_ONCE):
        some = accounts[first : first + AT_ONCE]
        for answer in await asyncio.gather(*(market.submit(job, f"acc_{account}") for account in some)):
            assert isinstance(answer, ProposalShown), answer


async def close(market: AsyncMarketplace, job: str) -> float:
    """Close a job and return the seconds until everything is returned."""
    began = perf_counter()
    closed = await market.close_job(job, "cancelled")
    assert isinstance(closed, ClosedShown), closed
    assert closed.returned.proposals == PROPOSALS, closed.returned
    assert not closed.returned.pending
    return perf_counter() - began


async def closing_round(market: AsyncMarketplace, chosen: Pairs, job: str) -> tuple[float, float, float]:
    """Return how long closing a job takes, and the p99 of submissions before it and while it lasts."""
    freeze()
    quiet = await latencies(market, chosen, lambda elapsed: elapsed < QUIET_SECONDS)
    task = asyncio.create_task(close(market, job))
    meanwhile = await latencies(market, chosen, lambda _: not task.done())
    return await task, p99(quiet), p99(meanwhile)


async def closings() -> list[Row]:
    """Close one job after the other."""
    with Server() as server:
        async with await AsyncMarketplace.open(server.create_database("town"), clock=TickingClock()) as market:
            accounts = await fill_accounts(market.ledger, 2 * PROPOSALS, account_rows(market.ledger))
            jobs = await post_jobs(market, 200)
            chosen = pairs(accounts[PROPOSALS:], jobs[ROUNDS:])
            for job in jobs[:ROUNDS]:
                await propose(market, accounts[:PROPOSALS], job)
            await market.ledger.store.change("vacuum analyze")
            await market.ledger.store.change("checkpoint")
            rounds = [await closing_round(market, chosen, job) for job in jobs[:ROUNDS]]
    seconds, quiet, meanwhile = zip(*rounds, strict=True)
    return [
        at_most(f"closing {PROPOSALS:,} proposals", median(seconds), 3, " s"),
        Row(f"p99 at {RATE}/s before", round(median(quiet), 1), " ms"),
        Row("p99 while closing", round(median(meanwhile), 1), " ms"),
        at_most("closing, p99 to before", median(after / before for _, before, after in rounds), 2.0),
    ]


def measure_closing() -> Iterator[Row]:
    """Close jobs with 10,000 proposals."""
    yield from asyncio.run(closings())
