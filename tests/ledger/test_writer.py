"""The writer: what gathers is written together, and each request is answered for itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.ledger import writer
from earnest.ledger.act import Act, Batch
from earnest.ledger.errors import BusyError, UnavailableError
from earnest.ledger.ledger import open_store
from earnest.ledger.postgresql import PostgreSQLSession
from earnest.ledger.rows import EntryRow
from earnest.ledger.sqlite import SQLiteSession
from earnest.ledger.store import Changes, Needs, Session
from earnest.ledger.writer import Lane
from earnest.marketplace.accounts import SettleAccount
from earnest.rules.commands import Grant
from earnest.rules.outcome import Refusal, Refused
from tests.marketplace.given import open_account, post, refusal
from tests.stores import StandingClock


class GrantOne(Act[int], frozen=True):
    """Grant a connect, and answer the balance."""

    answers: ClassVar[type] = int

    account: str

    @property
    def account_id(self) -> str:
        return self.account

    def decide(self, batch: Batch) -> int | Refused:
        outcome = batch.decide(self.account, Grant(1, "so"))
        return outcome if isinstance(outcome, Refused) else outcome.account.balance


class GrantLater(GrantOne, frozen=True):
    """The same, as work that nobody waits for."""

    patient: ClassVar[bool] = True


class Fail(GrantOne, frozen=True):
    """Fail, before or after something was put down."""

    after: bool

    def decide(self, batch: Batch) -> int | Refused:
        if self.after:
            super().decide(batch)
        raise RuntimeError("a defect")


class Batches:
    """What the lanes of all sessions wrote, batch by batch: the account of each line of a journal."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, database: str) -> None:
        self.written: list[list[str]] = []
        self.held: asyncio.Event | None = None
        session: Any = SQLiteSession if database.startswith("sqlite") else PostgreSQLSession
        write: Callable[[Session, Changes], Awaitable[None]] = session.write

        async def seen_write(own: Any, changes: Changes) -> None:
            self.written.append([row.account_id for row in changes.new.get(EntryRow, [])])  # type: ignore[attr-defined]
            if self.held is not None:
                await self.held.wait()
            await write(own, changes)

        monkeypatch.setattr(session, "write", seen_write)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch, database: str) -> Batches:
    return Batches(monkeypatch, database)


def run(
    database: str, clock: StandingClock, do: Callable[[AsyncMarketplace, list[str]], Awaitable[None]], lanes: int = 1
) -> None:
    """Do something with a marketplace of one lane and three accounts, by their plain ids."""

    async def opened() -> None:
        async with await AsyncMarketplace.open(database, clock=clock, lanes=lanes) as market:
            accounts = [await market.open_account(kind="individual", plan="basic") for _ in range(3)]
            await do(market, [each.id[4:] for each in accounts])

    asyncio.run(opened())


def test_what_gathers_is_one_batch_in_which_later_requests_see_earlier_ones(
    database: str, clock: StandingClock, batches: Batches
) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        batches.written.clear()
        ana, ben, _ = accounts
        answers = await asyncio.gather(*(market.ledger.do(GrantOne(each)) for each in (ana, ana, ben, ana)))
        assert answers == [61, 62, 61, 63]
        assert batches.written == [[ana, ana, ben, ana]]

    run(database, clock, do)


def test_nobody_is_answered_before_the_commit_also_not_with_a_refusal(
    database: str, clock: StandingClock, batches: Batches
) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        job = await market.post_job((await market.create_client()).id, title="A", type="hourly")
        batches.written.clear()
        batches.held = asyncio.Event()
        sending = [asyncio.create_task(market.submit(job.id, f"acc_{accounts[0]}")) for _ in range(2)]
        while not batches.written:
            await asyncio.sleep(0)
        done, _ = await asyncio.wait(sending, timeout=0.05)
        assert not done
        batches.held.set()
        first, second = await asyncio.gather(*sending)
        assert (first.status, refusal(second)) == ("live", "already_proposed")

    run(database, clock, do)


