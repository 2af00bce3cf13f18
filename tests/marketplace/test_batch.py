"""Many proposals in one call: each is answered for itself, whatever is wrong with another."""

from earnest import Key, Marketplace, NewProposal
from earnest.marketplace.shown import ProposalShown
from earnest.rules.outcome import Refused
from tests.marketplace.given import open_account, post, refusal


def test_one_that_makes_no_sense_is_refused_in_its_place_and_the_others_are_done(market: Marketplace) -> None:
    ana, jobs = open_account(market).id, [post(market).id for _ in range(3)]
    answers = market.submit_batch(
        [NewProposal(jobs[0], ana), NewProposal(jobs[1], ana, bid=-4), NewProposal(jobs[2], ana, cover_letter="")]
    )
    assert isinstance(answers[0], ProposalShown)
    assert [answer.figures["field"] for answer in answers[1:] if isinstance(answer, Refused)] == ["bid", "cover_letter"]
    assert {refusal(answer) for answer in answers[1:]} == {"malformed"}
    assert market.balance(ana).available == 58


def test_a_batch_asked_for_again_by_its_key_is_answered_as_before(market: Marketplace) -> None:
    ana, jobs = open_account(market).id, [post(market).id for _ in range(2)]
    asked = [NewProposal(job, ana, cover_letter="Hello") for job in jobs]
    first, again = Key("k", "till"), Key("k", "till")
    answers = market.submit_batch(asked, key=first)
    assert market.submit_batch(asked, key=again) == answers
    assert (first.replayed, again.replayed) == (False, True)


def test_callers_and_keys_are_told_apart_wherever_their_colon_stands(market: Marketplace) -> None:
    ana = open_account(market).id
    market.grant(ana, 1, reason="one", key=Key("c:1", "b"))
    other = Key("1", "b:c")
    market.grant(ana, 1, reason="one", key=other)
    assert not other.replayed
    assert len(market.entries(ana, kind="bonus").items) == 2
