"""What a holder is told and charged: the same lists, whether written up or only due, and in pages of any size."""

from itertools import chain

import pytest

from earnest import Marketplace
from tests.marketplace.given import day, open_account, pages, post
from tests.stores import StandingClock


@pytest.fixture
def ana(market: Marketplace, clock: StandingClock) -> str:
    """An account with three fees and two notices written, and of each two more that are only due."""
    clock.now = day(1, 3)
    account = open_account(market, "plus").id
    clock.now = day(3, 2)
    market.suspend(account, reason="a mistake")
    market.lift_suspension(account, reason="it was one")
    for proposals, on in (6, day(3, 2)), (2, day(3, 10)):
        clock.now = on
        for _ in range(proposals):
            market.submit(post(market, 5).id, account)
    clock.now = day(5, 20)
    return account


def test_what_is_due_is_told_before_it_is_written_up(market: Marketplace, ana: str) -> None:
    def shown() -> list[tuple[str, int, int]]:
        notices = [(each.kind, each.at.month, each.at.day) for each in market.notices(ana).items]
        return notices + [(each.plan, each.at.month, each.at.day) for each in market.charges(ana).items]

    due = shown()
    assert due == [
        *[("suspended", 3, 2), ("reinstated", 3, 2), ("warned", 3, 16), ("suspended", 3, 24)],
        *[("plus", 1, 3), ("plus", 2, 1), ("plus", 3, 1), ("plus", 4, 1), ("plus", 5, 1)],
    ]
    market.settle_account(ana)
    assert shown() == due


@pytest.mark.parametrize("name", ["notices", "charges", "entries"])
def test_a_list_is_the_same_in_pages_of_any_size(market: Marketplace, ana: str, name: str) -> None:
    list_of = getattr(market, name)
    whole = list_of(ana, limit=500).items
    assert len(whole) > 2
    for size in range(1, len(whole) + 1):
        assert list(chain(*pages(list_of, ana, limit=size))) == whole


@pytest.mark.parametrize("name", ["notices", "charges"])
def test_a_list_goes_on_from_a_cursor_though_what_was_due_has_been_written(
    market: Marketplace, ana: str, name: str
) -> None:
    list_of = getattr(market, name)
    whole = list_of(ana).items
    cursors = {size: list_of(ana, limit=size).next_cursor for size in range(1, len(whole))}
    market.settle_account(ana)
    for size, cursor in cursors.items():
        assert list_of(ana, cursor=cursor).items == whole[size:]
