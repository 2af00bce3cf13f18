"""What every page has to keep, in either colour scheme: looked at in the browser, and measured.

The limits are the project's own: no page is wider than its screen, none is 60 kB or more, each says what it is and in
which language, and axe finds nothing that keeps people out.
"""

import json
from functools import cache
from typing import Any

from playwright.sync_api import Page

from tools import browser

SCHEMES = ("light", "dark")
MOST_BYTES = 60_000
"""What a page's HTML has to stay under, before it is compressed."""

AXE_OPTIONS = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    # Not on by itself, whatever the tags.
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}

# What is still on its way from one colour to another is brought there; what moves for ever is stopped.
_STAND_STILL = """() => document.getAnimations().forEach(animation => {
    try { animation.finish() } catch { animation.cancel() }
})"""

_STRUCTURE = """screen => ({
    language: document.documentElement.lang,
    title: document.title.trim(),
    headings: [...document.querySelectorAll('h1')].map(heading => heading.textContent.trim()),
    width: document.documentElement.scrollWidth,
    widest: [...document.body.querySelectorAll('*')]
        .filter(element => element.getBoundingClientRect().right > screen + 0.5)
        .map(element => element.outerHTML.slice(0, 100))
        .slice(0, 5),
})"""


@cache
def _axe() -> str:
    return browser.find_axe().read_text(encoding="utf-8")


def structure_problems(page: Page, width: int) -> list[str]:
    """What is wrong with a page's language, title, headings and width, on a screen as wide as given, in CSS pixels."""
    seen = page.evaluate(_STRUCTURE, width)
    problems = []
    if not seen["language"]:
        problems.append("no language: <html> has no lang")
    if not seen["title"]:
        problems.append("no title")
    if len(seen["headings"]) != 1 or not all(seen["headings"]):
        problems.append(f"expected one h1 with a text, got {seen['headings']}")
    # The screen's own width and not the window's: a phone zooms out till all of a page that is too wide fits.
    if seen["width"] > width:
        widest = "".join(f"\n    {html}" for html in seen["widest"])
        problems.append(f"{seen['width']} px wide on a screen of {width} px{widest}")
    return problems


def size_problems(html: bytes) -> list[str]:
    """What is wrong with the size of a page's HTML."""
    return [f"{len(html)} bytes of HTML, expected less than {MOST_BYTES}"] if len(html) >= MOST_BYTES else []


def show_in(page: Page, scheme: str) -> None:
    """Shows a page in a colour scheme, with nothing in it moving."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.evaluate(_STAND_STILL)


def axe_problems(page: Page, scheme: str) -> list[str]:
    """What axe finds in a page as it is shown; needs JavaScript.

    What the browser's tools evaluate isn't bound by the page's Content-Security-Policy, so that stays as users have it.
    """
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(_axe())
    found = page.evaluate(f"axe.run(document, {json.dumps(AXE_OPTIONS)})")
    return [_told(violation, scheme) for violation in found["violations"]]


def _told(violation: dict[str, Any], scheme: str) -> str:
    lines = [f"axe, {scheme}: {violation['id']} ({violation['impact']}): {violation['help']}"]
    for node in violation["nodes"]:
        # An element in a frame or a shadow has a selector for each step to it.
        lines += [f"    {' '.join(map(str, node['target']))}", f"        {node['html']}"]
        lines += [f"        {line.strip()}" for line in node["failureSummary"].splitlines()[1:]]
    return "\n".join(lines)
