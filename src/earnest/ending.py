"""Ending tasks, for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 2.0
"""How long a task is given to end before it is told so again."""


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks till all of them have ended, whatever comes of them.

    Once may not do: before Python 3.12 `asyncio.wait_for`, which libraries use too, forgets a cancellation that comes
    in the same moment as what it waits for.
    """
    all_ = list(tasks)
    waiting = {task for task in all_ if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
    await asyncio.gather(*all_, return_exceptions=True)
