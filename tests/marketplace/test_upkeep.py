"""Upkeep: idle accounts written up, requests forgotten after thirty days, lapsed posts and closings gone on with."""

import pytest

from earnest import Marketplace
from earnest.marketplace import closing, upkeep
from earnest.marketplace.shown import Returned
from tests.marketplace.given import open_account, post
from tests.packs import article
from tests.stores import StandingClock


def count(market: Marketplace, table: str) -> int:
    return int(market.wait(market._inner.ledger.fetch(f"select count(*) from {table}"))[0][0])  # noqa: S608


def test_idle_accounts_are_written_up_in_batches_and_show_what_they_showed(
    market: Marketplace, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "ACCOUNTS_AT_ONCE", 3)
    accounts = [open_account(market, plan).id for plan in ("basic", "plus", "plus", "agency", "basic", "plus", "basic")]
    assert market.keep_up().accounts_settled == 0
    clock.move(days=70)
    shown = [(market.balance(each), market.account(each)) for each in accounts]
    told: list[tuple[int, int]] = []
    assert market.keep_up(tell=lambda done, whole: told.append((done, whole))).accounts_settled == 7
    assert told == [(3, 7), (6, 7), (7, 7)]
    assert [(market.balance(each), market.account(each)) for each in accounts] == shown
    assert all(line.recorded_at for each in accounts for line in market.entries(each).items)
    assert market.keep_up().accounts_settled == 0
    assert market.audit().differences == []


