"""Jobs, quotes and invitations through the use cases (RULES 1, 5.2)."""

from typing import Any

import pytest

from earnest import Marketplace
from earnest.marketplace.shown import JobShown, Money
from earnest.rules.price import Duration, JobType, WeeklyHours
from tests.marketplace.given import BUDGETS, day, figures, open_account, pages, post, refusal
from tests.stores import StandingClock


def test_a_posted_job_shows_what_it_says_and_what_a_proposal_costs(market: Marketplace) -> None:
    client = market.create_client(name="Dan")
    job = market.post_job(
        client.id,
        title="A shop",
        type="hourly",
        duration="over_6_months",
        weekly_hours="30_or_more",
        description="All of it",
        skills=["css", "sql"],
        external_id="j-1",
    )
    assert job == JobShown(
        job.id,
        client.id,
        "open",
        5,
        "A shop",
        JobType.HOURLY,
        day(1, 3, 9),
        day(2, 2, 9),
        0,
        None,
        Duration.OVER_6_MONTHS,
        WeeklyHours.THIRTY_OR_MORE,
        "All of it",
        ("css", "sql"),
        "j-1",
    )
    assert market.job(job.id) == market.job("ext:j-1") == job
    assert post(market, 4).budget == Money(BUDGETS[4], "USD")


@pytest.mark.parametrize("price", BUDGETS)
def test_the_price_follows_the_budget(market: Marketplace, price: int) -> None:
    assert post(market, price).price == price


def test_an_edit_reprices_later_proposals_only(market: Marketplace) -> None:
    job, ana, ben = post(market, 2), open_account(market), open_account(market)
    market.submit(job.id, ana.id)
    edited = market.edit_job(job.id, budget=BUDGETS[5], title="A big logo")
    assert (edited.price, edited.title, edited.budget) == (5, "A big logo", Money(BUDGETS[5], "USD"))
    assert market.submit(job.id, ben.id).connects_spent == 5
    assert [market.balance(each.id).available for each in (ana, ben)] == [58, 55]


def test_what_is_left_out_of_an_edit_stays(market: Marketplace) -> None:
    job = post(market, 2, description="Small", skills=["svg"])
    assert market.edit_job(job.id, title="B") == market.job(job.id)
    assert (market.job(job.id).title, market.job(job.id).description, market.job(job.id).skills) == (
        "B",
        "Small",
        ("svg",),
    )
    hourly = market.edit_job(job.id, type="hourly", duration="3_to_6_months", budget=None)
    assert (hourly.type, hourly.price, hourly.budget) == ("hourly", 3, None)
    assert market.edit_job(job.id, weekly_hours="30_or_more").price == 4
    assert market.edit_job(job.id, duration=None).price == 3
    assert market.edit_job(job.id, skills=[], description="").skills == ()


def test_an_edit_changes_only_what_it_names_whatever_another_one_changes_meanwhile(market: Marketplace) -> None:
    job = market.post_job(market.create_client().id, title="A", type="hourly").id

    def edit(key: str, **what: Any) -> Any:
        return market.edit_job(job, key=key, **what)

    first = edit("1", duration="3_to_6_months")
    assert edit("2", weekly_hours="30_or_more").price == 4
    # The first is still the same request.
    assert edit("1", duration="3_to_6_months") == first
    assert market.job(job).price == 4


def test_a_closed_job_is_not_edited_and_a_lapsed_one_is(market: Marketplace, clock: StandingClock) -> None:
    closed, lapsed = post(market).id, post(market).id
    market.close_job(closed, "removed")
    answer = market.edit_job(closed, title="B")
    assert (refusal(answer), figures(answer)) == ("job_not_open", {"job": closed, "status": "closed"})
    clock.move(days=30)
    assert market.edit_job(lapsed, title="B").status == "lapsed"


def test_a_post_takes_no_proposals_from_the_instant_it_lapses(market: Marketplace, clock: StandingClock) -> None:
    job, ana = post(market).id, open_account(market).id
    clock.move(days=30, microseconds=-1)
    market.submit(job, ana)
    clock.move(microseconds=1)
    answer = market.submit(job, open_account(market).id)
    assert (refusal(answer), figures(answer)) == ("job_not_open", {"job": job, "status": "lapsed"})
    assert refusal(market.invite(job, ana)) == "job_not_open"
    assert market.hire(market.proposals_of(ana).items[0].id).status == "hired"


