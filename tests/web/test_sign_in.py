"""Signing in and out, and what nobody else can do in somebody's name."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from earnest.marketplace.people import Seat
from earnest.rules.outcome import Refusal, Refused
from earnest.settings import Settings
from earnest.web import security
from earnest.web.visit import Visit
from tests.stores import StandingClock
from tests.web.site import Page, Site, Visitor, visited

SEVEN_LAMPS = "seven green lamps in a row"
TEN_KITES = "ten kites over the harbour"
SHORT = "short"


def _with_password(site: Site, email: str = "ana@example.com", *seats: Seat) -> str:
    person = site.do("create_person", email=email, name="Ana", seats=seats)
    _, secret = site.do("password_link", email)
    visitor = site.visitor()
    page = visitor.get(f"/password/{secret}")
    assert "ana@example.com" in page.text
    visitor.send(page, f"/password/{secret}", password=SEVEN_LAMPS, again=SEVEN_LAMPS)
    return str(person.id)


def _sign_in(site: Site, email: str, password: str, status: int = 200, path: str = "/sign-in") -> tuple[Visitor, Page]:
    visitor = site.visitor()
    page = visitor.get(path)
    return visitor, visitor.send(page, "/sign-in", status, email=email, password=password)


def test_whoever_sets_a_password_by_a_link_signs_in_with_it(site: Site) -> None:
    _with_password(site)
    visitor, page = _sign_in(site, "ANA@example.com", SEVEN_LAMPS)
    assert page.path == "/you"
    assert "Sign out" in page.text
    gone = visitor.send(page, "/sign-out")
    assert gone.path == "/sign-in"
    assert "You are signed out." in gone.text
    assert visitor.get("/you").path == "/sign-in"


def test_a_wrong_password_and_an_unknown_address_are_told_the_same(site: Site) -> None:
    _with_password(site)
    _, wrong = _sign_in(site, "ana@example.com", "not this one", 422)
    _, unknown = _sign_in(site, "eve@example.com", SEVEN_LAMPS, 422)
    said = "There is nobody with this address and this password."
    assert said in wrong.text
    assert said in unknown.text
    assert wrong.form("/sign-in").fields["email"] == "ana@example.com"
    assert SEVEN_LAMPS not in unknown.html


def test_too_many_tries_are_told_how_long_to_wait(site: Site) -> None:
    _with_password(site)
    statuses = [
        page.status for page in (Page(_try(site, "ana@example.com", f"wrong number {number}")) for number in range(11))
    ]
    assert statuses == [422] * 10 + [429]
    assert _try(site, "ana@example.com", SEVEN_LAMPS).status_code == 429


def test_too_many_tries_at_the_old_password_are_told_how_long_to_wait(site: Site) -> None:
    _with_password(site)
    visitor, page = _sign_in(site, "ana@example.com", SEVEN_LAMPS)
    fields = {"old": "wrong", "password": TEN_KITES, "again": TEN_KITES}
    for _ in range(10):
        assert "present password" in visitor.send(page, "/you/password", 422, **fields).text
    assert "Try again in 15 minutes" in visitor.send(page, "/you/password", 422, **fields | {"old": SEVEN_LAMPS}).text


def _try(site: Site, email: str, password: str):  # type: ignore[no-untyped-def]
    visitor = site.visitor()
    page = visitor.get("/sign-in")
    return visitor.client.post("/sign-in", data=page.form("/sign-in").fields | {"email": email, "password": password})


def test_whoever_was_on_the_way_somewhere_gets_there_after_signing_in(site: Site) -> None:
    account = site.do("open_account", kind="individual", plan="plus", name="Ana")
    _with_password(site, "ana@example.com", Seat("account", account.id))
    _, page = _sign_in(site, "ana@example.com", SEVEN_LAMPS, path="/work?q=logo")
    assert page.answer.url.raw_path == b"/work?q=logo"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_another_site(site: Site, elsewhere: str) -> None:
    _with_password(site)
    visitor = site.visitor()
    page = visitor.get("/sign-in")
    fields = page.form("/sign-in").fields | {"email": "ana@example.com", "password": SEVEN_LAMPS, "next": elsewhere}
    answer = visitor.client.post("/sign-in", data=fields, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_session_is_a_new_secret_each_time_and_of_no_use_after_signing_out(site: Site) -> None:
    person = _with_password(site)
    first, page = _sign_in(site, "ana@example.com", SEVEN_LAMPS)
    second, _ = _sign_in(site, "ana@example.com", SEVEN_LAMPS)
    kept = first.client.cookies[security.SESSION]
    assert kept != second.client.cookies[security.SESSION]
    first.send(page, "/sign-out")
    thief = site.visitor()
    thief.client.cookies.set(security.SESSION, kept)
    assert thief.get("/you").path == "/sign-in"
    assert second.get("/you").path == "/you"
    assert site.do("sessions_of", person)


def test_whoever_signs_in_again_leaves_no_session_behind(site: Site) -> None:
    _with_password(site)
    visitor, _ = _sign_in(site, "ana@example.com", SEVEN_LAMPS)
    kept = visitor.client.cookies[security.SESSION]
    token = visitor.get("/you").form("/sign-out").fields["token"]
    fields = {"token": token, "email": "ana@example.com", "password": SEVEN_LAMPS}
    assert visitor.client.post("/sign-in", data=fields).status_code == 303
    thief = site.visitor()
    thief.client.cookies.set(security.SESSION, kept)
    assert thief.get("/you").path == "/sign-in"
    assert visitor.get("/you").path == "/you"


def test_signing_out_everywhere_ends_every_session(site: Site) -> None:
    _with_password(site)
    visitors = [_sign_in(site, "ana@example.com", SEVEN_LAMPS)[0] for _ in range(3)]
    page = visitors[0].get("/you")
    visitors[0].send(page, "/sign-out", having={"everywhere": "yes"})
    assert [visitor.get("/you").path for visitor in visitors] == ["/sign-in"] * 3


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(site: Site) -> None:
    _with_password(site)
    here, _ = _sign_in(site, "ana@example.com", SEVEN_LAMPS)
    there, _ = _sign_in(site, "ana@example.com", SEVEN_LAMPS)
    page = here.get("/you")
    refused = here.send(page, "/you/password", 422, old="wrong", password=TEN_KITES, again=TEN_KITES)
    # Told where it was filled in.
    assert '<a href="#old">This isn’t your present password.</a>' in refused.html
    short = here.send(page, "/you/password", 422, old=SEVEN_LAMPS, password=SHORT, again=SHORT)
    assert '<a href="#password">Please give 10 to 200 characters.</a>' in short.html
    assert there.get("/you").path == "/you"
    here.send(page, "/you/password", old=SEVEN_LAMPS, password=TEN_KITES, again=TEN_KITES)
    assert there.get("/you").path == "/sign-in"
    assert here.get("/you").path == "/you"


def test_a_link_sets_a_password_once(site: Site) -> None:
    site.do("create_person", email="ana@example.com")
    _, secret = site.do("password_link", "ana@example.com")
    visitor = site.visitor()
    page = visitor.get(f"/password/{secret}")
    visitor.send(page, f"/password/{secret}", 422, password=SHORT, again=SHORT)
    visitor.send(page, f"/password/{secret}", 422, password=SEVEN_LAMPS, again="something else")
    visitor.send(page, f"/password/{secret}", password=SEVEN_LAMPS, again=SEVEN_LAMPS)
    again = visitor.send(page, f"/password/{secret}", 404, password=TEN_KITES, again=TEN_KITES)
    assert "This link has been used" in again.text


# Forged


def test_a_form_without_this_browsers_token_does_nothing(site: Site) -> None:
    visitor, _ = site.freelancer()
    other, _ = site.freelancer(name="Ben")
    page = visitor.get("/you")
    for fields in (
        {},
        {"token": ""},
        {"token": "0" * 64},
        {"token": other.get("/you").form("/sign-out").fields["token"]},
    ):
        answer = visitor.client.post("/sign-out", data=fields)
        assert answer.status_code == 403
        assert "This form was too old" in answer.text
    assert visitor.get("/you").path == "/you"
    assert page.form("/sign-out").fields["token"]


@pytest.mark.parametrize(
    "header", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_a_form_that_another_site_sends_does_nothing_whatever_token_it_has(site: Site, header: dict[str, str]) -> None:
    visitor, _ = site.freelancer()
    fields = visitor.get("/you").form("/sign-out").fields
    assert visitor.client.post("/sign-out", data=fields, headers=header).status_code == 403
    assert visitor.get("/you").path == "/you"


def test_whoever_isnt_signed_in_can_see_no_page_and_send_no_form(site: Site) -> None:
    visitor = site.visitor()
    for path in ("/work", "/connects", "/jobs", "/operate/accounts", "/you", "/connects/journal.csv"):
        assert visitor.get(path).path == "/sign-in"
    answer = visitor.post("/work/job_1", letter="hello")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_each_role_finds_nothing_on_the_others_pages(site: Site) -> None:
    freelancer, _ = site.freelancer()
    client, _ = site.client_()
    operator = site.operator()
    for visitor, paths in (
        (freelancer, ("/jobs", "/post", "/team", "/operate/accounts")),
        (client, ("/work", "/connects", "/membership", "/operate/accounts")),
        (operator, ("/work", "/connects", "/jobs", "/team")),
    ):
        for path in paths:
            assert "nothing here for you" in visitor.get(path, 404).text


def test_without_the_demo_nobody_is_signed_in_by_a_click(site: Site) -> None:
    site.do("create_person", email="ana@demo.example")
    visitor = site.visitor()
    visitor.get("/sign-in")
    assert visitor.post("/demo/sign-in", email="ana@demo.example").status_code == 404
    assert visitor.post("/demo/clock", to="month", back="/").status_code == 404


# What every answer bears


def test_every_page_forbids_what_a_page_here_never_needs(site: Site) -> None:
    visitor, _ = site.freelancer()
    for path, status in (("/you", 200), ("/nothing-here", 404), ("/work", 200), ("/sign-in", 200)):
        page = visitor.get(path, status)
        policy = page.answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.answer.headers["x-content-type-options"] == "nosniff"
        assert page.answer.headers["cache-control"] == "no-store"
        assert "<style" not in page.html
        assert not re.search(r"<script(?! src=)|\sstyle=|\son\w+=", page.html)


def test_cookies_are_out_of_reach_for_scripts(site: Site) -> None:
    answer = site.visitor().client.get("/sign-in")
    [cookie] = answer.headers.get_list("set-cookie")
    assert cookie.startswith("earnest_visit=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert "strict-transport-security" not in answer.headers


def test_over_https_cookies_come_over_nothing_else(new_sqlite: Callable[[], str], clock: StandingClock) -> None:
    with visited(new_sqlite(), clock, public_url="https://market.example") as site:
        answer = site.visitor().client.get("/sign-in")
    [cookie] = answer.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-earnest_visit=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(cookie.split("; "))
    assert answer.headers["strict-transport-security"] == security.STRICT_TRANSPORT


@pytest.mark.parametrize(("proxies", "seen"), [(0, "testclient"), (1, "198.51.100.9"), (2, "192.0.2.1")])
def test_a_try_comes_from_where_the_first_of_our_own_proxies_saw_it(
    new_sqlite: Callable[[], str], clock: StandingClock, monkeypatch: pytest.MonkeyPatch, proxies: int, seen: str
) -> None:
    came: list[str] = []

    async def sign_in(*_: str, address: str) -> Refused:
        came.append(address)
        return Refused(Refusal.WRONG_CREDENTIALS)

    with visited(new_sqlite(), clock, proxies=proxies) as site:
        monkeypatch.setattr(site.market, "sign_in", sign_in)
        visitor = site.visitor()
        visitor.client.headers["X-Forwarded-For"] = "203.0.113.5, 192.0.2.1, 198.51.100.9"
        visitor.send(visitor.get("/sign-in"), "/sign-in", 422, email="ana@example.com", password="x")  # noqa: S106
    assert came == [seen]


@pytest.mark.parametrize(("proxies", "seen"), [(0, "192.0.2.200"), (1, "198.51.100.9"), (2, "192.0.2.1")])
def test_a_proxy_may_write_whom_it_heard_from_in_a_line_of_its_own(proxies: int, seen: str) -> None:
    app = SimpleNamespace(state=SimpleNamespace(settings=Settings(proxies=proxies)))
    lines = (b"203.0.113.5, 192.0.2.1", b"198.51.100.9")
    scope: Any = {
        "type": "http",
        "method": "POST",
        "litestar_app": app,
        "client": ("192.0.2.200", 1),
        "headers": [(b"x-forwarded-for", line) for line in lines],
    }
    assert Visit(scope).address == seen


def test_a_form_is_known_behind_a_proxy_that_names_the_server_itself(
    new_sqlite: Callable[[], str], clock: StandingClock
) -> None:
    with visited(new_sqlite(), clock, public_url="https://Market.example") as site:
        visitor = site.visitor()
        answer = visitor.client.get("/sign-in")
        cookie = answer.headers["set-cookie"].partition(";")[0]
        fields = Page(answer).form("/sign-in").fields | {"email": "ana@example.com", "password": "x"}
        for origin, status in (
            ("https://market.example", 422),
            *(("http://market.example", 403), ("https://evil.example", 403), ("null", 403), ("", 403)),
        ):
            headers = {"Cookie": cookie, "Host": "127.0.0.1:8000", "Origin": origin, "Sec-Fetch-Site": "same-origin"}
            assert site.visitor().client.post("/sign-in", data=fields, headers=headers).status_code == status, origin


def test_what_was_done_is_one_of_our_sentences_and_nothing_else(site: Site) -> None:
    assert "You are signed out." in site.visitor().get("/sign-in?done=signed-out").text
    page = site.visitor().get("/sign-in?done=<script>alert(1)</script>")
    assert "alert(1)" not in page.html
