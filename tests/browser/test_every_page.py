"""Every kind of page that links lead each of the demo's people to, looked at on a desk and on a phone."""

import re
from urllib.parse import urldefrag, urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser.visiting import Visits

LOOKS = pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
WHO = {
    "nobody": (None, 3),
    "ana": ("Ana Ferraz", 18),
    "cleo": ("Cleo Varga", 16),
    "elif": ("Elif Demirkan", 21),
    "wanjiru": ("Wanjiru Kibet", 18),
    "maud": ("Maud Ellery", 8),
    "iris": ("Iris Holmgaard", 20),
}
"""Who goes through the pages, and how many kinds of them there are at least."""

NOT_PAGES = ("/schema", "/static", "/v1")
_PARTICULAR = re.compile(r"_[0-9a-f]{32}(_\d+)?|=[^&]*")


@LOOKS
@pytest.mark.parametrize("who", WHO)
def test_every_page_that_links_lead_to_looks_right(visit: Visits, who: str, phone: bool) -> None:
    persona, least = WHO[who]
    page = visit(persona, phone=phone)
    waiting, seen = [page.url], set[str]()
    while waiting:
        address = waiting.pop(0)
        kind = _kind(address)
        if kind in seen:
            continue
        seen.add(kind)
        if page.url != address:
            page.goto(address)
        visit.look_at(page, f"every-{who}-{kind.strip('/').replace('/', '-') or 'home'}")
        waiting += _links(page)
    assert len(seen) >= least, sorted(seen)


def _kind(address: str) -> str:
    """A page's address without what makes it one of many: ids, and what a list is asked for."""
    return _PARTICULAR.sub("", urlsplit(address).path)


def _links(page: Page) -> list[str]:
    """The addresses of pages of ours that links on a page lead to."""
    found: list[str] = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    return [
        urldefrag(address).url
        for address in found
        if address.startswith(f"{origin}/")
        and not urlsplit(address).path.startswith(NOT_PAGES)
        and not urlsplit(address).path.endswith(".csv")
    ]


def test_the_pages_that_no_link_leads_to_look_right(visit: Visits) -> None:
    for phone in (False, True):
        page = visit("Ana Ferraz", "/nothing-is-here", phone=phone)
        visit.look_at(page, "error-unknown")
        page.goto("/operate")
        visit.look_at(page, "error-elsewhere")
        page.goto("/work?q=nothing-is-called-so")
        visit.look_at(page, "work-empty")
        page = visit(None, "/password/nobody-has-this-link", phone=phone)
        visit.look_at(page, "password-used")
        page.goto("/unsubscribe/nobody-has-this-link")
        visit.look_at(page, "unsubscribe-unknown")
