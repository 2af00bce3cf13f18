"""What an outcome says besides the balance: notes, notices, figures, and what became of what was brought along."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from earnest.lab.market import Market
from earnest.rules.account import Account, Evidence, Lot, Source, Suspension
from earnest.rules.book import UnbalancedError
from earnest.rules.commands import (
    Appeal,
    ChangePlan,
    Command,
    ConfirmPurchase,
    DecideSuspension,
    Decline,
    GiveBack,
    Grant,
    Hire,
    KeepPlan,
    Open,
    ReportFee,
    ReversePurchase,
    Revoke,
    Settle,
    StartPurchase,
    Submit,
    Suspend,
    Withdraw,
)
from earnest.rules.conduct import HistoryNeededError, history_from
from earnest.rules.decide import decide
from earnest.rules.job import Job, close, post, resize
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Charge, Notice, NoticeKind, PurchaseWarning, Refusal, Refused
from earnest.rules.pack import convert_pack
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours
from earnest.rules.proposal import Proposal, ProposalStatus
from earnest.rules.purchase import Purchase, PurchaseStatus
from tests.packs import article, raw_article, raw_with

PACK = article()
NOW = datetime(2024, 3, 7, 12, tzinfo=UTC)
END = datetime(2024, 4, 1, tzinfo=UTC)
OWNER, ADMIN, MEMBER = Member("mem_o", "owner"), Member("mem_a", "admin"), Member("mem_m", "member")


def done(account: Account | None, command: Command, now: datetime = NOW, history: Any = None) -> Accepted:
    outcome = decide(account, command, PACK, now, history)
    assert isinstance(outcome, Accepted), outcome
    return outcome


def refused(account: Account, command: Command, now: datetime = NOW, history: Any = None) -> tuple[str, dict[str, Any]]:
    outcome = decide(account, command, PACK, now, history)
    assert isinstance(outcome, Refused), outcome
    return outcome.code.value, outcome.figures


def opened(plan: str = "plus", kind: Any = "individual") -> Account:
    return done(None, Open("acc", kind, plan)).account


def job(budget: int = 30_000, now: datetime = NOW) -> Job:
    return post("job", "dan", JobSize(JobType.FIXED, budget), PACK, now)


def test_an_opening_charges_the_fee_and_grants_the_allotment() -> None:
    outcome = done(None, Open("acc", "individual", "plus", datetime(2024, 2, 10, tzinfo=UTC)))
    assert [(e.kind.value, e.connects, e.note, e.plan) for e in outcome.entries] == [
        ("allot", 70, "", "plus"),
        ("carry", -70, "", "plus"),
        ("carry", 70, "", "plus"),
        ("allot", 70, "", "plus"),
    ]
    assert outcome.charges == (
        Charge("plus", 1000, datetime(2024, 2, 10, tzinfo=UTC)),
        Charge("plus", 1000, datetime(2024, 3, 1, tzinfo=UTC)),
    )
    assert done(None, Open("acc", "individual", "basic")).charges == ()
    assert outcome.account.id == "acc"
    assert outcome.account.status.value == "active"


def test_an_opening_may_be_told_in_any_zone() -> None:
    east = timezone(timedelta(hours=9))
    outcome = done(None, Open("acc", "individual", "plus", datetime(2024, 3, 1, 8, tzinfo=east)))
    assert outcome.entries[0].effective_at == datetime(2024, 2, 29, 23, tzinfo=UTC)
    assert outcome.entries[0].effective_at.tzinfo is UTC
    assert len(outcome.entries) == 4


@pytest.mark.parametrize(
    ("limit", "lines"),
    [
        (1, [("carry", -1), ("carry", 1), ("expire", -69), ("allot", 70)]),
        (69, [("carry", -69), ("carry", 69), ("expire", -1), ("allot", 70)]),
        (70, [("carry", -70), ("carry", 70), ("allot", 70)]),
    ],
)
def test_just_what_is_above_the_limit_expires(limit: int, lines: list[tuple[str, int]]) -> None:
    outcome = decide(opened(), Settle(), article(plans__plus__carry_limit=limit), END)
    assert isinstance(outcome, Accepted)
    assert [(e.kind.value, e.connects) for e in outcome.entries] == lines


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"balance": 71}, "acc: lines say 71, lots hold 70, debt 0"),
        ({"debt": -1}, "acc: lines say 70, lots hold 70, debt -1"),
        ({"lots": (Lot(1, Source.ALLOTMENT, 70, 1), Lot(2, Source.BONUS, 0, 2))}, "acc: lines say 70, lots hold 70"),
    ],
)
def test_an_account_that_does_not_add_up_is_never_written(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UnbalancedError, match=said):
        decide(msgspec.structs.replace(opened(), **wrong), Settle(), PACK, NOW)


def test_a_proposal_says_what_it_cost_and_from_where() -> None:
    agency = opened("agency", "agency")
    outcome = done(agency, Submit(job(), attempts=2, worker=OWNER))
    (entry,) = outcome.entries
    assert outcome.proposals == (
        Proposal("acc", 2, "job", 3, ProposalStatus.LIVE, 2, False, NOW, (Lot(1, Source.ALLOTMENT, 2, 1),), "mem_o"),
    )
    assert (entry.n, entry.job_id, entry.proposal, entry.balance_after, entry.note) == (2, "job", 2, 78, "")
    invited = done(opened(), Submit(job(), invited=True))
    assert (invited.proposals[0].connects_spent, invited.proposals[0].taken) == (0, ())
    assert [(e.kind.value, e.connects, e.lot, e.job_id, e.proposal) for e in invited.entries] == [
        ("spend", 0, None, "job", 2)
    ]
    assert invited.proposals[0].invited
    assert invited.account.judge_on > outcome.account.judge_on


def test_who_may_propose() -> None:
    agency, person = opened("agency", "agency"), opened()
    expected = "a member of the agency"
    assert refused(agency, Submit(job())) == ("malformed", {"field": "worker_id", "expected": expected})
    expected = "none, as the account is an individual's"
    assert refused(person, Submit(job(), worker=OWNER)) == ("malformed", {"field": "worker_id", "expected": expected})
    figures = {"reason": "role", "member": "mem_m", "role": "member"}
    assert refused(agency, Submit(job(), worker=MEMBER)) == ("not_permitted", figures)
    for member in (ADMIN, Member("mem_m", "member", can_propose=True)):
        assert done(agency, Submit(job(), worker=member)).proposals[0].worker_id == member.id
    for leader in ("owner", "admin"):
        barred = Member("mem", leader, can_propose=False)  # type: ignore[arg-type]
        assert refused(agency, Submit(job(), worker=barred))[0] == "not_permitted"


def test_where_nobody_may_propose() -> None:
    posted = job(now=datetime(2024, 2, 6, 12, tzinfo=UTC))
    assert refused(opened(), Submit(posted)) == ("job_not_open", {"job": "job", "status": "lapsed"})
    assert refused(opened(), Submit(close(job(), "filled", NOW))) == (
        "job_not_open",
        {"job": "job", "status": "closed"},
    )
    assert refused(opened(), Submit(job(), live=True)) == ("already_proposed", {"job": "job"})
    poor = done(opened(), Revoke(69, "taken")).account
    assert refused(poor, Submit(job())) == ("insufficient_connects", {"required": 2, "available": 1})
    assert done(poor, Submit(job(budget=100))).account.balance == 0


@pytest.mark.parametrize(
    ("make", "status"), [(Withdraw, "withdrawn"), (Decline, "declined"), (lambda p: Hire(p, job()), "hired")]
)
def test_a_live_proposal_is_decided_once(make: Any, status: str) -> None:
    sent = done(opened(), Submit(job()))
    outcome = done(sent.account, make(sent.proposals[0]))
    assert outcome.proposals == (msgspec.structs.replace(sent.proposals[0], status=ProposalStatus(status)),)
    assert outcome.entries == ()
    for again in (Withdraw, Decline, lambda p: Hire(p, job())):
        assert refused(outcome.account, again(outcome.proposals[0])) == ("proposal_not_live", {"status": status})


def test_another_accounts_proposal_is_nobodys() -> None:
    theirs = done(done(None, Open("other", "individual", "plus")).account, Submit(job())).proposals[0]
    shut = close(job(), "cancelled", NOW)
    for command in (
        Withdraw(theirs),
        Decline(theirs),
        Hire(theirs, job()),
        Hire(theirs, shut),
        GiveBack(shut, (theirs,)),
    ):
        assert refused(opened(), command) == ("unknown_proposal", {})


def test_a_lapsed_job_gives_back_where_the_pack_says_so() -> None:
    pack, late = article(lapse_gives_back=True), datetime(2024, 4, 7, tzinfo=UTC)
    sent = done(opened(), Submit(job()))
    command = GiveBack(job(), sent.proposals)
    for at, back in ((NOW, []), (late, ["the job lapsed"])):
        outcome = decide(sent.account, command, pack, at, sent.proposals)
        assert isinstance(outcome, Accepted)
        assert [entry.note for entry in outcome.entries if entry.kind == "return"] == back
        assert len(outcome.proposals) == len(back)


def test_a_hire_counts_on_the_job_and_starts_the_accounts_count_anew() -> None:
    sent = done(opened(), Submit(job()))
    hired = done(sent.account, Hire(sent.proposals[0], job()))
    assert hired.job is not None
    assert (hired.job.hires, hired.account.counted_from) == (1, 2)
    assert hired.account.judge_on > 3_000_000
    assert done(sent.account, Hire(sent.proposals[0], hired.job)).job == msgspec.structs.replace(job(), hires=2)
    shut = close(job(), "filled", NOW)
    assert refused(sent.account, Hire(sent.proposals[0], shut)) == ("job_not_open", {"job": "job", "status": "closed"})
    withdrawn = done(sent.account, Withdraw(sent.proposals[0])).proposals[0]
    assert refused(sent.account, Hire(withdrawn, shut))[0] == "job_not_open"


def test_a_job_closes_once_and_is_priced_by_what_counts_of_its_size() -> None:
    posted = job()
    assert (posted.id, posted.client_id, posted.posted_at) == ("job", "dan", NOW)
    shut = close(posted, "removed", NOW)
    assert (shut.closed_at, shut.close_reason) == (NOW, "removed")
    assert close(shut, "filled", END) == shut
    assert shut.gives_back(PACK, NOW)
    assert not msgspec.structs.replace(shut, hires=1).gives_back(PACK, NOW)
    assert not posted.gives_back(PACK, END)
    late = datetime(2024, 4, 7, tzinfo=UTC)
    generous = convert_pack(raw_with({"lapse_gives_back": True}, {date(2024, 4, 1): {"lapse_gives_back": False}}))
    assert [posted.gives_back(pack, late) for pack in (PACK, generous)] == [False, True]
    dearer = article(price_card__duration__over_6_months=5, price_card__fixed_above=3)
    size = JobSize(JobType.HOURLY, 100, Duration.OVER_6_MONTHS)
    hourly = post("job", "dan", size, PACK, NOW)
    for same in (JobSize(JobType.HOURLY, None, Duration.OVER_6_MONTHS), JobSize(JobType.HOURLY, 7, size.duration)):
        edited = resize(hourly, same, dearer, NOW)
        assert (edited.price, edited.size) == (4, same)
    other = JobSize(JobType.HOURLY, None, Duration.OVER_6_MONTHS, WeeklyHours.UNDER_30)
    assert resize(hourly, other, dearer, NOW).price == 5
    # Fixed without a budget is priced as hourly is, so that changing just the type changes nothing that counts.
    assert resize(hourly, JobSize(JobType.FIXED, None, Duration.OVER_6_MONTHS), dearer, NOW).price == 4
    fixed = post("job", "dan", JobSize(JobType.FIXED, 500_000, Duration.OVER_6_MONTHS), PACK, NOW)
    assert resize(fixed, JobSize(JobType.FIXED, 500_000), dearer, NOW).price == 5
    assert resize(fixed, JobSize(JobType.FIXED, 500_001), dearer, NOW).price == 3


def bought(account: Account, connects: int, id_: str = "pur") -> Accepted:
    started = done(account, StartPurchase(id_, connects))
    assert started.purchase is not None
    return done(started.account, ConfirmPurchase(started.purchase))


def test_a_purchase_through_its_life() -> None:
    started = done(opened(), StartPurchase("pur", 20, by=None))
    assert started.purchase == Purchase("pur", 20, 100, PurchaseStatus.PENDING, NOW)
    assert started.purchase.amount == 2000
    assert started.entries == ()
    confirmed = done(started.account, ConfirmPurchase(started.purchase), END.replace(month=3, day=8))
    assert confirmed.purchase == msgspec.structs.replace(
        started.purchase, status=PurchaseStatus.CONFIRMED, decided_at=datetime(2024, 3, 8, tzinfo=UTC)
    )
    assert [(e.kind.value, e.lot, e.note) for e in confirmed.entries] == [
        ("purchase", Lot(2, Source.PURCHASE, 20, 2, None, "pur", 100), "")
    ]
    again = done(confirmed.account, ConfirmPurchase(confirmed.purchase), datetime(2024, 3, 9, tzinfo=UTC))
    assert (again.purchase, again.entries) == (confirmed.purchase, ())
    reversed_ = done(again.account, ReversePurchase(confirmed.purchase, 3), datetime(2024, 3, 10, tzinfo=UTC))
    assert [(e.kind.value, e.connects, e.note) for e in reversed_.entries] == [
        ("revoke", -20, "the payment of pur was reversed")
    ]
    assert reversed_.purchase is not None
    assert reversed_.purchase.status is PurchaseStatus.REVERSED
    assert reversed_.purchase.decided_at == datetime(2024, 3, 10, tzinfo=UTC)
    assert reversed_.account.debt == 3
    for late in (ConfirmPurchase(reversed_.purchase), ReversePurchase(reversed_.purchase, 20)):
        once_more = done(reversed_.account, late, datetime(2024, 3, 11, tzinfo=UTC))
        assert (once_more.purchase, once_more.entries, once_more.account.debt) == (reversed_.purchase, (), 3)


def test_a_purchase_reversed_while_pending_is_cancelled() -> None:
    started = done(opened(), StartPurchase("pur", 20))
    assert started.purchase is not None
    cancelled = done(started.account, ReversePurchase(started.purchase))
    assert cancelled.purchase == msgspec.structs.replace(
        started.purchase, status=PurchaseStatus.CANCELLED, decided_at=NOW
    )
    assert cancelled.entries == ()
    assert done(started.account, ConfirmPurchase(cancelled.purchase)).purchase == cancelled.purchase


def test_a_purchase_no_longer_allowed_is_refused_when_confirmed() -> None:
    started = done(opened(), StartPurchase("pur", 280))
    full = done(started.account, Grant(1, "gift")).account
    assert started.purchase is not None
    outcome = done(full, ConfirmPurchase(started.purchase))
    assert outcome.purchase == msgspec.structs.replace(
        started.purchase, status=PurchaseStatus.REFUSED, decided_at=NOW, refusal="over_most_held"
    )
    assert outcome.entries == ()
    assert outcome.account.balance == 71
    assert done(full, ReversePurchase(outcome.purchase)).purchase == outcome.purchase


def test_who_may_buy_and_how_much() -> None:
    assert refused(opened("basic"), StartPurchase("pur", 1)) == ("plan_cannot_buy", {"plan": "basic"})
    figures = {"most_held": 350, "would_fit": 280}
    assert refused(opened(), StartPurchase("pur", 281)) == ("over_most_held", figures)
    hours = [datetime(2024, 3, 6, 12, 0, 1, tzinfo=UTC), datetime(2024, 3, 6, 12, tzinfo=UTC)]
    awaited = tuple(Purchase(f"p{n}", 10, 100, PurchaseStatus.PENDING, at) for n, at in enumerate(hours))
    # One that has waited for a whole day counts no longer; nor does one that was decided.
    settled = Purchase("p9", 10, 100, PurchaseStatus.CONFIRMED, NOW)
    assert refused(opened(), StartPurchase("pur", 271, (*awaited, settled)))[1]["would_fit"] == 270
    assert done(opened(), StartPurchase("pur", 270, (*awaited, settled))).purchase is not None
    started = done(opened(), StartPurchase("p0", 280))
    assert started.purchase is not None
    confirmed = done(started.account, ConfirmPurchase(started.purchase, (started.purchase,)))
    assert confirmed.account.balance == 350
    assert refused(confirmed.account, StartPurchase("pur", 1))[1]["would_fit"] == 0
    indebted = msgspec.structs.replace(confirmed.account, debt=5)
    assert done(indebted, StartPurchase("pur", 5)).warning == PurchaseWarning(350 - 140, END)
    assert refused(indebted, StartPurchase("pur", 6))[1]["would_fit"] == 5


@pytest.mark.parametrize(
    "command", [StartPurchase("pur", 1, (), MEMBER), ChangePlan("agency", MEMBER), KeepPlan(MEMBER)]
)
def test_only_owners_and_admins_buy_and_change_the_plan(command: Any) -> None:
    agency = opened("agency", "agency")
    assert refused(agency, command) == ("not_permitted", {"reason": "role", "member": "mem_m", "role": "member"})
    for leader in (OWNER, ADMIN):
        outcome = decide(agency, msgspec.structs.replace(command, by=leader), PACK, NOW)
        assert isinstance(outcome, Accepted) or outcome.code is Refusal.NOTHING_PENDING


def test_an_addition_pays_the_debt_and_is_clipped_with_a_note_each() -> None:
    rich = bought(opened(), 280)
    indebted = msgspec.structs.replace(rich.account, debt=4)
    outcome = done(indebted, Grant(10, "gift"))
    assert [(e.kind.value, e.connects, e.note) for e in outcome.entries] == [
        ("bonus", 10, "gift"),
        ("revoke", -4, "paid towards the debt of a reversed purchase"),
        ("forfeit", -6, "above the 350 that may be held"),
    ]
    assert outcome.notices == (Notice(NoticeKind.FORFEITED, NOW, 6),)
    assert (outcome.account.balance, outcome.account.debt) == (350, 0)
    part = done(msgspec.structs.replace(rich.account, debt=40), Grant(10, "gift"))
    assert [(e.kind.value, e.connects) for e in part.entries] == [("bonus", 10), ("revoke", -10)]
    assert (part.account.debt, part.notices) == (30, ())
    assert [e.note for e in done(opened(), Revoke(3, "a word")).entries] == ["a word"]
    (entry,) = done(opened(), Grant(3, "gift", END.astimezone(timezone(timedelta(hours=9))))).entries
    assert entry.lot == Lot(2, Source.BONUS, 3, 2, END)
    assert entry.lot.expires_at is not None
    assert entry.lot.expires_at.tzinfo is UTC


def test_no_more_is_forfeited_than_came_in() -> None:
    # Above the limit already, as a return may stand where the pack lets it.
    above = bought(opened(), 280).account
    above = msgspec.structs.replace(above, lots=(above.lots[0], *above.lots[1:]), debt=4)
    tighter = article(plans__plus__most_held=100)
    outcome = decide(above, Grant(10, "gift"), tighter, NOW)
    assert isinstance(outcome, Accepted)
    assert [(e.kind.value, e.connects) for e in outcome.entries] == [("bonus", 10), ("revoke", -4), ("forfeit", -6)]
    assert outcome.account.balance == 350
    assert [e.lot.n if e.lot else None for e in outcome.entries] == [above.n + 1] * 3


def test_of_one_addition_what_expires_soonest_is_taken_first() -> None:
    soon, late = END.replace(month=3, day=20), END.replace(month=5)
    taken = tuple(
        Lot(n, Source.BONUS, 1, n, expires_at) for n, expires_at in ((5, late), (6, None), (7, soon), (8, None))
    )
    spent = Proposal("acc", 9, "job", 1, ProposalStatus.LIVE, 4, False, NOW, taken)
    full = bought(opened(), 278).account
    for debt, kinds in ((0, ["forfeit", "forfeit"]), (1, ["revoke", "forfeit"]), (3, ["revoke"] * 3)):
        outcome = done(msgspec.structs.replace(full, debt=debt), GiveBack(close(job(), "removed", NOW), (spent,)))
        gone = [(e.kind.value, e.lot.root) for e in outcome.entries if e.connects < 0 and e.lot]
        assert gone == list(zip(kinds, (7, 6, 8), strict=False))


def test_a_second_reversal_adds_to_the_debt() -> None:
    once = bought(opened(), 5, "p1")
    twice = bought(once.account, 7, "p2")
    assert once.purchase is not None
    assert twice.purchase is not None
    first = done(twice.account, ReversePurchase(once.purchase, 2))
    second = done(first.account, ReversePurchase(twice.purchase, 3))
    assert second.account.debt == 5


def test_what_paid_a_debt_is_owed_again_when_its_own_payment_is_reversed() -> None:
    market = Market(PACK)
    market.open(Open("acc", "individual", "plus"), NOW)
    market.act("acc", Revoke(70, "a bare account"), NOW)
    for name in ("a", "b"):
        market.buy("acc", name, 2, NOW)
    market.confirm("acc", "a", NOW)
    market.post("job", "dan", JobSize(JobType.FIXED, 30_000), NOW)
    market.propose("acc", "job", NOW)
    market.reverse("acc", "a", NOW)
    assert market.accounts["acc"].debt == 2
    market.confirm("acc", "b", NOW)
    assert (market.accounts["acc"].balance, market.accounts["acc"].debt) == (0, 0)
    market.reverse("acc", "b", NOW)
    assert (market.accounts["acc"].balance, market.accounts["acc"].debt) == (0, 2)
    # The connects of a come back from the job, and pay.
    market.close("job", "cancelled", NOW)
    assert (market.accounts["acc"].balance, market.accounts["acc"].debt) == (0, 0)


def test_a_proposal_given_twice_is_returned_once() -> None:
    sent = done(opened(), Submit(job()))
    twice = GiveBack(close(job(), "cancelled", NOW), sent.proposals * 2)
    outcome = done(sent.account, twice)
    assert (outcome.account.balance, len(outcome.proposals)) == (70, 1)


def test_a_window_changed_while_a_suspension_stands_frees_nobody() -> None:
    later = convert_pack(raw_with({}, {date(2024, 4, 1): {"conduct.counts_from_day": 30}}))
    account, sent = sprayed(21)
    suspended = done(account, Grant(1, "gift"), DUE, sent).account
    on = datetime(2024, 4, 2, tzinfo=UTC)
    returned = decide(suspended, given_back(sent[0]), later, on, sent)
    assert isinstance(returned, Accepted)
    # They counted before the window changed, and 40 of 42 are left.
    assert returned.account.suspension == suspended.suspension
    freed = decide(returned.account, given_back(sent[1]), later, on, sent[1:])
    assert isinstance(freed, Accepted)
    assert freed.account.suspension is None


def test_of_a_mixed_return_the_free_part_is_forfeited_first() -> None:
    # 2 free and 3 paid come back to where there is room for 1.
    taken = (Lot(8, Source.PURCHASE, 3, 8, None, "pur", 100), Lot(9, Source.ALLOTMENT, 2, 9))
    spent = Proposal("acc", 3, "job", 1, ProposalStatus.LIVE, 5, False, NOW, taken)
    outcome = done(bought(opened(), 279).account, GiveBack(close(job(), "cancelled", NOW), (spent,)))
    assert [(e.kind.value, e.connects, e.lot.purchase_id if e.lot else None, e.note) for e in outcome.entries] == [
        ("return", 3, "pur", "the job was closed without a hire: cancelled"),
        ("return", 2, None, "the job was closed without a hire: cancelled"),
        ("forfeit", -2, None, "above the 350 that may be held"),
        ("forfeit", -2, "pur", "above the 350 that may be held"),
    ]
    assert [(e.job_id, e.proposal) for e in outcome.entries] == [("job", 3), ("job", 3), (None, None), (None, None)]
    assert [e.lot.n for e in outcome.entries if e.lot] == [3, 4, 4, 3]
    assert outcome.proposals == (msgspec.structs.replace(spent, returned_at=NOW),)
    assert outcome.notices == (Notice(NoticeKind.FORFEITED, NOW, 4),)


def test_moving_up_says_so_and_charges() -> None:
    outcome = done(opened("basic"), ChangePlan("plus"))
    assert [(e.kind.value, e.connects, e.note, e.plan) for e in outcome.entries] == [
        ("allot", 10, "moved up from basic to plus", "plus")
    ]
    assert outcome.notices == (Notice(NoticeKind.PLAN_CHANGED, NOW, plan="plus"),)
    assert outcome.charges == (Charge("plus", 1000, NOW),)
    assert (outcome.account.plan, outcome.account.chosen_plan) == ("plus", None)


def test_moving_down_waits_and_can_be_taken_back() -> None:
    waiting = done(opened(), ChangePlan("basic"))
    assert (waiting.account.plan, waiting.account.chosen_plan, waiting.notices) == ("plus", "basic", ())
    for back in (ChangePlan("plus"), KeepPlan()):
        assert done(waiting.account, back).account.chosen_plan is None
    assert refused(opened(), KeepPlan()) == ("nothing_pending", {})
    fallen = done(waiting.account, Revoke(1, "x"), END)
    assert fallen.notices == (Notice(NoticeKind.PLAN_CHANGED, END, plan="basic"),)
    assert (fallen.account.plan, fallen.account.chosen_plan, fallen.charges) == ("basic", None, ())
    assert [e.plan for e in fallen.entries] == ["plus", "basic", "basic"]


def test_an_unpaid_fee() -> None:
    unpaid = done(opened(), ReportFee(paid=False)).account
    assert unpaid.fee_unpaid
    assert not done(unpaid, ReportFee(paid=True)).account.fee_unpaid
    # Nothing is barred while there is a lower plan to fall to, but the way up is.
    assert done(unpaid, Submit(job())).entries
    assert done(unpaid, ChangePlan("plus")).account.fee_unpaid
    # A plan without a fee has none unpaid: the report may come again after the fall.
    low = done(opened("basic"), ReportFee(paid=False)).account
    assert not low.fee_unpaid
    assert done(low, ChangePlan("plus")).entries
    gold = {**msgspec.to_builtins(PACK.revisions[0].plan("plus")), "code": "gold", "connects": 90}
    raw = raw_article()
    raw["revisions"][0]["plans"].append({key: value for key, value in gold.items() if value is not None})
    assert decide(unpaid, ChangePlan("gold"), convert_pack(raw), NOW) == Refused(
        Refusal.NOT_PERMITTED, {"reason": "fee_unpaid"}
    )
    fallen = done(unpaid, Revoke(1, "x"), END).account
    assert (fallen.plan, fallen.fee_unpaid) == ("basic", False)
    cheap = article(plans__plus__fee=1)
    outcome = decide(opened(), ReportFee(paid=False), cheap, NOW)
    assert isinstance(outcome, Accepted)
    assert outcome.account.fee_unpaid
    agency = done(opened("agency", "agency"), ReportFee(paid=False)).account
    for command in (Submit(job(), worker=OWNER), StartPurchase("pur", 1)):
        assert refused(agency, command) == ("not_permitted", {"reason": "fee_unpaid"})
    still = done(agency, Revoke(1, "x"), END).account
    assert (still.plan, still.fee_unpaid) == ("agency", True)


def test_an_operators_suspension_and_its_appeal() -> None:
    suspended = done(opened(), Suspend("sends the same letter"))
    assert suspended.account.suspension == Suspension(NOW, "operator", "sends the same letter")
    assert suspended.notices == (Notice(NoticeKind.SUSPENDED, NOW),)
    assert suspended.account.status.value == "suspended"
    assert refused(suspended.account, Submit(job(), invited=True)) == (
        "account_suspended",
        {"since": "2024-03-07T12:00:00+00:00"},
    )
    later = datetime(2024, 3, 8, tzinfo=UTC)
    assert done(suspended.account, Suspend("once more"), later).account.suspension == suspended.account.suspension
    appealed = done(suspended.account, Appeal("not so"), later).account
    assert appealed.suspension == msgspec.structs.replace(
        suspended.account.suspension, appeal="not so", appealed_at=later
    )
    assert refused(appealed, Appeal("really"), later) == (
        "already_appealed",
        {"appealed_at": "2024-03-08T00:00:00+00:00"},
    )
    upheld = done(appealed, DecideSuspension("upheld", "it is"), later)
    assert upheld.account.suspension == msgspec.structs.replace(
        appealed.suspension, decision="upheld", decided_at=later, decision_reason="it is"
    )
    assert upheld.notices == ()
    lifted = done(upheld.account, DecideSuspension("lifted", "enough"), later)
    assert (lifted.account.suspension, lifted.account.counted_from) == (None, lifted.account.n)
    assert lifted.notices == (Notice(NoticeKind.REINSTATED, later, reason="enough"),)
    for command in (Appeal("x"), DecideSuspension("lifted"), DecideSuspension("upheld")):
        assert refused(lifted.account, command, later) == ("not_suspended", {})


def sprayed(count: int, connects: int = 2) -> tuple[Account, list[Proposal]]:
    """An account that sent proposals on 7 March and was never hired."""
    account, sent = opened(), []
    for n in range(count):
        outcome = done(account, Submit(msgspec.structs.replace(job(), id=f"job-{n}", price=connects)))
        account = outcome.account
        sent += outcome.proposals
    return account, sent


def job_of(proposal: Proposal) -> Job:
    return msgspec.structs.replace(job(), id=proposal.job_id)


def given_back(proposal: Proposal) -> GiveBack:
    return GiveBack(close(job_of(proposal), "cancelled", NOW), (proposal,))


DUE = datetime(2024, 3, 21, tzinfo=UTC)


def test_a_suspension_by_conduct_carries_its_evidence() -> None:
    account, sent = sprayed(20)
    outcome = done(account, Suspend("by hand, later"), datetime(2024, 3, 25, tzinfo=UTC), sent)
    evidence = tuple(Evidence(p.n, p.job_id, 2, NOW) for p in sent)
    assert outcome.notices == (Notice(NoticeKind.SUSPENDED, DUE, 40),)
    # An operator who suspends what conduct has suspended makes it stand until it is lifted.
    assert outcome.account.suspension == Suspension(DUE, "operator", "by hand, later", evidence)
    hired = done(outcome.account, Hire(sent[0], job_of(sent[0])), datetime(2024, 3, 26, tzinfo=UTC))
    assert hired.account.suspension is not None
    assert hired.notices == ()


def test_a_hire_or_a_return_below_the_limit_ends_a_suspension_by_conduct() -> None:
    account, sent = sprayed(20)
    suspended = done(account, Grant(1, "gift"), DUE, sent).account
    assert suspended.suspension is not None
    hired = done(suspended, Hire(sent[0], job_of(sent[0])), DUE)
    assert (hired.account.suspension, hired.notices) == (None, (Notice(NoticeKind.REINSTATED, DUE),))
    returned = done(suspended, given_back(sent[3]), DUE, sent)
    assert returned.account.suspension is None
    assert returned.notices == (Notice(NoticeKind.REINSTATED, DUE), Notice(NoticeKind.WARNED, DUE, 38))
    assert returned.account.warned
    assert returned.account.status.value == "warned"
    # Half of them have to come back before the warning ends too.
    calm, left = returned, sent[:3] + sent[4:]
    for proposal in sent[4:9]:
        calm = done(calm.account, given_back(proposal), DUE, left)
        left.remove(proposal)
    assert (calm.account.status.value, calm.account.warned) == ("active", False)


def test_proposals_are_asked_for_only_when_they_matter() -> None:
    account, sent = sprayed(20)
    day_before = datetime(2024, 3, 20, 23, 59, tzinfo=UTC)
    back = given_back(sent[0])
    assert history_from(account, PACK, day_before) is None
    assert history_from(account, PACK, day_before, back) is None
    # What counts on 21 March was sent 89 days before at the earliest.
    assert history_from(account, PACK, DUE) == datetime(2023, 12, 23, tzinfo=UTC)
    with pytest.raises(HistoryNeededError, match=r"^acc$"):
        decide(account, Settle(), PACK, DUE)
    later = datetime(2024, 4, 9, tzinfo=UTC)
    suspended = done(account, Settle(), DUE, sent).account
    assert history_from(suspended, PACK, later, Settle()) is None
    assert history_from(suspended, PACK, later, back) == datetime(2023, 12, 23, tzinfo=UTC)
    with pytest.raises(HistoryNeededError, match=r"^acc$"):
        decide(suspended, back, PACK, later)
    by_hand = done(account, Suspend("a word"), day_before).account
    assert history_from(by_hand, PACK, later, back) is None
    few, sent = sprayed(15)
    warned = done(few, Settle(), DUE, sent).account
    assert history_from(warned, PACK, later, Settle()) is None
    assert history_from(warned, PACK, later, back) == datetime(2024, 1, 11, tzinfo=UTC)


def test_a_day_on_which_the_window_changes_counts_by_the_new_one() -> None:
    pack = convert_pack(raw_with({}, {date(2024, 4, 1): {"conduct.counts_from_day": 30}}))
    account = opened()
    posted = msgspec.structs.replace(job(), price=30)
    on = datetime(2024, 3, 18, tzinfo=UTC)
    sent = done(account, Submit(posted), on)
    outcome = decide(sent.account, Settle(), pack, datetime(2024, 4, 1, tzinfo=UTC), sent.proposals)
    assert isinstance(outcome, Accepted)
    # By the old window it would count from this very day on.
    assert (outcome.account.warned, outcome.notices) == (False, ())
    assert outcome.account.judge_on == date(2024, 4, 17).toordinal()


def test_a_warning_comes_and_goes_with_the_days() -> None:
    account, sent = sprayed(15)
    assert account.judge_on == DUE.toordinal()
    warned = done(account, Grant(1, "gift"), DUE, sent)
    assert warned.notices == (Notice(NoticeKind.WARNED, DUE, 30),)
    ends = datetime(2024, 6, 5, tzinfo=UTC)
    assert warned.account.judge_on == ends.toordinal()
    still = done(warned.account, Revoke(1, "x"), datetime(2024, 6, 4, 23, tzinfo=UTC))
    assert (still.account.warned, still.notices) == (True, ())
    over = done(warned.account, Revoke(1, "x"), ends, sent)
    assert (over.account.warned, over.account.judge_on > 3_000_000) == (False, True)


def test_evidence_reaches_from_the_first_day_that_counts_to_the_last() -> None:
    # On 20 May those of 21 February to 6 May count, 89 and 14 days before.
    days = {date(2024, 2, 20): 1, date(2024, 2, 21): 4, date(2024, 5, 6): 36, date(2024, 5, 7): 5}
    account = done(None, Open("acc", "individual", "plus"), datetime(2024, 2, 1, tzinfo=UTC)).account
    sent: list[Proposal] = []
    for day, connects in days.items():
        now = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
        posted = msgspec.structs.replace(job(now=now), id=f"job-{day}", price=connects)
        outcome = done(account, Submit(posted), now, sent)
        account = outcome.account
        sent += outcome.proposals
    on = datetime(2024, 5, 20, tzinfo=UTC)
    suspension = done(account, Revoke(1, "x"), on, sent).account.suspension
    assert suspension is not None
    assert [(proof.connects, proof.submitted_at.date()) for proof in suspension.evidence] == [
        (4, date(2024, 2, 21)),
        (36, date(2024, 5, 6)),
    ]
    assert suspension.since == on


def test_each_days_window_is_that_of_the_days_revision() -> None:
    in_may = {"conduct.counts_to_day": 60}
    in_june = {**in_may, "conduct.counts_from_day": 30}
    pack = convert_pack(raw_with({}, {date(2024, 5, 1): in_may, date(2024, 6, 1): in_june}))
    account, sent = sprayed(15)
    outcome = decide(account, Revoke(1, "x"), pack, DUE, sent)
    assert isinstance(outcome, Accepted)
    # Sent on 7 March they count to the 60th day, 6 May, and no longer to the 89th, 4 June.
    assert (outcome.account.warned, outcome.account.judge_on) == (True, date(2024, 5, 7).toordinal())
    late = msgspec.structs.replace(sent[0], n=40, connects_spent=30, submitted_at=datetime(2024, 5, 20, tzinfo=UTC))
    outcome = decide(outcome.account, Revoke(1, "x"), pack, datetime(2024, 5, 21, tzinfo=UTC), [*sent, late])
    assert isinstance(outcome, Accepted)
    # It would count from 3 June on, but from 1 June on it has to be 30 days old.
    assert (outcome.account.warned, outcome.account.judge_on) == (False, date(2024, 6, 19).toordinal())
