"""Webhooks are told of what happened once, however often it is reported."""

from earnest import Marketplace
from tests.marketplace.given import open_account


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
