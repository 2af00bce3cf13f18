"""A copy of a database in the middle of its life is a database: whole, as of one moment, and ready to go on."""

import sqlite3
from collections.abc import Callable

import psycopg

from earnest import Marketplace
from earnest.ledger.writer import Key
from earnest.marketplace.shown import ProposalShown
from tests.ledger.faults.acknowledged import audited, differences_in_journal, fetch, finish
from tests.ledger.faults.conftest import Town, wait_until
from tests.ledger.faults.test_server_lost import JOBS, Crowd
from tools.postgres import Server


def go_on(copy: str, crowd: Crowd, acknowledged: dict[str, object]) -> None:
    """Open a copy: what was acknowledged before it was made is there, and the rest can be done anew."""
    with Marketplace.open(copy) as market:
        finish(market)
        assert differences_in_journal(market) == []
        assert list(audited(market)) == []
        [(count,)] = fetch(market, "select count(*) from proposal")
        assert len(acknowledged) <= count < crowd.total
        for name, answer in crowd.answers.items():
            account, job = name.split()
            key = Key(name)
            again = market.submit(job, account, key=key)
            assert isinstance(again, ProposalShown)
            if name in acknowledged:
                assert key.replayed
                assert again == answer
        assert fetch(market, "select count(*) from proposal") == [(crowd.total,)]
        assert fetch(market, "select min(balance), max(balance) from account") == [(70 - 2 * JOBS,) * 2]
        assert list(audited(market)) == []


def test_a_sqlite_file_is_copied_while_it_is_written_to(new_sqlite: Callable[[], str]) -> None:
    url, copy = new_sqlite(), new_sqlite()
    with Marketplace.open(url) as market:
        crowd = Crowd(market, 20)
        crowd.wait_for(100)
        acknowledged = dict(crowd.answers)
        source = sqlite3.connect(url.removeprefix("sqlite:///"))
        target = sqlite3.connect(copy.removeprefix("sqlite:///"))
        source.backup(target)
        source.close()
        target.close()
        crowd.check()
    go_on(copy, crowd, acknowledged)


def test_a_postgresql_that_stood_still_is_copied(own_server: Server, own_database: str) -> None:
    """Its connections are cut, so that it can be a template; what was under way goes on after that."""
    name = own_database.rpartition("/")[2]
    copy = f"{name}_copy"
    with Marketplace.open(own_database) as market, psycopg.connect(own_server.url(), autocommit=True) as other:
        crowd = Crowd(market, 20)
        crowd.wait_for(100)
        other.execute(f"alter database {name} allow_connections false")
        acknowledged = dict(crowd.answers)
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        left = "select 1 from pg_stat_activity where datname = %s"
        wait_until(lambda: not other.execute(left, [name]).fetchall())
        made = own_server.create_database(copy, name)
        other.execute(f"alter database {name} allow_connections true")
        crowd.check()
    try:
        go_on(made, crowd, acknowledged)
    finally:
        own_server.drop_database(copy)


def test_a_copy_finishes_what_was_under_way(new_sqlite: Callable[[], str]) -> None:
    url, copy = new_sqlite(), new_sqlite()
    with Marketplace.open(url) as market:
        town = Town(market, 3)
        for account in town.accounts:
            market.submit(town.job, account)
        # As if it had been copied between the closing and its returns.
        store = market._inner.ledger.store
        for statement in (
            "update job set closed_at = posted_at, close_reason = 'cancelled' where job_id = id(:job)",
            "insert into task (job_id, kind, started_at) values (id(:job), 'closing', 1)",
        ):
            market.wait(store.change(statement, {"job": town.job[4:]}))
        source = sqlite3.connect(url.removeprefix("sqlite:///"))
        target = sqlite3.connect(copy.removeprefix("sqlite:///"))
        source.backup(target)
        source.close()
        target.close()
    with Marketplace.open(copy) as market:
        finish(market)
        assert fetch(market, "select count(*) from proposal where returned_at is not null") == [(3,)]
        assert differences_in_journal(market) == []
