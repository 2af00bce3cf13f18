"""Freelancers' stories: finding work and proposing, where connects went, buying, plans, a suspension."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import Visits

WAYS = pytest.mark.parametrize(
    ("phone", "javascript"), [(False, True), (True, True), (True, False)], ids=["desktop", "phone", "phone-plain"]
)


def said(page: Page) -> str:
    """What is said first on a page that follows a form."""
    return page.get_by_role("status").inner_text()


def balance(page: Page) -> int:
    """The balance as it stands at the top of every page."""
    return int(page.locator(".balance-chip").inner_text().split()[0])


@WAYS
def test_a_freelancer_finds_a_job_and_proposes_once(
    own_site: object, visit: Visits, phone: bool, javascript: bool
) -> None:
    page = visit("Ana Ferraz", "/work", phone=phone, javascript=javascript)
    visit.look_at(page, "work")
    page.get_by_label("Words in the title").fill("cheese")
    page.get_by_role("button", name="Show").click()
    visit.look_at(page, "work-search")
    page.get_by_role("link", name="Collect contacts of regional cheese makers").click()
    before = balance(page)
    expect(page.get_by_role("main")).to_contain_text(f"{before - 2} connects after this")
    visit.look_at(page, "job")
    page.get_by_label("Your letter").fill("I have collected such lists before.\n\nBy hand.")
    page.get_by_label("What you ask for").fill("a lot")
    page.get_by_role("button", name="Look it over").click()
    expect(page.get_by_role("alert")).to_contain_text("Please give an amount")
    visit.look_at(page, "job-wrong")
    page.get_by_label("What you ask for").fill("80")
    page.get_by_role("button", name="Look it over").click()
    visit.look_at(page, "job-confirm")
    page.get_by_role("button", name="Send it for 2 connects").dblclick()
    assert said(page) == "Your proposal is sent."
    assert balance(page) == before - 2
    visit.look_at(page, "proposal")

    page.get_by_role("link", name="Withdraw it").click()
    visit.look_at(page, "proposal-withdraw")
    page.get_by_role("button", name="Withdraw it").click()
    assert said(page) == "Your proposal is withdrawn."
    assert balance(page) == before - 2
    page.goto("/proposals?status=withdrawn")
    expect(page.get_by_role("link", name="Collect contacts of regional cheese makers")).to_be_visible()
    visit.look_at(page, "proposals")

    page.goto("/invitations")
    visit.look_at(page, "invitations")
    page.get_by_role("link", name="Propose for free").first.click()
    page.get_by_label("Your letter").fill("Thank you for asking me.")
    page.get_by_role("button", name="Look it over").click()
    page.get_by_role("button", name="Send it, free").click()
    expect(page.get_by_role("main")).to_contain_text("Free: you were invited.")
    assert balance(page) == before - 2


@WAYS
def test_a_freelancer_sees_where_connects_went_and_buys_more(
    own_site: object, visit: Visits, phone: bool, javascript: bool
) -> None:
    page = visit("Ana Ferraz", "/connects", phone=phone, javascript=javascript)
    before = balance(page)
    page.get_by_text("What is held, in the order it is spent").click()
    expect(page.get_by_role("row").filter(has_text="Carried over").first).to_be_visible()
    visit.look_at(page, "connects")

    page.get_by_role("link", name="See the journal").click()
    page.get_by_role("combobox", name="What").select_option("purchase")
    if not javascript:
        page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Bought and paid for.").first).to_be_visible()
    page.wait_for_url(re.compile("kind=purchase"))
    visit.look_at(page, "journal-filtered")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as CSV").click()
    assert download.value.suggested_filename == "journal.csv"
    page.goto("/connects/journal")
    visit.look_at(page, "journal")
    page.get_by_role("link", name="More").click()
    expect(page.get_by_role("link", name="Back to the beginning")).to_be_visible()

    page.goto("/connects/buy")
    visit.look_at(page, "buy")
    page.get_by_label("Or another number").fill("100")
    page.get_by_role("button", name="See what that comes to").click()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"expire at .* unless used by then"))
    visit.look_at(page, "buy-preview")
    page.get_by_role("button", name="Buy for $100.00").dblclick()
    assert said(page) == "Your purchase is noted."
    visit.look_at(page, "purchase")
    page.get_by_role("button", name="Pay $100.00 (sandbox)").click()
    assert said(page) == "It is paid, and what you bought is there."
    assert balance(page) == before + 100
    page.get_by_role("link", name="Your purchases").click()
    expect(page.get_by_role("link", name="100 connects")).to_have_count(1)
    visit.look_at(page, "purchases")


@WAYS
def test_a_freelancer_is_advised_and_changes_plan(
    own_site: object, visit: Visits, phone: bool, javascript: bool
) -> None:
    page = visit("Ben Okpara", "/connects/buy", phone=phone, javascript=javascript)
    before = balance(page)
    visit.look_at(page, "buy-barred")
    page.get_by_role("link", name="See what other plans bring").click()
    visit.look_at(page, "membership")
    page.get_by_role("link", name="Should I upgrade or buy?").click()
    expect(page.get_by_role("heading", name="Yes: Plus would serve you better")).to_be_visible()
    visit.look_at(page, "advice")
    page.get_by_role("link", name="See what moving to Plus brings").click()
    visit.look_at(page, "plan-up")
    page.get_by_role("button", name="Move up for $10.00").dblclick()
    assert said(page) == "You have moved up. What it brings is there already."
    assert balance(page) == before + 10
    page.get_by_role("link", name="Move down to Basic").click()
    visit.look_at(page, "plan-down")
    page.get_by_role("button", name="Move down on May 1, 2026").click()
    visit.look_at(page, "membership-pending")
    page.get_by_role("button", name="Stay on Plus").click()
    assert said(page) == "You stay on your plan."


@WAYS
def test_a_suspended_freelancer_sees_the_evidence(visit: Visits, phone: bool, javascript: bool) -> None:
    page = visit("Cleo Varga", "/standing", phone=phone, javascript=javascript)
    expect(page.get_by_role("heading", name="The evidence")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("I only apply a lot because I need the work.")
    visit.look_at(page, "standing-suspended")
    page.goto("/work")
    visit.look_at(page, "work-suspended")
    page.get_by_role("listitem").get_by_role("heading").get_by_role("link").first.click()
    expect(page.get_by_role("main")).to_contain_text("This account is suspended from proposing, for now.")
    expect(page.get_by_role("button", name="Look it over")).to_have_count(0)
    visit.look_at(page, "job-suspended")


def test_a_member_without_leave_only_looks(visit: Visits) -> None:
    page = visit("Wanjiru Kibet", "/connects", phone=True)
    visit.look_at(page, "agency-connects")
    for path, name in (
        ("/connects/buy", "agency-buy"),
        ("/membership", "agency-membership"),
        ("/proposals", "agency-proposals"),
        ("/standing", "agency-standing"),
    ):
        page.goto(path)
        visit.look_at(page, name)
        expect(page.locator("main form[method=post]")).to_have_count(0)
