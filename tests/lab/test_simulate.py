"""Months of a marketplace: repeatable, balanced, and with everything in them that the rules know."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from earnest.lab import market
from earnest.lab.circulation import Circulated, Circulation
from earnest.lab.simulate import SimulationResult, simulate
from earnest.ledger.conservation import Conservation, ConservationError
from earnest.rules.account import EntryKind
from earnest.rules.commands import ChangePlan, Open, Settle
from earnest.rules.outcome import Accepted
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours
from tests.packs import article

SIZES = [
    *(JobSize(JobType.FIXED, budget) for budget in (1_000, 10_000, 30_000, 80_000, 200_000, 900_000)),
    *(JobSize(JobType.HOURLY, None, duration, WeeklyHours.UNDER_30) for duration in Duration),
]
# Holding little is what clips a return or a bonus within so few months.
LITTLE_HELD = {"plans__plus__most_held": 150, "plans__agency__most_held": 200}


def small(seed: int = 1, freelancers: int = 40, months: int = 2, **changes: Any) -> SimulationResult:
    return simulate(SIZES, freelancers, months, seed, article(**changes))


def test_the_same_seed_gives_the_same_result() -> None:
    assert small(7) == small(7)


def test_another_seed_gives_another_result() -> None:
    one, other = small(7), small(8)
    assert (one.proposals, one.totals) != (other.proposals, other.totals)


@pytest.fixture(scope="module")
def lively() -> Iterator[tuple[SimulationResult, Counter[EntryKind]]]:
    """Five months of a few hundred people, and how often each kind of line was written."""
    kinds: Counter[EntryKind] = Counter()
    fold = Conservation.add

    def count(self: Conservation, account_id: str, entries: Any) -> None:
        kinds.update(entry.kind for entry in entries)
        fold(self, account_id, entries)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Conservation, "add", count)
        yield small(3, 400, 5, **LITTLE_HELD), kinds


def test_everything_the_rules_know_happens(lively: tuple[SimulationResult, Counter[EntryKind]]) -> None:
    result, kinds = lively
    assert set(kinds) == set(EntryKind)
    assert sum(kinds.values()) == result.lines
    assert list(result.refusals) == [
        "not_permitted",
        "account_suspended",
        "job_not_open",
        "already_proposed",
        "proposal_not_live",
        "insufficient_connects",
        "plan_cannot_buy",
        "over_most_held",
        "not_for_this_kind",
        "not_suspended",
        "already_appealed",
        "nothing_pending",
    ]
    assert min(result.refusals.values()) > 0
    assert 0 < result.invited < result.proposals
    assert 0 < result.hires < result.proposals
    assert 0 < result.suspended < result.freelancers
    assert 0 < result.suspended <= result.warned <= result.freelancers
    assert result.closed_with_hire > 0
    assert result.closed_without_hire > 0
    assert result.closed_with_hire + result.closed_without_hire < result.jobs
    assert 0 < result.returned_proposals < result.proposals
    assert result.withdrawn > 0
    assert result.declined > 0


def balanced(row: Circulated) -> bool:
    came = row.held_before + row.granted + row.bought + row.returned + row.moved_in
    went = row.spent + row.expired + row.forfeited + row.taken_back + row.moved_out
    return came == went + row.held


def test_each_plan_and_each_month_balances(lively: tuple[SimulationResult, Counter[EntryKind]]) -> None:
    result, _ = lively
    assert [(row.month, row.plan) for row in result.circulation[:4]] == [
        ("2016-01", "basic"),
        ("2016-01", "plus"),
        ("2016-01", "agency"),
        ("2016-02", "basic"),
    ]
    assert len(result.circulation) == 5 * 3
    for row in (*result.circulation, *result.by_plan(), *result.by_month()):
        assert balanced(row), row
    for before, after in zip(result.circulation, result.circulation[3:], strict=False):
        assert after.held_before == before.held
    assert [row.plan for row in result.by_plan()] == ["basic", "plus", "agency"]
    assert [row.month for row in result.by_month()] == [f"2016-0{month}" for month in range(1, 6)]
    for row in result.by_month():
        assert row.moved_in == row.moved_out
    assert sum(row.moved_in for row in result.by_plan()) > 0


def test_what_circulated_is_what_the_journals_say(lively: tuple[SimulationResult, Counter[EntryKind]]) -> None:
    result, _ = lively
    totals = result.totals
    assert totals.surplus == 0
    for figure in ("granted", "bought", "returned", "spent", "expired", "forfeited", "taken_back"):
        assert sum(getattr(row, figure) for row in result.by_plan()) == getattr(totals, figure) > 0
    assert sum(row.held for row in result.by_plan()) == result.by_month()[-1].held == totals.held
    # The plans grant 60 to 80 a month to all, and bonuses are rare.
    assert 60 * 400 < result.by_month()[1].granted < 80 * 400


@pytest.mark.parametrize(
    "changes",
    [
        {"cycle": "anniversary", "time_zone": "America/New_York"},
        {"lapse_gives_back": True, "returns_above_most_held": "keep", "plans__plus__most_held": 100},
        {"plans__plus__connects": 60, "plans__basic__connects": 60},
    ],
    ids=["its own months", "a lapse gives back", "an upgrade grants nothing"],
)
def test_other_packs_are_conserved_too(changes: dict[str, Any]) -> None:
    result = small(5, 60, 4, **changes)
    assert result.proposals > 500
    assert all(balanced(row) for row in result.circulation)


def test_months_are_those_of_the_calendar_and_their_days_are_told() -> None:
    told: list[tuple[int, int]] = []
    simulate(SIZES, 3, 2, 1, article(), lambda done, total: told.append((done, total)))
    assert told == [(day, 31 + 29) for day in range(1, 61)]


def test_an_account_of_one_connect_too_many_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    decide = market.decide

    def generous(*arguments: Any) -> Any:
        outcome = decide(*arguments)
        if isinstance(outcome, Accepted) and outcome.account.id == "acc_3" and outcome.proposals:
            lot, *others = outcome.account.lots
            more = replace(outcome.account, lots=(replace(lot, remaining=lot.remaining + 1), *others))
            return replace(outcome, account=replace(more, balance=more.balance + 1))
        return outcome

    monkeypatch.setattr(market, "decide", generous)
    with pytest.raises(ConservationError, match="acc_3, line"):
        small()


def test_a_line_written_with_another_time_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    decide = market.decide

    def late(*arguments: Any) -> Any:
        outcome = decide(*arguments)
        if isinstance(outcome, Accepted) and outcome.proposals and outcome.entries:
            last = outcome.entries[-1]
            entries = (*outcome.entries[:-1], replace(last, effective_at=last.effective_at - timedelta(days=40)))
            return replace(outcome, entries=entries)
        return outcome

    monkeypatch.setattr(market, "decide", late)
    with pytest.raises(ConservationError, match="before the line before it"):
        small()


def test_a_plan_that_holds_another_sum_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Circulation, "_move", lambda *_: None)
    with pytest.raises(ConservationError, match=r"plan basic, line [0-9]+: holds [0-9]+, lines say [0-9]+"):
        small(3, 400, 2)


def test_a_sum_the_journals_do_not_say_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Circulation.rows

    def wrong(self: Circulation) -> tuple[Circulated, ...]:
        first, *others = rows(self)
        return (replace(first, granted=first.granted + 1, expired=first.expired + 1), *others)

    monkeypatch.setattr(Circulation, "rows", wrong)
    with pytest.raises(ConservationError, match=r"all accounts, line [0-9]+: granted: "):
        small()


def test_a_line_counts_in_the_month_it_took_effect_in() -> None:
    circulation = Circulation(article(), date(2015, 12, 1), 3)
    life = market.Market(article(), lambda outcome: circulation.add(outcome.account, outcome.entries))
    life.open(Open("acc_1", "individual", "basic"), datetime(2015, 12, 31, 23, 59, tzinfo=UTC))
    life.act("acc_1", ChangePlan("plus"), datetime(2016, 1, 1, tzinfo=UTC))
    life.act("acc_1", Settle(), datetime(2016, 2, 29, 12, tzinfo=UTC))
    basic, plus = (
        [(row.month, row.granted, row.expired, row.moved_in, row.moved_out, row.held) for row in rows]
        for rows in (circulation.rows()[0::3], circulation.rows()[1::3])
    )
    assert basic == [("2015-12", 60, 0, 0, 0, 60), ("2016-01", 60, 60, 0, 60, 0), ("2016-02", 0, 0, 0, 0, 0)]
    assert plus == [("2015-12", 0, 0, 0, 0, 0), ("2016-01", 10, 0, 60, 0, 70), ("2016-02", 70, 0, 0, 0, 140)]


def test_what_is_forgotten_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lean = small(1, 80, 8)
    assert lean.suspended > 0
    monkeypatch.setattr(market.Market, "forget_uncounted", lambda *_: None)
    assert small(1, 80, 8) == lean


@pytest.mark.parametrize(
    ("sizes", "freelancers", "months", "message"),
    [
        ([], 1, 1, "postings: expected at least one, got none"),
        (SIZES, 0, 1, "freelancers: expected at least 1, got 0"),
        (SIZES, -1, 1, "freelancers: expected at least 1, got -1"),
        (SIZES, 1, 0, "months: expected at least 1, got 0"),
    ],
)
def test_nothing_to_simulate_is_one_clear_line(
    sizes: list[JobSize], freelancers: int, months: int, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        simulate(sizes, freelancers, months, 1, article())


def test_one_freelancer_and_one_month_is_enough() -> None:
    result = small(freelancers=1, months=1)
    assert result.freelancers == 1
    assert result.totals.granted >= 60


@pytest.mark.parametrize("lapse_days", [1, 5])
def test_posts_may_lapse_soon_and_give_back(lapse_days: int) -> None:
    keeps, gives = (small(3, 60, 3, lapse_days=lapse_days, lapse_gives_back=each) for each in (False, True))
    assert keeps.closed_with_hire > 0
    assert gives.returned_proposals > keeps.returned_proposals * 3 // 2
