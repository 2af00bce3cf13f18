"""Finding work and proposing: what a job costs this reader, the confirmation, and the refusals in plain words."""

import re

import pytest

from tests.web.site import Page, Site, Visitor


def look_over(visitor: Visitor, job: str, letter: str = "I would draw it by hand.", **more: str) -> Page:
    """Write a proposal, and come to where it is confirmed."""
    return visitor.send(visitor.get(f"/work/{job}"), f"/work/{job}", letter=letter, **more)


def test_where_no_job_is_open_nobody_is_told_to_take_filters_away(site: Site) -> None:
    ana, _ = site.freelancer()
    text = ana.get("/work").text
    assert "No job is open just now" in text
    assert "filter" not in text


def test_jobs_are_found_by_word_kind_price_and_what_can_be_afforded(site: Site) -> None:
    ana, account = site.freelancer("basic")
    site.job(title="A small logo")
    site.job(title="A long novel", type="hourly", budget=None, duration="over_6_months")
    assert "A small logo" in ana.get("/work?q=LOGO").text
    assert "A long novel" not in ana.get("/work?q=LOGO").text
    assert "A small logo" not in ana.get("/work?type=hourly").text
    assert "A long novel" not in ana.get("/work?max_price=2").text
    assert "You can afford this: 56 after" in ana.get("/work").text
    site.do("revoke", account, 57, reason="so")
    page = ana.get("/work?affordable=yes")
    assert "A small logo" in page.text
    assert "A long novel" not in page.text
    assert "1 connect missing" in ana.get("/work").text
    assert "No job fits this" in ana.get("/work?q=nothing").text


def test_a_job_says_what_it_costs_why_and_what_would_remain(site: Site) -> None:
    ben, _ = site.freelancer("basic")
    page = ben.get(f"/work/{site.job()}")
    assert "its budget of $300.00 sets the price" in page.text
    assert "58 connects after this" in page.text
    assert "60 connects expire at the end of Jan 31, 2024 unless used by then" in page.text


def test_a_proposal_is_looked_over_and_sent_once(site: Site) -> None:
    ben, account = site.freelancer("basic")
    job = site.job()
    page = look_over(ben, job, "Dear all,\r\n\r\nby hand.", bid="1,050.5")
    assert "Sending it costs 2 connects. There are 60 now; 58 after this." in page.text
    assert "You ask for $1,050.50." in page.text
    assert site.do("balance", account).available == 60
    sent = ben.send(page, f"/work/{job}", step="send")
    assert "Your proposal is sent." in sent.text
    assert re.fullmatch(r"/proposals/prp_\w+", sent.path)
    # The same form once more, as by a double click: done once, and answered the same.
    assert ben.send(page, f"/work/{job}", step="send").path == sent.path
    assert site.do("balance", account).available == 58
    [kept] = site.do("proposals_of", account).items
    assert (kept.cover_letter, kept.bid.amount) == ("Dear all,\n\nby hand.", 105_050)
    # And as two windows: the second is another form.
    again = ben.get(f"/work/{job}")
    assert "You have proposed" in again.text
    assert ben.post(f"/work/{job}", letter="More", step="send", price="2", once="other").status_code == 409
    assert site.do("balance", account).available == 58


def test_a_letter_is_needed_and_what_was_typed_stays(site: Site) -> None:
    ben, account = site.freelancer("basic")
    job = site.job()
    page = ben.send(ben.get(f"/work/{job}"), f"/work/{job}", 422, letter=" ", bid="much")
    assert "2 things aren’t right yet" in page.text
    assert page.form(f"/work/{job}").fields["bid"] == "much"
    assert ben.post(f"/work/{job}", letter="x" * 10_001, step="send", price="2").status_code == 422
    page = ben.send(look_over(ben, job, "Mine"), f"/work/{job}", step="change")
    assert page.form(f"/work/{job}").fields["letter"] == "Mine"
    assert site.do("proposals_of", account).items == []


def test_nobody_pays_another_price_than_they_agreed_to(site: Site) -> None:
    ben, account = site.freelancer("basic")
    job = site.job()
    page = look_over(ben, job)
    site.do("edit_job", job, budget=100_000)
    page = ben.send(page, f"/work/{job}", 409, step="send")
    assert "What this costs has changed meanwhile. Nothing was spent." in page.text
    assert site.do("balance", account).available == 60
    ben.send(page, f"/work/{job}", step="send")
    assert site.do("balance", account).available == 57


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        ("revoke", "This costs 2 connects; the account holds 1 connect."),
        ("suspend", "suspended from proposing"),
        ("close", "no more proposals"),
    ],
)
def test_a_refusal_is_told_in_plain_words_and_the_letter_is_kept(site: Site, happens: str, said: str) -> None:
    ben, account = site.freelancer("basic")
    job = site.job()
    page = look_over(ben, job, "A letter of hours")
    if happens == "revoke":
        site.do("revoke", account, 59, reason="so")
    elif happens == "suspend":
        site.do("suspend", account, reason="so")
    else:
        site.do("close_job", job, "cancelled")
    page = ben.send(page, f"/work/{job}", 409, step="send")
    assert said in page.text
    assert "A letter of hours" in page.text
    assert site.do("proposals_of", account).items == []
    assert not [form for form in page.forms if form.action == f"/work/{job}"]


def test_an_invited_one_proposes_for_free(site: Site) -> None:
    ana, account = site.freelancer()
    job = site.job()
    site.do("invite", job, account)
    assert "You are invited: free" in ana.get("/work").text
    page = ana.get("/invitations")
    assert "Propose for free" in page.text
    page = look_over(ana, job)
    assert "You were invited, so it costs nothing: 70 connects stay." in page.text
    assert "Free: you were invited." in ana.send(page, f"/work/{job}", step="send").text
    assert site.do("balance", account).available == 70
    assert "See your proposal" in ana.get("/invitations").text


def test_a_member_without_leave_can_look_and_not_propose(site: Site) -> None:
    agency, job = site.agency(), site.job()
    max_, _ = site.member(agency, "member")
    page = max_.get(f"/work/{job}")
    assert "Proposing is for others here" in page.text
    assert "You can afford this" not in max_.get("/work").text
    assert not [form for form in page.forms if form.action == f"/work/{job}"]
    assert max_.post(f"/work/{job}", letter="Mine", step="send", price="2").status_code == 409
    assert site.do("proposals_of", agency).items == []


def test_script_in_titles_and_letters_is_shown_and_never_run(site: Site) -> None:
    ana, _ = site.freelancer()
    mark = "<script>alert(1)</script>"
    job = site.job(title=f"Logo {mark}", description=f"{mark}\n\n{mark}", skills=[mark])
    page = look_over(ana, job, mark)
    pages = [page, ana.send(page, f"/work/{job}", step="send")]
    pages += [ana.get(path) for path in ("/work", f"/work/{job}", "/proposals", "/connects/journal")]
    for seen in pages:
        assert mark not in seen.html
        assert mark in seen.text


def test_a_form_without_its_token_does_nothing(site: Site) -> None:
    ana, account = site.freelancer()
    job = site.job()
    for path in (f"/work/{job}", "/connects/buy", "/membership/plans/basic", "/membership/keep", "/standing/appeal"):
        answer = ana.client.post(path, data={"letter": "x", "step": "send", "price": "2", "connects": "5"})
        assert answer.status_code == 403
    assert site.do("proposals_of", account).items == []
    assert site.do("purchases", account).items == []
    assert site.do("account", account).pending_plan is None
