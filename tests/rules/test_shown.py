"""What a holder is shown: losses to come, months in figures, letters alike, and advice (RULES 10)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from earnest.lab.market import Market
from earnest.rules.account import Account, Source
from earnest.rules.advice import Trial, Verdict, advise
from earnest.rules.commands import ChangePlan, ConfirmPurchase, Grant, Open, ReportFee, Settle, StartPurchase
from earnest.rules.decide import decide
from earnest.rules.forecast import Expiring, expiring
from earnest.rules.outcome import Accepted, PurchaseWarning
from earnest.rules.pack import Pack, convert_pack
from earnest.rules.price import JobSize, JobType
from earnest.rules.settle import look
from earnest.rules.stats import Invited, Month, Moved, Sent, alikeness, by_month, month_starts, percent
from tests.packs import article, raw_with
from tests.rules.lives import Act
from tests.rules.test_lives import acts, choices, openings
from tests.rules.test_properties import lived, plans


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lives_through(pack: Pack, plan: str, *steps: tuple[str, Any], kind: Any = "individual") -> Account:
    account: Account | None = None
    for when, command in (("2024-01-05", Open("acc", kind, plan)), *steps):
        outcome = decide(account, command, pack, at(when), ())
        assert isinstance(outcome, Accepted), outcome
        account = outcome.account
        if outcome.purchase is not None and isinstance(command, StartPurchase):
            outcome = decide(account, ConfirmPurchase(outcome.purchase), pack, at(when), ())
            assert isinstance(outcome, Accepted)
            account = outcome.account
    assert account is not None
    return account


def losses(account: Account, pack: Pack, when: str) -> list[tuple[str, int]]:
    return [(f"{loss.at:%Y-%m-%d}", loss.connects) for loss in expiring(account, pack, at(when))]


def test_a_basic_members_connects_all_go_at_the_months_end() -> None:
    pack = article()
    assert losses(lives_through(pack, "basic"), pack, "2024-01-20") == [("2024-02-01", 60)]
    # Looked at a month later, it is that month's.
    assert losses(lives_through(pack, "basic"), pack, "2024-02-20") == [("2024-03-01", 60)]


def test_a_plus_members_go_when_younger_ones_crowd_them_out() -> None:
    pack = article()
    # 70 of January: with those of February and March they are 210 on 1 April, of which 140 may be carried.
    assert losses(lives_through(pack, "plus"), pack, "2024-01-20") == [("2024-04-01", 70)]


def test_bought_ones_are_carried_for_ever_and_not_shown_as_lost() -> None:
    pack = article()
    account = lives_through(pack, "plus", ("2024-01-06", StartPurchase("pur", 140)))
    assert losses(account, pack, "2024-01-20") == [("2024-02-01", 70)]


def test_a_bonus_goes_at_its_own_time_and_a_pending_fall_takes_the_rest() -> None:
    pack = article()
    account = lives_through(
        pack, "plus", ("2024-01-06", Grant(5, "gift", at("2024-01-25"))), ("2024-01-07", ChangePlan("basic"))
    )
    assert losses(account, pack, "2024-01-20") == [("2024-01-25", 5), ("2024-02-01", 70)]
    unpaid = lives_through(pack, "plus", ("2024-01-07", ReportFee(paid=False)))
    assert losses(unpaid, pack, "2024-01-20") == [("2024-02-01", 70)]


def test_a_known_revision_is_counted_in() -> None:
    pack = convert_pack(raw_with({}, {date(2024, 6, 1): {"plans.plus.carry_limit": 0}}))
    account = lives_through(pack, "plus", ("2024-01-06", StartPurchase("pur", 140)))
    assert losses(account, pack, "2024-01-20") == [("2024-02-01", 70), ("2024-06-01", 140)]


def test_a_pack_that_never_takes_anything_is_no_endless_task() -> None:
    pack = article(plans__plus__carry_limit=2**31 - 1, plans__plus__most_held=2**31 - 1)
    assert losses(lives_through(pack, "plus"), pack, "2024-01-20") == []


@given(acts, choices, openings, plans)
def test_what_is_shown_as_lost_is_what_idling_loses(
    told: list[Act], changed: dict[str, Any], opened_at: datetime, plan: str
) -> None:
    life = lived(told, changed, opened_at, plan)
    now, _ = look(life.account, life.pack, life.now)
    shown = expiring(now, life.pack, life.now)
    assert all(loss.connects > 0 for loss in shown)
    assert [loss.at for loss in shown] == sorted({loss.at for loss in shown})
    horizon = shown[-1].at if shown else life.now + timedelta(days=100)
    later, entries = look(now, life.pack, horizon)
    lost: dict[datetime, int] = {}
    for entry in entries:
        if entry.kind == "expire" and entry.lot is not None and entry.lot.root <= now.n:
            lost[entry.effective_at] = lost.get(entry.effective_at, 0) + entry.lot.remaining
    assert [Expiring(when, connects) for when, connects in lost.items()] == shown
    still_held = sum(lot.remaining for lot in later.lots if lot.root <= now.n)
    assert still_held + sum(loss.connects for loss in shown) == now.balance


def test_buying_warns_of_what_the_boundary_would_take() -> None:
    pack = article()

    def warning(account: Account, connects: int) -> PurchaseWarning | None:
        outcome = decide(account, StartPurchase("pur", connects), pack, at("2024-01-20"))
        assert isinstance(outcome, Accepted)
        return outcome.warning

    plus = lives_through(pack, "plus")
    assert warning(plus, 70) is None
    assert warning(plus, 71) == PurchaseWarning(1, at("2024-02-01"))
    falling = lives_through(pack, "plus", ("2024-01-07", ChangePlan("basic")))
    assert warning(falling, 1) == PurchaseWarning(71, at("2024-02-01"))
    # A bonus with an expiry of its own is none of the cycle's.
    gifted = lives_through(pack, "plus", ("2024-01-07", Grant(50, "gift", at("2024-03-01"))))
    assert warning(gifted, 70) is None


def test_months_in_figures() -> None:
    pack = article(time_zone="America/New_York")
    market = Market(pack)
    entries: list[Any] = []
    market = Market(pack, lambda outcome: entries.extend(outcome.entries))
    market.open(Open("acc", "individual", "basic"), at("2024-01-10"))
    size = JobSize(JobType.HOURLY)
    for number, when in enumerate(("2024-01-11", "2024-01-12", "2024-02-01T03:00", "2024-02-01T06:00"), start=1):
        market.post(f"job-{number}", "dan", size, at(when))
        if number == 2:
            market.invite("job-2", "acc")
        market.propose("acc", f"job-{number}", at(when))
    market.hire("acc", "job-1", at("2024-02-20"))
    market.close("job-4", "cancelled", at("2024-03-02T06:00"))
    moved = [Moved(line.effective_at, line.kind, line.connects) for line in entries]
    sent = [Sent(each.submitted_at, each.status, each.invited) for each in market.proposals["acc"].values()]
    invited = [Invited(at("2024-01-12")), Invited(at("2023-01-01"))]
    months = by_month(moved, sent, invited, pack.calendar, at("2024-03-05"), 4)
    assert months == [
        Month(date(2023, 12, 1)),
        # Three in the morning of 1 February is still January in New York.
        Month(date(2024, 1, 1), proposals=3, invited=1, hires=1, invitations=1, spent=4, conversion=33),
        Month(date(2024, 2, 1), proposals=1, spent=2, expired=56),
        Month(date(2024, 3, 1), returned=2, expired=58),
    ]
    assert month_starts(pack.calendar, at("2024-03-05"), 2) == [
        at("2024-02-01T05:00"),
        at("2024-03-01T05:00"),
        # Summer has begun there.
        at("2024-04-01T04:00"),
    ]
    assert by_month(moved, sent, [], pack.calendar, at("2024-03-05"), 0) == []


def test_percent_rounds_down_and_knows_nothing() -> None:
    assert [percent(1, 3), percent(2, 3), percent(3, 3), percent(0, 0)] == [33, 66, 100, 0]


@pytest.mark.parametrize(
    ("letters", "alike"),
    [
        ([], 0),
        (["only one letter, alone here"], 0),
        (["Yes please", "Yes please"], 100),
        (["Yes please", "Yes thanks"], 14),
        (["one two three", "one two four"], 0),
        (["我可以做这个工作", "我可以做这个工作"], 100),
        (["Hi", "Hi"], 0),
        (["I can do this job", "I can do this job"], 100),
        (["I can do this job", "i CAN do -- this: job!"], 100),
        (["one two three four", "five six seven eight"], 0),
        # Two runs of three words each, one of them shared.
        (["one two three four", "zero one two three"], 50),
        (["one two three four", "zero one two three", "nothing in common here"], 33),
        # The same words over and over are one run, and not another letter's.
        (["ha ha ha ha ha", "quite something else again"], 0),
    ],
)
def test_how_alike_letters_are(letters: list[str], alike: int) -> None:
    assert alikeness(letters) == alike


def months(*spent: int, proposals: int = 0, hires: int = 0) -> list[Month]:
    return [Month(date(2023, 1 + n, 1), proposals, 0, hires, 0, connects) for n, connects in enumerate(spent)]


def test_advice_tries_each_plan_on_the_holders_own_months() -> None:
    pack = article()
    account = lives_through(pack, "basic")
    advice = advise(account, months(100, 30, 90), 2, pack, at("2024-01-20"))
    assert advice.needed == (100, 30, 90)
    assert advice.trials == (
        Trial("basic", cost=0, bought=0, missing=70, expired=30),
        # 70 + 30 bought; 70 of which 40 are carried; 110, of which 20 are left and carried.
        Trial("plus", cost=3 * 1000 + 30 * 100, bought=30, missing=0, expired=0),
    )
    assert (advice.proposals_left, advice.days_left) == (30, 12)
    assert advice.verdict is Verdict.UPGRADE


def test_a_need_above_most_held_is_bought_in_parts() -> None:
    pack = article()
    advice = advise(lives_through(pack, "plus"), months(800), 2, pack, at("2024-01-20"))
    assert advice.trials[1] == Trial("plus", 1000 + 730 * 100, 730, 0, 0)
    assert advice.verdict is Verdict.BUY


@pytest.mark.parametrize(
    ("plan", "lived_months", "verdict"),
    [
        ("basic", months(40, 60), Verdict.STAY),
        ("basic", months(60, 61), Verdict.UPGRADE),
        ("plus", months(70, 70), Verdict.STAY),
        ("plus", months(40, 60), Verdict.DOWNGRADE),
        ("plus", months(100, 100), Verdict.BUY),
        ("basic", months(60, 61, proposals=10, hires=0), Verdict.WORK_ON_PROPOSALS),
        ("basic", months(60, 61, proposals=10, hires=1), Verdict.UPGRADE),
        ("basic", months(60, 61, proposals=9, hires=0), Verdict.UPGRADE),
        # One hire of twenty proposals is just five in a hundred, which isn't fewer.
        ("basic", [*months(60, proposals=10, hires=1), *months(61, proposals=10)], Verdict.UPGRADE),
        ("basic", [], Verdict.STAY),
        ("plus", [], Verdict.STAY),
        ("plus", months(0, 0), Verdict.DOWNGRADE),
    ],
)
def test_the_plain_word(plan: str, lived_months: list[Month], verdict: Verdict) -> None:
    pack = article()
    assert advise(lives_through(pack, plan), lived_months, 2, pack, at("2024-01-20")).verdict is verdict


def test_sixty_connects_at_two_are_thirty_proposals() -> None:
    pack = article()
    account = lives_through(pack, "basic", ("2024-06-01", Settle()))
    advice = advise(account, [], 2, pack, at("2024-06-01"))
    assert (advice.proposals_left, advice.days_left) == (30, 30)
    assert account.lots[0].source is Source.ALLOTMENT


def test_advice_goes_by_the_rules_of_the_time() -> None:
    later = {"plans.plus.fee": 2000, "advice.many_proposals": 3, "plans.plus.most_held": 100}
    pack = convert_pack(raw_with({}, {date(2024, 3, 1): later}))
    account = lives_through(pack, "basic", ("2024-04-02", Settle()))
    asked = months(150, proposals=3)
    advice = advise(account, asked, 1, pack, at("2024-04-02"))
    assert advice.trials[1] == Trial("plus", 2000 + 80 * 100, 80, 0, 0)
    assert (advice.verdict, advice.proposals_left) == (Verdict.WORK_ON_PROPOSALS, 60)
    assert type(advice.proposals_left) is int
    early = lives_through(pack, "basic")
    assert advise(early, asked, 1, pack, at("2024-01-20")).trials[1].cost == 1000 + 80 * 100
    assert advise(early, asked, 1, pack, at("2024-01-20")).verdict is Verdict.UPGRADE


def test_a_revision_among_the_months_to_come_is_no_obstacle() -> None:
    pack = convert_pack(raw_with({}, {date(2024, 3, 1): {"lapse_days": 20}}))
    advice = advise(lives_through(pack, "plus"), months(80, 80, 80), 2, pack, at("2024-01-05"))
    assert advice.trials[1] == Trial("plus", 3 * 1000 + 30 * 100, 30, 0, 0)
    much = advise(
        lives_through(pack, "basic"), months(2**31 + 50), 2, article(plans__plus__most_held=None), at("2024-01-05")
    )
    assert (much.trials[1].bought, much.trials[1].missing) == (2**31 - 20, 0)


def test_advice_begins_with_the_accounts_own_cycle() -> None:
    pack = article(cycle="anniversary")
    account = lives_through(pack, "basic", ("2024-01-31", Settle()))
    advice = advise(account, months(60), 2, pack, at("2024-01-31"))
    assert (advice.trials[0], advice.days_left) == (Trial("basic", 0, 0, 0, 0), 5)


def test_a_plan_new_since_the_cycle_began_is_tried_from_now_on() -> None:
    raw = raw_with({"cycle": "anniversary"}, {date(2024, 3, 1): {}})
    plus = raw["revisions"][1]["plans"][1]
    raw["revisions"][1]["plans"].insert(1, {**plus, "code": "mid", "fee": 1})
    pack = convert_pack(raw)
    account = lives_through(pack, "basic", ("2024-03-02", Settle()))
    assert account.cycle_start == at("2024-02-05")
    advice = advise(account, months(70), 2, pack, at("2024-03-02"))
    assert [trial.plan for trial in advice.trials] == ["basic", "mid", "plus"]
    assert advice.trials[1] == Trial("mid", 1, 0, 0, 0)
    assert advice.verdict is Verdict.UPGRADE


def test_a_trial_begins_with_a_whole_month() -> None:
    pack = article(first_month="prorated")
    account = lives_through(pack, "basic", ("2024-02-10", Settle()))
    assert advise(account, months(60), 2, pack, at("2024-02-20")).trials[0] == Trial("basic", 0, 0, 0, 0)


def test_at_the_same_cost_the_plan_held_is_best() -> None:
    pack = article(plans__plus__fee=0)
    for plan in ("basic", "plus"):
        assert advise(lives_through(pack, plan), months(20), 2, pack, at("2024-01-20")).verdict is Verdict.STAY


def test_advice_asks_for_a_price() -> None:
    pack = article()
    with pytest.raises(ValueError, match="usual_price: expected at least 1, got 0"):
        advise(lives_through(pack, "basic"), [], 0, pack, at("2024-01-20"))
