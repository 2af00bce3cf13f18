"""Closing jobs through the use cases (RULES 5). Races stand in tests/ledger/test_races.py."""

import pytest

from earnest import AsyncMarketplace, Marketplace
from earnest.ledger.ledger import Ledger
from earnest.marketplace import closing
from earnest.marketplace.proposals import NewProposal
from earnest.marketplace.shown import Returned
from tests.marketplace.given import day, figures, open_account, pages, post, refusal
from tests.packs import article
from tests.stores import StandingClock


def test_a_closing_without_a_hire_returns_everything_to_everyone_live_declined_and_withdrawn(
    market: Marketplace,
) -> None:
    job, accounts = post(market, 3).id, [open_account(market).id for _ in range(3)]
    sent = [market.submit(job, each).id for each in accounts]
    market.withdraw(sent[0])
    market.decline(sent[1])
    again = market.submit(job, accounts[0])
    assert (again.attempt, again.balance_after) == (2, 54)
    closed = market.close_job(job, "cancelled")
    assert (closed.job.status, closed.job.close_reason, closed.job.closed_at) == ("closed", "cancelled", day(1, 3, 9))
    assert closed.returned == Returned(4, 12, pending=False)
    assert [market.balance(each).available for each in accounts] == [60, 60, 60]
    assert [market.proposal(each).returned_at for each in sent] == [day(1, 3, 9)] * 3
    assert [line.connects for line in market.entries(accounts[0], kind="return").items] == [3, 3]


def test_with_a_hire_nothing_goes_back_whatever_the_reason(market: Marketplace) -> None:
    job, ana, ben = post(market).id, open_account(market).id, open_account(market).id
    hired = market.hire(market.submit(job, ana).id)
    assert (hired.status, hired.balance_after) == ("hired", 58)
    assert (market.job(job).hires, market.job(job).status) == (1, "open")
    late = market.submit(job, ben)
    assert market.close_job(job, "removed").returned == Returned(0, 0, pending=False)
    assert [market.balance(each).available for each in (ana, ben)] == [58, 58]
    answer = market.hire(late.id)
    assert (refusal(answer), figures(answer)) == ("job_not_open", {"job": job, "status": "closed"})


def test_a_closed_job_stays_as_it_was_first_closed(market: Marketplace, clock: StandingClock) -> None:
    job, ana = post(market).id, open_account(market).id
    proposal = market.submit(job, ana).id
    first = market.close_job(job, "cancelled")
    clock.move(days=1)
    assert market.close_job(job, "filled") == first
    assert refusal(market.submit(job, ana)) == "job_not_open"
    assert refusal(market.hire(proposal)) == "job_not_open"
    # A proposal stays one, and may be taken back; nothing comes of it.
    assert market.withdraw(proposal).status == "withdrawn"
    assert market.close_job(job, "filled") == first
    assert market.balance(ana).available == 60


def test_what_comes_back_joins_the_cycle_it_comes_back_in(market: Marketplace, clock: StandingClock) -> None:
    job, ana = post(market, 5).id, open_account(market).id
    market.submit(job, ana)
    clock.move(days=29)
    market.close_job(job, "cancelled")
    held = market.balance(ana)
    assert held.available == 65
    assert {(lot.source, lot.remaining, lot.expires_at) for lot in held.lots} == {
        ("allotment", 60, day(3, 1)),
        ("refund", 5, day(3, 1)),
    }


def test_what_most_held_clips_is_recorded_in_full_then_forfeited_and_told(market: Marketplace) -> None:
    job, ana = post(market, 5).id, open_account(market, "plus").id
    market.submit(job, ana)
    market.grant(ana, 283, reason="so")
    assert market.close_job(job, "cancelled").returned == Returned(1, 5, pending=False)
    assert market.balance(ana).available == 350
    last = market.entries(ana).items[-2:]
    assert [(line.kind, line.connects, line.balance_after) for line in last] == [
        ("return", 5, 353),
        ("forfeit", -3, 350),
    ]
    assert [each.connects for each in market.notices(ana).items] == [3]


