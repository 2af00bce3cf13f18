"""What holders are shown of their own months, and the advice (RULES 10)."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from earnest import Marketplace
from earnest.ledger.store import NONE, Params
from earnest.rules.stats import Month
from tests.marketplace.given import open_account, pages, post
from tests.packs import article
from tests.stores import StandingClock

AUCKLAND = ZoneInfo("Pacific/Auckland")


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


def one_by_one(market: Marketplace, account: str, invited: Sequence[datetime], shown: list[date]) -> list[Month]:
    """The months by every line, proposal and invitation there is, each looked at."""
    counts: dict[date, Counter[str]] = {start: Counter() for start in shown}

    def note(at: datetime, **what: int) -> None:
        counts.setdefault(at.astimezone(AUCKLAND).date().replace(day=1), Counter()).update(what)

    for page in pages(market.entries, account, limit=100):
        for line in page:
            if line.kind in ("spend", "return", "expire"):
                field = {"spend": "spent", "return": "returned", "expire": "expired"}[line.kind]
                note(line.effective_at, **{field: abs(line.connects)})
    for page in pages(market.proposals_of, account, limit=100):
        for each in page:
            note(each.submitted_at, proposals=1, invited=each.invited, hires=each.status == "hired")
    for at in invited:
        note(at, invitations=1)
    months = []
    for start in shown:
        found = counts[start]
        sent, hires = found["proposals"], found["hires"]
        months.append(Month(start, **found, conversion=hires * 100 // sent if sent else 0))
    return months


@pytest.mark.parametrize("seed", range(3))
def test_months_summed_up_by_the_store_are_what_looking_at_each_line_comes_to(
    database: str, clock: StandingClock, seed: int
) -> None:
    chance = random.Random(seed)
    clock.now = datetime(2023, 11, 20, tzinfo=UTC)
    with Marketplace.open(database, pack=article(time_zone=AUCKLAND.key), clock=clock) as market:
        ana, other = open_account(market, "plus").id, open_account(market, "plus").id
        invited: list[datetime] = []
        for year, month in [(2023, 12), *((2024, month) for month in range(1, 10))]:
            start = datetime(year, month, 1, tzinfo=AUCKLAND).astimezone(UTC)
            days = sorted(start + timedelta(hours=chance.randrange(24 * 27)) for _ in range(5))
            for clock.now in (start - timedelta(microseconds=1), start, *days):
                jobs = [post(market, chance.randint(1, 3)).id for _ in range(3)]
                if chance.random() < 0.5:
                    market.invite(jobs[0], ana)
                    invited.append(clock.now)
                for job in jobs:
                    market.submit(job, ana)
                    market.submit(job, other)
                live = market.proposals_of(ana, status="live").items
                if chance.random() < 0.4:
                    market.hire(chance.choice(live).id)
                if chance.random() < 0.4:
                    market.withdraw(chance.choice(live).id)
                if chance.random() < 0.4:
                    market.close_job(chance.choice(live).job_id, "cancelled")
            if chance.random() < 0.4:
                market.confirm_purchase(market.buy(ana, 10).id)
        for quiet in (0, 40):
            clock.move(days=quiet)
            for months in (1, 2, 6, 30):
                found = market.stats(ana, months=months).months
                assert found == one_by_one(market, ana, invited, [each.start for each in found])
            assert sum(each.proposals for each in found) > 60
            assert all(sum(getattr(each, name) for each in found) for name in Month.__struct_fields__[1:])


def test_months_and_advice_read_as_much_however_much_there_was(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency = open_account(market, "agency").id
    worker = market.add_member(agency, name="Ida", role="owner").id
    store = market._inner.ledger.store
    fetch = store.fetch

    def rows_read(ask: Callable[..., Any]) -> int:
        rows = 0

        async def counted(sql: str, params: Params = NONE) -> list[tuple[Any, ...]]:
            nonlocal rows
            found = await fetch(sql, params)
            rows += len(found)
            return found

        with monkeypatch.context() as patched:
            patched.setattr(store, "fetch", counted)
            ask(agency)
        return rows

    read = []
    for more in (1, 30):
        for _ in range(more):
            sent = market.submit(post(market, 1).id, agency, worker_id=worker)
            market.close_job(sent.job_id, "cancelled")
        read.append((rows_read(market.stats), rows_read(market.advice)))
    assert read[0] == read[1]


def test_the_letters_compared_are_the_latest_50_of_the_months_shown(market: Marketplace, clock: StandingClock) -> None:
    agency = open_account(market, "agency").id
    worker = market.add_member(agency, name="Ida", role="owner").id

    def send(letter: str) -> None:
        assert market.submit(post(market, 1).id, agency, worker_id=worker, cover_letter=letter).id

    for _ in range(2):
        send("The same few words again and again")
    assert market.stats(agency).letters_alike == 100
    for number in range(49):
        send(" ".join(f"word{number}x{word}" for word in range(4)))
    assert market.stats(agency).letters_alike == 0
    clock.move(days=40)
    assert market.stats(agency).letters_alike == 0
    assert market.stats(agency, months=1).letters_alike is None
