"""Visits to a site: a page in a browser of one's own, signed in as one of the demo's people.

    def test_ana_sees_her_connects(visit: Visits) -> None:
        page = visit("Ana Ferraz", "/connects", phone=True)
        visit.look_at(page, "connects")

Whatever must never happen on any page fails the test when its visits end: something asked of another site, an error in
the console (the Content-Security-Policy's are among them), an exception, a dialog, an answer of 500 or above; and on
the site that tests share, a change.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, Response

from tests.browser import looking

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
PATIENCE_MS = 15_000.0
HARMLESS_POSTS = {"/demo/sign-in", "/sign-out", "/seat"}
"""What may be sent to the site that tests share: it changes nothing but the visit's own session."""


@dataclass(frozen=True)
class Look:
    """How a page is looked at: on a phone or on a desk, with or without JavaScript, in the dark or in the light."""

    phone: bool = False
    javascript: bool = True
    dark: bool = False

    @property
    def width(self) -> int:
        return 390 if self.phone else 1280

    @property
    def height(self) -> int:
        return 844 if self.phone else 900

    @property
    def scheme(self) -> str:
        return "dark" if self.dark else "light"

    @property
    def name(self) -> str:
        """What screenshots are named by, before the scheme."""
        return ("phone" if self.phone else "desktop") + ("" if self.javascript else "-plain")


class Visits:
    """Makes visits to one site; `faults` is what has happened in them that must not."""

    def __init__(self, browser: Browser, origin: str, *, shared: bool = False, screenshots: Path = SCREENSHOTS) -> None:
        self.origin = origin
        self.faults: list[str] = []
        self._browser = browser
        self._shared = shared
        self._screenshots = screenshots
        self._contexts: dict[BrowserContext, Look] = {}
        self._documents: dict[Page, Response] = {}
        self._refused: set[str] = set()
        """The addresses of pages that were answered with 400 to 499."""
        self._errors: list[tuple[str, str]] = []
        """What was said, and of the answer to which address if it was of one."""

    def __call__(
        self,
        persona: str | None = None,
        path: str = "/",
        *,
        phone: bool = False,
        javascript: bool = True,
        dark: bool = False,
    ) -> Page:
        """Opens a path in a browser that knows nothing yet, signed in as a persona if one is named."""
        look = Look(phone, javascript, dark)
        context = self._browser.new_context(
            base_url=self.origin,
            viewport={"width": look.width, "height": look.height},
            is_mobile=phone,
            has_touch=phone,
            java_script_enabled=javascript,
            color_scheme=look.scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            locale="en-US",
            timezone_id="UTC",
            service_workers="block",
        )
        self._contexts[context] = look
        self._watch(context)
        page = context.new_page()
        if persona is None:
            page.goto(path)
            return page
        page.goto("/sign-in")
        page.get_by_role("button", name=persona).click()
        page.wait_for_url(lambda url: not urlsplit(url).path.endswith("/sign-in"))
        if path != "/":
            page.goto(path)
        return page

    def look_at(self, page: Page, name: str) -> None:
        """Takes pictures of a page, and holds it to what every page has to keep (`looking.py`), in both schemes.

        The pictures are `build/screenshots/NAME-phone-dark.png` and so on, with `-plain` for a visit without
        JavaScript, which axe can't look at.
        """
        look = self._contexts[page.context]
        page.wait_for_load_state()
        problems = looking.structure_problems(page, look.width) + looking.size_problems(self._html(page))
        for scheme in looking.SCHEMES:
            looking.show_in(page, scheme)
            self._screenshots.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=self._screenshots / f"{name}-{look.name}-{scheme}.png", full_page=True)
            if look.javascript:
                problems += looking.axe_problems(page, scheme)
        looking.show_in(page, look.scheme)
        assert not problems, "\n".join([f"{name}, {look.name}, {urlsplit(page.url).path}:", *problems])

    def leave(self) -> None:
        """Ends all visits, whatever happened in them."""
        for context in self._contexts:
            context.close()

    def close(self) -> None:
        """Ends all visits, and fails where something happened in them that must not."""
        self.leave()
        # That a page itself was refused is for its test to judge, which may have asked for it.
        errors = [said for said, url in self._errors if urldefrag(url).url not in self._refused]
        faults = [*self.faults, *(f"error in the console: {said}" for said in errors)]
        assert not faults, "\n".join(["on a page:", *faults])

    def _html(self, page: Page) -> bytes:
        """The HTML of a page as the server sent it."""
        document = self._documents[page]
        if document.url == urldefrag(page.url).url:
            return document.body()
        # A file was sent since, or a script has changed the address.
        return page.request.get(page.url).body()

    def _watch(self, context: BrowserContext) -> None:
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", self._asked)
        context.on("response", self._answered)
        context.on("page", lambda page: page.on("response", lambda response: self._documented(page, response)))
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"exception: {error.error}"))
        context.on("dialog", self._dialog)

    def _asked(self, request: Request) -> None:
        if re.match("(data|blob|about):", request.url):
            return
        if not request.url.startswith(f"{self.origin}/"):
            self.faults.append(f"asked of another site: {request.url}")
        elif self._shared and request.method != "GET" and urlsplit(request.url).path not in HARMLESS_POSTS:
            said = f"{request.method} {urlsplit(request.url).path}"
            self.faults.append(f"changes the site that tests share: {said}; ask for own_site")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.request.method} {response.url} was answered with {response.status}")
        elif response.status >= 400 and response.request.is_navigation_request():
            self._refused.add(response.url)

    def _documented(self, page: Page, response: Response) -> None:
        if response.request.is_navigation_request():
            self._documents[page] = response

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            url = message.location["url"]
            loading = message.text.startswith("Failed to load resource: the server responded")
            self._errors.append((f"{message.text} ({url})", url if loading else ""))

    def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()
