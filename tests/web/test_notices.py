"""Notices on a page, what matters now on every page, and the choice to get none of it by e-mail."""

import re
from datetime import timedelta

import pytest

from earnest.ledger.ids import MAIL
from earnest.marketplace.people import Seat
from tests.stores import StandingClock
from tests.web.site import Page, Site, visited


def test_what_happened_is_told_in_sentences_and_counted_until_it_was_seen(site: Site) -> None:
    ana, account = site.freelancer()
    assert "The account was opened, and 70 connects came with it." in ana.get("/notices").text
    assert not re.search(r"Notices \d+ new", ana.get("/work").text)
    job = site.job(title="A <b>logo</b>")
    site.do("submit", job, account)
    site.do("close_job", job, "cancelled")
    site.do("grant", account, 7, reason="thank <i>you</i>")
    assert "Notices 2 new" in ana.get("/work").text
    page = ana.get("/notices")
    assert "2 connects came back: “A <b>logo</b>” ended without hiring anybody." in page.text
    assert "7 connects came as a bonus." in page.text
    assert "thank <i>you</i>" in page.text
    assert "<b>logo" not in page.html
    assert f"/work/{job}" in page.links
    assert page.text.count(" New ") == 2
    again = ana.get("/notices")
    assert " New " not in again.text
    assert "Notices 2 new" not in again.text


def test_what_matters_now_stands_on_every_page_but_where_it_is_said_anyway(site: Site, clock: StandingClock) -> None:
    ana, account = site.freelancer("basic")
    said = "60 connects expire at the end of Jan 31, 2024, unless you use them by then."
    assert said not in ana.get("/work").text
    clock.move(days=26)
    assert said in ana.get("/work").text
    assert said in ana.get("/notices").text
    assert ana.get("/notices").text.count(said) == 1
    assert said not in ana.get("/connects").text
    site.do("suspend", account, reason="copied letters")
    page = ana.get("/work")
    assert "This account is suspended from proposing." in page.text
    assert "60 connects expire at the end of Jan 31, 2024; the suspension doesn’t put that off." in page.text
    assert "/standing" in page.links


def test_a_debt_is_told(site: Site) -> None:
    ana, account = site.freelancer()
    bought = site.do("buy", account, 10)
    site.do("confirm_purchase", bought.id)
    for _ in range(16):
        site.do("withdraw", site.do("submit", site.job(budget=900_000), account).id)
    site.do("reverse_purchase", bought.id)
    assert "There is a debt of 10 connects" in ana.get("/work").text
    assert "The payment for a purchase was taken back" not in ana.get("/notices").text


@pytest.mark.parametrize("moved", [0, 400])
def test_notices_are_paged_and_an_odd_cursor_begins_anew(site: Site, clock: StandingClock, moved: int) -> None:
    ana, account = site.freelancer()
    for _ in range(25):
        site.do("suspend", account, reason="so")
        site.do("lift_suspension", account)
    clock.move(days=moved)
    first = ana.get("/notices")
    more = next(link for link in first.links if "cursor=" in link)
    second = ana.get(more)
    assert "/notices" in second.links
    assert "suspended from proposing" in second.text
    assert ana.get("/notices?cursor=x").answer.url.query == b""


def test_nobody_sees_the_notices_of_another_seat(site: Site) -> None:
    _, account = site.freelancer()
    site.do("grant", account, 7, reason="between us")
    bob, _ = site.freelancer(name="Bob")
    assert "between us" not in bob.get("/notices").text
    client, _ = site.client_()
    client.get("/notices", 404)
    site.operator().get("/notices", 404)
    assert site.visitor().get("/notices").path == "/sign-in"


def test_a_member_who_was_let_go_has_no_notices_there(site: Site) -> None:
    agency = site.agency()
    olga, member = site.member(agency)
    assert "The account was opened" in olga.get("/notices").text
    site.do("remove_member", member)
    olga.get("/notices", 404)


def _with_mail(database: str, clock: StandingClock):  # type: ignore[no-untyped-def]
    return visited(database, clock, mail="console")


