"""Webhooks are told of what happened once, however often it is reported."""

import pytest

from earnest import Marketplace
from earnest.marketplace import expiring, upkeep
from tests.marketplace.given import day, open_account, post
from tests.stores import StandingClock


def kinds(market: Marketplace) -> list[str]:
    rows = market.wait(market._inner.ledger.fetch("select kind from delivery order by account_id, seq"))
    return [row[0] for row in rows]


def subscribe(market: Marketplace) -> None:
    statement = (
        "insert into endpoint (endpoint_id, url, created_at, secret) values (id(:id), 'http://127.0.0.1', 0, '')"
    )
    market.wait(market._inner.ledger.store.change(statement, {"id": "e" * 32}))


def test_a_payment_reported_again_is_no_new_event(market: Marketplace) -> None:
    subscribe(market)
    ana = open_account(market, "plus").id
    bought = market.buy(ana, 5)
    for _ in range(3):
        market.confirm_purchase(bought.id)
    for _ in range(3):
        market.reverse_purchase(bought.id)
    assert kinds(market) == ["account.opened", "purchase.confirmed", "purchase.reversed"]


def test_without_an_endpoint_nothing_is_written_for_one(market: Marketplace) -> None:
    open_account(market)
    assert kinds(market) == []


# What expires soon


def told(market: Marketplace) -> list[dict[str, object]]:
    """The data of every event of what expires, in the order of accounts."""
    [endpoint, *_] = market.endpoints().items
    items = market.deliveries(endpoint.id, limit=500).items
    return [each.payload for each in reversed(items) if each.kind == "connects.expiring"]


@pytest.fixture
def ana(market: Marketplace) -> str:
    """An account whose endpoint wants to know what expires."""
    market.create_endpoint("https://example.com/", kinds=["connects.expiring"])
    return open_account(market).id


def test_what_the_cycle_s_end_takes_is_told_once_a_few_days_ahead(
    market: Marketplace, clock: StandingClock, ana: str
) -> None:
    clock.now = day(1, 28, 23)
    assert market.keep_up().expiring_told == 0
    clock.now = day(1, 29)
    market.submit(post(market, 2).id, ana)
    assert market.keep_up().expiring_told == 1
    for _ in range(2):
        clock.move(hours=1)
        assert market.keep_up().expiring_told == 0
    assert told(market) == [{"account_id": ana, "at": "2024-02-01T00:00:00Z", "connects": 58, "balance": 58}]
    clock.now = day(2, 27)
    market.keep_up()
    assert [each["at"] for each in told(market)] == ["2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"]
    assert market.audit().differences == []


def test_how_many_days_ahead_can_be_said(market: Marketplace, clock: StandingClock, ana: str) -> None:
    clock.now = day(1, 25)
    assert market.keep_up(expiring_days=6).expiring_told == 0
    assert market.keep_up(expiring_days=7).expiring_told == 1
    for days in (0, 29, True, "3"):
        with pytest.raises(ValueError, match=r"^expiring_days: expected"):
            market.keep_up(expiring_days=days)  # type: ignore[arg-type]


def test_a_bonus_with_an_expiry_of_its_own_is_told_of_by_itself(
    market: Marketplace, clock: StandingClock, ana: str
) -> None:
    market.grant(ana, 5, reason="welcome", expires_at=day(1, 20))
    market.grant(ana, 7, reason="welcome", expires_at=day(1, 21))
    clock.now = day(1, 18, 1)
    assert market.keep_up().expiring_told == 2
    assert [(each["at"], each["connects"], each["balance"]) for each in told(market)] == [
        ("2024-01-20T00:00:00Z", 5, 72),
        ("2024-01-21T00:00:00Z", 7, 72),
    ]
    clock.now = day(1, 20, 1)
    assert market.keep_up().expiring_told == 0
    clock.now = day(1, 30)
    assert market.keep_up().expiring_told == 1


def test_a_boundary_that_was_told_of_is_not_told_of_again_with_one_that_comes_before_it(
    market: Marketplace, clock: StandingClock, ana: str
) -> None:
    clock.now = day(1, 29)
    assert market.keep_up().expiring_told == 1
    market.grant(ana, 5, reason="welcome", expires_at=day(1, 31))
    assert market.keep_up().expiring_told == 1
    assert [(each["at"], each["connects"]) for each in told(market)] == [
        ("2024-02-01T00:00:00Z", 60),
        ("2024-01-31T00:00:00Z", 5),
    ]


def test_nothing_is_told_where_nothing_would_be_lost(market: Marketplace, clock: StandingClock, ana: str) -> None:
    market.revoke(ana, 60, reason="so")
    # Carried whole.
    open_account(market, "plus")
    clock.now = day(1, 30)
    assert market.keep_up().expiring_told == 0
    # What comes later is told of later.
    market.grant(ana, 3, reason="so")
    assert market.keep_up().expiring_told == 1
    assert told(market) == [{"account_id": ana, "at": "2024-02-01T00:00:00Z", "connects": 3, "balance": 3}]


def test_without_an_endpoint_that_asks_nothing_is_told_or_remembered(market: Marketplace, clock: StandingClock) -> None:
    market.create_endpoint("https://example.com/", kinds=["account.opened"])
    ana = open_account(market).id
    clock.now = day(1, 30)
    assert market.keep_up().expiring_told == 0
    # So that whoever asks now still learns of it.
    market.create_endpoint("https://example.com/")
    assert market.keep_up().expiring_told == 1
    assert kinds(market) == ["account.opened", "connects.expiring"]
    assert market.account(ana).status == "active"


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_every_account_is_told_and_an_idle_one_of_the_month_it_is_in(
    market: Marketplace, clock: StandingClock, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(expiring, "ACCOUNTS_AT_ONCE", at_once)
    market.create_endpoint("https://example.com/", kinds=["connects.expiring"])
    accounts = [open_account(market).id for _ in range(5)]
    clock.now = day(5, 30)
    assert market.keep_up().expiring_told == 5
    assert sorted(str(each["account_id"]) for each in told(market)) == sorted(accounts)
    assert {each["at"] for each in told(market)} == {"2024-06-01T00:00:00Z"}


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_of_which_boundaries_was_told_is_forgotten_when_they_are_long_past(
    market: Marketplace, clock: StandingClock, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(upkeep, "TOLD_AT_ONCE", at_once)
    market.create_endpoint("https://example.com/", kinds=["connects.expiring"])
    for _ in range(3):
        open_account(market)

    def remembered() -> int:
        return int(market.wait(market._inner.ledger.fetch("select count(*) from told"))[0][0])

    clock.now = day(1, 30)
    market.keep_up()
    clock.now = day(2, 2, 23)
    market.keep_up()
    assert remembered() == 3
    clock.now = day(2, 28)
    market.keep_up()
    assert remembered() == 3
    assert len(told(market)) == 6