def test_everybody_gets_back_what_they_spent_however_few_are_returned_to_at_once(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, accounts = post(market).id, [open_account(market).id for _ in range(7)]
    market.submit_batch([NewProposal(job, each) for each in accounts])
    monkeypatch.setattr(closing, "ACCOUNTS_AT_ONCE", 2)
    assert market.close_job(job, "cancelled").returned == Returned(7, 14, pending=False)
    assert {market.balance(each).available for each in accounts} == {60}


def test_one_who_always_comes_second_still_returns_what_nobody_else_has(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, accounts = post(market).id, [open_account(market).id for _ in range(7)]
    market.submit_batch([NewProposal(job, each) for each in accounts])
    monkeypatch.setattr(closing, "ACCOUNTS_AT_ONCE", 2)
    patiently, ids = closing.patiently, sorted(each[4:] for each in accounts)

    async def patiently_after_another(ledger: Ledger, act: closing.GiveBackTo) -> bool:
        # The first four, so two pages, get theirs from somebody else between the look for them and the act.
        if act.account in ids[:4]:
            await ledger.do(act)
        return await patiently(ledger, act)

    monkeypatch.setattr(closing, "patiently", patiently_after_another)
    assert market.close_job(job, "cancelled").returned == Returned(7, 14, pending=False)
    assert {market.balance(each).available for each in accounts} == {60}


def test_who_cannot_wait_is_told_that_the_rest_is_pending_and_it_goes_on(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, ana = post(market).id, open_account(market).id
    market.submit(job, ana)
    assert market.close_job(job, "cancelled", wait_seconds=0).returned.pending
    assert market.close_job(job, "cancelled").returned == Returned(1, 2, pending=False)


def test_the_pack_decides_whether_a_lapse_gives_back_and_one_that_did_is_not_returned_twice(
    database: str, clock: StandingClock
) -> None:
    with Marketplace.open(database, clock=clock, pack=article(lapse_gives_back=True)) as market:
        job, ana = post(market).id, open_account(market, "plus").id
        market.submit(job, ana)
        assert market.give_back_lapsed(job) == Returned(0, 0, pending=False)
        clock.move(days=30, seconds=59)
        market.keep_up()
        # A server whose clock is a little behind may still take proposals for it.
        assert market.balance(ana).available == 138
        clock.move(seconds=1)
        market.keep_up()
        assert market.balance(ana).available == 140
        clock.move(days=1)
        assert market.close_job(job, "cancelled").returned == Returned(0, 0, pending=False)
        assert len(market.entries(ana, kind="return").items) == 1


def test_a_closing_is_gone_on_with_by_whoever_asks_again(database: str, clock: StandingClock) -> None:
    with Marketplace.open(database, clock=clock) as one, Marketplace.open(database, clock=clock) as other:
        job, accounts = post(one).id, [open_account(one).id for _ in range(3)]
        for each in accounts:
            one.submit(job, each)
        with pytest.MonkeyPatch.context() as patched:

            async def goes_away(*_: object) -> bool:
                return False

            patched.setattr(closing, "give_back", goes_away)
            assert one.close_job(job, "cancelled").returned == Returned(0, 0, pending=True)
        assert other.close_job(job, "cancelled").returned == Returned(3, 6, pending=False)


def test_proposals_for_a_job_are_listed_account_by_account(market: Marketplace) -> None:
    job, accounts = post(market).id, [open_account(market).id for _ in range(3)]
    for each in accounts:
        market.withdraw(market.submit(job, each, cover_letter=f"I am {each}").id)
        market.submit(job, each, bid=5_000)
    whole = market.proposals_for(job).items
    assert [(each.account_id, each.attempt) for each in whole] == [(a, i) for a in sorted(accounts) for i in (1, 2)]
    assert [each.cover_letter for each in whole[::2]] == [f"I am {each}" for each in sorted(accounts)]
    for limit in (1, 2, 3, 5, 6, 500):
        assert [each for page in pages(market.proposals_for, job, limit=limit) for each in page] == whole
    for cursor in ("x", "", f"{'0' * 32}", f"{'0' * 32}_0"):
        with pytest.raises(ValueError, match=r"^cursor: expected"):
            market.proposals_for(job, cursor=cursor)


def test_an_unknown_reason_raises_the_argument_s_name(market: Marketplace) -> None:
    with pytest.raises(ValueError, match=r"^reason: expected one of cancelled, filled, removed"):
        market.close_job(post(market).id, "bored")


def test_both_faces_have_the_same_use_cases(market: Marketplace) -> None:
    job = post(market).id

    async def ask() -> None:
        face = AsyncMarketplace(market._inner.ledger)
        assert await face.job(job) == market_job
        assert (await face.close_job(job, "filled")).returned == Returned(0, 0, pending=False)

    market_job = market.job(job)
    market.wait(ask())
    assert market.job(job).status == "closed"


def test_an_account_that_cannot_be_written_keeps_nobody_elses_connects(
    database: str, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    with Marketplace.open(database, clock=clock) as market:
        jobs, accounts = [post(market).id for _ in range(2)], [open_account(market).id for _ in range(3)]
        for job in jobs:
            market.submit_batch([NewProposal(job, each) for each in accounts])
        store = market._inner.ledger.store
        damage = "update account set lots = :lots where account_id = id(:account)"
        market.wait(store.change(damage, {"lots": "[2,[]]", "account": accounts[1][4:]}))
        for job in jobs:
            assert market.close_job(job, "cancelled").returned == Returned(2, 4, pending=True)
        assert accounts[1] in caplog.text
        assert [market.balance(each).available for each in (accounts[0], accounts[2])] == [60, 60]
        # Upkeep gets to its end, and finishes when the account is mended.
        clock.move(minutes=2)
        assert market.keep_up().returns_finished == 0
        market.wait(store.change(damage, {"lots": '[1,[[1,"a",56]]]', "account": accounts[1][4:]}))
        assert market.keep_up().returns_finished == 2
        assert market.balance(accounts[1]).available == 60
        assert market.audit().differences == []
