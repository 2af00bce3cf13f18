"""What the browser tests lean on, held to what it says: each rule is broken on purpose here, and has to be noticed."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error

from tests.browser.looking import MOST_BYTES
from tests.browser.visiting import Visits

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"
STYLE = """
body { background: #fff; color: #222 }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } }
.faint-in-dark { color: #595959 }
.fading { transition: color 60s }
.wide { width: 1300px }
.small { display: inline-block; width: 12px; height: 12px; overflow: hidden }
"""
SCRIPTS = {
    "/said.js": "console.error('something is wrong')",
    "/thrown.js": "throw new Error('nobody caught this')",
    "/asking.js": "alert('hello')",
    "/posting.js": "fetch('/change', {method: 'POST'})",
    "/written.js": "document.querySelector('p').textContent = 'Written by a script.'",
}
ELSEWHERE = "http://192.0.2.1/picture.png"
"""An address that is nobody's, for documentation."""


def page(main: str = "<h1>Good</h1><p>Text.</p>", head: str = "<title>A page</title>", html: str = ' lang="en"') -> str:
    screen = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    style = '<link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,">'
    return f"<!doctype html><html{html}><head>{screen}{style}{head}</head><body><main>{main}</main></body></html>"


def scripted(name: str) -> str:
    return page(head=f'<title>A page</title><script src="/{name}.js" defer></script>')


def of_bytes(size: int) -> str:
    rest = size - len(page(""))
    return page(f"<h1>Long</h1><p>{'a ' * rest}"[: rest - 4] + "</p>")


PAGES = {
    "/good": page(),
    "/largest": of_bytes(MOST_BYTES - 1),
    "/too-large": of_bytes(MOST_BYTES),
    "/faint-in-dark": page('<h1>Faint</h1><p class="faint-in-dark">Hardly to be read in the dark.</p>'),
    "/fading": page('<h1>Fading</h1><p class="fading">Changes its colour slowly.</p>'),
    "/too-wide": page('<h1>Wide</h1><p class="wide">As wide as this.</p>'),
    "/made-for-desks": page().replace("width=device-width, initial-scale=1", ""),
    "/too-small": page(
        '<h1>Small</h1><p><button class="small">a</button><button class="small">b</button></p>',
    ),
    "/without-language": page(html=""),
    "/without-title": page(head=""),
    "/without-heading": page("<p>Text.</p>"),
    "/two-headings": page("<h1>One</h1><h1>Two</h1>"),
    "/picture-from-elsewhere": page(f'<h1>A picture</h1><img src="{ELSEWHERE}" alt="">'),
    "/script-in-page": page("<h1>A script</h1><script>1</script>"),
    "/missing-style": page(head='<title>A page</title><link rel="stylesheet" href="/gone.css">'),
    "/form": page('<h1>A form</h1><form method="post" action="/change"><button>Change it</button></form>'),
    **{path.replace(".js", ""): scripted(path[1:-3]) for path in SCRIPTS},
}


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in PAGES:
            self._answer(200, "text/html; charset=utf-8", PAGES[path])
        elif path in SCRIPTS:
            self._answer(200, "text/javascript", SCRIPTS[path])
        elif path == "/style.css":
            self._answer(200, "text/css", STYLE)
        elif path == "/away":
            self.send_response(303)
            self.send_header("Location", ELSEWHERE)
            self.end_headers()
        else:
            status = 500 if path == "/broken" else 404
            self._answer(status, "text/html; charset=utf-8", page("<h1>No</h1>"))

    def do_POST(self) -> None:
        self._answer(422, "text/html; charset=utf-8", page("<h1>Changed</h1>"))

    def _answer(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *about: Any) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def visits(browser: Browser, origin: str, tmp_path: Path) -> Iterator[Visits]:
    made = Visits(browser, origin, shared=True, screenshots=tmp_path)
    yield made
    made.leave()


@pytest.mark.parametrize("path", ["/good", "/largest", "/fading"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_good_page_passes(visits: Visits, path: str, phone: bool) -> None:
    visits.look_at(visits(path=path, phone=phone), "good")
    visits.close()


def test_pictures_are_named_by_how_it_was_looked_at(visits: Visits, tmp_path: Path) -> None:
    visits.look_at(visits(path="/good"), "good")
    visits.look_at(visits(path="/good", phone=True, javascript=False), "good")
    looks = ["desktop-dark", "desktop-light", "phone-plain-dark", "phone-plain-light"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"good-{look}.png" for look in looks]
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 4


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_visit_is_made_as_asked_and_left_so(visits: Visits, dark: bool) -> None:
    opened = visits(path="/written", phone=True, dark=dark)
    visits.look_at(opened, "written")
    assert opened.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    assert opened.evaluate("[innerWidth, navigator.maxTouchPoints > 0]") == [390, True]
    assert opened.locator("p").text_content() == "Written by a script."
    assert visits(path="/written", javascript=False).locator("p").text_content() == "Text."


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/faint-in-dark", r"^axe, dark: color-contrast \(serious\)"),
        ("/too-small", r"^axe, light: target-size"),
        ("/without-heading", r"expected one h1 with a text, got \[\]"),
        ("/two-headings", r"expected one h1 with a text, got \['One', 'Two'\]"),
        ("/without-title", r"^no title"),
        ("/without-language", r"^no language"),
        ("/too-large", r"^60000 bytes of HTML, expected less than 60000"),
        ("/too-wide", r"^1308 px wide on a screen of 1280 px\n    <p class=\"wide\""),
    ],
)
def test_what_a_page_must_not_be_is_seen(visits: Visits, path: str, said: str) -> None:
    opened = visits(path=path)
    with pytest.raises(AssertionError) as failure:
        visits.look_at(opened, "bad")
    assert re.search(said, str(failure.value), re.MULTILINE)
    assert ("axe, light: color-contrast" in str(failure.value)) is False
    visits.close()


@pytest.mark.parametrize("javascript", [False, True], ids=["plain", "script"])
def test_what_is_too_wide_for_a_phone_is_seen_though_the_phone_zooms_out(visits: Visits, javascript: bool) -> None:
    opened = visits(path="/too-wide", phone=True, javascript=javascript)
    with pytest.raises(AssertionError, match="1308 px wide on a screen of 390 px"):
        visits.look_at(opened, "bad")


def test_a_page_that_is_not_made_for_phones_is_seen_on_one(visits: Visits) -> None:
    opened = visits(path="/made-for-desks", phone=True)
    with pytest.raises(AssertionError, match="980 px wide on a screen of 390 px"):
        visits.look_at(opened, "bad")


def test_what_axe_finds_is_told_with_where_and_why(visits: Visits) -> None:
    opened = visits(path="/faint-in-dark")
    with pytest.raises(AssertionError) as failure:
        visits.look_at(opened, "faint")
    told = str(failure.value)
    assert "faint, desktop, /faint-in-dark:" in told
    assert "\n    p\n" in told
    assert '<p class="faint-in-dark">' in told
    assert "insufficient color contrast of" in told


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/picture-from-elsewhere", f"asked of another site: {ELSEWHERE}"),
        ("/said", "error in the console: something is wrong"),
        ("/thrown", "exception: nobody caught this"),
        ("/asking", "alert: hello"),
        ("/posting", "changes the site that tests share: POST /change; ask for own_site"),
        ("/script-in-page", "inline script violates the following Content Security Policy"),
        ("/missing-style", "error in the console: Failed to load resource: the server responded with a status of 404"),
        ("/broken", "GET http://127.0.0.1:\\d+/broken was answered with 500"),
    ],
)
def test_what_must_not_happen_on_a_page_fails_its_visits(visits: Visits, path: str, said: str) -> None:
    visits(path=path)
    with pytest.raises(AssertionError, match=said):
        visits.close()


