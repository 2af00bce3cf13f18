"""Proposals a second over HTTP, through `earnest serve` with one worker, each rate beside pgbench's."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import msgspec

from bench import pgbench, wrk
from bench.filling import NOW, TIMES, account_rows, fill_accounts, post_jobs
from bench.row import Row, at_least, at_most
from earnest import AsyncMarketplace
from earnest.ledger.ledger import Ledger
from earnest.marketplace.shown import EndpointShown, KeyShown
from tools.postgres import Server

ACCOUNTS, JOBS = 20_000, 2_000
CONNECTIONS = 256
SLICE_SECONDS, ROUNDS = 3, 5
IN_A_CALL, CALLERS = 500, 4
IDLE_MEGABYTES = 120
LISTENS = "Earnest listens on "

_COUNT = "select count(*) from proposal"
_DELIVERIES = "select status, count(*) from delivery group by status"


class Town(msgspec.Struct, frozen=True):
    """A marketplace that is served: where, by which process, from which plan, and its ledger beside the server."""

    url: str
    process: int
    plan: Path
    ledger: Ledger


@asynccontextmanager
async def served(database: str, folder: Path, receiver: int | None = None) -> AsyncIterator[Town]:
    """A server on a database with 20,000 accounts and 2,000 jobs. Its clock stands, in the middle of a month."""
    plan = folder / "plan.txt"
    async with await AsyncMarketplace.open(database, sandbox_at=NOW) as market:
        accounts = await fill_accounts(market.ledger, ACCOUNTS, account_rows(market.ledger))
        jobs = await post_jobs(market, JOBS)
        key = await market.create_key(name="bench", scope="propose")
        assert isinstance(key, KeyShown)
        if receiver is not None:
            made = await market.create_endpoint(f"http://127.0.0.1:{receiver}/", allow_private=True)
            assert isinstance(made, EndpointShown), made
        plan.write_text("\n".join([str(key.secret), *(f"acc_{account}" for account in accounts), *jobs]) + "\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EARNEST_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "earnest", "serve", "--sandbox", "--database", database, "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=kept | {"EARNEST_WEBHOOK_PRIVATE_ADDRESSES": "true"},
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith(LISTENS), line
        async with await AsyncMarketplace.open(database, sandbox_at=NOW) as market:
            yield Town(line.removeprefix(LISTENS).strip(), process.pid, plan, market.ledger)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def resident(process: int) -> int:
    """Return a process's resident memory, in megabytes."""
    [line] = [each for each in Path(f"/proc/{process}/status").read_text().splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) // 1000


async def against_pgbench(town: Town, yard: str, each: int, connections: int) -> tuple[list[wrk.Load], list[float]]:
    """Alternate slices of ours and pgbench's; return what came of each. Every proposal sent has to be accepted."""
    first = 0
    loads, yards = [], []
    for _ in range(ROUNDS + 1):
        [(before,)] = await town.ledger.fetch(_COUNT)
        load = await wrk.load(
            town.url, town.plan, first, times=TIMES, each=each, connections=connections, seconds=SLICE_SECONDS
        )
        assert load.refused == load.failed == 0, load
        # What was under way when the load ended is done all the same; nothing that was answered may be missing.
        [(after,)] = await town.ledger.fetch(_COUNT)
        assert load.answered * each <= after - before <= (load.answered + connections) * each, (load, after - before)
        first += (load.answered + connections) * each
        loads.append(load)
        yards.append(await pgbench.transactions(yard, SLICE_SECONDS))
    return loads[1:], yards[1:]


async def measure(store: str, name: str, least: float, *, each: int = 1, subscribed: bool = False) -> list[Row]:
    """Proposals over HTTP on a store, to pgbench's transactions."""
    connections = CONNECTIONS if each == 1 else CALLERS
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        yard = server.create_database("yard")
        await pgbench.initialize(yard)
        database = server.create_database("town") if store == "postgresql" else f"sqlite:///{folder}/town.db"
        receiver = subprocess.Popen([sys.executable, "-m", "bench.receiver"], stdout=subprocess.PIPE, text=True)
        try:
            assert receiver.stdout is not None
            port = int(receiver.stdout.readline()) if subscribed else None
            async with served(database, Path(folder), port) as town:
                idle = resident(town.process)
                loads, yards = await against_pgbench(town, yard, each, connections)
                loaded = resident(town.process)
                told = dict(await town.ledger.fetch(_DELIVERIES)) if subscribed else {}
        finally:
            receiver.terminate()
            receiver.wait()
    rates = [load.answered * each / load.seconds for load in loads]
    rows = [
        Row(f"proposals, {name}", round(median(rates)), "/s"),
        Row(f"pgbench, {pgbench.CLIENTS} clients", round(median(yards)), "/s"),
        at_least(f"{name}, to pgbench", median(rate / yard for rate, yard in zip(rates, yards, strict=True)), least),
        Row(f"p50, {name}", round(median(load.p50 for load in loads), 1), " ms"),
        Row(f"p99, {name}", round(median(load.p99 for load in loads), 1), " ms"),
        at_most(f"worker, idle, {name}", idle, IDLE_MEGABYTES, " MB"),
        Row(f"worker, loaded, {name}", loaded, " MB"),
    ]
    if subscribed:
        assert not told.get("failed"), told
        rows.append(Row(f"told so far, {name}", told.get("delivered", 0), " events"))
        rows.append(Row(f"still to tell, {name}", told.get("waiting", 0), " events"))
    return rows


def measure_http() -> Iterator[Row]:
    """Proposals one a call on PostgreSQL."""
    yield from asyncio.run(measure("postgresql", "HTTP", 0.7))


def measure_http_subscribed() -> Iterator[Row]:
    """Proposals one a call on PostgreSQL while a webhook endpoint is told of each."""
    yield from asyncio.run(measure("postgresql", "HTTP, subscribed", 0.5, subscribed=True))


def measure_http_batch() -> Iterator[Row]:
    """Proposals 500 a call on PostgreSQL."""
    yield from asyncio.run(measure("postgresql", "HTTP, 500 a call", 2.0, each=IN_A_CALL))


def measure_http_sqlite() -> Iterator[Row]:
    """Proposals one a call on SQLite."""
    yield from asyncio.run(measure("sqlite", "HTTP, SQLite", 0.7))


def measure_http_sqlite_subscribed() -> Iterator[Row]:
    """Proposals one a call on SQLite while a webhook endpoint is told of each."""
    yield from asyncio.run(measure("sqlite", "HTTP, SQLite, subscribed", 0.5, subscribed=True))
