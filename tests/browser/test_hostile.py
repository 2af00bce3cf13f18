"""Texts that would be scripts, and words wider than any phone, as a browser shows them: as texts, within the page."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visiting import Visits

SCRIPT = """<script>alert(1)</script>"><img src=x onerror="alert(1)"><svg onload=alert(1)>"""
WIDE = "漢" * 60 + "\u202eright to left" + "W" * 60


def shows(page: Page, text: str) -> None:
    """See that a page shows a text as it was written, and that nothing of it has become an element."""
    expect(page.get_by_role("main")).to_contain_text(text)
    assert page.locator("main img, main script, main [onload], main [onerror]").count() == 0


@pytest.mark.parametrize("phone", [True, False], ids=["phone", "desktop"])
def test_texts_that_would_be_scripts_are_shown_to_everybody_as_they_were_written(
    own_site: object, visit: Visits, phone: bool
) -> None:
    maud = visit("Maud Ellery", "/post", phone=phone)
    maud.get_by_label("What is the job called?").fill(SCRIPT + WIDE[: 200 - len(SCRIPT)])
    maud.get_by_label("What is to be done?").fill(f"{SCRIPT}\n\n{WIDE}")
    maud.get_by_label("Skills it takes").fill(f"{SCRIPT}, {WIDE}")
    maud.get_by_label("Budget, in").fill("300")
    # The piece of the page that is drawn anew has the price by now.
    expect(maud.locator("[data-follows]")).to_contain_text("sets the price")
    maud.get_by_role("button", name="Look at it and its price").click()
    shows(maud, SCRIPT)
    maud.get_by_role("button", name="Post it").click()
    shows(maud, SCRIPT)
    visit.look_at(maud, "hostile-your-job")
    job = maud.url.partition("?")[0].rpartition("/")[2]

    ana = visit("Ana Ferraz", f"/work?q={SCRIPT[:40]}", phone=phone)
    shows(ana, SCRIPT)
    ana.goto(f"/work/{job}")
    ana.get_by_label("Your letter").fill(f"{SCRIPT}\n\n{WIDE}")
    ana.get_by_role("button", name="Look it over").click()
    shows(ana, SCRIPT)
    before = int(ana.locator(".balance-chip").inner_text().split()[0])
    ana.get_by_role("button", name="Send it").dblclick()
    expect(ana.get_by_role("status")).to_contain_text("Your proposal is sent.")
    assert int(ana.locator(".balance-chip").inner_text().split()[0]) == before - 2
    shows(ana, SCRIPT)
    visit.look_at(ana, "hostile-proposal")
    ana.goto("/connects/journal")
    shows(ana, SCRIPT)
    visit.look_at(ana, "hostile-journal")

    maud.goto(f"/jobs/{job}")
    maud.get_by_role("link", name="Ana Ferraz").first.click()
    shows(maud, SCRIPT)
    visit.look_at(maud, "hostile-letter")
