"""Submissions a second through the writer, each rate beside that of a yardstick that alternates with it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

from bench import pgbench
from bench.filling import NOW, TickingClock, account_rows, fill_accounts, pairs, post_jobs
from bench.row import Row, at_least, at_most
from earnest import AsyncMarketplace
from earnest.ledger import sqlite
from earnest.ledger.act import Batch
from earnest.ledger.ids import NOBODY
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import micros
from earnest.ledger.store import Needs, Session
from earnest.marketplace.proposals import SubmitProposal
from earnest.marketplace.shown import ProposalShown
from tools.postgres import Server

ACCOUNTS, JOBS = 20_000, 2_000
SLICE_SECONDS = 3
ROUNDS = 5
SHORT_SLICE_SECONDS, SHORT_ROUNDS = 2, 4
FEW = (1, 4, 8, 16, 32)
ALONE = 1.3
"""How many times slower a submission alone may be than in a transaction of its own without a writer."""

Pairs = Iterator[tuple[str, str]]
Rate = Callable[[], Awaitable[float]]

_SUBSCRIBE = (
    "insert into endpoint (endpoint_id, url, created_at, secret) values (id(:id), 'https://example.com', :at, '')"
)


@asynccontextmanager
async def town(url: str, lanes: int | None = None) -> AsyncIterator[tuple[AsyncMarketplace, Pairs]]:
    """A marketplace of 20,000 accounts and 2,000 jobs, and who may propose to which."""
    async with await AsyncMarketplace.open(url, clock=TickingClock(), lanes=lanes) as market:
        accounts = await fill_accounts(market.ledger, ACCOUNTS, account_rows(market.ledger))
        yield market, pairs(accounts, await post_jobs(market, JOBS))


async def repeated(act: Callable[[int], Awaitable[None]], in_flight: int, seconds: int) -> float:
    """Return how often an act was done in a second, with so many under way all the time, each told its number."""
    done = 0
    began = perf_counter()

    async def keep_on(number: int) -> None:
        nonlocal done
        while perf_counter() < began + seconds:
            await act(number)
            done += 1

    await asyncio.gather(*map(keep_on, range(in_flight)))
    return done / (perf_counter() - began)


async def submissions(market: AsyncMarketplace, chosen: Pairs, in_flight: int, seconds: int = SLICE_SECONDS) -> float:
    """Return submissions a second with so many in flight; one that is refused ends the measure."""

    async def submit(_: int) -> None:
        account, job = next(chosen)
        answer = await market.submit(job, account)
        assert isinstance(answer, ProposalShown), answer

    return await repeated(submit, in_flight, seconds)


async def beside(ours: Rate, yardstick: Rate, rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Return our rate, the yardstick's, and the median of the rounds' ratios; a first round only warms up."""
    measured = [(await ours(), await yardstick()) for _ in range(rounds + 1)][1:]
    mine, its = zip(*measured, strict=True)
    return median(mine), median(its), median(one / other for one, other in measured)


async def against_pgbench(in_flight: int, least: float, *, subscribed: bool = False) -> list[Row]:
    """Submissions on PostgreSQL, to pgbench's transactions."""
    with Server() as server:
        yard = server.create_database("yard")
        await pgbench.initialize(yard)
        async with town(server.create_database("town"), lanes=2) as (market, chosen):
            if subscribed:
                await market.ledger.store.change(_SUBSCRIBE, {"id": NOBODY, "at": micros(NOW)})
            mine, its, ratio = await beside(
                lambda: submissions(market, chosen, in_flight), lambda: pgbench.transactions(yard, SLICE_SECONDS)
            )
    name = f"{in_flight} in flight" + (", subscribed" if subscribed else "")
    return [
        Row(f"submissions, {name}", round(mine), "/s"),
        Row(f"pgbench, {pgbench.CLIENTS} clients", round(its), "/s"),
        at_least(f"{name}, to pgbench", ratio, least),
    ]


def measure_32() -> Iterator[Row]:
    """32 submissions in flight, to pgbench with as many clients."""
    yield from asyncio.run(against_pgbench(32, 1.0))


def measure_512() -> Iterator[Row]:
    """512 submissions in flight, to pgbench."""
    yield from asyncio.run(against_pgbench(512, 2.0))


def measure_subscribed() -> Iterator[Row]:
    """512 submissions in flight while a webhook endpoint subscribes, to pgbench."""
    yield from asyncio.run(against_pgbench(512, 1.7, subscribed=True))


async def in_a_transaction_each(ledger: Ledger, chosen: Pairs, sessions: list[Session]) -> float:
    """Return submissions a second by as many connections as are in flight, without a writer: nothing is batched."""

    async def submit(number: int) -> None:
        account, job = next(chosen)
        act = SubmitProposal(account[4:], job[4:])
        needs = Needs()
        needs.accounts.add(act.account)
        act.needs(needs)
        batch = Batch(await sessions[number].read(needs), ledger.pack, ledger.now, ledger.ids)
        answer = act.decide(batch)
        assert isinstance(answer, ProposalShown), answer
        await sessions[number].write(batch.changes())

    return await repeated(submit, len(sessions), SHORT_SLICE_SECONDS)


async def against_a_transaction_each() -> list[Row]:
    """A few submissions in flight, to the same in a transaction each."""
    rows = []
    with Server() as server:
        async with town(server.create_database("town")) as (market, chosen):
            for few in FEW:
                sessions = [await market.ledger.store.session() for _ in range(few)]
                mine, its, ratio = await beside(
                    lambda few=few: submissions(market, chosen, few, SHORT_SLICE_SECONDS),
                    lambda sessions=sessions: in_a_transaction_each(market.ledger, chosen, sessions),
                    SHORT_ROUNDS,
                )
                for session in sessions:
                    await session.close()
                rows += [
                    Row(f"submissions, {few} in flight", round(mine), "/s"),
                    Row(f"in a transaction each, {few}", round(its), "/s"),
                    at_most("alone, times slower", 1 / ratio, ALONE)
                    if few == 1
                    else at_least(f"{few} in flight, to one each", ratio, 1.0),
                ]
    return rows


def measure_few() -> Iterator[Row]:
    """A few submissions in flight, to the same in a transaction each."""
    yield from asyncio.run(against_a_transaction_each())


def bare_commits(path: Path) -> float:
    """Return how many transactions a second, each of one small row, SQLite does with the ledger's settings."""
    connection = sqlite.connect(str(path))
    connection.execute("create table if not exists bare (n integer primary key, value integer)")
    done = 0
    began = perf_counter()
    while perf_counter() < began + SLICE_SECONDS:
        connection.execute("begin immediate")
        connection.execute("insert into bare (value) values (1)")
        connection.execute("commit")
        done += 1
    took = perf_counter() - began
    connection.close()
    return done / took


async def against_bare_commits() -> list[Row]:
    """256 submissions in flight on SQLite, to commits of one row on the same disk."""
    with tempfile.TemporaryDirectory(prefix="earnest-bench-") as folder:
        async with town(f"sqlite:///{folder}/town.db") as (market, chosen):
            mine, its, ratio = await beside(
                lambda: submissions(market, chosen, 256),
                lambda: asyncio.to_thread(bare_commits, Path(folder) / "bare.db"),
            )
    return [
        Row("SQLite, 256 in flight", round(mine), "/s"),
        Row("SQLite, bare commits", round(its), "/s"),
        at_least("SQLite, to bare commits", ratio, 2.5),
    ]


def measure_sqlite() -> Iterator[Row]:
    """256 submissions in flight on SQLite, to commits of one row on the same disk."""
    yield from asyncio.run(against_bare_commits())