def test_jobs_are_listed_the_newest_first_by_status_words_price_and_client(
    market: Marketplace, clock: StandingClock
) -> None:
    dan, eve = market.create_client(external_id="dan").id, market.create_client().id
    titles = ["A Logo", "50% off_ers!", "A shop", "Another logo"]
    posted = []
    for i, title in enumerate(titles):
        posted.append(market.post_job((dan, eve)[i % 2], title=title, type="fixed", budget=BUDGETS[i + 1]))
        clock.move(days=1)
    market.close_job(posted[1].id, "filled")
    clock.move(days=27)

    def found(**asked: Any) -> list[str]:
        return [job.title for job in market.jobs(**asked).items]

    assert found() == titles[::-1]
    assert found(status="open") == ["Another logo", "A shop"]
    assert found(status="closed") == ["50% off_ers!"]
    assert found(status="lapsed") == ["A Logo"]
    assert found(q="LOGO") == ["Another logo", "A Logo"]
    # What stands for anything in a pattern stands for itself.
    assert found(q="0% off_ers!") == ["50% off_ers!"]
    assert found(q="%") == ["50% off_ers!"]
    assert found(q="_") == ["50% off_ers!"]
    assert found(max_price=2) == ["50% off_ers!", "A Logo"]
    assert found(client_id=dan, status="open") == found(client_id="ext:dan", status="open") == ["A shop"]
    assert refusal(market.jobs(client_id="cli_x")) == "unknown_client"
    for limit in (1, 2, 3, 4, 500):
        assert [job.title for page in pages(market.jobs, limit=limit) for job in page] == titles[::-1]


def test_a_quote_says_what_a_proposal_would_cost_and_leave_and_moves_nothing(market: Marketplace) -> None:
    job, ana, pro = post(market, 3).id, open_account(market).id, open_account(market, "plus").id
    quoted = market.quote(job, ana)
    assert (quoted.price, quoted.balance_before, quoted.balance_after) == (3, 60, 57)
    assert (quoted.why, quoted.price_in_money, quoted.refusal) == ("fixed, by budget", None, None)
    assert market.quote(job, pro).price_in_money == Money(300, "USD")
    assert market.balance(ana).available == 60
    assert market.submit(job, ana).balance_after == quoted.balance_after


def test_a_quote_tells_why_a_proposal_would_be_turned_down(market: Marketplace, clock: StandingClock) -> None:
    job, ana = post(market, 5).id, open_account(market).id
    market.submit(job, ana)
    assert refusal(market.quote(job, ana).refusal) == "already_proposed"
    market.revoke(ana, 52, reason="so")
    dear = post(market, 5).id
    refused = market.quote(dear, ana)
    assert figures(refused.refusal) == {"required": 5, "available": 3}
    assert (refused.balance_before, refused.balance_after) == (3, 3)
    market.invite(dear, ana)
    assert (market.quote(dear, ana).price, market.quote(dear, ana).why) == (0, "invited")
    # What is due is counted as it would be when proposing.
    clock.move(days=29)
    assert market.quote(dear, ana).balance_before == 60
    market.suspend(ana, reason="so")
    assert refusal(market.quote(dear, ana).refusal) == "account_suspended"


def test_a_quote_for_an_agency_names_the_worker_or_anybody(market: Marketplace) -> None:
    acme, job = open_account(market, "agency").id, post(market).id
    member = market.add_member(acme).id
    assert market.quote(job, acme).refusal is None
    assert refusal(market.quote(job, acme, worker_id=member).refusal) == "not_permitted"
    assert refusal(market.quote(job, acme, worker_id="mem_x")) == "unknown_member"


def test_an_invited_account_pays_nothing_and_nothing_again_after_a_withdrawal(market: Marketplace) -> None:
    job, ana = post(market, 5).id, open_account(market).id
    invited = market.invite(job, ana)
    assert market.invite(job, ana) == invited
    for attempt in (1, 2):
        sent = market.submit(job, ana)
        assert (sent.invited, sent.connects_spent, sent.attempt, sent.balance_after) == (True, 0, attempt, 60)
        market.withdraw(sent.id)
    assert [(line.connects, line.lot_id) for line in market.entries(ana, kind="spend").items] == [(0, None)] * 2
    assert market.close_job(job, "cancelled").returned.connects == 0
    assert refusal(market.invite(job, open_account(market).id)) == "job_not_open"


