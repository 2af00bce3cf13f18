"""A visit: a request of somebody with a browser, who they are and where they sit, and how they are answered."""

from typing import TypeVar, cast
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie, State
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException, InternalServerException, NotFoundException

from earnest.ledger.ids import MEMBER, numbered
from earnest.ledger.writer import Key
from earnest.marketplace import AsyncMarketplace
from earnest.marketplace.people import PersonShown, Seat
from earnest.marketplace.sessions import Session
from earnest.marketplace.shown import AccountShown, BalanceShown, ClientShown, MemberShown
from earnest.rules.outcome import Refused
from earnest.rules.pack import Revision
from earnest.settings import Settings
from earnest.web import done as done_sentences
from earnest.web import refusals, security
from earnest.web.alerts import alerts
from earnest.web.forms import Form
from earnest.web.mailing import Mailing
from earnest.web.rendering import Renderer
from earnest.web.routes import Role
from earnest.web.words import Words, locale_of

T = TypeVar("T")

MOST_FORM_BYTES = 300_000
MOST_ONCE = 64
MOST_FIELDS = 200
GONE = 499

_SAFE = "/?#[]@!$&'()*+,;=:%~"
"""What stands in an address as it is, besides letters and digits (RFC 3986)."""


class Who(msgspec.Struct, frozen=True):
    """Who visits: a person on one of their seats. `role` None is for whoever has no seat, or isn't signed in."""

    person: PersonShown | None = None
    seat: Seat | None = None
    role: Role | None = None
    name: str | None = None
    account: AccountShown | None = None
    balance: BalanceShown | None = None
    member: MemberShown | None = None
    client: ClientShown | None = None
    unseen: int = 0
    """How much of the account's news they have not seen."""

    @property
    def manages(self) -> bool:
        """Whether they may buy and change the plan: on an own account always, at an agency as its owner or admin."""
        return self.role == "freelancer" if self.member is None else self.member.ruled.leads

    @property
    def may_propose(self) -> bool:
        """Whether they may propose for the account, as far as it depends on them."""
        return self.role == "freelancer" if self.member is None else self.member.ruled.may_propose


NOBODY = Who()
"""Who isn't signed in."""


