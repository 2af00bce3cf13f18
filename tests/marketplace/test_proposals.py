"""Proposals through the use cases, on both stores."""

from earnest import Marketplace
from earnest.marketplace.shown import ProposalShown
from earnest.rules.outcome import Refusal, Refused


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
