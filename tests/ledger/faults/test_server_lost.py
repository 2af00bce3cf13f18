"""PostgreSQL goes away, or somebody else holds what is needed: requests are tried again, and done once."""

import asyncio
from collections.abc import Iterator
from typing import Any, get_args

import psycopg
import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.ledger import postgresql, writer
from earnest.ledger.errors import BusyError, UnavailableError
from earnest.marketplace import closing
from earnest.marketplace.shown import ClosedShown, JobShown, ProposalShown
from tests.ledger.faults.acknowledged import audited, differences_in_journal, fetch
from tests.ledger.faults.conftest import GENEROUS_SECONDS, Town, meanwhile, wait_until
from tests.ledger.faults.link import Link
from tools.postgres import Mode, Server

JOBS = 24


@pytest.fixture
def town_market(own_database: str) -> Iterator[Marketplace]:
    with Marketplace.open(own_database) as market:
        yield market


@pytest.fixture
def other(own_database: str) -> Iterator[psycopg.Connection]:
    """Somebody else at the same database."""
    with psycopg.connect(own_database) as connection:
        yield connection


def check(market: Marketplace) -> None:
    assert differences_in_journal(market) == []
    assert list(audited(market)) == []


class Crowd:
    """Many accounts that each propose to one job after the other, under keys, until each proposal is answered."""

    def __init__(self, market: Marketplace, accounts: int) -> None:
        self.town = Town(market, accounts)
        self.jobs = [self.town.post(market) for _ in range(JOBS)]
        self.total = accounts * JOBS
        self.answers: dict[str, object] = {}
        self.failures: list[UnavailableError] = []
        self._market = market
        self.done = meanwhile(market.wait, self._propose(market._inner))

    async def _propose(self, market: AsyncMarketplace) -> None:
        await asyncio.gather(*(self._propose_all(market, account) for account in self.town.accounts))

    async def _propose_all(self, market: AsyncMarketplace, account: str) -> None:
        for job in self.jobs:
            key = f"{account} {job}"
            while key not in self.answers:
                try:
                    self.answers[key] = await market.submit(job, account, key=key)
                except UnavailableError as error:
                    self.failures.append(error)
                    await asyncio.sleep(0.05)

    def wait_for(self, answers: int) -> None:
        wait_until(lambda: len(self.answers) >= answers)

    def check(self) -> None:
        self.done.result(GENEROUS_SECONDS)
        for answer in self.answers.values():
            assert isinstance(answer, ProposalShown)
        ids = {answer.id for answer in self.answers.values() if isinstance(answer, ProposalShown)}
        assert len(ids) == self.total
        assert fetch(self._market, "select count(*) from proposal") == [(self.total,)]
        assert fetch(self._market, "select min(balance), max(balance) from account") == [(70 - 2 * JOBS,) * 2]
        check(self._market)


@pytest.mark.parametrize("mode", [*(mode for mode in get_args(Mode) if mode != "smart"), "kill"])
def test_a_server_that_is_started_anew_has_all_that_was_acknowledged(
    town_market: Marketplace, own_server: Server, mode: Any
) -> None:
    # So many that a fast disk leaves work for after the second time.
    crowd = Crowd(town_market, 100)
    for answers in (100, 500):
        crowd.wait_for(answers)
        if mode == "kill":
            own_server.kill()
        else:
            own_server.stop(mode)
        assert len(crowd.answers) < crowd.total
        own_server.start()
    crowd.check()


def test_a_lane_whose_backend_is_ended_goes_on(town_market: Marketplace, other: psycopg.Connection) -> None:
    other.autocommit = True
    crowd = Crowd(town_market, 40)
    ended = 0
    for answers in range(50, crowd.total - 100, 150):
        crowd.wait_for(answers)
        ended += other.execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        ).fetchall()[0][0]
    crowd.check()
    assert ended >= 5
    assert crowd.failures == []


def test_reads_find_a_server_again_that_was_away_for_long(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "CONNECT_SECONDS", 1)
    with Link(own_database) as link, Marketplace.open(link.url) as market:
        link.down()
        for _ in range(4):
            with pytest.raises(UnavailableError):
                market.jobs()
        link.up()
        assert market.jobs() is not None


