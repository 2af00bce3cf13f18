"""The rule pack in force in a database never changes (RULES 7.3)."""

import asyncio
from datetime import date
from typing import Any

import pytest

from earnest import Marketplace
from earnest.ledger.errors import RevisionError
from earnest.rules.pack import Pack, convert_pack
from tests.marketplace.given import open_account
from tests.packs import article, raw_with
from tests.stores import StandingClock


def use(url: str, clock: StandingClock, pack: Pack) -> list[tuple[Any, ...]]:
    """The revisions a database keeps once a pack was used in it."""
    with Marketplace.open(url, clock=clock, pack=pack) as market:
        return market.wait(market._inner.ledger.fetch("select number, effective_from from revision order by number"))


def revised(start: date, **changes: Any) -> Pack:
    """The article with a second revision."""
    return convert_pack(raw_with({}, {start: {path.replace("__", "."): value for path, value in changes.items()}}))


def test_a_pack_is_kept_as_it_was_first_used(database: str, clock: StandingClock) -> None:
    assert use(database, clock, article()) == [(1, "")]
    clock.move(days=400)
    assert use(database, clock, article()) == [(1, "")]


def test_what_is_in_force_cannot_change_and_the_field_is_named(database: str, clock: StandingClock) -> None:
    use(database, clock, article())
    with pytest.raises(RevisionError, match=r"revision 1 .*lapse_days"):
        use(database, clock, article(lapse_days=31))
    with pytest.raises(RevisionError, match=r"plans.*basic.*connects|connects"):
        use(database, clock, article(plans__basic__connects=61))
    # What was kept is as it was.
    assert use(database, clock, article()) == [(1, "")]


def test_an_announced_revision_may_be_changed_and_taken_back_until_it_holds(
    database: str, clock: StandingClock
) -> None:
    use(database, clock, article())
    assert use(database, clock, revised(date(2024, 3, 1), lapse_days=31)) == [(1, ""), (2, "2024-03-01")]
    assert use(database, clock, revised(date(2024, 4, 1), lapse_days=32)) == [(1, ""), (2, "2024-04-01")]
    assert use(database, clock, article()) == [(1, "")]
    use(database, clock, revised(date(2024, 2, 1), lapse_days=33))
    clock.move(days=29)
    with pytest.raises(RevisionError, match=r"revision 2 .*lapse_days"):
        use(database, clock, revised(date(2024, 2, 1), lapse_days=34))
    with pytest.raises(RevisionError, match=r"revision 2 is in force .* lacks it"):
        use(database, clock, article())
    assert use(database, clock, revised(date(2024, 2, 1), lapse_days=33)) == [(1, ""), (2, "2024-02-01")]


def test_a_revision_may_not_begin_in_months_that_were_settled_without_it(database: str, clock: StandingClock) -> None:
    use(database, clock, article())
    with pytest.raises(RevisionError, match="which has passed"):
        use(database, clock, revised(date(2024, 1, 1), lapse_days=31))
    assert use(database, clock, revised(date(2024, 2, 1), lapse_days=31)) == [(1, ""), (2, "2024-02-01")]


def test_a_new_database_may_start_with_revisions_of_the_past(database: str, clock: StandingClock) -> None:
    assert use(database, clock, revised(date(2020, 1, 1), lapse_days=31)) == [(1, ""), (2, "2020-01-01")]


def test_a_balance_to_come_knows_an_announced_revision(database: str, clock: StandingClock) -> None:
    with Marketplace.open(database, clock=clock, pack=revised(date(2024, 3, 1), plans__basic__connects=50)) as market:
        ana = open_account(market).id
        assert [market.balance(ana, at=clock.now.replace(month=month)).available for month in (2, 3)] == [60, 50]


def test_two_that_open_a_new_database_at_once_both_get_it(database: str, clock: StandingClock) -> None:
    from earnest import AsyncMarketplace

    async def open_together() -> None:
        opened = await asyncio.gather(*(AsyncMarketplace.open(database, clock=clock) for _ in range(4)))
        for each in opened:
            await each.close()

    asyncio.run(open_together())
    assert use(database, clock, article()) == [(1, "")]
