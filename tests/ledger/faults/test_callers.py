"""Callers that are too many, that go away, or that ask for what the rules stumble over: nobody else is harmed."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.ledger import writer
from earnest.ledger.act import Batch
from earnest.ledger.errors import BusyError, UnavailableError
from earnest.ledger.rows import RequestRow
from earnest.marketplace.proposals import SubmitProposal
from earnest.marketplace.shown import AccountShown, ClientShown, JobShown, ProposalShown
from earnest.rules.outcome import Refused
from tests.ledger.faults.acknowledged import audited, differences_in_journal, fetch
from tests.ledger.faults.conftest import GENEROUS_SECONDS, wait_until

T = TypeVar("T")

ACCOUNTS = 30


def run(database: str, life: Callable[[AsyncMarketplace, str, list[str]], Coroutine[Any, Any, T]], lanes: int = 1) -> T:
    """Run something in a marketplace with a job and some accounts, in one event loop, and check what is left."""

    async def live() -> T:
        async with await AsyncMarketplace.open(database, lanes=lanes) as market:
            client = await market.create_client(name="Dan")
            assert isinstance(client, ClientShown)
            job = await market.post_job(client.id, title="A logo", type="fixed", budget=30_000)
            assert isinstance(job, JobShown)
            opened = [await market.open_account(kind="individual", plan="plus") for _ in range(ACCOUNTS)]
            accounts = [account.id for account in opened if isinstance(account, AccountShown)]
            return await life(market, job.id, accounts)

    answer = asyncio.run(live())
    with Marketplace.open(database) as market:
        assert differences_in_journal(market) == []
        assert list(audited(market)) == []
    return answer


def proposals(database: str) -> int:
    with Marketplace.open(database) as market:
        return int(fetch(market, "select count(*) from proposal")[0][0])


async def all_of(every: list[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*every, return_exceptions=True)


def test_a_full_queue_turns_away_at_once_and_does_what_it_took(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def life(market: AsyncMarketplace, job: str, accounts: list[str]) -> list[Any]:
        monkeypatch.setattr(writer, "MOST_WAITING", 10)
        asked = [asyncio.ensure_future(market.submit(job, account)) for account in accounts]
        # All have asked, and the lane hasn't begun: it is another task of this loop.
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert all(isinstance(each.exception(), BusyError) for each in done)
        assert len(done) == ACCOUNTS - 10
        return await all_of(list(asked))

    answers = run(database, life)
    turned_away = [answer for answer in answers if isinstance(answer, BusyError)]
    assert [answer.retry_after_seconds for answer in turned_away] == [1] * (ACCOUNTS - 10)
    assert sum(isinstance(answer, ProposalShown) for answer in answers) == 10
    assert proposals(database) == 10


def test_a_caller_that_goes_away_leaves_a_whole_outcome(database: str) -> None:
    async def life(market: AsyncMarketplace, job: str, accounts: list[str]) -> list[str]:
        asked = {account: asyncio.ensure_future(market.submit(job, account, key="once")) for account in accounts}
        await asyncio.sleep(0)
        for account in accounts[::2]:
            asked[account].cancel()
        answers = await all_of(list(asked.values()))
        assert sum(isinstance(answer, asyncio.CancelledError) for answer in answers) == ACCOUNTS / 2
        assert sum(isinstance(answer, ProposalShown) for answer in answers) == ACCOUNTS / 2
        # By the same key it comes out once, done before or not.
        again = await all_of([market.submit(job, account, key="once") for account in accounts])
        return [answer.id for answer in again]

    assert len(set(run(database, life))) == ACCOUNTS
    assert proposals(database) == ACCOUNTS


def test_a_closing_goes_on_without_whoever_asked_for_it(database: str) -> None:
    async def life(market: AsyncMarketplace, job: str, accounts: list[str]) -> None:
        await all_of([market.submit(job, account) for account in accounts])
        closing = asyncio.ensure_future(market.close_job(job, "cancelled"))
        async with asyncio.timeout(GENEROUS_SECONDS):
            while not any(name.startswith("give back") for name in market.ledger._under_way):
                await asyncio.sleep(0)
            closing.cancel()
            while not await market.ledger.fetch("select 1 from task where done_at is not null"):
                pass

    run(database, life)


def test_a_marketplace_that_closes_answers_everybody(database: str) -> None:
    async def life(market: AsyncMarketplace, job: str, accounts: list[str]) -> list[Any]:
        asked: list[Awaitable[Any]] = [asyncio.ensure_future(market.submit(job, account)) for account in accounts]
        await asyncio.sleep(0)
        await market.close()
        with pytest.raises(UnavailableError, match="closed"):
            await market.submit(job, accounts[0])
        with pytest.raises(UnavailableError):
            await market.job(job)
        return await all_of(asked)

    answers = run(database, life)
    assert all(isinstance(answer, ProposalShown) for answer in answers)
    assert proposals(database) == ACCOUNTS


def test_a_closed_marketplace_says_so(database: str) -> None:
    market = Marketplace.open(database)
    market.close()
    market.close()
    with pytest.raises(UnavailableError, match="closed"):
        market.create_client(name="Dan")
    with pytest.raises(UnavailableError, match="closed"):
        market.jobs()


def test_threads_that_ask_while_a_marketplace_closes_are_answered(database: str) -> None:
    market = Marketplace.open(database)
    client = market.create_client(name="Dan")
    assert isinstance(client, ClientShown)
    started = threading.Barrier(9)

    def ask() -> tuple[int, Exception]:
        count = 0
        started.wait()
        while True:
            try:
                market.client(client.id)
                market.create_client(name="Eva")
                count += 1
            except Exception as error:
                return count, error

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask) for _ in range(8)]
        started.wait()
        wait_until(lambda: fetch(market, "select count(*) from client")[0][0] >= 100)
        market.close()
        ended = [each.result(GENEROUS_SECONDS) for each in asking]
    assert [type(error) for _, error in ended] == [UnavailableError] * 8
    with Marketplace.open(database) as opened:
        # One may have been kept and its caller told that the ledger is closed, by the question that came after it.
        [(kept,)] = fetch(opened, "select count(*) from client")
        assert kept == 1 + sum(count for count, _ in ended)


Decide = Callable[[SubmitProposal, Batch], ProposalShown | Refused]


@pytest.mark.parametrize("when", ["before", "after", "in the store"])
def test_a_request_that_stumbles_fails_alone(database: str, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """Before anything was put down, after something was, or by a row that the store will not take."""
    usual: Decide = SubmitProposal.decide
    batches: list[int] = []

    def stumble(act: SubmitProposal, batch: Batch) -> ProposalShown | Refused:
        if act.bid != 13:
            return usual(act, batch)
        if when == "before":
            raise ZeroDivisionError("a defect")
        answer = usual(act, batch)
        if when == "after":
            raise ZeroDivisionError("a defect")
        batch.put(RequestRow(None, "no owner", 0, "", ""))  # type: ignore[arg-type]
        return answer

    class Counted(Batch):
        def __init__(self, *args: Any) -> None:
            batches.append(1)
            super().__init__(*args)

    async def life(market: AsyncMarketplace, job: str, accounts: list[str]) -> list[Any]:
        monkeypatch.setattr(SubmitProposal, "decide", stumble)
        monkeypatch.setattr(writer, "Batch", Counted)
        bids = {accounts[3]: 13, accounts[17]: 13}
        return await all_of([market.submit(job, account, bid=bids.get(account)) for account in accounts])

    answers = run(database, life)
    failed = [number for number, answer in enumerate(answers) if isinstance(answer, Exception)]
    assert failed == [3, 17]
    if when != "in the store":
        assert isinstance(answers[3], ZeroDivisionError)
    assert sum(isinstance(answer, ProposalShown) for answer in answers) == ACCOUNTS - 2
    assert proposals(database) == ACCOUNTS - 2
    # One batch; and where something had been put down already, each of it alone.
    assert len(batches) == (1 if when == "before" else 1 + ACCOUNTS)


def test_a_row_that_is_there_already_fails_alone(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual: Decide = SubmitProposal.decide
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 1.0)

    def repeat(act: SubmitProposal, batch: Batch) -> ProposalShown | Refused:
        answer = usual(act, batch)
        if act.bid == 13 and isinstance(answer, ProposalShown):
            batch.put(RequestRow(act.account, ":taken", 0, "", ""))
        return answer

    async def life(market: AsyncMarketplace, job: str, accounts: list[str]) -> list[Any]:
        await market.invite(job, accounts[3], key="taken")
        monkeypatch.setattr(SubmitProposal, "decide", repeat)
        bids = {accounts[3]: 13}
        return await all_of([market.submit(job, account, bid=bids.get(account)) for account in accounts])

    answers = run(database, life)
    assert [number for number, answer in enumerate(answers) if isinstance(answer, Exception)] == [3]
    assert proposals(database) == ACCOUNTS - 1
