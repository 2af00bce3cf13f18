"""A client's story: a job posted with its price shown, somebody invited; proposals compared, one hired, jobs closed."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import Visits

CLIENT = "Maud Ellery"
JOB = "Twelve ink drawings for a picture book about a lighthouse"
OTHER = "Film a lecture series"
WAYS = pytest.mark.parametrize(
    ("phone", "javascript"), [(False, True), (True, True), (True, False)], ids=["desktop", "phone", "phone-plain"]
)


def said(page: Page) -> str:
    """What is said first on a page that follows a form."""
    return page.get_by_role("status").inner_text()


@WAYS
def test_a_client_gets_from_a_post_to_a_hire(own_site: object, visit: Visits, phone: bool, javascript: bool) -> None:
    page = visit(CLIENT, "/jobs", phone=phone, javascript=javascript)
    visit.look_at(page, "client-jobs")

    page.get_by_role("link", name="Post a job").first.click()
    page.get_by_label("What is the job called?").fill("Labels for twelve jams")
    page.get_by_label("What is to be done?").fill("Twelve small labels.\n\nThe jars are round.")
    page.get_by_label("Budget, in USD").fill("a lot")
    page.get_by_role("button", name="Look at it and its price").click()
    expect(page.get_by_role("alert")).to_contain_text("Please give an amount")
    visit.look_at(page, "client-post-wrong")
    page.get_by_label("Budget, in USD").fill("1,600")
    price = page.get_by_role("complementary", name="What a proposal costs freelancers")
    if javascript:
        # Before anything is sent.
        expect(price).to_contain_text(re.compile(r"4\s+connects\s+The budget of \$1,600.00 sets the price."))
    page.get_by_role("button", name="Look at it and its price").click()
    expect(price).to_contain_text(re.compile(r"4\s+connects"))
    visit.look_at(page, "client-post-confirm")
    page.get_by_role("button", name="Post it").dblclick()
    assert said(page) == "Your job is posted."
    expect(page.get_by_role("heading", level=1)).to_have_text("Labels for twelve jams")
    visit.look_at(page, "client-job-new")

    page.get_by_role("link", name="Invite somebody").first.click()
    page.get_by_label("Name of a freelancer or an agency").fill("ferraz")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Invite Ana Ferraz").click()
    assert said(page) == "They are invited, and can propose for free."
    visit.look_at(page, "client-invite")

    page.get_by_role("link", name="Labels for twelve jams").click()
    page.get_by_role("link", name="Change it").click()
    page.get_by_label("Budget, in USD").fill("20")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("Whoever proposes after the change pays 1 connect.")
    visit.look_at(page, "client-edit-confirm")
    page.get_by_role("button", name="Save it at the new price").click()
    assert said(page) == "Your job is changed."
    page.goto("/jobs")
    assert page.get_by_role("link", name="Labels for twelve jams").count() == 1


@WAYS
def test_a_client_compares_hires_declines_and_closes(
    own_site: object,
    visit: Visits,
    phone: bool,
    javascript: bool,
) -> None:
    page = visit(CLIENT, "/jobs", phone=phone, javascript=javascript)
    page.get_by_role("link", name=JOB).click()
    visit.look_at(page, "client-job")
    page.get_by_role("button", name="Compare the ticked ones").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick 2 to 4 proposals")
    for name in ("Ana Ferraz", "Aiko Murase", "Paloma Iriarte"):
        page.get_by_label(f"Compare {name}").check()
    page.get_by_role("button", name="Compare the ticked ones").click()
    expect(page.get_by_role("heading", level=2)).to_have_count(3)
    visit.look_at(page, "client-compare")
    tops = [heading.bounding_box()["y"] for heading in page.get_by_role("heading", level=2).all()]  # type: ignore[index]
    assert len(set(tops)) == (3 if phone else 1)

    page.get_by_role("link", name="Decline Paloma Iriarte").click()
    expect(page.get_by_role("main")).to_contain_text("Declining gives nothing back")
    visit.look_at(page, "client-decline")
    page.get_by_role("button", name="Decline it").click()
    assert said(page) == "The proposal is declined."

    page.get_by_role("link", name="Hire Aiko Murase").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hire Aiko Murase?")
    visit.look_at(page, "client-hire")
    page.get_by_role("button", name="Hire Aiko Murase").click()
    assert said(page).startswith("You hired them.")
    page.get_by_role("link", name="Close it").click()
    expect(page.get_by_role("main")).to_contain_text("You hired 1 person, so nothing goes back.")
    page.get_by_role("link", name="Leave it open").click()

    page.get_by_role("link", name="Your jobs").first.click()
    page.get_by_role("link", name=OTHER).click()
    page.get_by_role("link", name="Close it").click()
    told = re.search(r"so (\d+ connects) go back to (\d+ people)", page.get_by_role("main").inner_text())
    assert told is not None
    visit.look_at(page, "client-close")
    page.get_by_role("button", name="Close it").click()
    expect(page.get_by_role("main")).to_contain_text(f"{told[1]} went back to {told[2]}.")
    visit.look_at(page, "client-job-closed")
