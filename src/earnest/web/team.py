"""An agency's people: its pool, who may do what, who spent what of it, and whose proposals are whose."""

import asyncio
from datetime import date, datetime
from typing import cast
from urllib.parse import urlencode

from litestar import Response
from litestar.exceptions import NotFoundException

from earnest.ledger.writer import Key
from earnest.marketplace.given import MOST_NAME
from earnest.marketplace.people import MOST_EMAIL, Seat, checked_email
from earnest.marketplace.workers import WorkerSpending
from earnest.rules.member import Role, bar_for_changing
from earnest.rules.outcome import Refusal, Refused
from earnest.web.charts import Series
from earnest.web.forms import Form
from earnest.web.labels import Labels
from earnest.web.refusals import Told
from earnest.web.routes import Id, page
from earnest.web.visit import Visit, next_page, query
from earnest.web.workers import MOST_LISTED, called

ON_A_PAGE = 20
SPANS = (1, 3, 6, 12)
"""Over how many months one can look at who spent what."""

USUAL_SPAN = 3
MOST_CHARTED = 8
"""More members than that don't fit side by side in a chart."""

_ROLES: tuple[Role, ...] = ("member", "admin", "owner")
_LEAVE = {"": None, "yes": True, "no": False}


def since(request: Visit, months: int) -> datetime:
    """Return when the first of the last so many calendar months began, this one included."""
    calendar = request.market.ledger.pack.calendar
    today = date.fromordinal(calendar.day(request.market.ledger.now))
    year, month = divmod(today.year * 12 + today.month - months, 12)
    return calendar.day_start(date(year, month + 1, 1).toordinal())


@page("get", "/team", seats=("agency",))
async def team(request: Visit) -> Response[str]:
    """Show the pool, the members, and who spent what."""
    asked = query(request, "months")
    months = int(asked) if asked.isdecimal() and int(asked) in SPANS else USUAL_SPAN
    spending = request.known(await request.market.spending_by_worker(request.account_id, since=since(request, months)))
    q = query(request, "q", MOST_NAME)
    # Who has left is shown while there is something to tell of them, or when they are looked for.
    found = [each for each in spending if (called(each.member.name, q) if q else each.proposals or not each.has_left)]
    found.sort(key=_most_spent)
    before = query(request, "cursor") or "0"
    begin = int(before) if before.isdecimal() and int(before) < len(found) else 0
    end = begin + MOST_LISTED
    charted = sorted((each for each in spending if each.spent), key=_most_spent)[:MOST_CHARTED]
    return request.show(
        "team.html",
        spending=spending,
        found=found,
        shown=found[begin:end],
        begin=begin,
        more=next_page(request, str(end) if end < len(found) else None),
        first="/team?" + urlencode({"months": months, "q": q}) if begin else None,
        q=q,
        by_name=bool(q) or len(found) > MOST_LISTED,
        most_name=MOST_NAME,
        may_propose={each.member.id for each in found[begin:end] if each.member.ruled.may_propose},
        # A first name fits under a bar.
        charted=[(each.member.name or "").partition(" ")[0] for each in charted],
        series=[
            Series("c1", request.words.gettext("Spent"), [each.spent for each in charted]),
            Series("c2", request.words.gettext("Came back of it"), [each.returned for each in charted]),
        ],
        months=months,
        spans=SPANS,
        account=request.who.account,
        balance=request.who.balance,
    )


def _most_spent(each: WorkerSpending) -> tuple[int, int]:
    """Order by what was spent, the most first; sorting leaves those who are equal as they came."""
    return -each.spent, -each.proposals


@page("get", "/team/proposals", seats=("agency",))
async def team_proposals(request: Visit) -> Response[str]:
    """List the agency's proposals: all of them, or one worker's."""
    people = await _people(request)
    worker = query(request, "worker")
    if worker and worker not in people:
        raise NotFoundException
    q, cursor = query(request, "q", MOST_NAME), query(request, "cursor") or None
    found_people = [each for each in people.values() if called(each.member.name, q)] if q else []
    if len(found_people) == 1:
        return request.go(f"/team/proposals?worker={found_people[0].member.id}")
    found = (
        await request.market.proposals_by_worker(worker, limit=ON_A_PAGE, cursor=cursor)
        if worker
        else await request.market.proposals_of(request.account_id, limit=ON_A_PAGE, cursor=cursor)
    )
    proposals = request.known(found)
    return request.show(
        "team_proposals.html",
        proposals=proposals,
        jobs=await request.market.jobs_by_id([each.job_id for each in proposals.items]),
        people=people,
        worker=worker,
        by_name=len(people) > MOST_LISTED,
        q=q,
        called=found_people[:MOST_LISTED],
        left_out=max(0, len(found_people) - MOST_LISTED),
        most_name=MOST_NAME,
        more=next_page(request, proposals.next_cursor),
        first="/team/proposals" + (f"?worker={worker}" if worker else "") if cursor else None,
    )


