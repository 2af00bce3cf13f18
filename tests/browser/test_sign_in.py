"""Signing in and out: by one click as each of the demo's people, and by e-mail and password as everybody else does."""

import re
import subprocess
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from earnest.demo.personas import PERSONAS, Persona
from tests.browser.visiting import Visits
from tests.server.running import Running, command, plain_environment

HOMES = {"account": "/work", "member": "/work", "client": "/jobs", "operator": "/operate"}
PASSWORD = "seven quiet herons"  # noqa: S105 - only in here
LOOKS = pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
SCRIPTS = pytest.mark.parametrize("javascript", [False, True], ids=["plain", "script"])


def path(page: Page) -> str:
    return urlsplit(page.url).path


def password_path(site: Running, email: str) -> str:
    """A path to set somebody's password at, as an operator makes one on the command line."""
    asked = command("people", "link", email, "--database", site.database)
    made = subprocess.run(asked, env=plain_environment(), capture_output=True, text=True, check=True)  # noqa: S603
    return made.stdout.strip()


def fill_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def set_password(page: Page, first: str, again: str) -> None:
    page.get_by_label("New password").fill(first)
    page.get_by_label("The same again").fill(again)
    page.get_by_role("button", name="Set the password").click()


@LOOKS
@SCRIPTS
def test_signing_in_looks_right(visit: Visits, phone: bool, javascript: bool) -> None:
    page = visit(path="/sign-in", phone=phone, javascript=javascript)
    expect(page.get_by_role("button", name=re.compile("^Be "))).to_have_count(len(PERSONAS))
    visit.look_at(page, "sign-in")


@SCRIPTS
@pytest.mark.parametrize("persona", PERSONAS, ids=lambda persona: persona.name.split()[0])
def test_one_click_signs_in_as_each_of_the_demos_people(visit: Visits, persona: Persona, javascript: bool) -> None:
    page = visit(persona.name, javascript=javascript)
    assert path(page) == HOMES[persona.places[0].kind]
    expect(page.get_by_role("banner")).to_contain_text(persona.name)


def test_the_sessions_cookie_is_for_the_server_alone(visit: Visits) -> None:
    page = visit("Ana Ferraz")
    [cookie] = [cookie for cookie in page.context.cookies() if cookie["name"] == "earnest_session"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] in ("Lax", "Strict")
    assert "earnest_session" not in page.evaluate("document.cookie")


@SCRIPTS
def test_whoever_signs_out_is_out_and_cannot_go_back(visit: Visits, javascript: bool) -> None:
    page = visit("Ana Ferraz", "/you", javascript=javascript)
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.go_back()
    assert path(page) == "/sign-in"
    page.goto("/you")
    assert path(page) == "/sign-in"


@SCRIPTS
def test_signing_out_everywhere_ends_the_other_visit_too(visit: Visits, javascript: bool) -> None:
    elsewhere = visit("Ben Okpara", "/you", phone=True)
    page = visit("Ben Okpara", "/you", javascript=javascript)
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("status")).to_contain_text("wherever else you were signed in")
    elsewhere.reload()
    assert path(elsewhere) == "/sign-in"


@SCRIPTS
def test_whoever_has_two_seats_changes_between_them(visit: Visits, javascript: bool) -> None:
    page = visit("Duncan Abernathy", "/you", javascript=javascript)
    expect(page.get_by_role("banner")).not_to_contain_text("Studio Kestrel")
    page.get_by_role("button", name="Go there").click()
    expect(page.get_by_role("banner")).to_contain_text("Studio Kestrel")


@SCRIPTS
def test_a_password_is_set_by_a_link_once_and_signs_in(own_site: Running, visit: Visits, javascript: bool) -> None:
    page = visit(path=password_path(own_site, "ana@demo.example"), javascript=javascript)
    visit.look_at(page, "set-password")
    set_password(page, PASSWORD, "something else")
    expect(page.get_by_role("alert")).to_contain_text("This isn’t the same as above.")
    visit.look_at(page, "set-password-refused")
    link = page.url
    set_password(page, PASSWORD, PASSWORD)
    expect(page.get_by_role("status")).to_have_text("Your password is set. Sign in with it.")

    fill_in(page, "ana@demo.example", PASSWORD)
    expect(page.get_by_role("banner")).to_contain_text("Ana Ferraz")
    assert path(page) == "/work"

    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link has been used, or is too old")
    visit.look_at(page, "used-link")


@LOOKS
@SCRIPTS
def test_a_wrong_password_says_so_and_keeps_the_address(
    own_site: Running, visit: Visits, phone: bool, javascript: bool
) -> None:
    page = visit(path="/sign-in", phone=phone, javascript=javascript)
    fill_in(page, "ana@demo.example", "not the right one")
    expect(page.get_by_role("alert")).to_contain_text("There is nobody with this address and this password.")
    expect(page.get_by_label("E-mail address")).to_have_value("ana@demo.example")
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    if javascript:
        expect(page.get_by_role("alert")).to_be_focused()
    visit.look_at(page, "sign-in-refused")


@SCRIPTS
def test_whoever_asked_for_a_page_gets_there_by_signing_in(own_site: Running, visit: Visits, javascript: bool) -> None:
    page = visit(path=password_path(own_site, "ben@demo.example"), javascript=javascript)
    set_password(page, PASSWORD, PASSWORD)
    page.goto("/work?page=2")
    assert path(page) == "/sign-in"
    fill_in(page, "ben@demo.example", "not the right one")
    fill_in(page, "ben@demo.example", PASSWORD)
    expect(page.get_by_role("banner")).to_contain_text("Ben Okpara")
    assert page.url == f"{own_site.url}/work?page=2"


def test_a_sign_in_does_not_lead_to_another_site(own_site: Running, visit: Visits) -> None:
    page = visit(path=password_path(own_site, "ben@demo.example"))
    set_password(page, PASSWORD, PASSWORD)
    page.goto("/sign-in?next=//192.0.2.1/")
    fill_in(page, "ben@demo.example", PASSWORD)
    expect(page.get_by_role("banner")).to_contain_text("Ben Okpara")
    assert path(page) == "/work"


def test_whoever_is_signed_out_meanwhile_keeps_what_they_wrote_and_sees_no_page_within_a_page(visit: Visits) -> None:
    page = visit("Maud Ellery", "/post")
    page.get_by_label("What is to be done?").fill("Twelve labels for twelve jams.")
    page.context.clear_cookies()
    with page.expect_response(lambda answer: urlsplit(answer.url).path == "/sign-in"):
        page.get_by_label("Budget, in USD").press_sequentially("300")
    # Long enough for what came to be drawn.
    page.wait_for_timeout(500)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_label("What is to be done?")).to_have_value("Twelve labels for twelve jams.")


def tab_to(page: Page, name: str) -> None:
    """Moves the focus on, step by step and never out of sight, till it is where a name is written."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        assert focus.count() == 1, "the focus is on the page"
        shown = focus.evaluate("e => { const s = getComputedStyle(e); return s.outlineStyle + ' ' + s.boxShadow }")
        assert shown != "none none", f"nobody sees that the focus is on {focus.text_content()!r}"
        if (focus.text_content() or "").strip() == name:
            return
    pytest.fail(f"the focus never came to {name!r}")


def test_the_keyboard_is_enough(visit: Visits) -> None:
    page = visit(path="/sign-in")
    tab_to(page, "Skip to the content")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    tab_to(page, f"Be {PERSONAS[0].name}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("banner")).to_contain_text(PERSONAS[0].name)
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
