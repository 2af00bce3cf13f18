"""What a client looks at to choose, and who of an agency's people spent what, on both stores."""

from datetime import timedelta
from typing import Any

import pytest

from earnest import Marketplace
from earnest.marketplace import closing
from earnest.marketplace.choosing import ProposalCounts, TrackRecord
from earnest.marketplace.people import Seat
from tests.marketplace.given import open_account, pages, post, refusal
from tests.stores import START, StandingClock


def test_the_proposals_for_a_job_are_listed_with_their_letters_the_latest_first(
    market: Marketplace, clock: StandingClock
) -> None:
    job = post(market).id
    sent = []
    for number in range(5):
        # Two of them in the same instant.
        clock.move(minutes=number // 2)
        letter = None if number == 3 else f"Letter {number}"
        sent.append(market.submit(job, open_account(market).id, cover_letter=letter))
    market.decline(sent[1].id)
    market.submit(post(market).id, open_account(market).id)
    for limit in (1, 2, 4, 5, 500):
        found = [each for page in pages(market.latest_proposals_for, job, limit=limit) for each in page]
        assert [each.submitted_at for each in found] == sorted((each.submitted_at for each in sent), reverse=True)
        letters = {each.id: each.cover_letter for each in found}
        assert letters == {each.id: each.cover_letter for each in sent}
    assert [each.id for each in market.latest_proposals_for(job, status="declined").items] == [sent[1].id]
    assert len(market.latest_proposals_for(job, status="live").items) == 4
    assert refusal(market.latest_proposals_for("job_x")) == "unknown_job"
    for cursor in ("x", "1_2_3", f"1_{'0' * 32}", "9" * 40):
        with pytest.raises(ValueError, match="cursor"):
            market.latest_proposals_for(job, cursor=cursor)
    with pytest.raises(ValueError, match="status"):
        market.latest_proposals_for(job, status="lost")


def test_proposals_are_counted_by_what_became_of_them(market: Marketplace, clock: StandingClock) -> None:
    job, other, empty = post(market).id, post(market, 3).id, post(market).id
    old = [market.submit(job, open_account(market).id) for _ in range(3)]
    ana = open_account(market).id
    market.withdraw(market.submit(job, ana).id)
    clock.move(days=2)
    market.submit(job, ana)
    free = open_account(market).id
    market.invite(job, free)
    market.submit(job, free)
    market.submit(other, ana)
    market.decline(old[0].id)
    market.hire(old[1].id)
    counts = market.proposal_counts([job, other, empty, "job_x"], new_since=START + timedelta(days=1))
    assert counts == {
        job: ProposalCounts(live=3, new=2, hired=1, declined=1, withdrawn=1, unreturned=10, unreturned_to=4),
        other: ProposalCounts(live=1, new=1, unreturned=3, unreturned_to=1),
        empty: ProposalCounts(),
    }
    assert counts[job].standing == 5
    assert market.proposal_counts([job])[job].new == 0
    assert market.proposal_counts([]) == {}
    closed = market.close_job(other, "cancelled")
    assert market.proposal_counts([other])[other] == ProposalCounts(
        live=1, returned=closed.returned.connects, returned_to=1
    )


def test_a_record_tells_what_became_of_an_account_s_proposals(market: Marketplace, clock: StandingClock) -> None:
    ana, new = open_account(market, name="Ana").id, open_account(market, "agency", name="North").id
    market.hire(market.submit(post(market).id, ana).id)
    clock.move(days=10)
    since = clock.now
    hired, *_ = [market.submit(post(market).id, ana) for _ in range(3)]
    market.hire(hired.id)
    records = market.track_records([ana, new, ana, "acc_x"], since=since)
    assert records == {
        ana: TrackRecord(ana, "individual", "Ana", 3, 1),
        new: TrackRecord(new, "agency", "North", 0, 0),
    }
    assert (records[ana].conversion, records[new].conversion) == (33, 0)
    assert market.track_records([ana], since=START)[ana].proposals == 4
    with pytest.raises(ValueError, match="account_ids"):
        market.track_records([ana] * 501, since=since)


def test_who_was_invited_or_has_proposed_is_told(market: Marketplace) -> None:
    job = post(market).id
    invited, proposed, both, withdrew, nobody = (open_account(market).id for _ in range(5))
    for account in (invited, both):
        market.invite(job, account)
    sent = {account: market.submit(job, account) for account in (proposed, both, withdrew)}
    market.withdraw(sent[withdrew].id)
    market.decline(sent[both].id)
    asked = [invited, proposed, both, withdrew, nobody]
    assert market.approached(job, asked) == {invited: "invited", proposed: "live", both: "declined"}
    assert market.approached(post(market).id, asked) == {}
    assert market.approached("job_x", asked) == {}


def test_what_a_closing_gave_back_can_be_looked_at_while_it_goes_on(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = post(market).id
    for _ in range(3):
        market.submit(job, open_account(market).id)
    assert market.returned_by_closing(job) == closing.Returned(0, 0, pending=False)

    async def stopped(*_: Any) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr(closing, "give_back", stopped)
        market.close_job(job, "cancelled", wait_seconds=0)
        assert market.returned_by_closing(job) == closing.Returned(0, 0, pending=True)
    market.close_job(job, "cancelled")
    assert market.returned_by_closing(job) == closing.Returned(3, 6, pending=False)
    assert refusal(market.returned_by_closing("job_x")) == "unknown_job"


def test_accounts_are_found_by_name_id_external_id_and_address(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, name="Ana Ferraz", external_id="user-17").id
    clock.move(seconds=1)
    agency = open_account(market, "agency", name="Öst & 100%_Nord").id
    clock.move(seconds=1)
    nameless = open_account(market).id
    olga = market.add_member(agency, name="Olga", role="owner")
    gone = market.add_member(agency, name="Gone")
    market.create_person(email="Ana@Example.com", seats=[Seat("account", ana)])
    market.create_person(email="olga@example.org", seats=[Seat("member", olga.id)])
    market.create_person(email="gone@example.org", seats=[Seat("member", gone.id)])
    market.remove_member(gone.id)
    sent = market.submit(post(market).id, ana)

    def found(q: str, **more: Any) -> list[str]:
        return [each.id for each in market.find_accounts(q=q, **more).items]

    assert found("") == [ana, agency, nameless]
    assert found("ferraz") == found(" ANA F ") == found("user-17") == found("USER-1") == [ana]
    assert found(ana) == found(sent.id) == found("ana@exa") == [ana]
    assert found("Öst") == found("100%_n") == found("olga@") == found(olga.id) == [agency]
    assert found("gone@") == found("A_a") == []
    assert found("%") == [agency]
    assert found("nord", by_name_only=True) == [agency]
    assert found("", by_name_only=True) == [ana, agency]
    for hidden in (ana, "user-17", "ana@", "olga@", sent.id):
        assert found(hidden, by_name_only=True) == []
    shown = market.find_accounts(q="ferraz").items[0]
    assert shown == market.account(ana)
    for limit in (1, 2, 3):
        found_ids = [each.id for page in pages(market.find_accounts, limit=limit) for each in page]
        assert found_ids == [ana, agency, nameless]


def test_accounts_are_found_as_they_are_now(market: Marketplace, clock: StandingClock) -> None:
    ana = open_account(market, "plus", name="Ana").id
    market.change_plan(ana, "basic")
    clock.move(days=40)
    assert market.find_accounts(q="Ana").items == [market.account(ana)]
    assert market.account(ana).plan == "basic"


def test_each_member_s_spending_is_told_also_of_who_has_left(market: Marketplace, clock: StandingClock) -> None:
    agency = open_account(market, "agency").id
    eve, tom, ida = (market.add_member(agency, name=name, role="admin") for name in ("Eve", "Tom", "Ida"))
    market.submit(post(market, 5).id, agency, worker_id=eve.id)
    clock.move(days=1)
    since = clock.now
    back = post(market, 3).id
    sent = [
        market.submit(job, agency, worker_id=worker.id, cover_letter=str(number))
        for number, (job, worker) in enumerate([(back, eve), (post(market).id, tom), (post(market, 1).id, eve)])
    ]
    market.hire(sent[2].id)
    market.close_job(back, "cancelled")
    market.remove_member(tom.id)

    def told(**more: Any) -> list[tuple[Any, ...]]:
        return [
            (each.member.name, each.has_left, each.proposals, each.hires, each.spent, each.returned)
            for each in market.spending_by_worker(agency, **more)
        ]

    assert told(since=since) == [
        ("Eve", False, 2, 1, 4, 3),
        ("Tom", True, 1, 0, 2, 0),
        ("Ida", False, 0, 0, 0, 0),
    ]
    assert told()[0] == ("Eve", False, 3, 1, 9, 3)
    assert [each.member for each in market.spending_by_worker(agency)][2] == ida
    assert refusal(market.spending_by_worker("acc_x")) == "unknown_account"
    assert market.spending_by_worker(open_account(market).id) == []


def test_a_worker_s_proposals_are_listed_the_latest_first(market: Marketplace) -> None:
    agency = open_account(market, "agency").id
    eve, tom = (market.add_member(agency, name=name, role="admin") for name in ("Eve", "Tom"))
    sent = [
        market.submit(post(market, 1).id, agency, worker_id=(eve if number % 3 else tom).id, cover_letter=str(number))
        for number in range(9)
    ]
    for limit in (1, 5, 6, 500):
        found = [each for page in pages(market.proposals_by_worker, eve.id, limit=limit) for each in page]
        assert [each.cover_letter for each in found] == ["8", "7", "5", "4", "2", "1"]
    market.remove_member(tom.id)
    assert [each.id for each in market.proposals_by_worker(tom.id).items] == [sent[6].id, sent[3].id, sent[0].id]
    for nobody in ("mem_x", f"{tom.id}0"):
        assert refusal(market.proposals_by_worker(nobody)) == "unknown_member"
