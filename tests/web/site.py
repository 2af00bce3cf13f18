"""The pages over a database of its own, visited as a browser without scripts would."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from html.parser import HTMLParser
from typing import Any, Self

import httpx
import msgspec
from litestar.testing import TestClient

from earnest import AsyncMarketplace
from earnest.main import application
from earnest.marketplace.people import Seat
from earnest.settings import Settings
from earnest.web import security
from earnest.web.mailing import Mailing

VOID = frozenset(("area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"))


class Sent(msgspec.Struct):
    """A form of a page, with what a browser would send of it as it stands; a button's own value is added by `send`."""

    method: str
    action: str
    fields: dict[str, str]
    buttons: list[dict[str, str]]


class Page(HTMLParser):
    """A page as its reader finds it: what it says, where it leads, and what can be sent."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.status = answer.status_code
        self.html = answer.text
        self.path = answer.url.path
        self.links: list[str] = []
        self.forms: list[Sent] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        """Every text a reader can come to see or hear: what stands on the page, and labels, titles and placeholders."""
        self._open: list[str] = []
        self._select: str | None = None
        self._area: str | None = None
        self.feed(self.html)

    @property
    def text(self) -> str:
        """What it says, with single blanks."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        self.texts += [
            given[name] for name in ("aria-label", "title", "placeholder", "alt", "data-label") if given.get(name)
        ]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form":
            self.forms.append(
                Sent(given.get("method", "get"), (given.get("action") or self.path).partition("#")[0], {}, [])
            )
        if not self.forms or "form" not in self._open:
            return
        form = self.forms[-1]
        if tag == "input" and "name" in given:
            ticks = given.get("type") in ("checkbox", "radio")
            if not ticks or "checked" in given:
                form.fields[given["name"]] = given.get("value", "on" if ticks else "")
        elif tag == "button":
            form.buttons.append(given)
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and self._select is not None and ("selected" in given or self._select not in form.fields):
            form.fields[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._area = given["name"]
            form.fields[self._area] = ""

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        if self._area is not None and self.forms:
            self.forms[-1].fields[self._area] += data
        if data.strip():
            self.texts.append(data.strip())

    def form(self, action: str, **having: str) -> Sent:
        """The form that goes to an address, with these values among its fields."""
        found = [form for form in self.forms if form.action == action and having.items() <= form.fields.items()]
        assert found, (
            f"no form to {action} among {[form.action for form in self.forms]} on {self.path}: {self.text[:300]}"
        )
        return found[0]


class Visitor:
    """A browser of one person, or of nobody."""

    def __init__(self, site: "Site", client: httpx.Client) -> None:
        self.site = site
        self.client = client

    def get(self, path: str, status: int = 200, **headers: str) -> Page:
        """Open a page, wherever that leads."""
        page = Page(self.client.get(path, follow_redirects=True, headers=headers))
        assert page.status == status, f"{path}: {page.status} {page.text[:600]}"
        return page

    def send(
        self, page: Page, action: str, status: int = 200, *, having: dict[str, str] | None = None, **fields: str
    ) -> Page:
        """Fill in the form of a page that goes to an address, send it, and go where that leads."""
        form = page.form(action, **(having or {}))
        answer = self.client.request(
            form.method.upper(),
            form.action,
            **({"data": form.fields | fields} if form.method == "post" else {"params": form.fields | fields}),
            follow_redirects=True,
        )
        reached = Page(answer)
        assert reached.status == status, f"{action}: {reached.status} {reached.text[:600]}"
        return reached

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form that no page has shown, with a token of one's own."""
        token = next(form.fields["token"] for form in self.get("/you").forms if form.method == "post")
        return self.client.post(path, data={"token": token, **fields}, follow_redirects=False)


class Site:
    """The server, and the marketplace behind it."""

    def __init__(self, client: TestClient[Any], settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.market: AsyncMarketplace

    def do(self, use_case: str, *arguments: Any, **keywords: Any) -> Any:
        """Ask the marketplace."""

        async def ask() -> Any:
            return await getattr(self.market, use_case)(*arguments, **keywords)

        return self.client.blocking_portal.call(ask)

    def visitor(self) -> Visitor:
        """Somebody with a browser of their own, who isn't signed in."""
        return Visitor(self, _browser(self.client))

    def person(self, email: str, *seats: Seat, name: str | None = None) -> Visitor:
        """A new person with these seats, signed in."""
        person = self.do("create_person", email=email, name=name, seats=seats)
        return self.signed_in(person.id)

    def signed_in(self, person_id: str) -> Visitor:
        """A person, signed in with a browser of their own."""
        visitor = self.visitor()
        secret = self.do("sign_in_as", person_id).secret
        visitor.client.cookies.set(security.SESSION, secret)
        return visitor

    # What most tests begin with

    def freelancer(self, plan: str = "plus", name: str = "Ana", **more: Any) -> tuple[Visitor, str]:
        """A new freelancer with an account, signed in; and the account."""
        account = self.do("open_account", kind="individual", plan=plan, name=name, **more)
        return self.person(f"{account.id}@example.com", Seat("account", account.id), name=name), account.id

    def member(self, account_id: str, role: str = "owner", name: str = "Olga", **more: Any) -> tuple[Visitor, str]:
        """A new member of an agency, signed in; and their id there."""
        member = self.do("add_member", account_id, name=name, role=role, **more)
        return self.person(f"{member.id}@example.com", Seat("member", member.id), name=name), member.id

    def agency(self, name: str = "North Studio") -> str:
        """A new agency's account."""
        return str(self.do("open_account", kind="agency", plan="agency", name=name).id)

    def client_(self, name: str = "Dan") -> tuple[Visitor, str]:
        """A new client, signed in; and their id."""
        client = self.do("create_client", name=name)
        return self.person(f"{client.id}@example.com", Seat("client", client.id), name=name), client.id

    def operator(self, name: str = "Oda") -> Visitor:
        """A new operator, signed in."""
        return self.person("oda@example.com", Seat("operator", None), name=name)

    def job(self, client_id: str | None = None, **more: Any) -> str:
        """A job, at two connects unless more is said."""
        owner = client_id or self.do("create_client", name="Dan").id
        return str(self.do("post_job", owner, **{"title": "A logo", "type": "fixed", "budget": 300_00} | more).id)


def _browser(client: TestClient[Any]) -> httpx.Client:
    """Return another browser on the same server: without the cookies of any other."""

    class Browser(httpx.Client):
        def __enter__(self) -> Self:
            return self

    return Browser(transport=client._transport, base_url=str(client.base_url))


@contextmanager
def visited(
    database: str, clock: Callable[[], datetime], mailing: Mailing | None = None, **settings: Any
) -> Iterator[Site]:
    """The pages over a database, with a clock, and what e-mail leaves by."""
    chosen = Settings(**{"database": database, "mail": "off"} | settings)
    opened: list[AsyncMarketplace] = []

    @asynccontextmanager
    async def open_market() -> AsyncIterator[AsyncMarketplace]:
        async with await AsyncMarketplace.open(database, pack=chosen.pack, clock=clock) as market:
            opened.append(market)
            yield market

    with TestClient(application(chosen, open_market, mailing), raise_server_exceptions=True) as client:
        site = Site(client, chosen)
        site.market = opened[0]
        yield site
