"""Buying: how many fit, what they cost and what would expire, paying in a sandbox, and who may."""

from collections.abc import Iterator

import pytest

from tests.stores import StandingClock
from tests.web.site import Site, Visitor, visited


@pytest.fixture
def sandbox(database: str, clock: StandingClock) -> Iterator[Site]:
    """Pages that take payments as a sandbox does."""
    with visited(database, clock, sandbox=True) as opened:
        yield opened


def buy(visitor: Visitor, connects: int) -> str:
    """Buy, and return the purchase's page's address."""
    return visitor.send(visitor.get(f"/connects/buy?connects={connects}"), "/connects/buy", connects=str(connects)).path


def test_what_so_many_come_to_is_shown_before_they_are_bought(site: Site) -> None:
    ana, account = site.freelancer()
    page = ana.get("/connects/buy")
    assert "280 connects would fit: the plan Plus allows to hold 350." in page.text
    page = ana.get("/connects/buy?connects=100")
    assert "$100.00 for 100 connects" in page.text
    assert "You will have 170" in page.text
    assert "30 of what you would hold expire at the end of Jan 31, 2024 unless used by then" in page.text
    assert "All of it can be carried over" in ana.get("/connects/buy?connects=70").text
    assert site.do("purchases", account).items == []


def test_a_purchase_is_made_once_and_waits_for_an_operator(site: Site) -> None:
    ana, account = site.freelancer()
    page = ana.get("/connects/buy?connects=20")
    bought = ana.send(page, "/connects/buy", having={"connects": "20"})
    assert "Your purchase is noted." in bought.text
    assert "An operator does that" in bought.text
    assert ana.send(page, "/connects/buy", having={"connects": "20"}).path == bought.path
    [kept] = site.do("purchases", account).items
    assert (kept.connects, kept.status) == (20, "pending")
    # Nobody pays on these pages where payments are real.
    assert not [form for form in bought.forms if form.action.endswith("/pay")]
    assert ana.post(f"{bought.path}/pay").status_code == 404
    assert site.do("purchase", kept.id).status == "pending"


def test_in_a_sandbox_one_click_pays(sandbox: Site) -> None:
    ana, account = sandbox.freelancer()
    path = buy(ana, 20)
    page = ana.get(path)
    for _ in range(2):
        paid = ana.send(page, f"{path}/pay")
    assert "the 20 connects are on your account" in paid.text
    assert sandbox.do("balance", account).available == 90
    listed = ana.get("/connects/purchases")
    assert path in listed.links
    assert "$20.00" in listed.text


def test_what_does_not_fit_any_more_when_paid_is_told(sandbox: Site) -> None:
    ana, account = sandbox.freelancer()
    path = buy(ana, 280)
    sandbox.do("grant", account, 1, reason="so")
    page = ana.send(ana.get(path), f"{path}/pay")
    assert "so many no longer fitted" in page.text
    assert "It is paid, and what" not in page.text


def test_too_many_and_what_is_no_number_are_told(site: Site) -> None:
    ana, account = site.freelancer()
    assert "280 connects would." in ana.get("/connects/buy?connects=281").text
    for odd in ("0", "-3", "many", "1.5.x"):
        assert "Please give a whole number from 1" in ana.get(f"/connects/buy?connects={odd}", 422).text
    assert ana.post("/connects/buy", connects="281").status_code == 409
    assert ana.post("/connects/buy", connects="many").status_code == 422
    site.do("grant", account, 280, reason="so")
    page = ana.get("/connects/buy")
    assert "No more fit" in page.text
    assert site.do("purchases", account).items == []


def test_a_plan_that_may_not_buy_is_told_which_way_leads_on(site: Site) -> None:
    ben, account = site.freelancer("basic")
    page = ben.get("/connects/buy?connects=5")
    assert "/membership" in page.links
    assert not [form for form in page.forms if form.action == "/connects/buy"]
    assert ben.post("/connects/buy", connects="5").status_code == 409
    assert site.do("purchases", account).items == []


def test_at_an_agency_owners_and_admins_buy_and_others_look(sandbox: Site) -> None:
    agency = sandbox.agency()
    olga, _ = sandbox.member(agency)
    max_, _ = sandbox.member(agency, "member", name="Max", can_propose=True)
    page = max_.get("/connects/buy?connects=5")
    assert "Buying is for an owner or an admin of North Studio." in page.text
    assert not [form for form in page.forms if form.action == "/connects/buy"]
    assert max_.post("/connects/buy", connects="5").status_code == 409
    path = buy(olga, 5)
    assert not [form for form in max_.get(path).forms if form.action.endswith("/pay")]
    assert max_.post(f"{path}/pay").status_code == 404
    assert sandbox.do("balance", agency).available == 80


def test_an_unpaid_fee_says_what_bars_buying(site: Site) -> None:
    agency = site.agency()
    olga, _ = site.member(agency)
    site.do("report_fee_unpaid", agency)
    assert "The membership fee is reported unpaid." in olga.get("/connects/buy").text


def test_somebody_else_s_purchase_is_unknown(sandbox: Site) -> None:
    ana, account = sandbox.freelancer()
    ben, bens = sandbox.freelancer(name="Ben")
    path = buy(ana, 20)
    assert ben.get(path, 404).text == ben.get("/connects/purchases/pur_" + "0" * 32 + "_1", 404).text
    assert ben.post(f"{path}/pay").status_code == 404
    assert sandbox.do("balance", account).available == sandbox.do("balance", bens).available == 70
    assert "Nothing bought so far" in ben.get("/connects/purchases").text
