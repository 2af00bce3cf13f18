"""Whoever means harm, or sends nonsense: nothing is changed, nothing of others is found, and the answer is a page."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from earnest.ledger.errors import BusyError, UnavailableError
from earnest.ledger.ledger import Ledger
from earnest.marketplace.people import Seat
from earnest.web import security
from earnest.web.visit import Visit
from tests.web.site import Page, Site, Visitor

SCRIPT = """<script>alert(1)</script>"><img src=x onerror='alert(1)'>{{7*7}}%(name)s"""
"""A text that is harmless only where it is written down as a text."""


def is_ours(answer: httpx.Response) -> bool:
    """Say whether an answer bears all that keeps a page its reader's own."""
    wanted = security.headers(private=True, secure=False)
    return all(answer.headers.get(name) == value for name, value in wanted.items())


def buying(visitor: Visitor) -> dict[str, str]:
    """What a browser would send to buy two connects."""
    page = visitor.get("/connects/buy?connects=2")
    [form] = [each for each in page.forms if each.action == "/connects/buy" and each.method == "post"]
    assert form.fields["connects"] == "2"
    return form.fields


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_every_verb_is_answered_with_our_headers(site: Site, method: str) -> None:
    for path in ("/", "/sign-in", "/operate", "/demo/clock", "/nothing/here"):
        answer = site.visitor().client.request(method, path)
        assert answer.status_code in ((200, 303, 404) if method == "HEAD" else (404,)), (path, answer.status_code)
        assert is_ours(answer), path


def test_whether_a_page_is_there_can_be_asked_without_it(site: Site) -> None:
    assert site.visitor().client.head("/sign-in").status_code == 200
    sent_on = site.visitor().client.head("/operate")
    assert sent_on.headers["location"] == "/sign-in?next=%2Foperate"
    ana, _ = site.freelancer()
    assert ana.client.head("/connects").status_code == 200
    assert ana.client.head("/operate").status_code == 404


@pytest.mark.parametrize("host", ["a:b", "a:99999", "[", "]x[", "x@y:z"])
def test_a_host_that_can_not_be_meant_breaks_nothing(site: Site, host: str) -> None:
    for path in ("/sign-in", "/operate", "/nothing"):
        answer = site.visitor().client.get(path, headers={"host": host})
        assert answer.status_code < 500, (path, answer.text[:200])
        assert is_ours(answer)
    # It decides nothing, either.
    assert site.visitor().client.get("/operate", headers={"host": "a:1/static"}).status_code in (303, 400)


@pytest.mark.parametrize("token", ["", "x", "日本", "\ufffd", "0" * 64])
def test_a_form_with_a_token_that_is_not_ours_does_nothing(site: Site, token: str) -> None:
    ana, account = site.freelancer()
    job = site.job()
    before = site.do("balance", account).available
    for path in (f"/work/{job}", "/connects/buy", "/you/mail", "/sign-out"):
        answer = ana.client.post(path, data={"token": token, "letter": "Hello", "connects": "2", "price": "2"})
        assert answer.status_code == 403, path
        assert is_ours(answer)
    assert site.do("balance", account).available == before
    assert not site.do("purchases", account).items
    assert ana.get("/you").status == 200


def test_a_form_of_another_session_does_nothing(site: Site) -> None:
    ana, account = site.freelancer()
    ben, _ = site.freelancer(name="Ben")
    theirs = buying(ben)
    assert ana.client.post("/connects/buy", data=theirs | {"connects": "2"}).status_code == 403
    assert not site.do("purchases", account).items


