"""Submissions at a fixed rate, whether or not the ones before are answered, and how long each one takes."""

import asyncio
import gc
from collections.abc import Callable
from time import perf_counter

from bench.submissions import Pairs
from earnest import AsyncMarketplace
from earnest.marketplace.shown import ProposalShown

RATE = 300
"""Submissions a second: well below what the writer can do, so that what is measured is waiting, not a queue."""


async def latencies(market: AsyncMarketplace, chosen: Pairs, goes_on: Callable[[float], bool]) -> list[float]:
    """Submit for as long as told, given the seconds so far; return the milliseconds from when each was due."""
    took: list[float] = []
    began = perf_counter()

    async def submit(due: float) -> None:
        account, job = next(chosen)
        answer = await market.submit(job, account)
        assert isinstance(answer, ProposalShown), answer
        took.append((perf_counter() - due) * 1000)

    async with asyncio.TaskGroup() as group:
        number = 0
        while goes_on(perf_counter() - began):
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - perf_counter()))
            group.create_task(submit(due))
            number += 1
    return took


def freeze() -> None:
    """Let the collector leave alone what there is: a server does so when it has started.

    The rows that a bench has drawn up beforehand would else be walked in the middle of a measure, 40 ms at a time.
    """
    gc.collect()
    gc.freeze()


def p99(took: list[float]) -> float:
    """Return what 99 of 100 don't pass."""
    return sorted(took)[len(took) * 99 // 100]
