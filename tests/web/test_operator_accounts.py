"""An operator's pages about accounts: finding one, answering where its connects went, giving and taking."""

import csv
import io
import re

import pytest

from earnest.marketplace.people import Seat
from tests.stores import StandingClock
from tests.web.site import Page, Site

PATHS = (
    "/operate",
    "/operate/accounts",
    "/operate/suspensions",
    "/operate/circulation",
    "/operate/circulation.csv",
    "/operate/rules",
    "/operate/webhooks",
    "/operate/audit",
    "/operate/audit/progress",
    "/operate/people",
    "/operate/people/add",
)


def rows(page: Page) -> list[str]:
    """The rows of a page's tables, as they read."""
    found = re.findall(r"<tr>(.*?)</tr>", page.html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]


def test_nobody_but_an_operator_finds_anything(site: Site) -> None:
    ana, account = site.freelancer()
    dan, _ = site.client_()
    olga, _ = site.member(site.agency())
    inside = [f"/operate/accounts/{account}", f"/operate/accounts/{account}/journal", f"/operate/suspensions/{account}"]
    inside += [f"/operate/accounts/{account}/journal.csv", f"/operate/accounts/{account}/do/grant"]
    for path in (*PATHS, *inside):
        for visitor in (ana, dan, olga):
            assert "There is nothing here for you" in visitor.get(path, 404).text, path
        assert site.visitor().get(path).path == "/sign-in"
    oda = site.operator()
    form = oda.get(f"/operate/accounts/{account}/do/grant").form(f"/operate/accounts/{account}/do/grant")
    sent = form.fields | {"connects": "5", "reason": "so", "token": ana.get("/you").forms[0].fields["token"]}
    assert ana.client.post(form.action, data=sent).status_code == 404
    assert oda.client.post(form.action, data=sent).status_code == 403
    assert site.do("balance", account).available == 70


@pytest.mark.parametrize("q", ["ana", "Ana Ferraz", "ana@example.com", "user-17", "acc_"])
def test_an_account_is_found_by_whatever_is_known_of_it(site: Site, q: str) -> None:
    account = site.do("open_account", kind="individual", plan="plus", name="Ana Ferraz", external_id="user-17").id
    site.person("ana@example.com", Seat("account", account))
    other = site.do("open_account", kind="individual", plan="basic", name="Ben").id
    oda = site.operator()
    page = oda.send(oda.get("/operate/accounts"), "/operate/accounts", q=account if q == "acc_" else q)
    assert f"/operate/accounts/{account}" in page.links
    assert f"/operate/accounts/{other}" not in page.links
    assert f"/operate/accounts/{other}" in oda.get("/operate/accounts").links


def test_what_finds_nobody_says_what_to_do_and_a_made_up_cursor_begins_anew(site: Site) -> None:
    oda = site.operator()
    assert "No accounts yet" in oda.get("/operate/accounts").text
    assert "Nobody found" in oda.get("/operate/accounts?q=xyz").text
    for path in ("/operate/accounts", "/operate/people", "/operate/audit", "/operate/webhooks", "/operate/suspensions"):
        assert oda.get(f"{path}?cursor=nonsense").path == path
    for path in ("acc_0", "acc_" + "0" * 32, "acc_" + "0" * 32 + "/journal", "acc_" + "0" * 32 + "/do/grant"):
        assert "There is nothing here" in oda.get(f"/operate/accounts/{path}", 404).text


def test_an_account_shows_what_it_holds_and_where_everything_went(site: Site, clock: StandingClock) -> None:
    _, account = site.freelancer(name="Ana")
    job = site.job()
    site.do("submit", job, account)
    site.do("grant", account, 9, reason="A <b>thank-you</b>")
    clock.move(days=40)
    oda = site.operator()
    page = oda.get(f"/operate/accounts/{account}")
    assert "Ana" in page.text
    # Unwritten lines of the boundary that passed are there too: the rest is carried, 70 more come.
    table = rows(page)
    for line in ("Granted +149", "Bought 0", "Returned 0", "Spent on proposals \N{MINUS SIGN}2", "Held after 147"):
        assert line in table, line
    assert "147 connects" in page.text
    journal = oda.get(f"/operate/accounts/{account}/journal")
    assert "A bonus: A <b>thank-you</b>" in journal.text
    assert "Proposed to “A logo”." in journal.text
    assert any("The month’s allotment" in row and row.endswith("+70 147") for row in rows(journal))
    assert rows(journal)[-1].startswith("Held after 147")