def test_a_locked_account_keeps_nobody_else_waiting(town_market: Marketplace, other: psycopg.Connection) -> None:
    town = Town(town_market, 20)
    locked, *others = town.accounts
    other.execute("select 1 from account where account_id = %s for update", [locked[4:]])
    waiting = meanwhile(town_market.submit, town.job, locked)
    for account in others:
        assert isinstance(town_market.submit(town.job, account), ProposalShown)
    assert not waiting.done()
    other.commit()
    assert isinstance(waiting.result(GENEROUS_SECONDS), ProposalShown)
    check(town_market)


def test_a_locked_account_fails_as_busy_and_nothing_has_happened(
    town_market: Marketplace, other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(town_market, 1)
    [ana] = town.accounts
    other.execute("select 1 from account where account_id = %s for update", [ana[4:]])
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.2)
    with pytest.raises(BusyError, match="locked"):
        town_market.submit(town.job, ana, key="once")
    other.commit()
    assert fetch(town_market, "select 1 from proposal") == []
    monkeypatch.undo()
    assert isinstance(town_market.submit(town.job, ana, key="once"), ProposalShown)
    check(town_market)


@pytest.mark.parametrize("act", ["hire", "close"])
def test_a_locked_job_is_waited_for(
    town_market: Marketplace, other: psycopg.Connection, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(town_market, 3)
    sent = town_market.submit(town.job, town.accounts[0])
    assert isinstance(sent, ProposalShown)

    def do() -> object:
        return town_market.hire(sent.id) if act == "hire" else town_market.close_job(town.job, "cancelled")

    other.execute("select 1 from job where job_id = %s for update", [town.job[4:]])
    with monkeypatch.context() as impatient:
        impatient.setattr(writer, "PATIENCE_SECONDS", 0.2)
        with pytest.raises(BusyError, match="locked"):
            do()
    shown = town_market.job(town.job)
    assert isinstance(shown, JobShown)
    assert (shown.status, shown.hires) == ("open", 0)
    waiting = meanwhile(do)
    # Proposing locks no job.
    assert isinstance(town_market.submit(town.job, town.accounts[1]), ProposalShown)
    assert not waiting.done()
    other.commit()
    answer = waiting.result(GENEROUS_SECONDS)
    if act == "hire":
        assert isinstance(answer, ProposalShown)
        assert answer.status == "hired"
    else:
        assert isinstance(answer, ClosedShown)
        assert (answer.returned.proposals, answer.returned.pending) == (2, False)
    check(town_market)


def test_a_closing_is_pending_while_an_earlier_write_has_not_ended(
    town_market: Marketplace, other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "FENCE_SECONDS", 0.2)
    town = Town(town_market, 2)
    town_market.submit(town.job, town.accounts[0])
    other.execute("select pg_current_xact_id()")
    for _ in range(2):
        closed = town_market.close_job(town.job, "cancelled")
        assert isinstance(closed, ClosedShown)
        assert (closed.job.status, closed.returned.pending) == ("closed", True)
        assert fetch(town_market, "select done_at from task") == [(None,)]
    other.rollback()
    closed = town_market.close_job(town.job, "cancelled")
    assert isinstance(closed, ClosedShown)
    assert (closed.returned.proposals, closed.returned.connects, closed.returned.pending) == (1, 2, False)
    check(town_market)


def test_a_closing_that_waits_no_longer_finishes_all_the_same(
    town_market: Marketplace, other: psycopg.Connection
) -> None:
    town = Town(town_market, 1)
    town_market.submit(town.job, town.accounts[0])
    other.execute("select pg_current_xact_id()")
    closed = town_market.close_job(town.job, "cancelled", wait_seconds=0.1)
    assert isinstance(closed, ClosedShown)
    assert closed.returned.pending
    other.rollback()
    wait_until(lambda: fetch(town_market, "select 1 from task where done_at is not null"))
    check(town_market)