async def _people(request: Visit) -> dict[str, WorkerSpending]:
    """Return everybody who is or was a member, with what they ever spent, by id."""
    spending = request.known(await request.market.spending_by_worker(request.account_id))
    return {each.member.id: each for each in spending}


# One member


@page("get", "/team/members/{member_id:str}", seats=("agency",))
async def member(request: Visit, member_id: Id) -> Response[str]:
    """Show a member: what they may do, and their proposals."""
    return await _member(request, member_id, Form({}, request.words))


async def _member(
    request: Visit, member_id: str, form: Form, *, status: int = 200, told: Told | None = None
) -> Response[str]:
    people = await _people(request)
    if member_id not in people:
        raise NotFoundException
    known = people[member_id]
    bar, stays = _bar(request, known, known.member.role), _bar(request, known, None)
    found = await request.market.proposals_by_worker(
        member_id, limit=ON_A_PAGE, cursor=query(request, "cursor") or None
    )
    proposals = request.known(found)
    jobs, signing_in = await asyncio.gather(
        request.market.jobs_by_id([each.job_id for each in proposals.items]), request.market.people_of(member_id)
    )
    return request.show(
        "team_member.html",
        status=status,
        told=told,
        form=form,
        known=known,
        member=known.member,
        bar=bar,
        stays=stays,
        leave_now=_said(known.member.can_propose),
        # Who may sign in is the business of those who manage it.
        emails=[each.email for each in signing_in] if request.who.manages else [],
        proposals=proposals,
        jobs=jobs,
        **_choices(request),
        most_email=MOST_EMAIL,
        more=next_page(request, proposals.next_cursor),
        first=f"/team/members/{member_id}" if query(request, "cursor") else None,
    )


def _roles(request: Visit) -> tuple[Role, ...]:
    """Return the roles that whoever visits may give: an owner's only an owner does."""
    me = request.who.member
    return _ROLES if me is not None and me.role == "owner" else _ROLES[:-1]


def _choices(request: Visit) -> dict[str, list[tuple[str, str]]]:
    """Return what can be chosen for a member, with what it is called."""
    words = request.words
    label = Labels(words)
    return {
        "role_choices": [(role, label.name(role)) for role in _roles(request)],
        "leave_choices": [
            ("", words.gettext("As their role has it")),
            ("yes", words.gettext("Yes, whatever their role")),
            ("no", words.gettext("No, whatever their role")),
        ],
    }


def _said(can_propose: bool | None) -> str:
    """Return a leave to propose as the form says it."""
    return next(said for said, leave in _LEAVE.items() if leave is can_propose)


def _bar(request: Visit, known: WorkerSpending, role: Role | None) -> Told | None:
    """Say why whoever visits can't make a member something, or let them go (None); None where they can."""
    me = request.who.member
    barred = None if me is None else bar_for_changing(me.ruled, known.member.ruled, role)
    return None if barred is None else request.refused(barred)


async def _changed(request: Visit, member_id: str) -> WorkerSpending:
    """Return a member who is to be changed; raises NotFoundException for a stranger, and for one who has left."""
    known = (await _people(request)).get(member_id)
    if known is None or known.has_left:
        raise NotFoundException
    return known


async def _refused(request: Visit, member_id: str, form: Form, told: Told) -> Response[str]:
    if told.code == Refusal.UNKNOWN_MEMBER:
        raise NotFoundException
    status = 403 if told.code == Refusal.NOT_PERMITTED else 409
    return await _member(request, member_id, form, status=status, told=told)


@page("post", "/team/members/{member_id:str}", seats=("agency",))
async def change_member(request: Visit, member_id: Id) -> Response[str]:
    """Change what a member may do."""
    form = await request.sent()
    known = await _changed(request, member_id)
    told = _bar(request, known, known.member.role)
    if told is not None:
        return await _refused(request, member_id, form, told)
    role = form.choice("role", _roles(request))
    leave = form.choice("can_propose", _LEAVE)
    if role is None or leave is None:
        return await _member(request, member_id, form, status=422)
    answer = await request.market.change_member(
        member_id,
        role=cast(Role, role),
        can_propose=_LEAVE[leave],
        by_member_id=request.member_id,
        key=request.once(form),
    )
    if isinstance(answer, Refused):
        return await _refused(request, member_id, form, request.refused(answer))
    return request.go(f"/team/members/{member_id}", done="member-changed")


