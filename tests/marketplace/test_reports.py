"""What holders are shown of their own months, and the advice (RULES 10)."""

import pytest

from earnest import Marketplace
from tests.marketplace.given import open_account, post
from tests.stores import StandingClock


def test_months_show_proposals_hires_invitations_and_what_was_spent_returned_and_expired(
    market: Marketplace, clock: StandingClock
) -> None:
    ana = open_account(market).id
    jobs = [post(market, 3).id for _ in range(4)]
    for job in jobs[:3]:
        market.submit(job, ana)
    market.invite(jobs[3], ana)
    market.submit(jobs[3], ana)
    market.hire(market.proposals_of(ana).items[0].id)
    clock.move(days=30)
    market.close_job(jobs[0], "cancelled")
    clock.move(days=10)
    for _ in range(2):
        december, january, february = market.stats(ana, months=3).months
        assert december.proposals == december.spent == 0
        assert (january.start.isoformat(), january.proposals, january.hires, january.invitations) == (
            "2024-01-01",
            4,
            1,
            1,
        )
        assert (january.spent, january.returned) == (9, 0)
        # The boundary took what was left, whether or not that is written yet.
        assert (february.proposals, february.expired, february.returned) == (0, 51, 3)
        market.settle_account(ana)


def test_letters_are_compared_once_there_are_two(market: Marketplace) -> None:
    ana = open_account(market).id
    assert market.stats(ana).letters_alike is None
    letter = "Dear client, I have read your post with care and would like to help you with it from tomorrow on."
    market.submit(post(market).id, ana, cover_letter=letter)
    assert market.stats(ana).letters_alike is None
    market.submit(post(market).id, ana, cover_letter=letter)
    assert market.stats(ana).letters_alike == 100


def test_months_out_of_range_raise_the_argument_s_name(market: Marketplace) -> None:
    ana = open_account(market).id
    for months in (0, 121, True, "6"):
        with pytest.raises(ValueError, match=r"^months: expected"):
            market.stats(ana, months=months)
    assert len(market.stats(ana, months=120).months) == 120


def test_advice_rests_on_what_most_jobs_cost(market: Marketplace) -> None:
    ana = open_account(market).id
    assert market.advice(ana).usual_price == 2
    for price in (1, 4, 4):
        post(market, price)
    assert market.advice(ana).usual_price == 4
