"""Who is warned or suspended over all accounts, however long nobody looked, and what all hold (RULES 9, 11)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from earnest import Marketplace
from earnest.rules.pack import convert_pack
from tests.marketplace.given import open_account, pages, post
from tests.packs import raw_with
from tests.stores import StandingClock


def spent(market: Marketplace, connects: int) -> str:
    """An account that has spent so many connects, five for each job, and was never hired."""
    account = open_account(market, "plus").id
    for _ in range(connects // 5):
        assert market.submit(post(market, 5).id, account).connects_spent == 5
    return str(account)


def group(market: Marketplace, name: str) -> list[str]:
    return [each.account.id for each in market.standings(group=name).items]


def test_whoever_became_warned_or_suspended_unseen_is_found(market: Marketplace, clock: StandingClock) -> None:
    warned, suspended, _ = spent(market, 30), spent(market, 40), spent(market, 25)
    assert [group(market, name) for name in ("appealed", "suspended", "warned")] == [[], [], []]
    # Nothing is written to any of them from here on: they are judged as they are read.
    clock.move(days=14)
    assert [group(market, name) for name in ("appealed", "suspended", "warned")] == [[], [suspended], [warned]]
    [found] = market.standings(group="suspended").items
    assert (found.account.status, found.suspension.by) == ("suspended", "conduct")
    assert sum(each.connects for each in found.suspension.evidence) == 40
    clock.move(days=100)
    # What counted has aged out: that ends a warning, and no suspension.
    assert [group(market, name) for name in ("suspended", "warned")] == [[suspended], []]


def test_what_is_written_and_what_is_judged_on_paper_are_told_alike(market: Marketplace, clock: StandingClock) -> None:
    accounts = [spent(market, connects) for connects in (30, 40, 10)]
    clock.move(days=14)
    before = [market.standings(group=name) for name in ("appealed", "suspended", "warned")], market.overview()
    for account in accounts:
        market.settle_account(account)
    assert ([market.standings(group=name) for name in ("appealed", "suspended", "warned")], market.overview()) == before


def test_an_appeal_waits_until_it_is_decided(market: Marketplace) -> None:
    ana, ben = open_account(market, name="Ana").id, open_account(market).id
    for account in (ana, ben):
        market.suspend(account, reason="spam")
    market.appeal(ana, "I sent one each")
    assert (group(market, "appealed"), group(market, "suspended")) == ([ana], [ben])
    assert market.standings(group="appealed").items[0].account.name == "Ana"
    market.uphold_suspension(ana)
    assert (group(market, "appealed"), group(market, "suspended")) == ([], sorted((ana, ben)))
    market.lift_suspension(ana)
    assert group(market, "suspended") == [ben]


def test_a_revision_unknown_when_an_account_was_judged_is_judged_from_its_first_day(
    database: str, clock: StandingClock
) -> None:
    with Marketplace.open(database, clock=clock) as market:
        account = spent(market, 10)
        clock.move(days=20)
        # Judged by the only revision there was: nothing would change for months.
        market.settle_account(account)
    lowered = convert_pack(raw_with({}, {date(2024, 2, 1): {"conduct.individual.warned_at": 5}}))
    with Marketplace.open(database, clock=clock, pack=lowered) as market:
        clock.move(days=7)
        assert group(market, "warned") == []
        clock.move(days=2)
        assert group(market, "warned") == [account]


def test_the_list_goes_on_where_a_page_ends(market: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earnest.marketplace.overview.JUDGED_AT_ONCE", 2)
    # Made in one millisecond, they come in the order of chance.
    accounts = sorted(open_account(market).id for _ in range(7))
    for account in accounts[::2]:
        market.suspend(account, reason="spam")
    market.appeal(accounts[2], "why?")
    found = pages(market.standings, limit=2, group="suspended")
    assert [[each.account.id for each in page] for page in found] == [[accounts[0], accounts[4]], [accounts[6]]]
    assert [each.account.id for each in market.standings(group="appealed").items] == [accounts[2]]


def test_a_group_or_a_cursor_that_cant_be_meant_is_a_mistake(market: Marketplace) -> None:
    asked: list[Callable[[], Any]] = [
        lambda: market.standings(group="all"),
        lambda: market.standings(group="warned", cursor="x"),
        lambda: market.standings(group="warned", limit=0),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match="expected"):
            ask()


def test_the_overview_counts_all_and_what_they_hold_settled_on_paper(market: Marketplace, clock: StandingClock) -> None:
    assert market.overview().accounts == market.overview().held == 0
    spent(market, 40), spent(market, 30)
    other = open_account(market).id
    market.suspend(other, reason="spam")
    market.appeal(other, "why?")
    clock.move(days=45)
    seen = market.overview()
    assert (seen.accounts, seen.appealed, seen.suspended, seen.warned) == (3, 1, 2, 1)
    # Two months on plus: what is left of 70, and 70 more; on basic the 60 of the present one.
    assert seen.held == market.circulation().held == (140 - 40) + (140 - 30) + 60
