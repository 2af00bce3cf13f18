"""What operators do, through the use cases: grants, revocations, suspensions (RULES 9)."""

from datetime import datetime
from typing import Any

import pytest

from earnest import Marketplace
from earnest.marketplace.shown import EvidenceShown
from earnest.rules.calendar import told
from tests.marketplace.given import day, figures, open_account, post, refusal
from tests.stores import StandingClock


def test_a_bonus_ends_with_the_cycle_or_when_it_is_told_to(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market).id
    market.grant(ana, 3, reason="welcome")
    market.grant(ana, 4, reason="welcome", expires_at=day(3, 1))
    assert market.balance(ana).available == 67
    assert [line.note for line in market.entries(ana, kind="bonus").items] == ["welcome", "welcome"]
    clock.move(days=40)
    assert market.balance(ana).available == 64
    clock.move(days=20)
    assert market.balance(ana).available == 60


def test_a_bonus_that_has_ended_already_is_refused(market: Marketplace) -> None:
    answer = market.grant(open_account(market).id, 3, reason="so", expires_at=day(1, 3, 9))
    assert (refusal(answer), figures(answer)["field"]) == ("malformed", "expires_at")


def test_a_revocation_takes_in_burn_order_all_or_nothing(market: Marketplace) -> None:
    ana = open_account(market).id
    market.grant(ana, 5, reason="so", expires_at=day(1, 9))
    answer = market.revoke(ana, 66, reason="so")
    assert (refusal(answer), figures(answer)) == ("insufficient_connects", {"required": 66, "available": 65})
    market.revoke(ana, 6, reason="a mistake")
    lines = market.entries(ana, kind="revoke").items
    assert [(line.source, line.connects, line.note) for line in lines] == [
        ("bonus", -5, "a mistake"),
        ("allotment", -1, "a mistake"),
    ]


def test_a_suspended_account_may_not_propose_invited_or_not_and_its_months_go_on(
    market: Marketplace, clock: StandingClock
) -> None:
    ana, job = open_account(market, "plus").id, post(market).id
    assert market.suspension(ana) is None
    market.invite(job, ana)
    assert market.suspend(ana, reason="spam").status == "suspended"
    answer = market.submit(job, ana)
    assert (refusal(answer), figures(answer)) == ("account_suspended", {"since": told(clock.now)})
    assert market.buy(ana, 1).status == "pending"
    clock.move(days=40)
    assert market.balance(ana).available == 140
    shown = market.suspension(ana)
    assert (shown.since, shown.by, shown.reason, shown.evidence) == (day(1, 3, 9), "operator", "spam", [])


def test_a_suspension_is_appealed_once_and_upheld_or_lifted(market: Marketplace, clock: StandingClock) -> None:
    ana, job = open_account(market).id, post(market).id
    for answer in (market.appeal(ana, "No"), market.lift_suspension(ana), market.uphold_suspension(ana)):
        assert refusal(answer) == "not_suspended"
    market.suspend(ana, reason="spam")
    market.appeal(ana, "It wasn't me")
    again = market.appeal(ana, "Really")
    assert (refusal(again), figures(again)) == ("already_appealed", {"appealed_at": told(clock.now)})
    clock.move(days=1)
    assert market.uphold_suspension(ana, reason="It was").status == "suspended"
    shown = market.suspension(ana)
    assert (shown.appeal, shown.appealed_at, shown.decision, shown.decided_at, shown.decision_reason) == (
        "It wasn't me",
        day(1, 3, 9),
        "upheld",
        day(1, 4, 9),
        "It was",
    )
    assert market.lift_suspension(ana, reason="Fine").status == "active"
    assert market.suspension(ana) is None
    assert [each.kind for each in market.notices(ana).items] == ["suspended", "reinstated"]
    assert market.submit(job, ana).status == "live"


def suspended_by_conduct(market: Marketplace, clock: StandingClock) -> tuple[str, list[str]]:
    """An account suspended on 17 January for eight proposals at five connects, on the jobs returned."""
    ana, jobs = open_account(market).id, [post(market, 5).id for _ in range(8)]
    for job in jobs:
        market.submit(job, ana)
    clock.move(days=14)
    return ana, jobs


def test_a_suspension_by_conduct_shows_its_evidence_whoever_looks_and_whenever(
    market: Marketplace, clock: StandingClock
) -> None:
    ana, jobs = suspended_by_conduct(market, clock)
    sent = market.proposals_of(ana).items[::-1]
    clock.move(days=5)
    for _ in range(2):
        assert market.account(ana).status == "suspended"
        shown = market.suspension(ana)
        assert (shown.since, shown.by) == (day(1, 17), "conduct")
        assert shown.evidence == [
            EvidenceShown(each.id, job, 5, each.submitted_at) for each, job in zip(sent, jobs, strict=True)
        ]
        market.settle_account(ana)
    assert refusal(market.submit(post(market).id, ana)) == "account_suspended"


def test_returns_below_the_limit_end_a_suspension_by_conduct(market: Marketplace, clock: StandingClock) -> None:
    ana, jobs = suspended_by_conduct(market, clock)
    assert market.account(ana).status == "suspended"
    market.close_job(jobs[0], "cancelled")
    assert market.account(ana).status == "warned"
    for job in jobs[1:3]:
        market.close_job(job, "cancelled")
    assert market.account(ana).status == "active"
    assert [each.kind for each in market.notices(ana).items] == ["suspended", "reinstated", "warned"]


def test_a_hire_ends_a_suspension_by_conduct_and_starts_the_count_anew(
    market: Marketplace, clock: StandingClock
) -> None:
    ana, _ = suspended_by_conduct(market, clock)
    market.hire(market.proposals_of(ana).items[0].id)
    assert market.account(ana).status == "active"
    clock.move(days=30)
    assert market.account(ana).status == "active"


def test_malformed_numbers_texts_and_times_raise_the_argument_s_name(market: Marketplace) -> None:
    ana = open_account(market).id
    wrong: list[tuple[str, Any, dict[str, Any]]] = [
        ("connects", market.grant, {"connects": 0, "reason": "so"}),
        ("connects", market.grant, {"connects": True, "reason": "so"}),
        ("reason", market.grant, {"connects": 1, "reason": ""}),
        ("reason", market.grant, {"connects": 1, "reason": "a" * 10_001}),
        ("expires_at", market.grant, {"connects": 1, "reason": "so", "expires_at": datetime(2024, 2, 1)}),
        ("connects", market.revoke, {"connects": 2**31, "reason": "so"}),
        ("reason", market.revoke, {"connects": 1, "reason": "a\0"}),
        ("reason", market.suspend, {"reason": " "}),
        ("text", market.appeal, {"text": ""}),
        ("reason", market.lift_suspension, {"reason": "a" * 10_001}),
        ("reason", market.uphold_suspension, {"reason": 7}),
    ]
    for name, use_case, asked in wrong:
        with pytest.raises(ValueError, match=f"^{name}: expected"):
            use_case(ana, **asked)
