"""Proposing, deciding, hiring, closing and giving back, case by case."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from earnest.rules.account import Lot, Source
from earnest.rules.commands import (
    Decline,
    GiveBack,
    Hire,
    Open,
    Revoke,
    Submit,
    Withdraw,
)
from earnest.rules.decide import decide
from earnest.rules.job import close, post, resize
from earnest.rules.member import Member
from earnest.rules.outcome import Accepted, Notice, NoticeKind
from earnest.rules.pack import convert_pack
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours
from earnest.rules.proposal import Proposal, ProposalStatus
from tests.packs import article, raw_with
from tests.rules.given import ADMIN, END, MEMBER, NOW, OWNER, PACK, bought, done, job, opened, refused


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


def test_a_proposal_given_twice_is_returned_once() -> None:
    sent = done(opened(), Submit(job()))
    twice = GiveBack(close(job(), "cancelled", NOW), sent.proposals * 2)
    outcome = done(sent.account, twice)
    assert (outcome.account.balance, len(outcome.proposals)) == (70, 1)


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
