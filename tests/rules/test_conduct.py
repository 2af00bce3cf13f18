"""Warnings, suspensions and appeals, day by day."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from earnest.rules.account import Evidence, Suspension
from earnest.rules.commands import (
    Appeal,
    DecideSuspension,
    Grant,
    Hire,
    Open,
    Revoke,
    Settle,
    Submit,
    Suspend,
)
from earnest.rules.conduct import HistoryNeededError, history_from
from earnest.rules.decide import decide
from earnest.rules.outcome import Accepted, Notice, NoticeKind
from earnest.rules.pack import convert_pack
from earnest.rules.proposal import Proposal
from tests.packs import raw_with
from tests.rules.given import DUE, NOW, PACK, done, given_back, job, job_of, opened, refused, sprayed


def test_an_operators_suspension_and_its_appeal() -> None:
    suspended = done(opened(), Suspend("sends the same letter"))
    assert suspended.account.suspension == Suspension(NOW, "operator", "sends the same letter")
    assert suspended.notices == (Notice(NoticeKind.SUSPENDED, NOW, reason="sends the same letter"),)
    assert suspended.account.status.value == "suspended"
    assert refused(suspended.account, Submit(job(), invited=True)) == (
        "account_suspended",
        {"since": "2024-03-07T12:00:00Z"},
    )
    later = datetime(2024, 3, 8, tzinfo=UTC)
    assert done(suspended.account, Suspend("once more"), later).account.suspension == suspended.account.suspension
    appealed = done(suspended.account, Appeal("not so"), later).account
    assert appealed.suspension == msgspec.structs.replace(
        suspended.account.suspension, appeal="not so", appealed_at=later
    )
    assert refused(appealed, Appeal("really"), later) == (
        "already_appealed",
        {"appealed_at": "2024-03-08T00:00:00Z"},
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
    assert history_from(account, PACK, day_before) is None
    assert history_from(account, PACK, day_before, gives_back=True) is None
    # What counts on 21 March was sent 89 days before at the earliest.
    assert history_from(account, PACK, DUE) == datetime(2023, 12, 23, tzinfo=UTC)
    with pytest.raises(HistoryNeededError, match=r"^acc$"):
        decide(account, Settle(), PACK, DUE)
    later = datetime(2024, 4, 9, tzinfo=UTC)
    suspended = done(account, Settle(), DUE, sent).account
    assert history_from(suspended, PACK, later) is None
    assert history_from(suspended, PACK, later, gives_back=True) == datetime(2023, 12, 23, tzinfo=UTC)
    with pytest.raises(HistoryNeededError, match=r"^acc$"):
        decide(suspended, given_back(sent[0]), PACK, later)
    by_hand = done(account, Suspend("a word"), day_before).account
    assert history_from(by_hand, PACK, later, gives_back=True) is None
    few, sent = sprayed(15)
    warned = done(few, Settle(), DUE, sent).account
    assert history_from(warned, PACK, later) is None
    assert history_from(warned, PACK, later, gives_back=True) == datetime(2024, 1, 11, tzinfo=UTC)


def test_a_day_on_which_the_window_changes_counts_by_the_new_one() -> None:
    pack = convert_pack(raw_with({}, {date(2024, 4, 1): {"conduct.counts_from_day": 30}}))
    early = done(opened(), Submit(msgspec.structs.replace(job(), id="early", price=1)))
    posted = msgspec.structs.replace(job(), price=30)
    sent = done(early.account, Submit(posted), datetime(2024, 3, 18, tzinfo=UTC))
    both = early.proposals + sent.proposals
    outcome = decide(sent.account, Settle(), pack, datetime(2024, 4, 1, tzinfo=UTC), both)
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