class Visit(Request[Who, Who, State]):
    """A request for a page, or of a form. `admit` (app.py) puts down who comes before anything is read."""

    @property
    def who(self) -> Who:
        """Who visits."""
        return cast(Who, self.scope["state"].get("who", NOBODY))

    @property
    def signed_in(self) -> Session | None:
        """The session they are signed in with."""
        return cast(Session | None, self.scope["state"].get("session"))

    @property
    def market(self) -> AsyncMarketplace:
        """The marketplace."""
        return cast(AsyncMarketplace, self.app.state.market)

    @property
    def mailing(self) -> Mailing:
        """The e-mail that leaves."""
        return cast(Mailing, self.app.state.mailing)

    @property
    def settings(self) -> Settings:
        """The server's settings."""
        return cast(Settings, self.app.state.settings)

    @property
    def path(self) -> str:
        """The path that is asked for. A URL is made of the Host header too, and that may be anything."""
        return self.scope["path"]

    @property
    def rules(self) -> Revision:
        """The rules in force now."""
        return self.market.ledger.pack.at(self.market.ledger.now)

    @property
    def secure(self) -> bool:
        """Whether the pages are reached over https."""
        return (self.settings.public_url or "").startswith("https:")

    @property
    def words(self) -> Words:
        """How to say things to this reader."""
        return self._renderer.words(locale_of(self.headers.get("accept-language")), self.market.ledger.pack)

    @property
    def address(self) -> str:
        """The address somebody comes from: what the first of our own proxies, if there are any, has seen."""
        proxies = self.settings.proxies
        # Some proxies add to the line they were sent, others write one of their own below it.
        lines = ",".join(self.headers.getall("x-forwarded-for", []))
        seen = [each.strip() for each in lines.split(",") if each.strip()]
        # Whatever stands further left was sent by who knows whom.
        if proxies and len(seen) >= proxies:
            return seen[-proxies]
        return "unknown" if self.client is None else self.client.host

    @property
    def _renderer(self) -> Renderer:
        return cast(Renderer, self.app.state.renderer)

    def secret(self, name: str) -> str | None:
        """Return the secret in one of our cookies."""
        value = self.cookies.get(security.cookie_name(name, secure=self.secure))
        return value if value and len(value) <= 200 and value.isascii() else None

    def keep(self, name: str, value: str, seconds: int | None) -> None:
        """Have the browser keep a cookie: until it ends where there are no seconds, and not at all for 0."""
        self._kept.append(
            Cookie(
                security.cookie_name(name, secure=self.secure),
                path="/",
                value=value,
                max_age=seconds,
                httponly=True,
                samesite="lax",
                secure=self.secure,
            )
        )

    @property
    def _kept(self) -> list[Cookie]:
        return cast(list[Cookie], self.scope["state"].setdefault("cookies", []))

    def form_token(self) -> str:
        """Return the token for the forms of this page, with the cookie it goes with."""
        secret = self.secret(security.SESSION) if self.signed_in is not None else None
        secret = secret or self.secret(security.VISIT) or self.scope["state"].get("visit")
        if secret is None:
            secret = self.scope["state"]["visit"] = security.new_secret()
            self.keep(security.VISIT, secret, None)
        return security.token(secret, self.who.seat)

    async def sent(self) -> Form:
        """Return the form that was sent."""
        kept = self.scope["state"].get("form")
        if kept is None:
            kept = {}
            if self.content_type[0] == RequestEncodingType.URL_ENCODED:
                try:
                    body = await self.body()
                except InternalServerException as error:
                    # Nobody reads the answer; it is what the log and the metrics tell.
                    raise ClientException("the client went away", status_code=GONE) from error
                try:
                    # The first of a name counts.
                    for name, value in reversed(parse_qsl(body.decode(), True, max_num_fields=MOST_FIELDS)):
                        kept[name] = value
                except ValueError as error:
                    raise ClientException("a form that can't be read") from error
            self.scope["state"]["form"] = kept
        return Form(kept, self.words)

    def once(self, form: Form) -> Key:
        """Return the idempotency key a form was shown with: sent twice, it is done once."""
        value = form[security.ONCE_FIELD]
        if not 0 < len(value) <= MOST_ONCE or not value.isprintable():
            value = security.new_secret()
        return Key(value, self.who.person.id if self.who.person is not None else "")

    def known(self, answer: T | Refused) -> T:
        """Return what a use case found; raises NotFoundException where it found nothing, or nothing one may see."""
        if isinstance(answer, Refused):
            raise NotFoundException(detail=answer.code)
        return answer

    def show(self, template: str, /, *, status: int = 200, **values: object) -> Response[str]:
        """Answer with a page."""
        renderer = self._renderer
        values = {
            "visit": self,
            "who": self.who,
            "w": self.words,
            "now": self.market.ledger.now,
            "path": self.path,
            "once": security.new_secret(),
            "form_token": self.form_token,
            "alerts": alerts(self.who, self.words, self.path, self.settings.expiry_notice_days),
            "done_said": done_sentences.said(query(self, "done"), self.words),
            **values,
        }
        page = renderer.render(template, self.words, values)
        return self._answered(Response(page, status_code=status, media_type="text/html; charset=utf-8"))

    def go(self, path: str, *, done: str | None = None) -> Response[str]:
        """Send the browser on to another page, where `done` names what is to be said first (done.py)."""
        if done is not None:
            path = f"{path}{'&' if '?' in path else '?'}done={done}"
        # What was asked for may bear any letters, a header only these.
        headers = {"Location": quote(path, safe=_SAFE)}
        return self._answered(Response("", status_code=303, headers=headers, media_type="text/plain"))

    def refused(self, refusal: Refused) -> refusals.Told:
        """Return a refusal in plain words, with the way out of it."""
        return refusals.told(refusal, self.words, self.who)

    def answer_file(self, content: str, name: str, media_type: str) -> Response[str]:
        """Answer with a file to keep."""
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return self._answered(Response(content, media_type=media_type, headers=disposition))

    def _answered(self, response: Response[str]) -> Response[str]:
        response.headers.update(security.headers(private=True, secure=self.secure))
        response.cookies.extend(self._kept)
        return response

    # Who comes

    async def find_out_who(self) -> None:
        """Look up whose session the browser's cookie is, and the seat they sit on."""
        secret = self.secret(security.SESSION)
        session = None if secret is None else await self.market.session(secret)
        self.scope["state"]["session"] = session
        if session is None:
            return
        person = session.person
        self.scope["state"]["who"] = Who(person)
        for seat in person.seats if session.seat is None else [session.seat]:
            taken = await self.sit(seat)
            if taken is not None:
                self.scope["state"]["who"] = taken
                return

    async def sit(self, seat: Seat) -> Who | None:
        """Return who visits as they would be on a seat of theirs, None where what it is at is gone."""
        person = self.who.person
        market = self.market
        if seat.kind == "operator":
            return Who(person, seat, "operator", None)
        if seat.kind == "client":
            client = await market.client(seat.target or "")
            return None if isinstance(client, Refused) else Who(person, seat, "client", client.name, client=client)
        member = None
        account_id = seat.target or ""
        if seat.kind == "member":
            found = await market.member(account_id)
            where = numbered(account_id, MEMBER)
            if isinstance(found, Refused) or where is None:
                return None
            member, account_id = found, f"acc_{where[0]}"
        account, balance = await market.account(account_id), await market.balance(account_id)
        if isinstance(account, Refused) or isinstance(balance, Refused):
            return None
        role: Role = "freelancer" if member is None else "agency"
        unseen = 0 if person is None else await market.unseen_news(account_id, person.id)
        return Who(person, seat, role, account.name, account, balance, member, unseen=unseen)

    @property
    def account_id(self) -> str:
        """The account of whoever visits, on a page that is for holders."""
        assert self.who.account is not None, "the page is declared for holders"  # noqa: S101
        return self.who.account.id

    @property
    def client_id(self) -> str:
        """The client who visits, on a page that is for clients."""
        assert self.who.client is not None, "the page is declared for clients"  # noqa: S101
        return self.who.client.id

    @property
    def member_id(self) -> str | None:
        """The agency's member who visits, None on an own account."""
        return None if self.who.member is None else self.who.member.id


def query(visit: Visit, name: str, most: int = 200) -> str:
    """Return a word of a page's query, as far as it can be meant."""
    value = visit.query_params.get(name, "")
    return value if isinstance(value, str) and len(value) <= most and value.isprintable() else ""


def next_page(visit: Visit, cursor: str | None) -> str | None:
    """Return where the next piece of a list is, asked for as this one was; None at the end of the list."""
    if cursor is None:
        return None
    asked = {name: value for name, value in visit.query_params.items() if name not in ("cursor", "done")}
    return f"{visit.path}?{urlencode(asked | {'cursor': cursor})}"
