"""What a purchase or a change of plan would come to, compared with what it then comes to."""

import pytest

from earnest import Marketplace
from earnest.marketplace.shown import Money
from tests.marketplace.given import day, figures, open_account, post, refusal
from tests.stores import StandingClock


def test_a_purchase_comes_to_what_its_preview_said(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus").id
    seen = market.preview_purchase(ana, 100)
    assert (seen.balance_before, seen.balance_after, seen.would_fit, seen.amount) == (
        70,
        170,
        280,
        Money(10_000, "USD"),
    )
    assert (seen.warning.connects, seen.warning.at) == (30, day(2, 1))
    assert market.balance(ana).available == 70
    assert market.purchases(ana).items == []
    bought = market.buy(ana, 100)
    assert (bought.amount, bought.warning) == (seen.amount, seen.warning)
    market.confirm_purchase(bought.id)
    assert market.balance(ana).available == seen.balance_after
    clock.now = day(2, 1)
    assert -sum(line.connects for line in market.entries(ana, kind="expire").items) == seen.warning.connects


def test_what_awaits_payment_leaves_less_room_in_a_preview(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus").id
    market.buy(ana, 200)
    assert market.preview_purchase(ana, 1).would_fit == 80
    too_many = market.preview_purchase(ana, 81)
    assert (refusal(too_many.refusal), figures(too_many.refusal)["would_fit"]) == ("over_most_held", 80)
    assert (too_many.amount, too_many.balance_after) == (None, 70)
    clock.move(hours=24)
    assert market.preview_purchase(ana, 81).refusal is None


def test_a_preview_pays_the_debt_first(market: Marketplace) -> None:
    ana = open_account(market, "plus").id
    market.confirm_purchase(bought := market.buy(ana, 10).id)
    market.revoke(ana, 70, reason="so")
    for _ in range(2):
        market.submit(post(market, 4).id, ana)
    market.reverse_purchase(bought)
    assert market.balance(ana).debt == 8
    seen = market.preview_purchase(ana, 20)
    assert (seen.debt, seen.balance_after) == (8, seen.balance_before + 12)
    market.confirm_purchase(market.buy(ana, 20).id)
    assert market.balance(ana).available == seen.balance_after


def test_a_preview_says_why_a_purchase_would_be_turned_down(market: Marketplace) -> None:
    ben = open_account(market).id
    assert refusal(market.preview_purchase(ben, 1).refusal) == "plan_cannot_buy"
    studio = open_account(market, "agency").id
    eve = market.add_member(studio, name="Eve", role="member").id
    assert refusal(market.preview_purchase(studio, 1, by_member_id=eve).refusal) == "not_permitted"
    other = open_account(market, "agency").id
    assert refusal(market.preview_purchase(other, 1, by_member_id=eve)) == "unknown_member"
    market.remove_member(eve)
    assert refusal(market.preview_purchase(studio, 1, by_member_id=eve)) == "unknown_member"
    assert refusal(market.preview_purchase("acc_" + "0" * 32, 1)) == "unknown_account"
    with pytest.raises(ValueError, match=r"^connects: expected"):
        market.preview_purchase(ben, 0)


def test_moving_up_comes_to_what_its_preview_said(market: Marketplace) -> None:
    ben = open_account(market).id
    seen = market.preview_plan(ben, "plus")
    assert (seen.granted, seen.fee, seen.balance_after, seen.starts_at) == (10, Money(1_000, "USD"), 70, None)
    assert (seen.lost, seen.lost_anyway) == (0, 60)
    assert market.account(ben).plan == "basic"
    market.change_plan(ben, "plus")
    assert market.balance(ben).available == seen.balance_after
    assert market.charges(ben).items[-1].amount == seen.fee


def test_moving_down_loses_what_its_preview_said(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus").id
    market.grant(ana, 5, reason="stays", expires_at=day(3, 1))
    seen = market.preview_plan(ana, "basic")
    assert (seen.granted, seen.fee, seen.balance_after, seen.starts_at) == (0, Money(0, "USD"), 75, day(2, 1))
    assert (seen.lost, seen.lost_anyway) == (70, 0)
    market.change_plan(ana, "basic")
    clock.now = day(2, 1)
    assert -sum(line.connects for line in market.entries(ana, kind="expire").items) == seen.lost


def test_a_preview_says_why_a_change_of_plan_would_be_turned_down(market: Marketplace) -> None:
    studio = open_account(market, "agency").id
    eve = market.add_member(studio, name="Eve", role="member").id
    assert refusal(market.preview_plan(studio, "agency", by_member_id=eve).refusal) == "not_permitted"
    assert refusal(market.preview_plan(studio, "plus").refusal) == "not_for_this_kind"
    assert refusal(market.preview_plan(studio, "gold")) == "malformed"
    assert refusal(market.preview_plan(studio, "agency", by_member_id="mem_x")) == "unknown_member"
    assert refusal(market.preview_plan("acc_" + "0" * 32, "plus")) == "unknown_account"
