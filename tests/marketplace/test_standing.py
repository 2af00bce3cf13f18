"""An account's standing with the count behind it (RULES 9)."""

from earnest import Marketplace
from tests.marketplace.given import day, open_account, post, refusal
from tests.stores import StandingClock


def test_a_standing_shows_what_counts_today(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market).id
    sent = market.submit(post(market, 5).id, ana)
    back = market.submit(post(market, 5).id, ana)
    market.close_job(back.job_id, "cancelled")
    clock.now = day(1, 16, 23)
    assert (market.standing(ana).count, market.standing(ana).counted) == (0, [])
    clock.now = day(1, 17)
    seen = market.standing(ana)
    assert (seen.status, seen.count, seen.warned_at, seen.suspended_at) == ("active", 5, 30, 40)
    assert (seen.counts_from_day, seen.counts_to_day) == (14, 89)
    [proof] = seen.counted
    assert (proof.proposal_id, proof.connects, proof.submitted_at) == (sent.id, 5, day(1, 3, 9))
    clock.now = day(4, 1, 23)
    assert market.standing(ana).count == 5
    clock.now = day(4, 2)
    assert market.standing(ana).count == 0


def test_a_standing_shows_a_warning_and_a_suspension(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market).id
    for _ in range(6):
        market.submit(post(market, 5).id, ana)
    clock.move(days=14)
    assert (market.standing(ana).status, market.standing(ana).count) == ("warned", 30)
    for _ in range(2):
        market.submit(post(market, 5).id, ana)
    clock.move(days=14)
    seen = market.standing(ana)
    assert (seen.status, seen.count, len(seen.suspension.evidence)) == ("suspended", 40, 8)
    assert seen.suspension == market.suspension(ana)
    market.lift_suspension(ana)
    assert (market.standing(ana).status, market.standing(ana).count) == ("active", 0)


def test_nobody_s_standing_is_unknown(market: Marketplace) -> None:
    assert refusal(market.standing("acc_" + "0" * 32)) == "unknown_account"