def test_the_sums_are_of_the_days_that_are_asked_for(site: Site, clock: StandingClock) -> None:
    _, account = site.freelancer()
    clock.move(days=2)
    site.do("submit", site.job(), account)
    clock.move(days=2)
    site.do("grant", account, 9, reason="so")
    oda = site.operator()
    path = f"/operate/accounts/{account}/journal"
    page = oda.get(f"{path}?since=2024-01-05&until=2024-01-06")
    assert [row for row in rows(page) if row[:4] in ("Held", "Gran", "Spen")] == [
        "Held before 70",
        "Granted 0",
        "Spent on proposals \N{MINUS SIGN}2",
        "Held after 68",
    ]
    assert "A bonus" not in page.text
    assert "A bonus" in oda.get(f"{path}?since=2024-01-07").text
    assert "A bonus" not in oda.get(f"{path}?kind=spend").text
    assert "No line fits this" in oda.get(f"{path}?since=2024-02-01").text
    wrong = oda.get(f"{path}?since=2024-01-06&until=2024-01-05", 422)
    assert "a day that isn’t before the first one" in wrong.text
    assert "Please give a day" in oda.get(f"{path}?since=yesterday", 422).text
    assert "A bonus" in oda.get(f"{path}?since=2024-1-7").text


def test_the_journal_is_had_as_a_file_of_the_same_lines(site: Site) -> None:
    _, account = site.freelancer()
    site.do("grant", account, 9, reason="=cmd()")
    oda = site.operator()
    page = oda.get(f"/operate/accounts/{account}/journal?kind=bonus")
    [link] = [link for link in page.links if ".csv" in link]
    answer = oda.client.get(link)
    assert answer.headers["content-type"].startswith("text/csv")
    [line] = csv.DictReader(io.StringIO(answer.text))
    assert (line["kind"], line["connects"], line["note"]) == ("bonus", "9", "'=cmd()")
    assert len(list(csv.DictReader(io.StringIO(oda.client.get(link.partition("?")[0]).text)))) == 2
    # Of days that can't be meant there is no file of everything: the page says what is wrong.
    wrong = oda.get(f"{link.partition('?')[0]}?since=yesterday", 422)
    assert wrong.path == f"/operate/accounts/{account}/journal"
    assert "Please give a day" in wrong.text


def test_connects_are_given_once_however_often_the_button_is_pressed(site: Site) -> None:
    _, account = site.freelancer()
    oda, at = site.operator(), f"/operate/accounts/{account}"
    page = oda.get(f"{at}/do/grant")
    assert "70 connects now" in page.text
    for _ in range(2):
        done = oda.send(page, f"{at}/do/grant", connects="100", reason="Sorry")
        assert (done.path, "They are given." in done.text) == (at, True)
    assert site.do("balance", account).available == 170
    page = oda.get(f"{at}/do/revoke")
    for _ in range(2):
        assert "They are taken." in oda.send(page, f"{at}/do/revoke", connects="60", reason="A slip").text
    assert site.do("balance", account).available == 110
    oda.send(oda.get(f"{at}/do/grant"), f"{at}/do/grant", connects="4", reason="Thanks", expires_at="2024-01-05")
    [lot] = [lot for lot in site.do("balance", account).lots if lot.remaining == 4]
    assert lot.expires_at.isoformat() == "2024-01-06T00:00:00+00:00"


def test_what_is_wrong_with_a_deed_is_said_and_nothing_is_lost_of_what_was_typed(site: Site) -> None:
    _, account = site.freelancer()
    oda, at = site.operator(), f"/operate/accounts/{account}"
    page = oda.send(oda.get(f"{at}/do/grant"), f"{at}/do/grant", 422, connects="-3", reason="")
    assert "2 things" in page.text
    page = oda.send(page, f"{at}/do/grant", 422, connects="3", reason="Thanks", expires_at="2024-01-01")
    assert "hasn’t passed" in page.text
    assert page.form(f"{at}/do/grant").fields["reason"] == "Thanks"
    page = oda.send(oda.get(f"{at}/do/revoke"), f"{at}/do/revoke", 409, connects="71", reason="so")
    assert "The account holds only 70 connects, so none were taken." in page.text
    assert oda.get(f"{at}/do/nothing", 404)
    assert site.do("balance", account).available == 70