def test_a_form_from_an_origin_that_can_not_be_meant_does_nothing(site: Site) -> None:
    ana, account = site.freelancer()
    fields = buying(ana) | {"connects": "2"}
    for origin in ("http://[", "null", "", "x", "http://a:b", "http://testserver.local.evil.example"):
        answer = ana.client.post("/connects/buy", data=fields, headers={"Origin": origin})
        assert answer.status_code == 403, origin
    assert not site.do("purchases", account).items
    assert (
        ana.client.post("/connects/buy", data=fields, headers={"Origin": "http://testserver.local"}).status_code == 303
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"token=%00&connects=2", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=1" % number for number in range(1_000)), "application/x-www-form-urlencoded"),
        (b"connects=" + b"2" * 400_000, "application/x-www-form-urlencoded"),
        (b'{"connects": "2"}', "application/json"),
        (b"{", "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"connects=2", ";;="),
    ],
)
def test_what_is_no_form_of_ours_does_nothing(site: Site, content: bytes, kind: str) -> None:
    ana, account = site.freelancer()
    answer = ana.client.post("/connects/buy", content=content, headers={"Content-Type": kind})
    assert answer.status_code in (400, 403, 413)
    assert is_ours(answer)
    assert not site.do("purchases", account).items


def test_of_a_field_that_is_sent_twice_the_first_counts(site: Site) -> None:
    ana, account = site.freelancer()
    fields = buying(ana)
    sent = f"token={fields['token']}&once={fields['once']}&connects=2&connects=40"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ana.client.post("/connects/buy", content=sent, headers=kind).status_code == 303
    assert [each.connects for each in site.do("purchases", account).items] == [2]


