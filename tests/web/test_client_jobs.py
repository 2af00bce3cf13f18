"""A client's pages: posting with the price shown, inviting, comparing, hiring, declining, closing."""

import re
from typing import Any

import pytest

from earnest.marketplace import closing
from earnest.marketplace.people import Seat
from earnest.web import client_choices
from tests.stores import StandingClock
from tests.web.site import Page, Site, Visitor

JOB = {
    "title": "A logo for a bakery",
    "description": "We bake bread.\n\nWe need a logo.",
    "type": "fixed",
    "budget": "1,500",
    "skills": "lettering, logo design, lettering",
}


def _propose(site: Site, job: str, name: str = "Ana", letter: str | None = "I draw.", **more: Any) -> tuple[str, str]:
    """A new freelancer's proposal: its id, and their account."""
    account = site.do("open_account", kind="individual", plan="plus", name=name).id
    return site.do("submit", job, account, cover_letter=letter, **more).id, account


def _balance(site: Site, account: str) -> int:
    return int(site.do("balance", account).available)


def test_a_job_is_posted_after_its_price_was_looked_at(site: Site) -> None:
    dan, client = site.client_()
    page = dan.get("/jobs")
    assert "Post your first job" in page.text
    page = dan.get("/post")
    looked = dan.send(page, "/post", **JOB)
    assert site.do("jobs", client_id=client).items == []
    assert "Look it over, then post it" in looked.text
    assert "4 connects The budget of $1,500.00 sets the price." in looked.text
    assert "fewer proposals, and better ones" in looked.text
    again = dan.send(looked, "/post", step="change")
    assert {name: again.form("/post").fields[name] for name in JOB} == JOB
    posted = dan.send(looked, "/post", step="post")
    [job] = site.do("jobs", client_id=client).items
    assert posted.path == f"/jobs/{job.id}"
    assert "Your job is posted." in posted.text
    assert (job.title, job.price, job.budget.amount) == (JOB["title"], 4, 150000)
    assert (job.description, job.skills) == (JOB["description"], ("lettering", "logo design"))
    # The button pressed twice posts once.
    assert dan.send(looked, "/post", step="post").path == posted.path
    assert len(site.do("jobs", client_id=client).items) == 1


def test_what_is_wrong_with_a_job_is_said_and_nothing_typed_is_lost(site: Site) -> None:
    dan, client = site.client_()
    wrong = JOB | {"title": " ", "budget": "much", "skills": ",".join(map(str, range(51)))}
    page = dan.send(dan.get("/post"), "/post", 422, **wrong)
    for said in ("Please fill this in.", "such as $1,500.00", "at most 50 skills"):
        assert said in page.text
    assert {name: page.form("/post").fields[name] for name in wrong} == wrong
    assert dan.post("/post", **JOB | {"type": "barter", "step": "post"}).status_code == 422
    assert site.do("jobs", client_id=client).items == []


def test_the_price_follows_what_is_filled_in(site: Site) -> None:
    dan, client = site.client_()

    def price(**filled: str) -> str:
        piece = dan.client.get("/post/price", params=filled)
        assert piece.status_code == 200
        assert "<html" not in piece.text
        return Page(piece).text

    assert price(type="fixed", budget="24.99").startswith("1 connect The budget of $24.99")
    assert price(type="fixed", budget="").startswith("2 connects Without a budget")
    assert price(type="hourly", duration="over_6_months", weekly_hours="30_or_more").startswith("5 connects How long")
    assert price(type="hourly", budget="9000").startswith("2 connects")
    for odd in ({}, {"type": "x"}, {"type": "fixed", "budget": "x"}, {"type": "hourly", "duration": "for ever"}):
        assert "the price stands here" in price(**odd)
    job = site.job(client, budget=300_00)
    piece = Page(dan.client.get(f"/jobs/{job}/price", params={"type": "fixed", "budget": "600"}))
    assert "Now it is 2 connects. Whoever proposes after the change pays 3 connects." in piece.text
    assert (
        "The price stays as it is."
        in Page(dan.client.get(f"/jobs/{job}/price", params={"type": "fixed", "budget": "300"})).text
    )


