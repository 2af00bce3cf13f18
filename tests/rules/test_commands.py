"""Bad input: a refusal or one clear line, and nothing changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from earnest.rules.account import MOST_CONNECTS, Account
from earnest.rules.commands import (
    Appeal,
    ChangePlan,
    DecideSuspension,
    GiveBack,
    Grant,
    Hire,
    Open,
    ReportFee,
    ReversePurchase,
    Revoke,
    Settle,
    StartPurchase,
    Suspend,
)
from earnest.rules.decide import decide
from earnest.rules.job import close, post, resize
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Refusal, Refused
from earnest.rules.price import JobSize, JobType
from earnest.rules.proposal import Proposal, ProposalStatus
from earnest.rules.purchase import Purchase, PurchaseStatus
from earnest.rules.settle import look
from tests.packs import article

PACK = article()
NOW = datetime(2024, 3, 7, 12, tzinfo=UTC)


def opened(plan: str = "plus", kind: Any = "individual", at: datetime = NOW) -> Account:
    outcome = decide(None, Open("acc", kind, plan), PACK, at)
    assert isinstance(outcome, Accepted)
    return outcome.account


SIZE = JobSize(JobType.FIXED, 100)
JOB = post("job", "dan", SIZE, PACK, NOW)
PROPOSAL = Proposal("acc", 2, "other", 1, ProposalStatus.LIVE, 0, True, NOW, ())


@pytest.mark.parametrize("connects", [0, -1, 1.5, 2.0, True, "7", None, MOST_CONNECTS + 1, 10**30])
@pytest.mark.parametrize("make", [lambda n: Grant(n, "x"), lambda n: Revoke(n, "x"), lambda n: StartPurchase("pur", n)])
def test_connects_are_whole_numbers_within_bounds(make: Callable[[Any], Any], connects: Any) -> None:
    with pytest.raises(ValueError, match="connects: expected a whole number from 1 to 2147483647, got "):
        make(connects)


@pytest.mark.parametrize("connects", [1, MOST_CONNECTS])
def test_the_bounds_themselves_are_within(connects: int) -> None:
    assert Grant(connects, "x").connects == connects


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Grant(1, ""), "reason: expected a text of 1 to 10000 characters"),
        (lambda: Grant(1, "  "), "reason: expected a text of 1 to 10000 characters"),
        (lambda: Revoke(1, "x" * 10_001), "reason: expected a text of 1 to 10000 characters"),
        (lambda: Suspend(7), "reason: expected a text of 1 to 10000 characters"),  # type: ignore[arg-type]
        (lambda: Appeal(""), "text: expected a text of 1 to 10000 characters"),
        (lambda: DecideSuspension("lifted", "x" * 10_001), "reason: expected a text of 0 to 10000 characters"),
        (lambda: DecideSuspension("maybe"), "decision: expected 'lifted' or 'upheld', got 'maybe'"),  # type: ignore[arg-type]
        (lambda: Open("a", "robot", "basic"), "kind: expected 'individual' or 'agency', got 'robot'"),  # type: ignore[arg-type]
        (lambda: Open("a", "agency", "agency", datetime(2024, 1, 1)), "opened_at: expected a time with a zone"),
        (lambda: Grant(1, "x", datetime(2024, 1, 1)), "expires_at: expected a time with a zone"),
        (lambda: JobSize("fixed", 100), "type: expected a JobType, got 'fixed'"),  # type: ignore[arg-type]
        (lambda: JobSize(JobType.HOURLY, None, "long"), "duration: expected a Duration, got 'long'"),  # type: ignore[arg-type]
        (lambda: JobSize(JobType.HOURLY, None, None, "40"), "weekly_hours: expected a WeeklyHours, got '40'"),  # type: ignore[arg-type]
        (lambda: Member("mem", "guest"), "role: expected 'owner', 'admin' or 'member', got 'guest'"),  # type: ignore[arg-type]
        (lambda: ReportFee("no"), "paid: expected True or False, got 'no'"),  # type: ignore[arg-type]
        (lambda: GiveBack(JOB, (PROPOSAL,)), "proposal: expected one for job job, got one for other"),
        (lambda: Hire(PROPOSAL, JOB), "proposal: expected one for job job, got one for other"),
        (lambda: post("job", "dan", SIZE, PACK, datetime(2024, 1, 1)), "now: expected a time with a zone"),
        (lambda: resize(JOB, SIZE, PACK, datetime(2024, 1, 1)), "now: expected a time with a zone"),
        (lambda: close(JOB, "removed", datetime(2024, 1, 1)), "now: expected a time with a zone"),
        (lambda: look(opened(), PACK, datetime(2024, 1, 1)), "now: expected a time with a zone"),
        (lambda: JobSize(JobType.FIXED, -1), "budget: expected minor units from 0 to 9007199254740991, got -1"),
        (lambda: JobSize(JobType.FIXED, 2**53), "budget: expected minor units from 0 to 9007199254740991"),
        (lambda: JobSize(JobType.FIXED, 9.99), "budget: expected minor units from 0"),  # type: ignore[arg-type]
    ],
)
def test_a_malformed_command_is_never_made(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_bounds_of_texts_and_budgets_are_within() -> None:
    assert Suspend("x" * 10_000).reason
    assert JobSize(JobType.FIXED, 2**53 - 1).budget == 2**53 - 1
    assert JobSize(JobType.FIXED, 0).budget == 0


@pytest.mark.parametrize("owed", [-1, 11, 1.0])
def test_no_more_can_be_owed_of_a_purchase_than_was_bought(owed: Any) -> None:
    purchase = Purchase("pur", 10, 100, PurchaseStatus.CONFIRMED, NOW)
    with pytest.raises(ValueError, match="owed: expected a whole number from 0 to 10, got "):
        ReversePurchase(purchase, owed)
    assert ReversePurchase(purchase, 10).owed == 10


def test_a_decoded_command_is_checked_like_one_made() -> None:
    with pytest.raises(msgspec.ValidationError, match="connects: expected a whole number from 1"):
        msgspec.json.decode(b'{"connects": 0, "reason": "x"}', type=Grant)


def test_a_time_without_a_zone_decides_nothing() -> None:
    with pytest.raises(ValueError, match="now: expected a time with a zone"):
        decide(opened(), Settle(), PACK, datetime(2024, 3, 8))


def test_a_time_out_of_all_range_decides_nothing() -> None:
    for odd in (datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)):
        with pytest.raises(ValueError, match="now: expected a time from 1970 to 9000"):
            decide(opened(), Settle(), PACK, odd)


def test_now_may_be_told_in_any_zone() -> None:
    from zoneinfo import ZoneInfo

    there = NOW.astimezone(ZoneInfo("Asia/Tokyo"))
    outcome = decide(opened(), Settle(), PACK, there)
    assert isinstance(outcome, Accepted)
    assert outcome.account.touched_at == NOW
    assert outcome.account.touched_at.tzinfo is UTC


def test_a_clock_that_runs_backwards_is_refused() -> None:
    refused = decide(opened(), Grant(1, "x"), PACK, NOW - timedelta(microseconds=1))
    assert refused == Refused(
        Refusal.CLOCK_BEHIND,
        {"now": "2024-03-07T11:59:59.999999Z", "last_effect_at": "2024-03-07T12:00:00Z"},
    )


@pytest.mark.parametrize(
    ("account", "command", "code", "figures"),
    [
        (None, Settle(), "unknown_account", {}),
        (
            None,
            Open("acc", "individual", "gold"),
            "malformed",
            {"field": "plan", "expected": "one of basic, plus, agency"},
        ),
        (
            None,
            Open("acc", "individual", "basic", NOW + timedelta(seconds=1)),
            "malformed",
            {"field": "opened_at", "expected": "a time not after now"},
        ),
        (None, Open("acc", "agency", "plus"), "not_for_this_kind", {"plan": "plus", "kind": "agency"}),
        (
            opened(),
            Open("acc", "individual", "plus"),
            "malformed",
            {"field": "id", "expected": "an id no account has yet"},
        ),
        (opened(), ChangePlan("agency"), "not_for_this_kind", {"plan": "agency", "kind": "individual"}),
        (
            opened(),
            ChangePlan("gold"),
            "malformed",
            {"field": "plan", "expected": "one of basic, plus, agency"},
        ),
        (opened(), Grant(1, "x", NOW), "malformed", {"field": "expires_at", "expected": "a time after now"}),
        (opened(), Revoke(71, "x"), "insufficient_connects", {"required": 71, "available": 70}),
    ],
)
def test_what_the_moment_forbids_is_refused_with_its_figures(
    account: Account | None, command: Any, code: str, figures: dict[str, Any]
) -> None:
    assert decide(account, command, PACK, NOW) == Refused(Refusal(code), figures)


def test_refusals_stand_in_the_order_they_are_given_in() -> None:
    assert [refusal.value for refusal in Refusal] == [
        "clock_behind",
        "malformed",
        "key_reused",
        "unknown_account",
        "unknown_client",
        "unknown_job",
        "unknown_proposal",
        "unknown_purchase",
        "unknown_member",
        "unknown_key",
        "unknown_endpoint",
        "unknown_delivery",
        "unknown_person",
        "unknown_link",
        "external_id_taken",
        "email_taken",
        "not_signed_in",
        "too_many_tries",
        "wrong_credentials",
        "price_changed",
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