@page("get", "/team/members/{member_id:str}/remove", seats=("agency",))
async def before_removing(request: Visit, member_id: Id) -> Response[str]:
    """Say what removing a member means, before it is done."""
    known = await _changed(request, member_id)
    told = _bar(request, known, None)
    if told is not None:
        return await _refused(request, member_id, Form({}, request.words), told)
    return request.show("remove_member.html", known=known, member=known.member)


@page("post", "/team/members/{member_id:str}/remove", seats=("agency",))
async def remove_member(request: Visit, member_id: Id) -> Response[str]:
    """Remove a member; what they spent stays spent, and their proposals go on."""
    form = await request.sent()
    answer = await request.market.remove_member(member_id, by_member_id=request.member_id, key=request.once(form))
    if isinstance(answer, Refused):
        return await _refused(request, member_id, form, request.refused(answer))
    # Whoever removed themselves has no business here any more.
    return request.go("/team" if member_id != request.member_id else "/you", done="member-removed")


@page("post", "/team/members/{member_id:str}/seat", seats=("agency",))
async def let_in(request: Visit, member_id: Id) -> Response[str]:
    """Let whoever has an e-mail address act for a member who nobody acts for yet."""
    form = await request.sent()
    known = await _changed(request, member_id)
    told = _bar(request, known, known.member.role)
    if told is not None:
        return await _refused(request, member_id, form, told)
    email = _email(form)
    if email is not None:
        sitting = await request.market.people_of(member_id)
        if any(each.email.lower() != email.lower() for each in sitting):
            form.errors["email"] = request.words.gettext("Somebody else signs in as them already.")
        elif not sitting:
            told = await _seat(request, form, member_id, email)
            if told is not None:
                return await _refused(request, member_id, form, told)
    if form.errors:
        return await _member(request, member_id, form, status=422)
    return request.go(f"/team/members/{member_id}", done="seat-given")


# A new one


@page("get", "/team/add", seats=("agency",))
async def new_member(request: Visit) -> Response[str]:
    """Ask who comes to the team."""
    return _add(request, Form({"role": "member"}, request.words))


def _add(request: Visit, form: Form, *, status: int = 200, told: Told | None = None) -> Response[str]:
    return request.show(
        "add_member.html",
        status=status,
        told=told,
        form=form,
        **_choices(request),
        most_name=MOST_NAME,
        most_email=MOST_EMAIL,
    )


@page("post", "/team/add", seats=("agency",))
async def add_member(request: Visit) -> Response[str]:
    """Add a member, and let whoever has their e-mail address act for them."""
    form = await request.sent()
    if not request.who.manages:
        return _add(request, form, status=403)
    name, email = form.text("name", MOST_NAME), _email(form)
    role = form.choice("role", _roles(request))
    leave = form.choice("can_propose", _LEAVE)
    if form.errors or name is None or email is None or role is None or leave is None:
        return _add(request, form, status=422)
    answer = await request.market.add_member(
        request.account_id,
        name=name,
        role=cast(Role, role),
        can_propose=_LEAVE[leave],
        by_member_id=request.member_id,
        key=request.once(form),
    )
    if isinstance(answer, Refused):
        return _add(request, form, status=409, told=request.refused(answer))
    told = await _seat(request, form, answer.id, email, name)
    if told is not None:
        return await _refused(request, answer.id, form, told)
    return request.go(f"/team/members/{answer.id}", done="member-added")


def _email(form: Form) -> str | None:
    """Return an e-mail address, if there is one that can be meant."""
    email = form.text("email", MOST_EMAIL)
    if email is None:
        return None
    try:
        return checked_email(email)
    except ValueError as error:
        form.complain(error)
        return None


async def _seat(request: Visit, form: Form, member_id: str, email: str, name: str | None = None) -> Told | None:
    """Give whoever has an address a seat at a member's place; somebody new with this address is made known.

    Returns why not, if whoever visits may not do that any more.
    """
    seat = Seat("member", member_id)
    once = request.once(form)
    known = await request.market.person_by_email(email)
    if known is None:
        key = Key(f"{once.value}/person", once.caller)
        made = await request.market.create_person(
            email=email, name=name, seats=[seat], by_member_id=request.member_id, key=key
        )
        if not isinstance(made, Refused):
            request.mailing.send_link(request.market, email, address=request.address)
            return None
        if made.code != Refusal.EMAIL_TAKEN:
            return request.refused(made)
        # Somebody made them known in the meantime.
        known = await request.market.person_by_email(email)
    if known is not None:
        added = await request.market.add_seat(known.id, seat, by_member_id=request.member_id)
        return request.refused(added) if isinstance(added, Refused) else None
    return None


HANDLERS = [
    team,
    team_proposals,
    member,
    change_member,
    before_removing,
    remove_member,
    let_in,
    new_member,
    add_member,
]
