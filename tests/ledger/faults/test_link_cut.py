"""The link to PostgreSQL is cut just where a commit goes by: what was asked for is done once, whoever was told."""

from collections.abc import Iterator

import psycopg
import pytest

from earnest import Marketplace
from earnest.ledger import postgresql, writer
from earnest.ledger.errors import BusyError, UnavailableError
from earnest.ledger.writer import Key
from earnest.marketplace.proposals import NewProposal
from earnest.marketplace.shown import AccountShown, BalanceShown, ProposalShown
from tests.ledger.faults.acknowledged import audited, differences_in_journal, fetch
from tests.ledger.faults.conftest import Town
from tests.ledger.faults.link import Link, When

WHENS: tuple[When, ...] = ("before", "during", "after")
# Deferred to the commit, which so takes a while.
SLOW_COMMITS = """
    create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(0.7); return null; end';
    create constraint trigger wait after insert on {} deferrable initially deferred
        for each row execute function wait();
"""


@pytest.fixture
def link(own_database: str) -> Iterator[Link]:
    with Link(own_database) as opened:
        yield opened


@pytest.fixture
def linked(link: Link) -> Iterator[Marketplace]:
    with Marketplace.open(link.url, lanes=1) as market:
        yield market


def check(market: Marketplace) -> None:
    assert differences_in_journal(market) == []
    assert list(audited(market)) == []


def available(market: Marketplace, account: str) -> int:
    shown = market.balance(account)
    assert isinstance(shown, BalanceShown)
    return shown.available


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("key", [None, "once"])
def test_a_proposal_whose_commit_is_cut_is_answered_and_sent_once(
    link: Link, linked: Marketplace, when: When, key: str | None
) -> None:
    town = Town(linked, 1)
    [ana] = town.accounts
    link.cut_at_commits(when)
    sent = linked.submit(town.job, ana, key=key)
    assert link.cut == 1
    assert isinstance(sent, ProposalShown)
    assert sent.balance_after == 68
    assert available(linked, ana) == 68
    assert fetch(linked, "select attempt, status from proposal") == [(1, "live")]
    check(linked)


@pytest.mark.parametrize("when", WHENS)
def test_what_acts_on_no_account_is_done_once_too(link: Link, linked: Marketplace, when: When) -> None:
    link.cut_at_commits(when)
    opened = linked.open_account(kind="individual", plan="basic")
    assert link.cut == 1
    assert isinstance(opened, AccountShown)
    assert [f"acc_{row[0]}" for row in fetch(linked, "select account_id from account")] == [opened.id]
    check(linked)


@pytest.mark.parametrize("when", WHENS)
def test_a_grant_that_could_be_repeated_is_not(link: Link, linked: Marketplace, when: When) -> None:
    [ana] = Town(linked, 1).accounts
    link.cut_at_commits(when)
    linked.grant(ana, 7, reason="a good month")
    assert link.cut == 1
    assert available(linked, ana) == 77
    check(linked)


def test_a_batch_is_sent_once_however_often_its_commits_are_cut(link: Link, linked: Marketplace) -> None:
    town = Town(linked, 40)
    link.cut_at_commits("before", "after", "during", "before", "after")
    for job in [town.job, *(town.post(linked) for _ in range(5))]:
        sent = linked.submit_batch([NewProposal(job, account) for account in town.accounts])
        assert all(isinstance(each, ProposalShown) for each in sent)
    assert link.cut == 5
    assert fetch(linked, "select count(*) from proposal") == [(240,)]
    assert fetch(linked, "select min(balance), max(balance) from account") == [(58, 58)]
    check(linked)


@pytest.mark.parametrize("table", ["client", "account"])
def test_a_commit_that_goes_on_after_the_cut_is_waited_for(
    own_database: str, link: Link, linked: Marketplace, table: str
) -> None:
    # Even the very first thing the lane does.
    with psycopg.connect(own_database, autocommit=True) as connection:
        connection.execute(SLOW_COMMITS.format(table))
    link.cut_at_commits("during")
    if table == "client":
        linked.create_client(name="Dan")
    else:
        linked.open_account(kind="individual", plan="basic")
    assert link.cut == 1
    assert fetch(linked, f"select count(*) from {table}") == [(1,)]  # noqa: S608


@pytest.mark.parametrize(("when", "replayed"), [("before", False), ("during", None), ("after", True)])
def test_an_outcome_that_stays_unknown_is_found_by_its_key(
    link: Link, linked: Marketplace, when: When, replayed: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(linked, 1)
    [ana] = town.accounts
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.3)
    link.cut_at_commits(when, and_stay_down=True)
    with pytest.raises(UnavailableError) as failure:
        linked.submit(town.job, ana, key="once")
    assert failure.value.outcome_unknown
    link.up()
    monkeypatch.undo()
    key = Key("once")
    sent = linked.submit(town.job, ana, key=key)
    assert isinstance(sent, ProposalShown)
    assert replayed is None or key.replayed is replayed
    assert available(linked, ana) == 68
    check(linked)


def test_a_link_that_is_down_fails_requests_and_serves_again_by_itself(
    link: Link, linked: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(linked, 1)
    [ana] = town.accounts
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.3)
    link.down()
    with pytest.raises(UnavailableError) as failure:
        linked.submit(town.job, ana)
    assert not failure.value.outcome_unknown
    link.up()
    monkeypatch.undo()
    assert isinstance(linked.submit(town.job, ana), ProposalShown)
    check(linked)


def test_a_link_that_falls_silent_is_given_up_and_keeps_nobody_else_waiting(
    link: Link, linked: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(linked, 2)
    ana, ben = town.accounts
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 1.0)
    # The server hears no commit, and keeps the transaction open.
    link.cut_at_commits("silent")
    with monkeypatch.context() as impatient:
        impatient.setattr(writer, "PATIENCE_SECONDS", 2.0)
        with pytest.raises(UnavailableError) as failure:
            linked.submit(town.job, ana, key="once")
        assert failure.value.outcome_unknown
        with pytest.raises(BusyError, match="locked"):
            linked.submit(town.job, ana, key="once")
    assert isinstance(linked.submit(town.job, ben), ProposalShown)
    link.hang_up_silent()
    monkeypatch.undo()
    key = Key("once")
    sent = linked.submit(town.job, ana, key=key)
    assert isinstance(sent, ProposalShown)
    assert not key.replayed
    assert available(linked, ana) == 68
    check(linked)
