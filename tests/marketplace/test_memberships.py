"""Memberships through the use cases (RULES 7)."""

from earnest import Marketplace
from earnest.marketplace.shown import Money
from tests.marketplace.given import day, figures, open_account, post, refusal
from tests.stores import StandingClock


def test_moving_up_is_at_once_with_the_difference_granted_and_the_fee_charged(market: Marketplace) -> None:
    ana = open_account(market, external_id="u-1")
    moved = market.change_plan("ext:u-1", "plus")
    assert (moved.plan, moved.pending_plan, moved.external_id) == ("plus", None, "u-1")
    assert market.balance(ana.id).available == 70
    assert [(line.kind, line.connects, line.plan) for line in market.entries(ana.id).items] == [
        ("allot", 60, "basic"),
        ("allot", 10, "plus"),
    ]
    assert [(each.plan, each.amount) for each in market.charges(ana.id).items] == [("plus", Money(1000, "USD"))]


def test_moving_down_is_at_the_end_of_the_cycle_and_carries_nothing(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus")
    assert market.change_plan(ana.id, "basic").pending_plan == "basic"
    assert market.account(ana.id).plan == "plus"
    clock.move(days=40)
    assert (market.account(ana.id).plan, market.account(ana.id).pending_plan) == ("basic", None)
    assert market.balance(ana.id).available == 60


def test_moving_down_can_be_taken_back_until_then(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus")
    market.change_plan(ana.id, "basic")
    assert market.keep_plan(ana.id).pending_plan is None
    assert refusal(market.keep_plan(ana.id)) == "nothing_pending"
    # So does the plan already held.
    market.change_plan(ana.id, "basic")
    assert market.change_plan(ana.id, "plus").pending_plan is None
    clock.move(days=40)
    assert market.balance(ana.id).available == 140
    market.change_plan(ana.id, "basic")
    clock.move(days=40)
    assert refusal(market.keep_plan(ana.id)) == "nothing_pending"


def test_there_is_no_moving_to_another_kind_s_plan_or_one_that_isn_t_there(market: Marketplace) -> None:
    ana = open_account(market)
    other = market.change_plan(ana.id, "agency")
    assert (refusal(other), figures(other)) == ("not_for_this_kind", {"plan": "agency", "kind": "individual"})
    none = market.change_plan(ana.id, "gold")
    assert (refusal(none), figures(none)["field"]) == ("malformed", "plan")
    assert market.account(ana.id) == ana


def test_an_unpaid_fee_makes_an_account_fall_unless_it_is_paid(market: Marketplace, clock: StandingClock) -> None:
    ana, ben = open_account(market, "plus"), open_account(market, "plus")
    for account in (ana, ben):
        unpaid = market.report_fee_unpaid(account.id)
        assert (unpaid.fee_unpaid, unpaid.pending_plan) == (True, "basic")
    assert market.report_fee_paid(ben.id).pending_plan is None
    clock.move(days=40)
    assert [market.account(each.id).plan for each in (ana, ben)] == ["basic", "plus"]
    assert [market.balance(each.id).available for each in (ana, ben)] == [60, 140]


def test_on_the_lowest_plan_an_unpaid_fee_bars_proposing_and_buying_until_it_is_paid(market: Marketplace) -> None:
    acme, job = open_account(market, "agency"), post(market).id
    owner = market.add_member(acme.id, role="owner").id
    market.report_fee_unpaid(acme.id)
    for answer in (market.submit(job, acme.id, worker_id=owner), market.buy(acme.id, 1)):
        assert (refusal(answer), figures(answer)) == ("not_permitted", {"reason": "fee_unpaid"})
    market.report_fee_paid(acme.id)
    assert market.submit(job, acme.id, worker_id=owner).status == "live"


def test_a_change_settles_what_was_due_under_the_old_plan_first(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market)
    clock.move(days=40)
    market.change_plan(ana.id, "plus")
    assert [(line.kind, line.connects, line.plan, line.effective_at) for line in market.entries(ana.id).items[1:]] == [
        ("expire", -60, "basic", day(2, 1)),
        ("allot", 60, "basic", day(2, 1)),
        ("allot", 10, "plus", clock.now),
    ]