def test_a_refusal_writes_nothing(database: str, clock: StandingClock, batches: Batches) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        batches.written.clear()
        # What is due is not written up by it either.
        clock.move(days=40)
        assert refusal(await market.revoke(f"acc_{accounts[0]}", 61, reason="so")) == "insufficient_connects"
        assert refusal(await market.revoke("acc_" + "0" * 32, 1, reason="so")) == "unknown_account"
        assert batches.written == []

    run(database, clock, do)


@pytest.mark.parametrize("after", [False, True])
def test_a_request_that_fails_fails_alone(
    database: str, clock: StandingClock, caplog: pytest.LogCaptureFixture, after: bool
) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        ana, ben, _ = accounts
        acts = [GrantOne(ana), Fail(ana, after), GrantOne(ana), Fail(ben, after), GrantOne(ben)]
        answers = await asyncio.gather(*(market.ledger.do(each) for each in acts), return_exceptions=True)
        assert [type(each) for each in answers] == [int, RuntimeError, int, RuntimeError, int]
        assert [each for each in answers if isinstance(each, int)] == [61, 62, 61]
        assert (await market.audit()).differences == []

    with caplog.at_level(logging.CRITICAL, "earnest.ledger"):
        run(database, clock, do)


def test_work_that_nobody_waits_for_lets_others_go_first(
    database: str, clock: StandingClock, batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_IN_BATCH", 2)
    monkeypatch.setattr(writer, "MOST_PATIENT", 1)

    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        batches.written.clear()
        ana, ben, cem = accounts
        acts = [GrantLater(cem)] * 3 + [GrantOne(ana), GrantOne(ben), GrantOne(ana), GrantOne(ben)]
        await asyncio.gather(*(market.ledger.do(each) for each in acts))
        # The others fill the first batches, with one more at most in each; but it is all done.
        assert [each[:2] for each in batches.written[:2]] == [[ana, ben], [ana, ben]]
        assert batches.written[0].count(cem) <= 1
        assert batches.written[1].count(cem) <= 1
        assert sum(each.count(cem) for each in batches.written) == 3

    run(database, clock, do)


def test_too_many_that_wait_are_turned_away_and_nothing_of_theirs_happens(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        monkeypatch.setattr(writer, "MOST_WAITING", 5)
        asked = [market.ledger.do(GrantOne(accounts[0])) for _ in range(8)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        turned_away = [each for each in answers if isinstance(each, BusyError)]
        assert (len(turned_away), turned_away[0].retry_after_seconds) == (3, 1)
        assert (await market.balance(f"acc_{accounts[0]}")).available == 65

    run(database, clock, do)


def test_closing_does_what_waits_and_takes_nothing_more(database: str, clock: StandingClock, batches: Batches) -> None:
    async def opened() -> None:
        market = await AsyncMarketplace.open(database, clock=clock)
        ana = (await market.open_account(kind="individual", plan="basic")).id[4:]
        batches.written.clear()
        batches.held = asyncio.Event()
        first = asyncio.create_task(market.ledger.do(GrantOne(ana)))
        while not batches.written:
            await asyncio.sleep(0)
        # One is being written and three wait.
        waiting = [asyncio.create_task(market.ledger.do(GrantOne(ana))) for _ in range(3)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(market.close())
        await asyncio.sleep(0)
        batches.held.set()
        await closing
        assert await asyncio.gather(first, *waiting) == [61, 62, 63, 64]
        with pytest.raises(UnavailableError, match="closed"):
            await market.ledger.do(GrantOne(ana))

    asyncio.run(opened())


def test_a_time_that_stands_behind_the_account_s_is_taken_for_the_account_s(
    database: str, clock: StandingClock
) -> None:
    with Marketplace.open(database, clock=clock) as ahead:
        clock.move(minutes=1)
        ana = open_account(ahead).id
        with Marketplace.open(database, clock=StandingClock()) as behind:
            behind.grant(ana, 1, reason="so")
            job = post(behind).id
            assert behind.submit(job, ana).submitted_at == clock.now
            assert behind.balance(ana).available == 59
        assert ahead.audit().differences == []


@asynccontextmanager
async def held_elsewhere(url: str, *, accounts: Iterable[str] = (), jobs: Iterable[str] = ()) -> AsyncIterator[Session]:
    """Somebody else's transaction that holds accounts and jobs, until it is given up."""
    store = await open_store(url)
    other = await store.session()
    try:
        needs = Needs()
        needs.accounts.update(accounts)
        needs.held_jobs.update(jobs)
        facts = await other.read(needs)
        assert len(facts.accounts) + len(facts.jobs) == len(needs.accounts) + len(needs.held_jobs)
        yield other
    finally:
        await other.give_up()
        await other.close()
        await store.close()


@pytest.fixture
def postgresql(new_postgresql: Callable[[], str]) -> str:
    return new_postgresql()


def test_a_locked_account_holds_nobody_else_up(postgresql: str, clock: StandingClock) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        ana, ben, cem = accounts
        async with held_elsewhere(postgresql, accounts=[ana]) as other:
            waiting = [asyncio.create_task(market.ledger.do(GrantOne(ana))) for _ in range(3)]
            others = await asyncio.gather(*(market.ledger.do(GrantOne(each)) for each in (ben, cem, ben)))
            assert others == [61, 61, 62]
            assert not any(each.done() for each in waiting)
            await other.give_up()
            assert sorted(await asyncio.gather(*waiting)) == [61, 62, 63]

    run(postgresql, clock, do)


def test_a_locked_account_is_not_waited_for_for_ever(
    postgresql: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.1)
        async with held_elsewhere(postgresql, accounts=accounts[:1]):
            with pytest.raises(BusyError, match="locked by another process"):
                await market.ledger.do(GrantOne(accounts[0]))
        # Nothing of it happened.
        assert await market.ledger.do(GrantOne(accounts[0])) == 61

    run(postgresql, clock, do)


def test_a_job_that_somebody_else_decides_on_is_not_decided_on_and_takes_proposals_all_the_while(
    postgresql: str, clock: StandingClock
) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        job = await market.post_job((await market.create_client()).id, title="A", type="fixed", budget=30_000)
        first = await market.submit(job.id, f"acc_{accounts[0]}")
        async with held_elsewhere(postgresql, jobs=[job.id[4:]]) as other:
            # In one batch with those who would decide on it: an edit and a closing.
            editing = asyncio.create_task(market.edit_job(job.id, title="B"))
            closing = asyncio.create_task(market.close_job(job.id, "filled"))
            sent = await asyncio.gather(*(market.submit(job.id, f"acc_{each}") for each in accounts[1:]))
            assert [each.status for each in sent] == ["live", "live"]
            hiring = asyncio.create_task(market.hire(first.id))
            await market.submit(job.id, f"acc_{accounts[1]}")
            assert [each.done() for each in (hiring, editing, closing)] == [False] * 3
            await other.give_up()
            hired, closed = await hiring, await closing
            await editing
        assert closed.returned.proposals == (3 if isinstance(hired, Refused) else 0)
        assert (await market.audit()).differences == []

    run(postgresql, clock, do)


def test_an_account_that_isn_t_there_is_unknown_at_once(database: str, clock: StandingClock) -> None:
    async def do(market: AsyncMarketplace, accounts: list[str]) -> None:
        answer = await market.ledger.do(SettleAccount("0" * 32))
        assert answer == Refused(Refusal.UNKNOWN_ACCOUNT)

    run(database, clock, do)


def test_each_account_always_goes_through_one_lane(
    postgresql: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, set[int]] = {}
    put = Lane.put

    def seen_put(lane: Lane, waiting: Any) -> None:
        if waiting.act.account_id is not None:
            seen.setdefault(waiting.act.account_id, set()).add(id(lane))
        put(lane, waiting)

    monkeypatch.setattr(Lane, "put", seen_put)
    with Marketplace.open(postgresql, clock=clock, lanes=3) as market:
        accounts = [open_account(market).id for _ in range(20)]
        for _ in range(2):
            for account in accounts:
                market.grant(account, 1, reason="so")
    assert {len(lanes) for lanes in seen.values()} == {1}
    assert len({lane for lanes in seen.values() for lane in lanes}) == 3
