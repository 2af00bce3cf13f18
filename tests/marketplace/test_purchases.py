"""Buying through the use cases (RULES 6)."""

import pytest

from earnest import Marketplace
from earnest.marketplace.shown import Money, WarningShown
from tests.marketplace.given import day, figures, open_account, pages, post, refusal
from tests.stores import StandingClock


def test_bought_connects_arrive_when_the_payment_is_confirmed(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus").id
    asked = market.buy(ana, 20)
    assert asked.id.startswith("pur_")
    assert (asked.status, asked.connects, asked.amount, asked.requested_at) == (
        "pending",
        20,
        Money(2000, "USD"),
        day(1, 3, 9),
    )
    assert market.balance(ana).available == 70
    clock.move(hours=1)
    confirmed = market.confirm_purchase(asked.id)
    assert (confirmed.status, confirmed.decided_at) == ("confirmed", day(1, 3, 10))
    assert market.balance(ana).available == 90
    [line] = market.entries(ana, kind="purchase").items
    assert (line.connects, line.purchase_id, line.paid) == (20, asked.id, True)
    clock.move(hours=1)
    assert market.confirm_purchase(asked.id) == market.purchase(asked.id) == confirmed
    assert market.balance(ana).available == 90


def test_a_plan_that_may_not_buy_is_refused(market: Marketplace) -> None:
    answer = market.buy(open_account(market).id, 1)
    assert (refusal(answer), figures(answer)) == ("plan_cannot_buy", {"plan": "basic"})


def test_a_purchase_beyond_most_held_is_refused_with_what_would_fit(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus").id
    answer = market.buy(ana, 281)
    assert (refusal(answer), figures(answer)) == ("over_most_held", {"most_held": 350, "would_fit": 280})
    market.buy(ana, 200)
    # What awaits payment counts for a day.
    assert figures(market.buy(ana, 81))["would_fit"] == 80
    clock.move(hours=24)
    assert market.buy(ana, 280).status == "pending"


def test_what_no_longer_fits_when_it_is_paid_brings_nothing(market: Marketplace) -> None:
    ana = open_account(market, "plus").id
    asked = market.buy(ana, 280)
    market.grant(ana, 1, reason="so")
    refused = market.confirm_purchase(asked.id)
    assert (refused.status, refused.refusal) == ("refused", "over_most_held")
    market.revoke(ana, 10, reason="so")
    assert market.confirm_purchase(asked.id).status == "refused"
    assert market.reverse_purchase(asked.id).status == "refused"
    assert market.balance(ana).available == 61


def test_buying_more_than_can_be_carried_warns(market: Marketplace) -> None:
    ana = open_account(market, "plus").id
    assert market.buy(ana, 70).warning is None
    assert market.buy(ana, 71).warning == WarningShown(1, day(2, 1))


def test_a_reversal_takes_back_what_is_held_and_the_rest_is_owed_once(market: Marketplace) -> None:
    ana = open_account(market, "plus").id
    purchase = market.buy(ana, 10).id
    market.confirm_purchase(purchase)
    market.revoke(ana, 66, reason="so")
    job = post(market, 5).id
    market.submit(job, ana)
    # Of fourteen four were free and went first; so one paid connect was spent, and nine are left.
    for _ in range(2):
        assert market.reverse_purchase(purchase).status == "reversed"
        held = market.balance(ana)
        assert (held.available, held.debt) == (0, 1)
    assert [line.connects for line in market.entries(ana, kind="revoke").items][-1] == -9
    # What comes back pays the debt first.
    market.close_job(job, "cancelled")
    held = market.balance(ana)
    assert (held.available, held.debt) == (4, 0)
    assert market.audit().differences == []


def test_a_payment_that_never_came_is_cancelled_and_stays_so(market: Marketplace) -> None:
    ana = open_account(market, "plus").id
    purchase = market.buy(ana, 280).id
    assert market.reverse_purchase(purchase).status == "cancelled"
    assert market.confirm_purchase(purchase).status == "cancelled"
    assert market.balance(ana).available == 70
    assert market.buy(ana, 280).status == "pending"


def test_purchases_are_listed_the_latest_first(market: Marketplace) -> None:
    ana = open_account(market, "plus").id
    # Other things that take numbers between them make no hole in the list.
    bought = []
    for connects in (1, 2, 3, 4, 5):
        bought.append(market.buy(ana, connects).id)
        market.grant(ana, 300, reason="to be clipped")
        market.revoke(ana, 300, reason="again")
    market.confirm_purchase(bought[0])
    assert market.purchases(ana).items[-1] == market.purchase(bought[0])
    for limit in (1, 2, 4, 5, 500):
        assert [each.id for page in pages(market.purchases, ana, limit=limit) for each in page] == bought[::-1]


def test_an_id_that_names_no_purchase_is_unknown(market: Marketplace) -> None:
    ana = open_account(market, "plus").id
    for id_ in ("pur_x", "", f"pur_{ana[4:]}_1", f"pur_{ana[4:]}_99999999999", f"pur_{'0' * 32}_1", ana):
        for answer in (market.purchase(id_), market.confirm_purchase(id_), market.reverse_purchase(id_)):
            assert refusal(answer) == "unknown_purchase"


def test_a_malformed_purchase_raises_the_argument_s_name(market: Marketplace) -> None:
    ana = open_account(market, "plus").id
    for connects in (0, -1, 1.0, True, "7", 2**31):
        with pytest.raises(ValueError, match=r"^connects: expected"):
            market.buy(ana, connects)
