"""An account's news: each thing once, in order, and counted until it was seen."""

import pytest

from earnest import Marketplace
from earnest.marketplace import news as news_module
from earnest.marketplace.news import News
from earnest.marketplace.people import Seat
from earnest.marketplace.shown import Page
from tests.marketplace.given import day, open_account, pages, post, refusal
from tests.marketplace.test_mailing import person
from tests.stores import StandingClock


def news(market: Marketplace, account: str, **more: int) -> list[News]:
    found = market.news(account, **{"limit": 100} | more)
    assert isinstance(found, Page)
    return found.items


def kinds(market: Marketplace, account: str) -> list[str]:
    return [each.kind for each in news(market, account)]


def lived(market: Marketplace, clock: StandingClock) -> str:
    """An account to which everything has happened that can."""
    account = open_account(market, "basic").id
    jobs = [post(market, 5, description="x") for _ in range(3)]
    for job in jobs:
        market.submit(job.id, account)
    market.close_job(jobs[0].id, "cancelled")
    market.change_plan(account, "plus")
    bought = market.buy(account, 10)
    market.confirm_purchase(bought.id)
    market.grant(account, 7, reason="thank you", expires_at=day(1, 20))
    clock.move(days=20)
    market.revoke(account, 3, reason="a mistake")
    market.reverse_purchase(bought.id)
    market.suspend(account, reason="copied letters")
    market.lift_suspension(account)
    clock.move(days=20)
    return account


def test_everything_that_happened_is_told_once_the_latest_first(market: Marketplace, clock: StandingClock) -> None:
    account = lived(market, clock)
    told = news(market, account)
    assert [each.kind for each in told] == [
        "renewed",
        # Of one instant lines of the journal are taken to be later than notices.
        "reversed",
        "revoke",
        "reinstated",
        "suspended",
        "expire",
        "bonus",
        "purchase",
        "allot",
        "return",
        "opened",
        "plan_changed",
    ]
    times = [each.at for each in told]
    assert times == sorted(times, reverse=True)
    by_kind = {each.kind: each for each in told}
    assert (by_kind["return"].connects, by_kind["return"].job_title) == (5, "A logo")
    assert (by_kind["bonus"].reason, by_kind["bonus"].expires_at) == ("thank you", day(1, 20))
    assert (by_kind["expire"].connects, by_kind["expire"].at) == (7, day(1, 20))
    assert by_kind["revoke"].reason == "a mistake"
    assert by_kind["allot"].connects == 10
    held = market.balance(account, at=day(2, 1)).available
    renewed = by_kind["renewed"]
    assert (renewed.at, renewed.connects, renewed.connects + renewed.carried) == (day(2, 1), 70, held)


def test_what_is_due_is_told_before_it_is_written_and_the_same_after(market: Marketplace, clock: StandingClock) -> None:
    account = open_account(market, "plus").id
    clock.move(days=100)
    before = news(market, account)
    assert [each.kind for each in before] == ["renewed"] * 3 + ["opened"]
    market.settle_account(account)
    assert news(market, account) == before


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8])
def test_its_pages_together_are_the_whole(market: Marketplace, clock: StandingClock, limit: int) -> None:
    account = lived(market, clock)
    found = pages(market.news, account, limit=limit)
    assert [each for page in found for each in page] == news(market, account)
    assert all(len(page) == limit for page in found[:-1])


def test_what_returned_and_paid_a_debt_is_one_piece(market: Marketplace) -> None:
    account = open_account(market, "plus").id
    bought = market.buy(account, 10)
    market.confirm_purchase(bought.id)
    job = post(market, 5)
    for _ in range(16):
        market.withdraw(market.submit(job.id, account).id)
    market.reverse_purchase(bought.id)
    assert market.balance(account).debt == 10
    market.close_job(job.id, "cancelled")
    [returned] = [each for each in news(market, account) if each.kind == "return"]
    assert (returned.connects, returned.paid_debt, returned.balance) == (80, 10, 70)
    assert "revoke" not in kinds(market, account)


def test_news_count_until_they_were_seen_for_each_person_apart(market: Marketplace, clock: StandingClock) -> None:
    account = open_account(market).id
    market.suspend(account, reason="before them")
    clock.move(hours=1)
    ana = person(market, "ana@example.com", Seat("account", account)).id
    bob = person(market, "bob@example.com", Seat("account", account)).id
    assert market.unseen_news(account, ana) == 0
    # At the very instant at which they came, as a clock may stand still.
    market.lift_suspension(account)
    assert market.unseen_news(account, ana) == 1
    market.see_news(account, ana)
    assert (market.unseen_news(account, ana), market.unseen_news(account, bob)) == (0, 1)
    market.grant(account, 5, reason="so")
    market.suspend(account, reason="so")
    assert (market.unseen_news(account, ana), market.unseen_news(account, bob)) == (2, 3)
    job = post(market)
    market.lift_suspension(account)
    market.submit(job.id, account)
    assert market.unseen_news(account, ana) == 3
    market.see_news(account, ana)
    market.see_news(account, ana)
    assert market.unseen_news(account, ana) == 0
    clock.move(days=31)
    assert market.unseen_news(account, ana) == 1
    market.settle_account(account)
    assert market.unseen_news(account, ana) == 1


def test_of_nobody_and_nothing_there_is_no_news(market: Marketplace) -> None:
    account = open_account(market).id
    assert refusal(market.news("acc_" + "1" * 32)) == "unknown_account"
    assert refusal(market.news("ext:x")) == "unknown_account"
    assert market.unseen_news(account, "per_" + "1" * 32) == 0
    assert market.unseen_news("x", "y") == 0
    market.see_news("x", "y")
    for cursor in ("x", "1", "1_", "99999999999_1", "1_2_3"):
        with pytest.raises(ValueError, match="cursor: expected one"):
            market.news(account, cursor=cursor)


def test_a_page_that_was_longer_on_its_way_takes_nothing_of_what_was_seen_back(market: Marketplace) -> None:
    account = open_account(market).id
    ana = person(market, "ana@example.com", Seat("account", account)).id
    market.suspend(account, reason="so")
    market.see_news(account, ana)
    assert market.unseen_news(account, ana) == 0
    # As one that looked before the suspension would write now.
    late = {"account": account[4:], "person": ana[4:], "n": 1, "notices": 0}
    market.wait(market._inner.ledger.store.change(news_module._SEE, late))
    assert market.unseen_news(account, ana) == 0


def test_what_somebody_has_seen_goes_with_them(market: Marketplace) -> None:
    account = open_account(market).id
    ana = person(market, "ana@example.com", Seat("account", account)).id
    market.see_news(account, ana)
    rows = market.wait(market._inner.ledger.fetch("select count(*) from seen"))
    assert rows[0][0] == 1
    market.remove_person(ana)
    rows = market.wait(market._inner.ledger.fetch("select count(*) from seen"))
    assert rows[0][0] == 0


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_month_of_many_lots_is_one_piece_on_pages_of_any_length(
    market: Marketplace, clock: StandingClock, limit: int
) -> None:
    account = open_account(market, "plus").id
    for number in range(40):
        market.grant(account, 1, reason=str(number))
    clock.move(days=31)
    market.settle_account(account)
    market.grant(account, 1, reason="after")
    found = [each for page in pages(market.news, account, limit=limit) for each in page]
    assert [each.kind for each in found] == ["bonus", "renewed"] + ["bonus"] * 40 + ["opened"]
    assert (found[1].connects, found[1].carried, found[1].expired) == (70, 110, 0)