def test_a_key_is_remembered_for_thirty_days(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market).id
    market.grant(ana, 1, reason="so", key="k")
    clock.move(days=30)
    assert market.keep_up().requests_dropped == 0
    market.grant(ana, 1, reason="so", key="k")
    assert [line.connects for line in market.entries(ana, kind="bonus").items] == [1]
    clock.move(seconds=1)
    assert market.keep_up().requests_dropped == 1
    market.grant(ana, 1, reason="so", key="k")
    assert [line.connects for line in market.entries(ana, kind="bonus").items] == [1, 1]


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
def test_old_requests_are_dropped_in_batches_and_newer_ones_among_them_stay(
    market: Marketplace, clock: StandingClock, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(upkeep, "REQUESTS_AT_ONCE", at_once)
    accounts = [open_account(market).id for _ in range(3)]
    for key in ("a", "c", "e"):
        for account in accounts:
            market.grant(account, 1, reason="so", key=key)
    clock.move(days=31)
    for key in ("b", "d"):
        for account in accounts:
            market.grant(account, 1, reason="so", key=key)
    market.create_client(key="n")
    assert market.keep_up().requests_dropped == 9
    assert count(market, "request") == 7
    # What stays still answers.
    for account in accounts:
        market.grant(account, 1, reason="so", key="b")
        assert len(market.entries(account, kind="bonus").items) == 5
    assert market.keep_up().requests_dropped == 0


def test_a_closing_left_in_the_middle_is_gone_on_with_once_nobody_works_on_it(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Marketplace.open(database, clock=clock) as market:
        job, ana = post(market).id, open_account(market).id
        market.submit(job, ana)

        async def goes_away(*_: object) -> bool:
            return False

        with monkeypatch.context() as patched:
            patched.setattr(closing, "give_back", goes_away)
            assert market.close_job(job, "cancelled").returned == Returned(0, 0, pending=True)
        clock.move(seconds=59)
        assert market.keep_up().returns_finished == 0
        clock.move(seconds=1)
        assert market.keep_up().returns_finished == 1
        assert market.balance(ana).available == 60
        assert market.keep_up().returns_finished == 0


def test_a_closing_left_in_the_middle_is_gone_on_with_when_the_ledger_is_opened(
    database: str, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def goes_away(*_: object) -> bool:
        return False

    with Marketplace.open(database, clock=clock) as market, monkeypatch.context() as patched:
        job, ana = post(market).id, open_account(market).id
        market.submit(job, ana)
        patched.setattr(closing, "give_back", goes_away)
        market.close_job(job, "cancelled")
    with Marketplace.open(database, clock=clock) as market:
        market.wait(market._inner._finish())
        assert market.balance(ana).available == 60
        assert market.audit().differences == []


def test_a_lapse_gives_back_only_where_the_pack_says_so(database: str, clock: StandingClock) -> None:
    with Marketplace.open(database, clock=clock) as market:
        job, ana = post(market).id, open_account(market, "plus").id
        market.submit(job, ana)
        clock.move(days=30)
        assert market.keep_up().returns_finished == 0
        assert market.give_back_lapsed(job) == Returned(0, 0, pending=False)
        assert market.balance(ana).available == 138


def test_lapsed_posts_give_back_once_and_a_closing_after_that_tells_of_nothing(
    database: str, clock: StandingClock
) -> None:
    with Marketplace.open(database, clock=clock, pack=article(lapse_gives_back=True)) as market:
        jobs, ana = [post(market).id for _ in range(3)], open_account(market, "plus").id
        for job in jobs:
            market.submit(job, ana)
        market.hire(market.proposals_of(ana).items[0].id)
        clock.move(days=30)
        assert market.give_back_lapsed(jobs[0]) == Returned(1, 2, pending=False)
        assert market.give_back_lapsed(jobs[0]) == Returned(0, 0, pending=False)
        clock.move(minutes=1)
        market.keep_up()
        # The hired one's connects are spent.
        assert market.balance(ana).available == 138
        assert market.close_job(jobs[0], "cancelled").returned == Returned(0, 0, pending=False)
        assert market.audit().differences == []


def set_deliveries(market: Marketplace, what: str, **params: object) -> None:
    market.wait(market._inner.ledger.store.change(f"update delivery set {what}", params))  # noqa: S608


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_deliveries_go_thirty_days_after_they_ended_and_what_waits_stays(
    market: Marketplace, clock: StandingClock, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(upkeep, "DELIVERIES_AT_ONCE", at_once)
    endpoint = market.create_endpoint("https://example.com/")
    for _ in range(2):
        accounts = [open_account(market).id for _ in range(3)]
        clock.move(seconds=1)
    ended = {accounts[0]: "delivered", accounts[1]: "failed"}
    for account, status in ended.items():
        of = "where account_id = id(:account)"
        set_deliveries(market, f"status = :status, tried_at = 1 {of}", status=status, account=account[4:])
    clock.move(days=30)
    # Recorded so long ago, but sent only now: that goes by the machine's clock.
    just_now = 2**52
    set_deliveries(market, "tried_at = :at where status = 'failed'", at=just_now)
    assert market.keep_up().events_dropped == 1
    left = [each for each in market.deliveries(endpoint.id).items if each.kind == "account.opened"]
    assert sorted(each.status for each in left) == ["failed", *["waiting"] * 4]
    set_deliveries(market, "tried_at = 1 where status = 'failed'")
    assert market.keep_up().events_dropped == 1
    assert market.keep_up().events_dropped == 0


def test_deliveries_that_ended_lately_stay(market: Marketplace, clock: StandingClock) -> None:
    market.create_endpoint("https://example.com/")
    open_account(market)
    set_deliveries(market, "status = 'delivered', tried_at = 1")
    clock.move(days=30)
    assert market.keep_up().events_dropped == 0
    clock.move(seconds=1)
    assert market.keep_up().events_dropped == 1


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_deliveries_of_endpoints_that_are_gone_are_dropped_whatever_their_age(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(upkeep, "DELIVERIES_AT_ONCE", at_once)
    endpoints = [market.create_endpoint("https://example.com/").id for _ in range(3)]
    for _ in range(5):
        open_account(market)
    market.delete_endpoint(endpoints[0])
    market.delete_endpoint(endpoints[2])
    assert market.keep_up().events_dropped == 10
    assert count(market, "delivery") == 5
    assert len(market.deliveries(endpoints[1]).items) == 5
