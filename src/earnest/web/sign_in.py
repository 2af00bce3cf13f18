"""Signing in and out, setting a password, and what a person sees of their own sign-in."""

from collections.abc import Callable, Coroutine
from typing import Any

from litestar import Response

from earnest.demo.personas import PERSONAS
from earnest.marketplace.people import MOST_EMAIL, PersonShown, Seat
from earnest.marketplace.sessions import LASTS
from earnest.rules.outcome import Refusal, Refused
from earnest.web import security
from earnest.web.forms import Form
from earnest.web.home import HOMES
from earnest.web.routes import Id, page
from earnest.web.visit import Visit, query


def _show(request: Visit, form: Form, status: int = 200) -> Response[str]:
    personas = PERSONAS if request.settings.demo else ()
    return request.show(
        "sign_in.html",
        status=status,
        form=form,
        personas=personas,
        next=security.local_path(query(request, "next", 500)) or "",
    )


@page("get", "/sign-in", seats=None)
async def sign_in_page(request: Visit) -> Response[str]:
    """Ask who somebody is."""
    if request.signed_in is not None:
        return request.go(HOMES[request.who.role])
    return _show(request, Form({}, request.words))


@page("post", "/sign-in", seats=None)
async def sign_in(request: Visit) -> Response[str]:
    """Sign somebody in who knows their password."""
    form, words = await request.sent(), request.words
    email, password = form.text("email", MOST_EMAIL), form["password"]
    if not password:
        form.say("password", words.gettext("Please fill this in."))
    if form.errors or email is None:
        return _show(request, form, 422)
    answer = await request.market.sign_in(email, password, address=request.address)
    if isinstance(answer, Refused):
        if answer.code == Refusal.TOO_MANY_TRIES:
            form.say("email", request.refused(answer).sentence)
            return _show(request, form, 429)
        form.say("email", words.gettext("There is nobody with this address and this password."))
        return _show(request, form, 422)
    await _sign_out_here(request)
    return _signed_in(request, answer.secret, form["next"])


async def _sign_out_here(request: Visit) -> None:
    """End the session that this browser has had till now: nobody could end it any more."""
    before = request.secret(security.SESSION)
    if before is not None:
        await request.market.sign_out(before)


def _signed_in(request: Visit, secret: str, go_on: str) -> Response[str]:
    request.keep(security.SESSION, secret, int(LASTS.total_seconds()))
    request.keep(security.VISIT, "", 0)
    return request.go(security.local_path(go_on) or "/")


@page("post", "/demo/sign-in", seats=None)
async def sign_in_as(request: Visit) -> Response[str]:
    """Sign somebody in as one of the demo's people, with one click."""
    form = await request.sent()
    known = {persona.email for persona in PERSONAS} if request.settings.demo else set()
    person = await request.market.person_by_email(form["email"]) if form["email"] in known else None
    if person is None:
        return request.show("error.html", status=404, problem="unknown")
    await _sign_out_here(request)
    answer = await request.market.sign_in_as(person.id)
    return _signed_in(request, request.known(answer).secret, form["next"])


@page("post", "/sign-out", seats=None)
async def sign_out(request: Visit) -> Response[str]:
    """Sign out of this browser, or of all."""
    form = await request.sent()
    secret = request.secret(security.SESSION)
    everywhere = form.ticked("everywhere") and request.who.person is not None
    if everywhere and request.who.person is not None:
        await request.market.sign_out_everywhere(request.who.person.id)
    elif secret is not None:
        await request.market.sign_out(secret)
    request.keep(security.SESSION, "", 0)
    return request.go("/sign-in", done="signed-out-everywhere" if everywhere else "signed-out")


@page("post", "/seat", seats=())
async def take_seat(request: Visit) -> Response[str]:
    """Sit somewhere else."""
    form, person = await request.sent(), request.who.person
    secret = request.secret(security.SESSION)
    kind, _, target = form["seat"].partition(":")
    seats = (
        [] if person is None else [seat for seat in person.seats if (seat.kind, seat.target or "") == (kind, target)]
    )
    if not seats or secret is None:
        return request.show("error.html", status=404, problem="unknown")
    seat: Seat = seats[0]
    fresh = request.known(await request.market.take_seat(secret, seat))
    request.keep(security.SESSION, fresh, int(LASTS.total_seconds()))
    return request.go("/")


