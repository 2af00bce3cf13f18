"""Who may sign in: finding and adding people, what each may act as, and links to set a password."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from litestar import Response

from earnest.ledger.ids import ACCOUNT, MEMBER, numbered
from earnest.marketplace.given import MOST_NAME
from earnest.marketplace.people import MOST_EMAIL, SEAT_KINDS, PersonShown, Seat
from earnest.rules.outcome import Refusal, Refused
from earnest.web.forms import Form
from earnest.web.routes import Id, page
from earnest.web.visit import Visit, next_page, query
from earnest.web.words import Words

ON_A_PAGE = 20
MOST_TARGET = 260
"""An id, or `ext:` and an id of the caller's own."""


@page("get", "/operate/people", seats=("operator",))
async def people(request: Visit) -> Response[str]:
    """List who may sign in."""
    words = query(request, "q", MOST_EMAIL)
    found = await request.market.people(q=words, limit=ON_A_PAGE, cursor=query(request, "cursor") or None)
    return request.show(
        "operate/people.html",
        q=words,
        people=found,
        said=await _said(request, (seat for each in found.items for seat in each.seats)),
        seen=dict(zip((each.id for each in found.items), await _seen(request, found.items), strict=True)),
        more=next_page(request, found.next_cursor),
        first="/operate/people" if query(request, "cursor") else None,
    )


@page("get", "/operate/people/add", seats=("operator",))
async def ask_whom(request: Visit) -> Response[str]:
    """Ask who is to be added."""
    target = query(request, "target", MOST_TARGET)
    kind = query(request, "kind")
    return _add(request, Form({"target": target, "kind": kind if kind in SEAT_KINDS else "account"}, request.words))


@page("post", "/operate/people/add", seats=("operator",))
async def add(request: Visit) -> Response[str]:
    """Add a person with a first seat."""
    form = await request.sent()
    email, name = form.text("email", MOST_EMAIL), form.text("name", MOST_NAME, needed=False)
    seat = _seat(form, request.words)
    if form.errors or email is None or seat is None:
        return _add(request, form, 422)
    try:
        answer = await request.market.create_person(email=email, name=name, seats=[seat], key=request.once(form))
    except ValueError as error:
        form.complain(error)
        return _add(request, form, 422)
    if isinstance(answer, Refused):
        form.say(*_complaint(request.words, answer))
        return _add(request, form, 409)
    if request.mailing.post is not None:
        request.mailing.send_link(request.market, email)
    return request.go(f"/operate/people/{answer.id}", done="person-added")


@page("get", "/operate/people/{person_id:str}", seats=("operator",))
async def person(request: Visit, person_id: Id) -> Response[str]:
    """Show a person."""
    return await _show(request, person_id, Form({}, request.words))


@page("post", "/operate/people/{person_id:str}/name", seats=("operator",))
async def rename(request: Visit, person_id: Id) -> Response[str]:
    """Change what a person is called."""
    known = request.known(await request.market.person(person_id))
    form = await request.sent()
    name = form.text("name", MOST_NAME, needed=False)
    if form.errors:
        return await _show(request, known.id, form, status=422)
    request.known(await request.market.rename_person(known.id, name))
    return request.go(f"/operate/people/{known.id}", done="person-renamed")


@page("post", "/operate/people/{person_id:str}/seats", seats=("operator",))
async def add_seat(request: Visit, person_id: Id) -> Response[str]:
    """Let a person act as one more."""
    known = request.known(await request.market.person(person_id))
    form = await request.sent()
    seat = _seat(form, request.words)
    if form.errors or seat is None:
        return await _show(request, known.id, form, status=422)
    answer = await request.market.add_seat(known.id, seat)
    if isinstance(answer, Refused):
        form.say(*_complaint(request.words, answer))
        return await _show(request, known.id, form, status=409)
    return request.go(f"/operate/people/{known.id}", done="seat-added")


@page("post", "/operate/people/{person_id:str}/seats/remove", seats=("operator",))
async def remove_seat(request: Visit, person_id: Id) -> Response[str]:
    """Let a person act as that no more."""
    known = request.known(await request.market.person(person_id))
    form = await request.sent()
    kind, _, target = form["seat"].partition(":")
    seat = next((each for each in known.seats if each.kind == kind and (each.target or "") == target), None)
    if seat is not None:
        if request.who.person is not None and known.id == request.who.person.id and seat.kind == "operator":
            # Nobody locks themselves out by a slip; another operator can.
            form.say("seat", request.words.gettext("You can’t take your own place as an operator away."))
            return await _show(request, known.id, form, status=409)
        request.known(await request.market.remove_seat(known.id, seat))
    return request.go(f"/operate/people/{known.id}", done="seat-removed")


@page("post", "/operate/people/{person_id:str}/link", seats=("operator",))
async def new_link(request: Visit, person_id: Id) -> Response[str]:
    """Send a person a link with which they set a password; where no e-mail leaves, show it to the operator, once."""
    known = request.known(await request.market.person(person_id))
    if request.mailing.post is not None:
        request.mailing.send_link(request.market, known.email)
        return request.go(f"/operate/people/{known.id}", done="link-on-its-way")
    given = await request.market.password_link(known.email)
    link = None if given is None else f"{request.mailing.base}/password/{given[1]}"
    return await _show(request, known.id, Form({}, request.words), link=link)