def test_a_new_size_is_looked_at_before_it_reprices_later_proposals(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client, budget=300_00, duration="under_1_month", skills=("ink",), description="Old")
    _, ana = _propose(site, job)
    page = dan.get(f"/jobs/{job}/edit")
    fields = page.form(f"/jobs/{job}/edit").fields
    assert (fields["budget"], fields["skills"], fields["duration"]) == ("300", "ink", "under_1_month")
    saved = dan.send(page, f"/jobs/{job}/edit", title="A better logo", description="New", skills="", duration="")
    assert (saved.path, "Your job is changed." in saved.text) == (f"/jobs/{job}", True)
    shown = site.do("job", job)
    assert (shown.title, shown.price, shown.skills, shown.duration, shown.description) == (
        "A better logo",
        2,
        (),
        None,
        "New",
    )
    asked = dan.send(dan.get(f"/jobs/{job}/edit"), f"/jobs/{job}/edit", budget="600")
    assert "Whoever proposes after the change pays 3 connects." in asked.text
    assert "The one who has proposed already paid the old price" in asked.text
    assert site.do("job", job).price == 2
    dan.send(asked, f"/jobs/{job}/edit", step="save")
    assert site.do("job", job).price == 3
    assert _balance(site, ana) == 68


def test_a_closed_job_cannot_be_changed(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    page = dan.get(f"/jobs/{job}/edit")
    site.do("close_job", job, "cancelled")
    late = dan.send(page, f"/jobs/{job}/edit", 409, title="Later")
    assert "This job is closed, and stays as it was." in late.text
    assert "A closed job stays as it was." in dan.get(f"/jobs/{job}/edit").text
    assert site.do("job", job).title == "A logo"


def test_jobs_are_listed_with_what_waits_and_what_went_back(site: Site, clock: StandingClock) -> None:
    dan, client = site.client_()
    lapsed = site.job(client, title="Long ago")
    clock.move(days=31)
    open_, closed, filled = (site.job(client, title=title) for title in ("Open", "Given up", "Done"))
    site.job(title="Somebody else’s")
    for name in ("Ana", "Ben"):
        _propose(site, closed, name)
    site.do("decline", _propose(site, open_)[0])
    site.do("hire", _propose(site, filled)[0])
    clock.move(days=2)
    for name in ("Cleo", "Dora"):
        _propose(site, open_, name)
    for job in (closed, filled):
        site.do("close_job", job, "cancelled")
    page = dan.get("/jobs")
    assert "3 proposals 2 wait for you 2 new since yesterday" in page.text
    assert "4 connects went back to 2 people" in page.text
    assert "1 hired Closed" in page.text
    assert "you can still hire, or close it" in page.text
    assert "Somebody else’s" not in page.text
    for status, titles in (("open", {open_}), ("lapsed", {lapsed}), ("closed", {closed, filled}), ("x", None)):
        shown = {link[6:] for link in dan.get(f"/jobs?status={status}").links if link.startswith("/jobs/job_")}
        assert shown == (titles or {open_, lapsed, closed, filled})
    assert dan.get("/jobs?cursor=zzz").path == "/jobs"


def test_a_list_goes_on_where_it_ended(site: Site, clock: StandingClock) -> None:
    dan, client = site.client_()
    jobs = []
    for number in range(23):
        clock.move(seconds=1)
        jobs.append(site.job(client, title=f"Job {number}"))
    for number in range(21):
        clock.move(seconds=1)
        _propose(site, jobs[0], f"F{number}")
    first = dan.get("/jobs")
    [more] = [link for link in first.links if "cursor=" in link]
    assert re.findall(r"Job (\d+)", dan.get(more).text) == ["2", "1", "0"]
    page = dan.get(f"/jobs/{jobs[0]}")
    [more] = [link for link in page.links if "cursor=" in link]
    assert "F20" in page.text
    assert "F0" in dan.get(more).text
    invite = dan.get(f"/jobs/{jobs[1]}/invite")
    [more] = [link for link in invite.links if "cursor=" in link]
    rest = dan.get(more)
    assert "F20" in rest.text
    # Invited from the second page, one stays there.
    form = next(form for form in rest.forms if form.method == "post" and "account" in form.fields)
    after = dan.send(rest, form.action, having={"account": form.fields["account"]})
    assert "They are invited" in after.text
    assert "F20" in after.text


def test_a_proposal_is_shown_with_its_letter_and_what_others_may_know(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    sent, ana = _propose(site, job, "Ana <b>", "<script>alert(1)</script> " + "word " * 200 + "end.", bid=280_00)
    site.do("grant", ana, 17, reason="secret")
    site.person("ana@example.com", Seat("account", ana))
    page = dan.get(f"/jobs/{job}")
    assert "Ana <b>" in page.text
    assert "<script>alert" not in page.html
    assert "0 hires, 1 proposal in six months" in page.text
    assert "Asks for $280.00" in page.text
    assert "end." not in page.text
    whole = dan.get(f"/jobs/{job}/proposals/{sent}")
    assert "end." in whole.text
    for hidden in ("ana@example.com", "85", ana):
        assert hidden not in re.sub(r'"[^"]*"', "", page.html)
        assert hidden not in whole.text


def test_two_to_four_proposals_are_compared_side_by_side(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    agency = site.agency()
    _, olga = site.member(agency)
    sent = [_propose(site, job, f"F{number}", f"Letter {number}")[0] for number in range(4)]
    sent.append(site.do("submit", job, agency, worker_id=olga, bid=100_00).id)
    page = dan.get(f"/jobs/{job}")
    assert page.form(f"/jobs/{job}/compare").fields == {}
    compared = dan.get(f"/jobs/{job}/compare?" + "&".join(f"p={id_}" for id_ in (sent[0], sent[4], sent[0])))
    assert "F0" in compared.text
    assert "North Studio · Olga" in compared.text
    assert "Letter 1" not in compared.text
    assert f"/jobs/{job}/proposals/{sent[4]}/hire" in compared.links
    for wrong in ([], sent[:1], sent):
        refused = dan.get(f"/jobs/{job}/compare?" + "&".join(f"p={id_}" for id_ in wrong), 422)
        assert "Tick 2 to 4 proposals" in refused.text
    other, _ = _propose(site, site.job(client))
    dan.get(f"/jobs/{job}/compare?p={sent[0]}&p={other}", 404)


def test_hiring_asks_first_and_leaves_the_job_open(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    sent, _ = _propose(site, job)
    page = dan.get(f"/jobs/{job}/proposals/{sent}/hire")
    assert "Hire Ana?" in page.text
    assert "2 connects that 1 person spent on it stay spent" in page.text
    hired = dan.send(page, f"/jobs/{job}/proposals/{sent}/hire")
    assert "You hired them. The job stays open" in hired.text
    assert (site.do("proposal", sent).status, site.do("job", job).hires) == ("hired", 1)
    # Pressed twice it is one hire; somebody who comes later is told.
    assert "You hired them." in dan.send(page, f"/jobs/{job}/proposals/{sent}/hire").text
    assert site.do("job", job).hires == 1
    late = Page(dan.post(f"/jobs/{job}/proposals/{sent}/decline"))
    assert (late.status, "Nothing changed." in late.text) == (409, True)
    assert f"/jobs/{job}/proposals/{sent}/hire" not in [form.action for form in dan.get(page.path).forms]


def test_declining_says_that_nothing_comes_back(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    sent, ana = _propose(site, job)
    page = dan.get(f"/jobs/{job}/proposals/{sent}/decline")
    assert "Declining gives nothing back: the 2 connects they spent" in page.text
    assert "The proposal is declined." in dan.send(page, f"/jobs/{job}/proposals/{sent}/decline").text
    assert (site.do("proposal", sent).status, _balance(site, ana)) == ("declined", 68)


def test_whoever_is_invited_proposes_for_free(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    ana = site.do("open_account", kind="individual", plan="plus", name="Ana Ferraz", external_id="user-17").id
    site.person("ferraz@example.com", Seat("account", ana))
    _, ben = _propose(site, job, "Ben")
    page = dan.get(f"/jobs/{job}/invite")
    assert "Has proposed Waiting for an answer" in page.text
    for hidden in ("user-17", "ferraz@", ana):
        assert "Nobody here is called that" in dan.get(f"/jobs/{job}/invite?q={hidden}").text
    found = dan.get(f"/jobs/{job}/invite?q=ferraz")
    action = f"/jobs/{job}/invite?q=ferraz"
    after = dan.send(found, action)
    assert "They are invited, and can propose for free." in after.text
    assert "Invited" in after.text
    assert "Ben" not in after.text
    assert [each.job_id for each in site.do("invitations", ana).items] == [job]
    site.do("submit", job, ana)
    assert _balance(site, ana) == 70
    assert "Invited by you" in dan.get(f"/jobs/{job}").text
    for account in ("ext:user-17", "", "acc_x", ben[4:]):
        assert dan.post(f"/jobs/{job}/invite", account=account).status_code == 404
    site.do("close_job", job, "cancelled")
    assert "takes no new proposals" in dan.get(f"/jobs/{job}/invite").text
    assert dan.post(f"/jobs/{job}/invite", account=ben).status_code == 409


def test_closing_says_what_goes_back_to_whom_before_and_after(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    accounts = [_propose(site, job, name)[1] for name in ("Ana", "Ben", "Cleo")]
    page = dan.get(f"/jobs/{job}/close")
    assert "You hired nobody, so 6 connects go back to 3 people." in page.text
    assert page.form(f"/jobs/{job}/close").fields["reason"] == "cancelled"
    assert dan.post(f"/jobs/{job}/close", reason="removed").status_code == 422
    closed = dan.send(page, f"/jobs/{job}/close", reason="filled")
    assert "6 connects went back to 3 people." in closed.text
    assert [_balance(site, account) for account in accounts] == [70, 70, 70]
    assert site.do("job", job).close_reason == "filled"
    # Once more, nothing more goes back.
    assert "6 connects went back to 3 people." in dan.send(page, f"/jobs/{job}/close", reason="filled").text
    assert dan.get(f"/jobs/{job}/close").path == f"/jobs/{job}"
    piece = dan.client.get(f"/jobs/{job}/returned")
    assert piece.headers["x-last"] == "yes"


def test_closing_after_a_hire_gives_nothing_back_and_says_so(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    site.do("hire", _propose(site, job)[0])
    _, ben = _propose(site, job, "Ben")
    page = dan.get(f"/jobs/{job}/close")
    assert "You hired 1 person, so nothing goes back. The 4 connects of 2 people stay spent." in page.text
    assert page.form(f"/jobs/{job}/close").fields["reason"] == "filled"
    assert "You hired from it, so nothing goes back." in dan.send(page, f"/jobs/{job}/close").text
    assert _balance(site, ben) == 68


def test_what_is_still_on_its_way_back_is_told_and_looked_at_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    dan, client = site.client_()
    job = site.job(client)
    _, ana = _propose(site, job)

    async def stopped(*_: Any) -> bool:
        return False

    monkeypatch.setattr(client_choices, "CLOSING_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(closing, "give_back", stopped)
        page = dan.send(dan.get(f"/jobs/{job}/close"), f"/jobs/{job}/close")
        assert "More is on its way" in page.text
        assert f'data-fresh="/jobs/{job}/returned" data-every=' in page.html
        assert "x-last" not in dan.client.get(f"/jobs/{job}/returned").headers
        assert "2 connects are on their way back" in dan.get("/jobs").text
    site.do("close_job", job, "cancelled")
    assert "2 connects went back to 1 person." in dan.get(f"/jobs/{job}").text
    assert _balance(site, ana) == 70


def _everything(job: str, sent: str) -> list[str]:
    return [
        f"/jobs/{job}",
        f"/jobs/{job}/edit",
        f"/jobs/{job}/price?type=fixed",
        f"/jobs/{job}/invite",
        f"/jobs/{job}/returned",
        f"/jobs/{job}/compare?p={sent}",
        f"/jobs/{job}/close",
        f"/jobs/{job}/proposals/{sent}",
        f"/jobs/{job}/proposals/{sent}/hire",
        f"/jobs/{job}/proposals/{sent}/decline",
    ]


def _deeds(visitor: Visitor, job: str, sent: str, account: str) -> list[int]:
    return [
        visitor.post(f"/jobs/{job}/edit", **JOB, step="save").status_code,
        visitor.post(f"/jobs/{job}/invite", account=account).status_code,
        visitor.post(f"/jobs/{job}/close", reason="cancelled").status_code,
        visitor.post(f"/jobs/{job}/proposals/{sent}/hire").status_code,
        visitor.post(f"/jobs/{job}/proposals/{sent}/decline").status_code,
    ]


def test_another_client_s_job_is_as_if_it_were_not_there(site: Site) -> None:
    _, client = site.client_()
    eve, own = site.client_("Eve")
    job, eves = site.job(client), site.job(own)
    sent, ana = _propose(site, job)
    freelancer, _ = site.freelancer()
    for path in _everything(job, sent):
        assert eve.get(path, 404).text == eve.get("/jobs/job_nonsense", 404).text
        freelancer.get(path, 404)
        assert site.visitor().get(path).path == "/sign-in"
    for visitor in (eve, freelancer):
        assert _deeds(visitor, job, sent, ana) == [404] * 5
    # Nor is somebody else's proposal there under a job of one's own.
    for path in _everything(eves, sent)[-3:]:
        eve.get(path, 404)
    assert eve.post(f"/jobs/{eves}/proposals/{sent}/hire").status_code == 404
    assert (site.do("proposal", sent).status, site.do("job", job).status) == ("live", "open")
    assert site.do("invitations", ana).items == []


def test_a_form_without_its_token_does_nothing(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    sent, ana = _propose(site, job)
    for path in (f"/jobs/{job}/close", f"/jobs/{job}/proposals/{sent}/hire", f"/jobs/{job}/invite", "/post"):
        data = {"reason": "cancelled", "account": ana, **JOB, "step": "post"}
        assert dan.client.post(path, data=data).status_code == 403
    assert site.do("job", job).status == "open"
    assert len(site.do("jobs", client_id=client).items) == 1
