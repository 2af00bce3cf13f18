"""Proposals through the use cases, on both stores."""

import pytest

from earnest import Marketplace
from earnest.marketplace.shown import ProposalShown
from earnest.rules.outcome import Refusal, Refused
from tests.marketplace.given import open_account, pages, post


def test_a_proposal_costs_what_the_job_says(market: Marketplace) -> None:
    client = market.create_client(name="Dan")
    job = market.post_job(client.id, title="A logo", type="fixed", budget=30_000)
    ana = market.open_account(kind="individual", plan="basic")
    sent = market.submit(job.id, ana.id, cover_letter="Hello")
    assert isinstance(sent, ProposalShown)
    assert (sent.connects_spent, sent.balance_after, sent.cover_letter) == (2, 58, "Hello")
    again = market.submit(job.id, ana.id)
    assert isinstance(again, Refused)
    assert again.code is Refusal.ALREADY_PROPOSED


def test_proposals_of_one_status_are_listed_by_themselves(market: Marketplace) -> None:
    ana = open_account(market).id
    sent = [market.submit(post(market).id, ana).id for _ in range(5)]
    market.withdraw(sent[1])
    market.decline(sent[3])
    assert [each.id for each in market.proposals_of(ana, status="withdrawn").items] == [sent[1]]
    first, second = pages(market.proposals_of, ana, limit=2, status="live")
    assert [each.id for each in first + second] == [sent[4], sent[2], sent[0]]
    with pytest.raises(ValueError, match=r"^status: expected one of live"):
        market.proposals_of(ana, status="open")


def test_what_an_account_has_proposed_to_is_told_unless_it_has_withdrawn(market: Marketplace) -> None:
    ana, ben = (open_account(market).id for _ in range(2))
    jobs = [post(market).id for _ in range(4)]
    sent = {job: market.submit(job, ana).id for job in jobs[:3]}
    market.submit(jobs[3], ben)
    market.withdraw(sent[jobs[0]])
    market.withdraw(sent[jobs[1]])
    again = market.submit(jobs[1], ana).id
    market.decline(sent[jobs[2]])
    found = market.proposed_to(ana, [*jobs, jobs[1], "job_x"])
    assert {job: (each.id, each.status) for job, each in found.items()} == {
        jobs[1]: (again, "live"),
        jobs[2]: (sent[jobs[2]], "declined"),
    }
    assert market.proposed_to(ana, []) == market.proposed_to("acc_x", jobs) == {}


def test_nobody_pays_another_price_than_the_one_agreed_to(market: Marketplace) -> None:
    client = market.create_client().id
    job = market.post_job(client, title="A logo", type="fixed", budget=300_00).id
    ana, ben = (market.open_account(kind="individual", plan="plus").id for _ in range(2))
    market.edit_job(job, budget=3_000_00)
    refused = market.submit(job, ana, agreed_price=2)
    assert (refused.code, refused.figures) == (Refusal.PRICE_CHANGED, {"agreed": 2, "price": 4})
    assert market.balance(ana).available == 70
    assert market.submit(job, ana, agreed_price=4, key="once").connects_spent == 4
    assert market.submit(job, ana, agreed_price=4, key="once").connects_spent == 4
    market.invite(job, ben)
    assert market.submit(job, ben, agreed_price=4).figures == {"agreed": 4, "price": 0}
    assert market.submit(job, ben, agreed_price=0).connects_spent == 0
    with pytest.raises(ValueError, match="agreed_price: expected a whole number"):
        market.submit(job, ben, agreed_price=-1)
