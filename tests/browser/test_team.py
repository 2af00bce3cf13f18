"""An agency's story: who spent what, proposals by worker, somebody added, promoted and let go."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import Visits

WAYS = pytest.mark.parametrize(
    ("phone", "javascript"), [(False, True), (True, True), (True, False)], ids=["desktop", "phone", "phone-plain"]
)


def said(page: Page) -> str:
    """What is said first on a page that follows a form."""
    return page.get_by_role("status").inner_text()


@WAYS
def test_an_owner_looks_after_the_team(own_site: object, visit: Visits, phone: bool, javascript: bool) -> None:
    page = visit("Elif Demirkan", "/team", phone=phone, javascript=javascript)
    visit.look_at(page, "team")
    page.get_by_label("Months to look at").select_option("12")
    if not javascript:
        page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/team?months=12")
    expect(page.get_by_role("main")).to_contain_text("Petra Zupan")

    page.get_by_role("link", name="See them all").click()
    page.get_by_label("Worker").select_option("Duncan Abernathy")
    if not javascript:
        page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/team/proposals?worker=*")
    expect(page.get_by_role("cell", name="Oskar Nyman")).to_have_count(0)
    visit.look_at(page, "team-proposals")

    page.goto("/team")
    page.get_by_role("link", name="Add somebody").click()
    page.get_by_label("Name").fill("Ines Calado")
    page.get_by_label("E-mail address").fill("ines@example.com")
    visit.look_at(page, "team-add")
    page.get_by_role("button", name="Add them").dblclick()
    assert said(page) == "They belong to the team now."
    visit.look_at(page, "team-member")
    page.get_by_label("Role").select_option("Admin")
    page.get_by_role("button", name="Save").click()
    assert said(page) == "What they may do is changed."
    page.get_by_role("link", name="Remove from the team").click()
    visit.look_at(page, "team-remove")
    page.get_by_role("button", name="Remove Ines Calado").click()
    assert said(page) == "They no longer belong to the team."
    expect(page.get_by_role("link", name="Ines Calado")).to_have_count(0)


def test_a_plain_member_only_looks(visit: Visits) -> None:
    page = visit("Wanjiru Kibet", "/team")
    expect(page.get_by_role("link", name="Add somebody")).to_have_count(0)
    page.get_by_role("link", name="Elif Demirkan").click()
    expect(page.get_by_role("main")).to_contain_text("Owners and admins decide who may do what.")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    visit.look_at(page, "team-member-read")