@page("get", "/forgot", seats=None)
async def forgot_page(request: Visit) -> Response[str]:
    """Ask for the address a link is to be sent to."""
    return request.show("forgot.html", form=Form({}, request.words))


@page("post", "/forgot", seats=None)
async def forgot(request: Visit) -> Response[str]:
    """Have a link sent, and say the same whoever asks about whom."""
    form = await request.sent()
    email = form.text("email", MOST_EMAIL)
    if email is None:
        return request.show("forgot.html", status=422, form=form)
    request.mailing.send_link(request.market, email, address=request.address)
    return request.go("/sign-in", done="link-sent")


@page("get", "/password/{secret:str}", seats=None)
async def password_page(request: Visit, secret: Id) -> Response[str]:
    """Ask for a new password, of whoever has a link to set one."""
    person = await request.market.person_of_link(secret)
    status = 404 if person is None else 200
    return request.show("password.html", status=status, person=person, form=Form({}, request.words))


@page("post", "/password/{secret:str}", seats=None)
async def set_password(request: Visit, secret: Id) -> Response[str]:
    """Set a new password."""
    form = await request.sent()
    person = await request.market.person_of_link(secret)
    if person is None:
        return request.show("password.html", status=404, person=None, form=form)
    await _try_password(request, form, lambda password: request.market.set_password(secret, password))
    if form.errors:
        return request.show("password.html", status=422, person=person, form=form)
    return request.go("/sign-in", done="password-set")


async def _try_password(
    request: Visit, form: Form, set_it: Callable[[str], Coroutine[Any, Any, PersonShown | Refused]]
) -> None:
    """Set a password, or note in the form what is wrong with it."""
    password = form["password"]
    if password != form["again"]:
        form.say("again", request.words.gettext("This isn’t the same as above."))
        return
    try:
        answer = await set_it(password)
    except ValueError as error:
        form.complain(error, "password")
        return
    if isinstance(answer, Refused):
        is_about_old = answer.code in (Refusal.WRONG_CREDENTIALS, Refusal.TOO_MANY_TRIES)
        form.say("old" if is_about_old else "password", request.refused(answer).sentence)


@page("get", "/you", seats=())
async def you(request: Visit) -> Response[str]:
    """Show a person their own sign-in."""
    return await _you(request, Form({}, request.words))


async def _you(request: Visit, form: Form, status: int = 200) -> Response[str]:
    person = request.who.person
    assert person is not None, "whoever comes here is signed in"  # noqa: S101
    sessions = await request.market.sessions_of(person.id)
    seats = [(seat, await _said(request, seat)) for seat in person.seats]
    return request.show("you.html", status=status, form=form, person=person, sessions=sessions, seats=seats)


async def _said(request: Visit, seat: Seat) -> str:
    """Say what a seat is at."""
    words = request.words
    sitting = await request.sit(seat)
    if sitting is None:
        return words.gettext("A place that is no longer there")
    if sitting.role == "operator":
        return words.gettext("Operator")
    said = {
        "freelancer": words.gettext("Freelancer: %(name)s"),
        "agency": words.gettext("Agency: %(name)s"),
        "client": words.gettext("Client: %(name)s"),
    }[sitting.role or "client"]
    return said % {"name": sitting.name or words.gettext("without a name")}


@page("post", "/you/password", seats=())
async def change_password(request: Visit) -> Response[str]:
    """Change one's own password."""
    form, person, secret = await request.sent(), request.who.person, request.secret(security.SESSION)
    assert person is not None, "whoever comes here is signed in"  # noqa: S101
    await _try_password(
        request,
        form,
        lambda password: request.market.change_password(person.id, form["old"], password, keep=secret or ""),
    )
    if form.errors:
        return await _you(request, form, 422)
    return request.go("/you", done="password-changed")


HANDLERS = [
    sign_in_page,
    sign_in,
    sign_in_as,
    sign_out,
    take_seat,
    forgot_page,
    forgot,
    password_page,
    set_password,
    you,
    change_password,
]
