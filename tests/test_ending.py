"""Tasks end when they are ended, also one that a library keeps from hearing of it the first time."""

import asyncio

import pytest

from earnest import ending


def test_a_task_that_misses_a_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_SECONDS", 0.01)
    missed = 0

    async def deaf() -> None:
        nonlocal missed
        while missed < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                missed += 1

    async def fails() -> None:
        raise ZeroDivisionError

    async def run() -> None:
        tasks = [asyncio.create_task(work()) for work in (deaf, fails)]
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await ending.end(tasks)
            await ending.end([])
        assert all(task.done() for task in tasks)

    asyncio.run(run())
    assert missed == 3
