"""No room to write in, or no permission: requests fail, nothing is half-written, and all is well once there is room."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from earnest import Marketplace
from earnest.ledger import writer
from earnest.ledger.errors import UnavailableError
from earnest.marketplace.proposals import NewProposal
from earnest.marketplace.shown import BalanceShown, ClosedShown, JobShown, ProposalShown
from tests.ledger.faults.acknowledged import audited, differences_in_journal, fetch
from tests.ledger.faults.conftest import Town, wait_until

MOST_ROUNDS = 200


def set_on_writer(market: Marketplace, pragma: str) -> None:
    store = market._inner.ledger.store
    market.wait(store.written(lambda connection: connection.execute(pragma).fetchall()))  # type: ignore[attr-defined]


def check(market: Marketplace) -> None:
    assert differences_in_journal(market) == []
    assert list(audited(market)) == []


def submit_until_full(market: Marketplace, town: Town) -> tuple[int, UnavailableError]:
    """Submit with long letters until there is no more room; return how many were acknowledged, and what failed."""
    sent = 0
    for _ in range(MOST_ROUNDS):
        job = town.post(market)
        try:
            for account in town.accounts:
                assert isinstance(market.submit(job, account, cover_letter="x" * 10_000), ProposalShown)
                sent += 1
        except UnavailableError as error:
            return sent, error
        market.close_job(job, "cancelled")
    raise AssertionError("there was room without an end")


@pytest.fixture
def on_sqlite(new_sqlite: Callable[[], str]) -> Iterator[tuple[Marketplace, Path]]:
    url = new_sqlite()
    with Marketplace.open(url) as market:
        yield market, Path(url.removeprefix("sqlite:///"))


def test_a_full_sqlite_file_fails_requests_and_serves_again(on_sqlite: tuple[Marketplace, Path]) -> None:
    market, _ = on_sqlite
    town = Town(market, 5)
    before = fetch(market, "select count(*) from proposal")[0][0]
    pages = fetch(market, "pragma page_count")[0][0]
    set_on_writer(market, f"pragma max_page_count = {pages + 30}")
    sent, error = submit_until_full(market, town)
    assert "full" in str(error)
    assert sent > 0
    assert fetch(market, "select count(*) from proposal") == [(before + sent,)]
    check(market)
    # All at once, so that they are one batch, and fail as one.
    many = [NewProposal(town.job, account, cover_letter="x" * 10_000) for account in town.accounts]
    assert all(isinstance(each, UnavailableError) for each in market.submit_batch(many))
    assert fetch(market, "select count(*) from proposal") == [(before + sent,)]
    set_on_writer(market, "pragma max_page_count = 1000000")
    assert all(isinstance(each, ProposalShown) for each in market.submit_batch(many))
    check(market)


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_fails_requests_and_serves_again(on_sqlite: tuple[Marketplace, Path]) -> None:
    market, path = on_sqlite
    town = Town(market, 5)
    log = Path(f"{path}-wal")
    # The write-ahead log ends in the middle of a commit, wherever that is.
    with files_no_longer_than(log.stat().st_size + 200_000):
        sent, error = submit_until_full(market, town)
        assert "SQLite" in str(error)
        assert sent > 0
        assert fetch(market, "select count(*) from proposal") == [(sent,)]
    again = market.submit(town.job, town.accounts[0], cover_letter="x" * 10_000)
    assert isinstance(again, ProposalShown)
    check(market)
    market.close()
    with Marketplace.open(f"sqlite:///{path}") as opened:
        assert fetch(opened, "select count(*) from proposal") == [(sent + 1,)]
        check(opened)


def test_a_sqlite_file_that_may_not_be_written_fails_requests(on_sqlite: tuple[Marketplace, Path]) -> None:
    market, _ = on_sqlite
    town = Town(market, 1)
    [ana] = town.accounts
    set_on_writer(market, "pragma query_only = on")
    with pytest.raises(UnavailableError, match="readonly"):
        market.submit(town.job, ana, key="once")
    with pytest.raises(UnavailableError, match="readonly"):
        market.close_job(town.job, "cancelled")
    # What is there can be seen.
    assert isinstance(market.balance(ana), BalanceShown)
    set_on_writer(market, "pragma query_only = off")
    shown = market.job(town.job)
    assert isinstance(shown, JobShown)
    assert shown.status == "open"
    assert isinstance(market.submit(town.job, ana, key="once"), ProposalShown)
    check(market)


def test_what_is_no_database_can_not_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear client, " * 1000, encoding="utf-8")
    with pytest.raises(UnavailableError, match="not a database"):
        Marketplace.open(f"sqlite:///{path}")
    with pytest.raises(UnavailableError, match="unable to open"):
        Marketplace.open(f"sqlite:///{tmp_path}/nowhere/earnest.db")
    with pytest.raises(UnavailableError):
        Marketplace.open("postgresql://earnest@127.0.0.1:1/earnest")


def test_a_sqlite_file_that_somebody_else_writes_to_is_waited_for(
    on_sqlite: tuple[Marketplace, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    market, path = on_sqlite
    town = Town(market, 1)
    [ana] = town.accounts
    set_on_writer(market, "pragma busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with monkeypatch.context() as impatient:
        impatient.setattr(writer, "PATIENCE_SECONDS", 0.2)
        with pytest.raises(UnavailableError, match="locked") as failure:
            market.submit(town.job, ana, key="once")
    assert not failure.value.outcome_unknown
    other.execute("rollback")
    other.close()
    assert isinstance(market.submit(town.job, ana, key="once"), ProposalShown)
    check(market)


@pytest.mark.parametrize("by", ["server", "database"])
def test_a_postgresql_that_only_reads_fails_requests_and_serves_again(own_database: str, by: str) -> None:
    name = own_database.rpartition("/")[2]
    setting = "default_transaction_read_only"

    with Marketplace.open(own_database) as market, psycopg.connect(own_database, autocommit=True) as other:

        def only_reads(value: str) -> None:
            other.execute("set default_transaction_read_only = off")
            if by == "server":
                other.execute(f"alter system set {setting} = {value}")
                other.execute("select pg_reload_conf()")
            else:
                other.execute(f"alter database {name} set {setting} = {value}")
                # Settings of a database hold for new connections.
                other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )

        def submit() -> object:
            return market.submit(town.job, ana, key="once")

        town = Town(market, 1)
        [ana] = town.accounts
        try:
            only_reads("on")
            # The server reads its configuration a little later.
            wait_until(lambda: fetch(market, f"show {setting}") == [("on",)])
            with pytest.raises(UnavailableError, match="read-only"):
                submit()
            assert isinstance(market.balance(ana), BalanceShown)
            assert fetch(market, "select 1 from proposal") == []
        finally:
            other.execute("set default_transaction_read_only = off")
            other.execute(f"alter system reset {setting}")
            other.execute(f"alter database {name} reset {setting}")
            other.execute("select pg_reload_conf()")
        if by == "server":
            wait_until(lambda: fetch(market, f"show {setting}") == [("off",)])
        assert isinstance(submit(), ProposalShown)

        def is_returned() -> bool:
            closed = market.close_job(town.job, "cancelled")
            assert isinstance(closed, ClosedShown)
            return not closed.returned.pending

        # The connections that were made for reading are replaced too.
        wait_until(is_returned)
        check(market)
