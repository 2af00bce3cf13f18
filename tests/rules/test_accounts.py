"""Openings, boundaries and plans: what an outcome says besides the balance."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from earnest.rules.account import Lot, Source
from earnest.rules.book import UnbalancedError
from earnest.rules.commands import (
    ChangePlan,
    KeepPlan,
    Open,
    ReportFee,
    Revoke,
    Settle,
    StartPurchase,
    Submit,
)
from earnest.rules.decide import decide
from earnest.rules.outcome import Accepted, Charge, Notice, NoticeKind, Refusal, Refused
from earnest.rules.pack import convert_pack
from tests.packs import article, raw_article
from tests.rules.given import END, NOW, OWNER, PACK, done, job, opened, refused


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
