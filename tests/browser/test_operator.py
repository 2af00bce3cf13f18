"""An operator's day: who asks where their connects went, who appeals, and whether everything adds up."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import Visits
from tests.server.running import Running

IRIS = "Iris Holmgaard"
LOOKS = pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])


def main(page: Page, name: str) -> None:
    """Go to one of the places that are always there."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()


@LOOKS
def test_every_page_of_an_operator_looks_right(visit: Visits, phone: bool) -> None:
    page = visit(IRIS, phone=phone)
    visit.look_at(page, "operator")
    main(page, "Accounts")
    visit.look_at(page, "operator-accounts")
    page.get_by_label("Whose account?").fill("ana@demo.example")
    page.get_by_role("button", name="Find it").click()
    page.get_by_role("link", name="Ana Ferraz").click()
    visit.look_at(page, "operator-account")
    account = urlsplit(page.url).path
    page.get_by_role("link", name="The whole journal").click()
    visit.look_at(page, "operator-journal")
    page.goto(f"{account}/do/grant")
    visit.look_at(page, "operator-grant")
    page.goto(f"{account}/do/erase")
    visit.look_at(page, "operator-erase")
    page.goto(f"{account}/purchases")
    visit.look_at(page, "operator-purchases")
    for place in ("Suspensions", "Circulation", "Rules", "Webhooks", "Audit", "People"):
        main(page, place)
        visit.look_at(page, f"operator-{place.lower()}")
    page.get_by_role("link", name="Duncan Abernathy").click()
    visit.look_at(page, "operator-person")
    page.goto("/operate/people/add")
    visit.look_at(page, "operator-person-add")
    page.goto("/operate/suspensions?group=warned")
    page.get_by_role("main").get_by_role("listitem").get_by_role("link").last.click()
    visit.look_at(page, "operator-warned")
    page.goto("/operate/accounts?q=nobody-is-called-so")
    visit.look_at(page, "operator-nobody")


@pytest.mark.parametrize(("phone", "javascript"), [(False, True), (True, False)], ids=["desktop", "phone-plain"])
def test_an_operator_hears_an_appeal_gives_connects_and_proves_the_books(
    own_site: Running, visit: Visits, phone: bool, javascript: bool
) -> None:
    page = visit(IRIS, phone=phone, javascript=javascript)
    page.get_by_role("link", name="Read them, and decide").click()
    page.get_by_role("link", name="Cleo Varga").click()
    expect(page.get_by_role("heading", name="The appeal")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("alike")
    visit.look_at(page, "operator-appeal")
    page.get_by_label("Reason").fill("Write to each client anew, then")
    page.get_by_role("button", name="Lift it").click()
    expect(page.get_by_role("status")).to_contain_text("The suspension is lifted")

    main(page, "Accounts")
    page.get_by_label("Whose account?").fill("ben okpara")
    page.get_by_role("button", name="Find it").click()
    page.get_by_role("link", name="Ben Okpara").click()
    page.get_by_role("link", name="Give connects").click()
    page.get_by_label("How many").fill("7")
    page.get_by_label("Reason").fill("For finding a slip")
    page.get_by_role("button", name="Give them").click()
    expect(page.get_by_role("status")).to_contain_text("They are given.")
    first = page.get_by_role("table", name="The journal").get_by_role("row").nth(1)
    expect(first).to_contain_text("A bonus: For finding a slip")
    page.get_by_role("link", name="Take connects back").click()
    page.get_by_label("How many").fill("1000")
    page.get_by_label("Reason").fill("Too many")
    page.get_by_role("button", name="Take them").click()
    expect(page.get_by_role("alert")).to_contain_text("so none were taken")
    visit.look_at(page, "operator-refused")

    main(page, "Audit")
    page.get_by_role("button", name="Start an audit").click()
    if not javascript:
        while page.get_by_role("heading", name="Running").count():
            page.get_by_role("link", name=re.compile("^Load the page again")).click()
    expect(page.get_by_role("heading", name="All agrees")).to_be_visible()
    expect(page.get_by_role("button", name="Start an audit")).to_be_visible()
    visit.look_at(page, "operator-audited")

    cleo = visit("Cleo Varga", "/standing", phone=phone, javascript=javascript)
    expect(cleo.get_by_role("main")).not_to_contain_text("suspended since")