def test_being_sent_to_another_site_fails_a_visit_and_leads_nowhere(visits: Visits) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        visits(path="/away")
    with pytest.raises(AssertionError, match=f"asked of another site: {ELSEWHERE}"):
        visits.close()


@pytest.mark.parametrize("javascript", [False, True], ids=["plain", "script"])
def test_a_form_that_changes_the_shared_site_fails_the_visit(visits: Visits, javascript: bool) -> None:
    opened = visits(path="/form", javascript=javascript)
    opened.get_by_role("button", name="Change it").click()
    opened.get_by_role("heading", name="Changed").wait_for()
    with pytest.raises(AssertionError, match="changes the site that tests share: POST /change"):
        visits.close()


def test_a_page_that_is_refused_is_for_its_test_to_judge(browser: Browser, origin: str, tmp_path: Path) -> None:
    visits = Visits(browser, origin, screenshots=tmp_path)
    opened = visits(path="/form")
    opened.get_by_role("button", name="Change it").click()
    opened.get_by_role("heading", name="Changed").wait_for()
    visits.look_at(opened, "changed")
    assert visits(path="/nothing-here").title() == "A page"
    visits.close()


@pytest.mark.parametrize("javascript", [False, True], ids=["plain", "script"])
def test_visits_know_nothing_of_each_other(visits: Visits, javascript: bool) -> None:
    first = visits(path="/good")
    first.context.add_cookies([{"name": "a", "value": "b", "url": first.url}])
    assert visits(path="/good", javascript=javascript).context.cookies() == []
    visits.close()
