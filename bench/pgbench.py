"""The yardstick on PostgreSQL: pgbench's simple update, prepared (-N -M prepared), by 32 clients."""

import asyncio
import re

from tools import postgres

SCALE = 10
CLIENTS = 32


async def _run(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        postgres.find() / "pgbench", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return said.decode()


async def initialize(url: str) -> None:
    """Make pgbench's tables in a database."""
    await _run("--initialize", "--quiet", f"--scale={SCALE}", url)


async def transactions(url: str, seconds: int) -> float:
    """Return how many transactions a second pgbench does."""
    options = ["-N", "-n", "-M", "prepared", f"--client={CLIENTS}", "--jobs=2", f"--time={seconds}"]
    said = await _run(*options, url)
    found = re.search(r"tps = ([\d.]+) \(without", said)
    assert found, said
    return float(found[1])
