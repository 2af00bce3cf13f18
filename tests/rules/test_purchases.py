"""Purchases, debts, and what an addition may bring, case by case."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from earnest.lab.market import Market
from earnest.rules.account import Lot, Source
from earnest.rules.commands import (
    ChangePlan,
    ConfirmPurchase,
    GiveBack,
    Grant,
    KeepPlan,
    Open,
    ReversePurchase,
    Revoke,
    StartPurchase,
)
from earnest.rules.decide import decide
from earnest.rules.job import close
from earnest.rules.outcome import Accepted, Notice, NoticeKind, PurchaseWarning, Refusal
from earnest.rules.price import JobSize, JobType
from earnest.rules.proposal import Proposal, ProposalStatus
from earnest.rules.purchase import Purchase, PurchaseStatus
from tests.packs import article
from tests.rules.given import ADMIN, END, MEMBER, NOW, OWNER, PACK, bought, done, job, opened, refused


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