@page("post", "/operate/people/{person_id:str}/remove", seats=("operator",))
async def remove(request: Visit, person_id: Id) -> Response[str]:
    """Let a person go."""
    known = request.known(await request.market.person(person_id))
    form = await request.sent()
    if request.who.person is not None and known.id == request.who.person.id:
        form.say("sure", request.words.gettext("You can’t remove yourself; another operator can."))
    elif not form.ticked("sure"):
        form.say("sure", request.words.gettext("Please tick this, if you mean it."))
    if form.errors:
        return await _show(request, known.id, form, status=422)
    refused = await request.market.remove_person(known.id)
    if refused is not None:
        request.known(refused)
    return request.go("/operate/people", done="person-removed")


def _seat(form: Form, words: Words) -> Seat | None:
    """Return the seat that a form names."""
    kind = form.choice("kind", SEAT_KINDS)
    if kind is None:
        return None
    chosen = next(each for each in SEAT_KINDS if each == kind)
    target = form.text("target", MOST_TARGET, needed=kind != "operator")
    if kind == "operator":
        if target is not None:
            # Half of it is a slip, and an operator sees everything.
            form.say("target", words.gettext("An operator’s place is at nobody’s account: leave this empty."))
            return None
        return Seat("operator", None)
    return None if target is None else Seat(chosen, target)


def _complaint(w: Words, refused: Refused) -> tuple[str, str]:
    """Return which field a refusal is about, and what is wrong with it."""
    said = {
        Refusal.EMAIL_TAKEN: ("email", w.gettext("Somebody has this address already: look for them, and add a place.")),
        Refusal.UNKNOWN_ACCOUNT: ("target", w.gettext("There is no such account.")),
        Refusal.UNKNOWN_MEMBER: ("target", w.gettext("There is no such member.")),
        Refusal.UNKNOWN_CLIENT: ("target", w.gettext("There is no such client.")),
        Refusal.NOT_FOR_THIS_KIND: (
            "target",
            w.gettext("This is an agency’s account. People enter one as its members: give the member’s id."),
        ),
        Refusal.KEY_REUSED: (
            "email",
            w.gettext("This form was sent before with something else in it. Load the page again."),
        ),
    }
    return said.get(refused.code, ("target", w.gettext("That can’t be done. Nothing was changed.")))


def _add(request: Visit, form: Form, status: int = 200) -> Response[str]:
    return request.show(
        "operate/person_add.html", status=status, form=form, most_email=MOST_EMAIL, most_name=MOST_NAME, **_kinds()
    )


async def _show(
    request: Visit, person_id: str, form: Form, *, status: int = 200, link: str | None = None
) -> Response[str]:
    known = request.known(await request.market.person(person_id))
    said, sessions = await asyncio.gather(_said(request, known.seats), request.market.sessions_of(known.id))
    return request.show(
        "operate/person.html",
        status=status,
        person=known,
        said=said,
        sessions=sessions,
        form=form,
        link=link,
        most_name=MOST_NAME,
        **_kinds(),
    )


def _kinds() -> dict[str, object]:
    return {"kinds": SEAT_KINDS, "most_target": MOST_TARGET}


async def _said(request: Visit, seats: Iterable[Seat]) -> dict[Seat, tuple[str, str | None]]:
    """Return what each of some seats is called, and where it leads."""
    market, w = request.market, request.words
    wanted = set(seats)
    accounts = {seat: _account_of(seat) for seat in wanted if seat.kind in ("account", "member")}
    clients = sorted({seat.target or "" for seat in wanted if seat.kind == "client"})
    records, found = await asyncio.gather(
        market.track_records(sorted(set(accounts.values())), since=market.ledger.now),
        asyncio.gather(*(market.client(each) for each in clients)),
    )
    names = {each.id: each.name for each in found if not isinstance(each, Refused)}
    said: dict[Seat, tuple[str, str | None]] = {}
    for seat in wanted:
        if seat.kind == "operator":
            said[seat] = w.gettext("Operator"), None
        elif seat.kind == "client":
            said[seat] = w.gettext("Client: %(name)s") % {"name": names.get(seat.target or "") or seat.target}, None
        else:
            id_ = accounts[seat]
            record = records.get(id_)
            called = (record.name if record is not None else None) or id_
            text = w.gettext("Freelancer: %(name)s") if seat.kind == "account" else w.gettext("Member of %(name)s")
            said[seat] = text % {"name": called}, f"/operate/accounts/{id_}"
    return said


def _account_of(seat: Seat) -> str:
    """Return the account that a holder's or a member's seat is at."""
    where = numbered(seat.target or "", MEMBER)
    return seat.target or "" if where is None else f"{ACCOUNT}{where[0]}"


async def _seen(request: Visit, found: list[PersonShown]) -> list[datetime | None]:
    """Return when each of some people was last seen, None for whoever isn't signed in."""
    sessions = await asyncio.gather(*(request.market.sessions_of(each.id) for each in found))
    return [max((session.seen_at for session in each), default=None) for each in sessions]


HANDLERS = [
    people,
    ask_whom,
    add,
    person,
    rename,
    add_seat,
    remove_seat,
    new_link,
    remove,
]