def _link(site: Site, email: str) -> str:
    person = site.do("person_by_email", email)
    return f"/unsubscribe/{site.do('unsubscribe_code', person.id)}"


def test_e_mail_is_switched_off_and_on_where_one_sees_oneself(database: str, clock: StandingClock) -> None:
    with _with_mail(database, clock) as site:
        ana, account = site.freelancer()
        page = ana.send(ana.get("/you"), "/you/mail", mail="")
        assert page.form("/you/mail").fields.get("mail") == "yes"
        form = ana.get("/you").form("/you/mail")
        form.fields.pop("mail")
        off = Page(ana.client.post("/you/mail", data=form.fields, follow_redirects=True))
        assert "You get no more e-mail" in off.text
        assert "mail" not in off.form("/you/mail").fields
        assert site.do("to_be_written", account) == []
        client, _ = site.client_()
        assert "/you/mail" not in [form.action for form in client.get("/you").forms]


def test_where_no_e_mail_leaves_there_is_nothing_to_switch_off(site: Site) -> None:
    ana, _ = site.freelancer()
    assert "/you/mail" not in [form.action for form in ana.get("/you").forms]
    assert "e-mail" not in ana.get("/notices").text
    page = site.visitor().get("/forgot")
    assert "No e-mail leaves here" in page.text
    assert [form for form in page.forms if form.action == "/forgot"] == []


def test_the_link_in_a_letter_ends_them_without_signing_in(database: str, clock: StandingClock) -> None:
    with _with_mail(database, clock) as site:
        _, account = site.freelancer()
        site.do("keep_mail", wanted=True)
        link = _link(site, f"{account}@example.com")
        visitor = site.visitor()
        asked = visitor.get(link)
        # Who only looks, as programs that check links do, ends nothing.
        assert site.do("to_be_written", account) != []
        done = visitor.send(asked, link)
        assert "You get no more of these e-mails" in done.text
        assert site.do("to_be_written", account) == []
        again = visitor.send(done, link)
        assert "You get these e-mails again" in again.text
        assert site.do("to_be_written", account) != []


def test_a_mail_program_ends_them_with_one_click(database: str, clock: StandingClock) -> None:
    with _with_mail(database, clock) as site:
        _, account = site.freelancer()
        site.do("keep_mail", wanted=True)
        link = _link(site, f"{account}@example.com")
        # From elsewhere, without a cookie or a token.
        headers = {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}
        answer = site.visitor().client.post(link, data={"List-Unsubscribe": "One-Click"}, headers=headers)
        assert answer.status_code == 200
        assert site.do("to_be_written", account) == []


def test_a_forged_link_ends_nothing(database: str, clock: StandingClock) -> None:
    with _with_mail(database, clock) as site:
        _, account = site.freelancer()
        site.freelancer(name="Bob")
        site.do("keep_mail", wanted=True)
        link = _link(site, f"{account}@example.com")
        for forged in (link[:-1], link + "A", "/unsubscribe/x", f"/unsubscribe/{MAIL}"):
            page = site.visitor().get(forged, 404)
            assert "This link leads nowhere" in page.text
            assert site.visitor().client.post(forged).status_code == 404
        assert site.do("to_be_written", account) != []


def test_the_choice_needs_the_form_s_token(database: str, clock: StandingClock) -> None:
    with _with_mail(database, clock) as site:
        ana, account = site.freelancer()
        assert ana.client.post("/you/mail", data={}).status_code == 403
        assert site.do("to_be_written", account) != []


def test_news_of_months_that_passed_unseen_count_once_each(site: Site, clock: StandingClock) -> None:
    account = site.do("open_account", kind="individual", plan="plus", name="Ana")
    clock.now += timedelta(days=1)
    ana = site.person("ana@example.com", Seat("account", account.id), name="Ana")
    clock.move(days=62)
    assert "Notices 2 new" in ana.get("/work").text
    site.do("settle_account", account.id)
    assert "Notices 2 new" in ana.get("/work").text
