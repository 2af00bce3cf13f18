"""Databases filled for the measures: accounts with connects, jobs, and a clock that ticks.

The ledger's own acts decide one account's rows; the others are copies of them under ids of their own. So they are the
rows the ledger would have written.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from time import monotonic

import msgspec

from earnest import AsyncMarketplace
from earnest.ledger.act import Batch
from earnest.ledger.ids import Ids
from earnest.ledger.ledger import Ledger
from earnest.ledger.packing import micros
from earnest.ledger.rows import TABLES, AccountRow, JobRow, columns
from earnest.ledger.store import Changes, Facts, Needs
from earnest.marketplace.accounts import OpenAccount
from earnest.marketplace.proposals import SubmitProposal
from earnest.marketplace.shown import AccountShown, ClientShown, JobShown, ProposalShown

OPENED = datetime(2023, 12, 5, 9, tzinfo=UTC)
NOW = datetime(2024, 1, 15, 9, tzinfo=UTC)
"""Far from a month's end, and past one since the accounts were opened, so that a plus account holds two lots."""

PRICE = 2
TIMES = 70
"""A plus account then has 140 connects and can propose so many times."""

COPIES_AT_ONCE = 10_000


class TickingClock:
    """A clock that goes on from a time as the real one does, and can be set."""

    def __init__(self, now: datetime = NOW) -> None:
        self.set_to(now)

    def __call__(self) -> datetime:
        """Return the time."""
        return self._start + timedelta(seconds=monotonic() - self._since)

    def set_to(self, now: datetime) -> None:
        """Go on from another time."""
        self._start, self._since = now, monotonic()


def account_rows(ledger: Ledger, plan: str = "plus", jobs: Sequence[str] = (), opened_at: datetime = OPENED) -> Changes:
    """Return the rows of an account opened in the month before, which has proposed to some jobs."""
    facts = Facts()
    facts.jobs = [_job_row(job) for job in jobs]
    batch = Batch(facts, ledger.pack, NOW, ledger.ids)
    shown = OpenAccount("individual", plan, "Ana", None, opened_at).decide(batch)
    assert isinstance(shown, AccountShown), shown
    for job in jobs:
        answer = SubmitProposal(shown.id[4:], job[4:]).decide(batch)
        assert isinstance(answer, ProposalShown), answer
    return batch.changes()


def _job_row(job: str) -> JobRow:
    lapses = micros(NOW + timedelta(days=30))
    return JobRow(job[4:], "0" * 32, "fixed", PRICE, 0, micros(NOW), lapses, "Job", budget=10_000)


async def fill_accounts(ledger: Ledger, count: int, *like: Changes) -> list[str]:
    """Write some accounts, and so many more, each the same as one of them in turn but for its id; return those ids."""
    for account in like:
        await _write(ledger, account)
    ids = Ids(Random(1))
    made = [ids.new(OPENED + timedelta(milliseconds=number)) for number in range(count)]
    pieces = [
        (account, made[first : first + COPIES_AT_ONCE * len(like)][number :: len(like)])
        for first in range(0, count, COPIES_AT_ONCE * len(like))
        for number, account in enumerate(like)
    ]
    # Two at a time, a core each.
    await asyncio.gather(_copy(ledger, pieces[::2]), _copy(ledger, pieces[1::2]))
    return made


async def _write(ledger: Ledger, changes: Changes) -> None:
    """Write rows as a lane does."""
    session = await ledger.store.session()
    await session.read(Needs())
    await session.write(changes)
    await session.close()


async def _copy(ledger: Ledger, pieces: Sequence[tuple[Changes, Sequence[str]]]) -> None:
    """Copy the rows of an account, which are written, to other ids, in the database."""
    each = "unhex(value) as copy from json_each(:ids)"
    if ledger.store.lanes > 1:
        each = "value::uuid as copy from json_array_elements_text(:ids::json)"
    for like, ids in pieces:
        params = {"like": like.new[AccountRow][0].account_id, "ids": msgspec.json.encode(ids).decode()}
        for kind in like.new:
            # Whatever belongs to an account has the account's id first, and nowhere else.
            table, (id_, *others) = TABLES[kind].name, [column.name for column in columns(kind)]
            listed = ", ".join(others)
            await ledger.store.change(
                f"insert into {table} ({id_}, {listed}) select copy, {listed}"  # noqa: S608
                f" from {table} cross join (select {each}) as copies where {id_} = id(:like) order by copy",
                params,
            )


async def post_jobs(market: AsyncMarketplace, count: int) -> list[str]:
    """Post jobs that cost 2 connects, and return their ids."""
    client = await market.create_client(name="Cleo")
    assert isinstance(client, ClientShown), client
    jobs = []
    for number in range(count):
        job = await market.post_job(client.id, title=f"Job {number}", type="fixed", budget=10_000)
        assert isinstance(job, JobShown), job
        assert job.price == PRICE
        jobs.append(job.id)
    return jobs


def pairs(accounts: Sequence[str], jobs: Sequence[str], times: int = TIMES) -> Iterator[tuple[str, str]]:
    """Yield ids of accounts and jobs: accounts in a shuffled order, so many times over, and never a pair twice."""
    shuffled = [f"acc_{account}" for account in accounts]
    Random(2).shuffle(shuffled)
    assert times <= len(jobs)
    for time in range(times):
        for number, account in enumerate(shuffled):
            yield account, jobs[(number * times + time) % len(jobs)]