def test_wherever_somebody_is_led_after_signing_in_is_here(site: Site) -> None:
    site.do("create_person", email="ana@example.com", seats=[Seat("operator", None)])
    _, secret = site.do("password_link", "ana@example.com")
    site.do("set_password", secret, "seven lamps on a hill")
    for wanted, reached in (
        ("/work/日本", "/work/%E6%97%A5%E6%9C%AC"),
        ("/work?q=a b", "/work?q=a%20b"),
        ("/work?q=%26", "/work?q=%26"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        (" //evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
    ):
        visitor = site.visitor()
        fields = visitor.get("/sign-in").form("/sign-in").fields | {"next": wanted}
        fields |= {"email": "ana@example.com", "password": "seven lamps on a hill"}
        answer = visitor.client.post("/sign-in", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, reached)
        assert set(visitor.client.cookies) == {security.SESSION}
    # As it is asked for by somebody who isn't signed in.
    page = site.visitor().get("/operate/people/%E6%97%A5")
    assert page.form("/sign-in").fields["next"] == "/operate/people/日"


DAYS = ("0001-01-01", "1969-12-31", "1970-01-01", "2026-02-30", "9000-01-01", "9999-12-30", "9999-12-31", "x" * 300)


@pytest.mark.parametrize("day", DAYS)
def test_a_day_that_no_marketplace_can_mean_is_told_so(site: Site, day: str) -> None:
    ana, account = site.freelancer()
    oda = site.operator()
    inside = f"/operate/accounts/{account}/journal"
    for visitor, path in (
        (ana, "/connects/journal"),
        (ana, "/connects/journal.csv"),
        (oda, "/operate/circulation"),
        (oda, "/operate/circulation.csv"),
        (oda, inside),
        (oda, f"{inside}.csv"),
    ):
        for field in ("since", "until"):
            answer = visitor.client.get(path, params={field: day})
            assert answer.status_code in (200, 303, 422), (path, field)
            assert is_ours(answer)
    deed = f"/operate/accounts/{account}/do/grant"
    before = site.do("balance", account).available
    assert oda.post(deed, connects="1", reason="Why not", expires_at=day).status_code == 422
    assert site.do("balance", account).available == before


def test_a_payment_reported_from_an_old_page_is_told_as_it_stands(site: Site) -> None:
    _, account = site.freelancer()
    oda = site.operator()
    reversed_, cancelled = (site.do("buy", account, 2).id for _ in range(2))
    site.do("confirm_purchase", reversed_)
    site.do("reverse_purchase", reversed_)
    site.do("reverse_purchase", cancelled)
    for purchase, said in ((reversed_, "The payment is taken back."), (cancelled, "The purchase is cancelled.")):
        page = oda.get(f"/operate/purchases/{purchase}/confirm")
        assert said in oda.send(page, f"/operate/purchases/{purchase}/confirm").text
    assert [each.status for each in site.do("purchases", account).items] == ["cancelled", "reversed"]


# The same twice


def at_once(site: Site, *sent: tuple[Visitor, str, dict[str, str]]) -> list[httpx.Response]:
    """Send some forms at the same moment."""
    with ThreadPoolExecutor(len(sent)) as threads:
        return [each.result() for each in [threads.submit(who.post, path, **fields) for who, path, fields in sent]]


def test_a_proposal_that_is_sent_twice_at_once_is_paid_once(site: Site) -> None:
    ana, account = site.freelancer()
    job = site.job()
    before = site.do("balance", account).available
    fields = {"letter": "Hello", "bid": "", "price": "2", "step": "send", "once": "one"}
    answers = at_once(site, *[(ana, f"/work/{job}", fields)] * 4)
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert site.do("balance", account).available == before - 2
    # With another key, or another letter under the same one, it isn't sent either.
    for more in ({"once": "two"}, {"letter": "Another"}):
        assert ana.post(f"/work/{job}", **(fields | more)).status_code == 409
    assert site.do("balance", account).available == before - 2
    assert len(site.do("proposals_of", account).items) == 1


def test_a_key_is_its_senders_alone(site: Site) -> None:
    ana, anas = site.freelancer()
    ben, bens = site.freelancer(name="Ben")
    job = site.job()
    fields = {"letter": "Hello", "bid": "", "price": "2", "step": "send", "once": "one"}
    first, second = ana.post(f"/work/{job}", **fields), ben.post(f"/work/{job}", **fields)
    assert first.headers["location"] != second.headers["location"]
    assert [len(site.do("proposals_of", each).items) for each in (anas, bens)] == [1, 1]


def test_a_grant_and_a_purchase_that_are_sent_twice_at_once_are_made_once(site: Site) -> None:
    ana, account = site.freelancer()
    oda = site.operator()
    before = site.do("balance", account).available
    grant = (oda, f"/operate/accounts/{account}/do/grant", {"connects": "3", "reason": "Sorry", "once": "one"})
    buy = (ana, "/connects/buy", {"connects": "2", "once": "one"})
    assert {answer.status_code for answer in at_once(site, grant, buy, grant, buy, grant)} == {303}
    assert site.do("balance", account).available == before + 3
    assert len(site.do("purchases", account).items) == 1


def test_a_hire_and_a_closing_from_two_windows_leave_one_of_them(site: Site) -> None:
    dan, client = site.client_()
    job = site.job(client)
    _, account = site.freelancer()
    before = site.do("balance", account).available
    proposal = site.do("submit", job, account).id
    hire, close = at_once(
        site,
        (dan, f"/jobs/{job}/proposals/{proposal}/hire", {"once": "one"}),
        (dan, f"/jobs/{job}/close", {"reason": "cancelled", "once": "two"}),
    )
    assert close.status_code == 303
    came_back = site.do("balance", account).available == before
    assert came_back is (hire.status_code == 409)
    assert site.do("proposal", proposal).status == ("live" if came_back else "hired")


# Texts


def test_no_text_turns_the_rest_of_a_line_around(site: Site) -> None:
    turning = "A \u202elogo\u2066"
    dan, client = site.client_(turning)
    ana, account = site.freelancer(name=turning)
    job = site.job(client, title=turning, description=turning, skills=[turning])
    site.do("submit", job, account, cover_letter=turning)
    pages = [
        *(ana.get(path) for path in ("/work", f"/work/{job}", "/proposals", "/connects/journal")),
        *(dan.get(path) for path in ("/jobs", f"/jobs/{job}", f"/jobs/{job}/invite", f"/jobs/{job}/edit")),
    ]
    for page in pages:
        assert "A logo" in page.html, page.path
        assert not {"\u202e", "\u2066"} & set(page.html), page.path


def test_whatever_anybody_writes_is_shown_and_never_followed(site: Site) -> None:
    dan, client = site.client_(SCRIPT)
    ana, account = site.freelancer(name=SCRIPT, external_id=SCRIPT)
    agency = site.agency(SCRIPT)
    olga, member = site.member(agency, name=SCRIPT)
    oda = site.operator(SCRIPT)
    job = site.job(client, title=SCRIPT, description=SCRIPT, skills=[SCRIPT])
    site.do("submit", job, account, cover_letter=SCRIPT)
    site.do("submit", job, agency, worker_id=member, cover_letter=SCRIPT)
    site.do("invite", site.job(client, title=SCRIPT), account)
    site.do("grant", account, 5, reason=SCRIPT)
    site.do("grant", agency, 5, reason=SCRIPT)
    site.do("suspend", account, reason=SCRIPT)
    site.do("appeal", account, SCRIPT)
    site.do("buy", account, 2)
    seen: set[str] = set()
    for visitor in (ana, olga, dan, oda):
        seen |= crawled(visitor)
    assert len(seen) > 60, sorted(seen)
    # And what comes back from a form or an address.
    for visitor, path in ((ana, "/work"), (dan, f"/jobs/{job}/invite"), (oda, "/operate/people")):
        harmless(Page(visitor.client.get(path, params={"q": SCRIPT, "done": SCRIPT, "cursor": SCRIPT, "next": SCRIPT})))
    for path, fields in (
        (f"/work/{site.job()}", {"letter": SCRIPT, "bid": SCRIPT, "price": SCRIPT, "worker": SCRIPT, "once": SCRIPT}),
        ("/connects/buy", {"connects": SCRIPT, "once": SCRIPT}),
        ("/standing/appeal", {"text": SCRIPT}),
    ):
        harmless(Page(ana.post(path, **fields)))
    for field in ("title", "description", "type", "budget", "duration", "weekly_hours", "skills", "step", "once"):
        harmless(Page(dan.post("/post", **({"title": "A", "description": "B", "type": "fixed"} | {field: SCRIPT}))))


def crawled(visitor: Visitor) -> set[str]:
    """Follow every link from a visitor's own pages, and see that each page is harmless; return the addresses."""
    seen, waiting = set(), deque(["/", "/you"])
    while waiting:
        path = waiting.popleft()
        answer = visitor.client.get(path, follow_redirects=True)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        page = Page(answer)
        assert page.status in (200, 422), (path, page.status)
        harmless(page)
        for link in page.links:
            if link.startswith("/") and link not in seen:
                seen.add(link)
                waiting.append(link)
    return seen


class Elements(HTMLParser):
    """What a page is made of that could do something."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("img", "iframe", "object", "embed", "style") or (tag == "script" and "src" not in dict(attrs)):
            self.found.add(tag)
        for name, value in attrs:
            leads_out = name in ("href", "src", "action") and (value or "").partition(":")[0] in ("javascript", "data")
            if name.startswith("on") or name == "style" or leads_out:
                self.found.add(f"{tag} {name}={value}")


def harmless(page: Page) -> None:
    """See that a page has nothing that a text of somebody's has made."""
    assert page.status < 500, page.path
    assert not Elements(page).found, page.path
    assert "49%(name)s" not in page.html, page.path


# Who may no more


def test_whoever_was_removed_or_demoted_meanwhile_can_do_nothing_with_an_open_page(site: Site) -> None:
    agency = site.agency()
    site.member(agency, name="Owen")
    ada, admin = site.member(agency, "admin", name="Ada")
    job = site.job()
    before = site.do("balance", agency).available
    asked = buying(ada) | {"connects": "2"}
    proposing = {"letter": "Hello", "bid": "", "price": "2", "step": "send", "token": asked["token"], "once": "p"}
    site.do("change_member", admin, role="member", can_propose=False)
    assert ada.client.post("/connects/buy", data=asked).status_code == 409
    assert ada.client.post(f"/work/{job}", data=proposing).status_code == 409
    assert ada.client.post(f"/team/members/{admin}", data=asked | {"role": "admin"}).status_code == 403
    site.do("remove_member", admin)
    # It was shown to whoever sat there.
    assert ada.client.post("/connects/buy", data=asked).status_code == 403
    assert ada.client.post(f"/work/{job}", data=proposing).status_code == 403
    assert ada.post("/connects/buy", connects="2").status_code == 404
    assert ada.client.get("/team").status_code == 404
    assert site.do("balance", agency).available == before
    assert not site.do("purchases", agency).items


def test_what_was_meant_for_an_agency_is_not_done_with_ones_own_connects(site: Site) -> None:
    agency, own = site.agency(), site.do("open_account", kind="individual", plan="plus", name="Ada").id
    site.member(agency, name="Owen")
    member = site.do("add_member", agency, role="admin", name="Ada").id
    ada = site.person("ada@example.com", Seat("account", own), Seat("member", member))
    ada.send(ada.get("/you"), "/seat", having={"seat": f"member:{member}"})
    job = site.job()
    shown = ada.send(ada.get(f"/work/{job}"), f"/work/{job}", letter="In the agency's name", step="")
    asked = buying(ada)
    before = site.do("balance", own).available
    site.do("remove_member", member)
    sent = shown.form(f"/work/{job}").fields | {"step": "send"}
    for path, fields in (
        (f"/work/{job}", sent),
        ("/connects/buy", asked),
        ("/membership/plans/basic", {"token": asked["token"], "once": "p"}),
    ):
        answer = ada.client.post(path, data=fields)
        assert answer.status_code == 403, path
        assert "Nothing was done" in answer.text
    assert site.do("balance", own).available == before
    assert not site.do("purchases", own).items
    assert site.do("account", own).pending_plan is None
    # From a page that says for whom it is, all the same is done.
    assert ada.client.post("/connects/buy", data=buying(ada)).status_code == 303


def test_rights_that_go_while_a_form_is_on_its_way_are_gone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _, account = site.freelancer()
    person = site.do("create_person", email="oda@example.com", seats=[Seat("operator", None)])
    oda = site.signed_in(person.id)
    before = site.do("balance", account).available
    body = Visit.body

    async def slow(visit: Visit) -> bytes:
        await visit.market.remove_person(person.id)
        return await body(visit)

    monkeypatch.setattr(Visit, "body", slow)
    assert oda.post(f"/operate/accounts/{account}/do/grant", connects="100", reason="Bye", once="1").status_code == 403
    assert site.do("balance", account).available == before


def test_a_form_that_breaks_off_is_no_defect(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    ana, _ = site.freelancer()
    ana.get("/you")
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in ana.client.cookies.jar)
    came = iter(({"type": "http.request", "body": b"tok", "more_body": True}, {"type": "http.disconnect"}))
    answered: list[Any] = []

    async def receive() -> Any:
        return next(came)

    async def send(message: Any) -> None:
        answered.append(message)

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": "/you/mail",
        "raw_path": b"/you/mail",
        "root_path": "",
        "query_string": b"",
        "state": {},
        "headers": [
            *((b"host", b"testserver.local"), (b"cookie", cookies.encode()), (b"content-length", b"100")),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ],
        "server": ("testserver.local", 80),
        "client": ("192.0.2.7", 1),
    }
    site.client.blocking_portal.call(site.client.app, scope, receive, send)
    # As a client that goes away is counted anywhere.
    assert answered[0]["status"] == 499
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


# When it can't be done just now


@pytest.mark.parametrize("error", [BusyError("too much waits"), UnavailableError("the database is gone")])
def test_when_the_ledger_can_not_be_used_a_page_says_so(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ana, account = site.freelancer()
    job = site.job()
    fields = {"letter": "Hello", "bid": "", "price": "2", "step": "send", "once": "one"}
    before = site.do("balance", account).available
    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "do", failing(error))
        refused = ana.post(f"/work/{job}", **fields)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "Too much is going on just now" in Page(refused).text
    assert is_ours(refused)
    assert site.do("balance", account).available == before
    assert ana.post(f"/work/{job}", **fields).status_code == 303


@pytest.mark.parametrize("error", [RuntimeError("a defect"), ValueError("letter: expected another one")])
def test_a_defect_of_ours_is_told_as_one_and_noted(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    ana, _ = site.freelancer()
    job = site.job()
    monkeypatch.setattr(Ledger, "do", failing(error))
    answer = ana.post(f"/work/{job}", letter="By hand", bid="", price="2", step="send", once="one")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in Page(answer).text
    assert str(error) not in answer.text
    assert is_ours(answer)
    assert [(each.message, each.exc_info is not None) for each in caplog.records if each.name == "earnest.web"] == [
        ("a page failed: POST /work/{job_id}", True)
    ]


def failing(error: Exception) -> Any:
    """What fails in a way, whatever it is asked."""

    async def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail
