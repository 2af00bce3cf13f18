"""Idempotency keys through the use cases. Many at once stand in tests/ledger/test_races.py."""

from typing import Any

import pytest

from earnest import Marketplace
from earnest.ledger.writer import Key
from earnest.marketplace.proposals import NewProposal
from earnest.rules.outcome import Refused
from tests.marketplace.given import open_account, post, refusal
from tests.stores import StandingClock


def test_a_request_with_a_key_answers_what_it_was_answered_first(market: Marketplace, clock: StandingClock) -> None:
    job, ana = post(market).id, open_account(market).id
    first_key, second_key = Key("k", "till"), Key("k", "till")
    first = market.submit(job, ana, cover_letter="Hello", bid=100, key=first_key)
    market.withdraw(first.id)
    clock.move(days=40)
    again = market.submit(job, ana, cover_letter="Hello", bid=100, key=second_key)
    assert again == first
    assert (first_key.replayed, second_key.replayed) == (False, True)
    assert len(market.entries(ana, kind="spend").items) == 1


def test_without_a_key_a_repeated_request_is_a_new_one(market: Marketplace) -> None:
    ana = open_account(market).id
    for _ in range(2):
        market.grant(ana, 1, reason="so")
    assert market.balance(ana).available == 62


def test_a_key_that_came_with_another_request_is_refused(market: Marketplace) -> None:
    ana, job = open_account(market).id, post(market).id
    market.grant(ana, 1, reason="so", key="k")
    for answer in (
        market.grant(ana, 2, reason="so", key="k"),
        market.grant(ana, 1, reason="So", key="k"),
        market.revoke(ana, 1, reason="so", key="k"),
        market.submit(job, ana, key="k"),
        market.invite(job, ana, key="k"),
    ):
        assert refusal(answer) == "key_reused"
    assert market.balance(ana).available == 61


def test_a_key_is_checked_before_anything_else_about_the_request(market: Marketplace) -> None:
    ana, job = open_account(market).id, post(market, 5).id
    market.submit(job, ana, key="k")
    market.close_job(job, "cancelled")
    market.suspend(ana, reason="so")
    assert market.submit(job, ana, key="k").status == "live"
    assert refusal(market.submit("job_" + "0" * 32, ana, key="k")) == "key_reused"


def test_a_refused_request_is_decided_afresh(market: Marketplace) -> None:
    ana, job = open_account(market).id, post(market, 5).id
    market.revoke(ana, 60, reason="so")
    assert refusal(market.submit(job, ana, key="k")) == "insufficient_connects"
    market.grant(ana, 5, reason="so")
    assert market.submit(job, ana, key="k").balance_after == 0
    # And a key whose request was refused is free for another.
    assert refusal(market.submit(post(market, 5).id, ana, key="j")) == "insufficient_connects"
    market.grant(ana, 1, reason="so", key="j")
    assert market.balance(ana).available == 1


def test_a_key_that_changed_nothing_is_kept_all_the_same(market: Marketplace) -> None:
    ana, jobs = open_account(market).id, [post(market).id for _ in range(2)]
    market.invite(jobs[0], ana)
    invited = market.invite(jobs[0], ana, key="k")
    assert market.invite(jobs[0], ana, key="k") == invited
    assert refusal(market.invite(jobs[1], ana, key="k")) == "key_reused"


def test_a_key_belongs_to_one_account_and_one_caller(market: Marketplace) -> None:
    ana, ben = open_account(market).id, open_account(market).id
    for account in (ana, ben):
        for caller in ("", "till", "shop"):
            for _ in range(2):
                market.grant(account, 1, reason="so", key=Key("k", caller))
    assert [market.balance(each).available for each in (ana, ben)] == [63, 63]


def test_where_there_is_no_account_a_key_belongs_to_the_caller_alone(market: Marketplace) -> None:
    client = market.create_client(name="Dan", key=Key("1", "till"))
    assert market.create_client(name="Dan", key=Key("1", "till")) == client
    assert market.create_client(name="Dan", key=Key("1", "shop")).id != client.id
    assert refusal(market.create_client(name="Eve", key=Key("1", "till"))) == "key_reused"
    assert refusal(market.open_account(kind="individual", plan="basic", key=Key("1", "till"))) == "key_reused"
    ana = market.open_account(kind="individual", plan="basic", name="Ana", external_id="a", key="2")
    assert market.open_account(kind="individual", plan="basic", name="Ana", external_id="a", key="2") == ana
    job = market.post_job(client.id, title="A", type="hourly", external_id="j", key="3")
    assert market.post_job(client.id, title="A", type="hourly", external_id="j", key="3") == job
    assert refusal(market.post_job(client.id, title="B", type="hourly", key="3")) == "key_reused"


def test_every_use_case_that_changes_something_replays_its_answer(market: Marketplace) -> None:
    ana, acme = open_account(market, "plus").id, open_account(market, "agency").id
    job, other = post(market).id, post(market).id
    sent, turned_down, taken_on = (market.submit(post(market).id, ana).id for _ in range(3))
    ben = market.add_member(acme, name="Ben").id
    bought, paid_back = market.buy(ana, 1).id, market.buy(ana, 1).id
    asked: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (market.change_plan, (ana, "basic"), {}),
        (market.keep_plan, (ana,), {}),
        (market.report_fee_unpaid, (ana,), {}),
        (market.report_fee_paid, (ana,), {}),
        (market.add_member, (acme,), {"name": "Cem", "role": "admin"}),
        (market.change_member, (ben,), {"name": "Benno"}),
        (market.remove_member, (ben,), {}),
        (market.edit_job, (job,), {"title": "B"}),
        (market.invite, (job, ana), {}),
        (market.submit, (job, ana), {"cover_letter": "Hello"}),
        (market.withdraw, (sent,), {}),
        (market.decline, (turned_down,), {}),
        (market.hire, (taken_on,), {}),
        (market.close_job, (other, "filled"), {}),
        (market.buy, (ana, 5), {}),
        (market.confirm_purchase, (bought,), {}),
        (market.reverse_purchase, (paid_back,), {}),
        (market.grant, (ana, 5), {"reason": "so"}),
        (market.revoke, (ana, 5), {"reason": "so"}),
        (market.suspend, (ana,), {"reason": "so"}),
        (market.appeal, (ana, "No"), {}),
        (market.uphold_suspension, (ana,), {}),
        (market.lift_suspension, (ana,), {}),
    ]
    for i, (use_case, arguments, keywords) in enumerate(asked):
        first_key, second_key = Key(str(i), "till"), Key(str(i), "till")
        first = use_case(*arguments, **keywords, key=first_key)
        assert not isinstance(first, Refused)
        assert use_case(*arguments, **keywords, key=second_key) == first, arguments
        assert (first_key.replayed, second_key.replayed) == (False, True)
    assert market.audit().differences == []


def test_each_proposal_of_a_batch_has_a_key_of_its_own(market: Marketplace) -> None:
    job, accounts = post(market).id, [open_account(market).id for _ in range(3)]
    asked = [NewProposal(job, each) for each in accounts]
    first = market.submit_batch(asked[:2], key=Key("k", "till"))
    again = market.submit_batch(asked, key=Key("k", "till"))
    assert again[:2] == first
    assert [each.balance_after for each in again] == [58, 58, 58]
    assert market.submit(job, accounts[1], key=Key("k/1", "till")) == first[1]
    # In another order they are other requests: to the account each key is new, and each job has been proposed to.
    turned = market.submit_batch(asked[::-1], key=Key("k", "till"))
    assert [refusal(turned[0]), turned[1], refusal(turned[2])] == ["already_proposed", first[1], "already_proposed"]


def test_a_batch_answers_each_in_its_order_on_its_own(market: Marketplace) -> None:
    jobs, ana = [post(market, 5).id for _ in range(3)], open_account(market).id
    market.revoke(ana, 50, reason="so")
    asked = [NewProposal(job, ana) for job in (*jobs, jobs[0], "job_x")] + [NewProposal(jobs[0], "acc_x")]
    sent = market.submit_batch(asked)
    assert [each.balance_after for each in sent[:2]] == [5, 0]
    assert [refusal(each) for each in sent[2:]] == [
        "insufficient_connects",
        "already_proposed",
        "unknown_job",
        "unknown_account",
    ]
    assert market.submit_batch([]) == []
    with pytest.raises(ValueError, match=r"^proposals: expected at most 1,000"):
        market.submit_batch([NewProposal(jobs[0], ana)] * 1_001)


def test_a_malformed_key_raises_the_argument_s_name(market: Marketplace) -> None:
    for key in ("", " ", "a" * 256, "a\0"):
        with pytest.raises(ValueError, match=r"^key: expected"):
            market.create_client(key=key)