def test_an_account_is_suspended_and_its_fee_reported(site: Site, clock: StandingClock) -> None:
    _, account = site.freelancer()
    oda, at = site.operator(), f"/operate/accounts/{account}"
    assert "until you lift this" in oda.get(f"{at}/do/suspend").text
    page = oda.send(oda.get(f"{at}/do/suspend"), f"{at}/do/suspend", reason="Chargebacks")
    assert "The account is suspended from proposing." in page.text
    assert site.do("suspension", account).reason == "Chargebacks"
    assert f"{at}/do/suspend" not in page.links
    page = oda.send(oda.get(f"{at}/do/fee-unpaid"), f"{at}/do/fee-unpaid")
    assert "Fee unpaid" in page.text
    assert "then Basic" in page.text
    page = oda.send(oda.get(f"{at}/do/fee-paid"), f"{at}/do/fee-paid")
    assert "then Basic" not in page.text
    oda.send(oda.get(f"{at}/do/lift"), f"{at}/do/lift")
    assert "there is nothing to decide" in oda.send(oda.get(f"{at}/do/lift"), f"{at}/do/lift", 409).text


def test_a_payment_is_confirmed_and_taken_back_by_hand(site: Site) -> None:
    _, account = site.freelancer()
    purchase = site.do("buy", account, 20).id
    oda = site.operator()
    page = oda.get(f"/operate/accounts/{account}")
    assert f"/operate/purchases/{purchase}/confirm" in page.links
    look = oda.get(f"/operate/purchases/{purchase}/confirm")
    assert "20 connects" in look.text
    assert "$20.00" in look.text
    for _ in range(2):
        done = oda.send(look, f"/operate/purchases/{purchase}/confirm")
        assert (done.path, "The payment is confirmed" in done.text) == (f"/operate/accounts/{account}", True)
    assert site.do("balance", account).available == 90
    for _ in range(15):
        site.do("submit", site.job(budget=9_000_00), account)
    page = oda.send(oda.get(f"/operate/purchases/{purchase}/reverse"), f"/operate/purchases/{purchase}/reverse")
    assert "It owes 5 connects" in page.text
    assert "Payment taken back" in oda.get(f"/operate/accounts/{account}/purchases").text
    assert oda.get("/operate/purchases/pur_0_1/confirm", 404)


def test_a_payment_that_no_longer_fits_says_to_return_the_money(site: Site, clock: StandingClock) -> None:
    _, account = site.freelancer()
    purchase = site.do("buy", account, 280).id
    site.do("grant", account, 280, reason="so")
    oda = site.operator()
    page = oda.send(oda.get(f"/operate/purchases/{purchase}/confirm"), f"/operate/purchases/{purchase}/confirm")
    assert "Return the money." in page.text
    assert site.do("purchase", purchase).status == "refused"


def test_a_person_is_erased_only_by_whoever_means_it(site: Site) -> None:
    ana, account = site.freelancer(name="Ana Ferraz")
    site.do("submit", site.job(), account, cover_letter="Only I write so")
    oda, at = site.operator(), f"/operate/accounts/{account}"
    page = oda.send(oda.get(f"{at}/do/erase"), f"{at}/do/erase", 422)
    assert "if you mean it" in page.text
    assert site.do("account", account).name == "Ana Ferraz"
    page = oda.send(page, f"{at}/do/erase", sure="yes")
    assert "Ana Ferraz" not in page.html
    assert "Spent on proposals \N{MINUS SIGN}2" in rows(page)
    assert ana.get("/you").path == "/sign-in"


def test_an_agency_shows_its_members_and_their_people(site: Site) -> None:
    agency = site.agency("Studio Kestrel")
    site.member(agency, name="Elif")
    page = site.operator().get(f"/operate/accounts/{agency}")
    assert "Elif Owner" in page.text
    assert [link for link in page.links if link.startswith("/operate/people/per_")]