def test_invitations_are_listed_those_to_the_newest_jobs_first(market: Marketplace, clock: StandingClock) -> None:
    ana, jobs = open_account(market).id, []
    for _ in range(4):
        clock.move(seconds=1)
        jobs.append(post(market).id)
        market.invite(jobs[-1], ana)
    for limit in (1, 2, 3, 4, 500):
        found = [each.job_id for page in pages(market.invitations, ana, limit=limit) for each in page]
        assert found == jobs[::-1]


def test_an_id_that_names_no_job_or_client_is_unknown_everywhere(market: Marketplace) -> None:
    ana = open_account(market).id
    for id_ in ("job_" + "0" * 32, "job_x", ana, "", "ext:nobody", "ext:\0"):
        assert {
            refusal(answer)
            for answer in (
                market.job(id_),
                market.edit_job(id_, title="B"),
                market.close_job(id_, "removed"),
                market.give_back_lapsed(id_),
                market.quote(id_, ana),
                market.invite(id_, ana),
                market.submit(id_, ana),
                market.proposals_for(id_),
            )
        } == {"unknown_job"}
        assert {
            refusal(answer)
            for answer in (
                market.client(id_),
                market.erase_client(id_),
                market.post_job(id_, title="A", type="hourly"),
            )
        } == {"unknown_client"}
    assert refusal(market.post_job("cli_" + "0" * 32, title="A", type="hourly")) == "unknown_client"


MALFORMED_JOBS: list[tuple[str, Any]] = [
    ("title", ""),
    ("title", "a" * 201),
    ("type", "weekly"),
    ("type", ""),
    ("budget", -1),
    ("budget", 1.5),
    ("budget", True),
    ("budget", 2**53),
    ("duration", "long"),
    ("duration", ""),
    ("weekly_hours", "40"),
    ("description", "a" * 50_001),
    ("skills", "css"),
    ("skills", ["css"] * 51),
    ("skills", [""]),
]


def test_a_malformed_job_raises_the_argument_s_name(market: Marketplace) -> None:
    client, job = market.create_client().id, post(market).id
    for field, value in MALFORMED_JOBS:
        asked: dict[str, Any] = {"title": "A", "type": "fixed", field: value}
        with pytest.raises(ValueError, match=f"^{field}: expected"):
            market.post_job(client, **asked)
        with pytest.raises(ValueError, match=f"^{field}: expected"):
            market.edit_job(job, **{field: value})
    with pytest.raises(ValueError, match=r"^external_id: expected"):
        market.post_job(client, title="A", type="fixed", external_id="")


def test_a_malformed_search_raises_the_argument_s_name(market: Marketplace) -> None:
    wrong: list[tuple[str, Any]] = [
        ("status", "gone"),
        ("q", "a" * 201),
        ("q", "\0"),
        ("max_price", -1),
        ("max_price", True),
        ("limit", 0),
        ("cursor", "7"),
    ]
    for field, value in wrong:
        with pytest.raises(ValueError, match=f"^{field}: expected"):
            market.jobs(**{field: value})


def test_erasing_a_client_takes_the_name_and_the_callers_id_and_leaves_the_jobs(market: Marketplace) -> None:
    client = market.create_client(name="Dan", external_id="c-1")
    job = market.post_job("ext:c-1", title="A", type="hourly")
    assert market.erase_client("ext:c-1") is None
    assert (market.client(client.id).name, market.client(client.id).external_id) == (None, None)
    assert refusal(market.client("ext:c-1")) == "unknown_client"
    assert market.job(job.id).client_id == client.id


def test_several_jobs_are_shown_by_their_ids(market: Marketplace) -> None:
    jobs = [post(market, price) for price in (1, 2, 3)]
    unknown = "job_" + "0" * 32
    assert market.jobs_by_id([jobs[0].id, jobs[2].id, jobs[0].id, unknown, "x"]) == {
        jobs[0].id: jobs[0],
        jobs[2].id: jobs[2],
    }
    assert market.jobs_by_id([]) == market.jobs_by_id(["x"]) == {}
