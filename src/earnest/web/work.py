"""Finding work: jobs with their price, what one would cost this reader, and proposing."""

import asyncio
from typing import Literal

from litestar import Response

from earnest.marketplace.given import MOST_LETTER, MOST_NAME
from earnest.marketplace.shown import JobShown, QuoteShown
from earnest.rules.account import MOST_CONNECTS
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.price import JobType
from earnest.web import workers
from earnest.web.forms import Form
from earnest.web.labels import Labels
from earnest.web.refusals import Told
from earnest.web.routes import HOLDERS, Id, page
from earnest.web.visit import Visit, next_page, query
from earnest.web.words import Words

ON_A_PAGE = 20
MOST_LOSSES = 2
"""How many of the coming losses are told beside a price: those this proposal can do something about."""

MOST_INVITATIONS = 100
"""How many of the latest invitations are looked through for the jobs of a list."""

_TYPES: tuple[str, ...] = tuple(each.value for each in JobType)


@page("get", "/work", seats=HOLDERS)
async def find_work(request: Visit) -> Response[str]:
    """List the jobs that take proposals."""
    card = request.rules.price_card
    words, type_, price = query(request, "q"), query(request, "type"), query(request, "max_price")
    highest = int(price) if price.isdecimal() and card.least <= int(price) <= card.most else None
    affordable = query(request, "affordable") == "yes"
    balance = request.who.balance.available if request.who.balance is not None else 0
    if affordable:
        highest = min(balance, highest if highest is not None else balance)
    found = await request.market.jobs(
        status="open",
        q=words or None,
        type=type_ if type_ in _TYPES else None,
        max_price=highest,
        limit=ON_A_PAGE,
        cursor=query(request, "cursor") or None,
    )
    jobs = request.known(found)
    proposed, invited = await asyncio.gather(
        request.market.proposed_to(request.account_id, [job.id for job in jobs.items]),
        request.market.invitations(request.account_id, limit=MOST_INVITATIONS),
    )
    return request.show(
        "work.html",
        jobs=jobs,
        more=next_page(request, jobs.next_cursor),
        first="/work" if query(request, "cursor") else None,
        q=words,
        type=type_,
        max_price=price,
        affordable=affordable,
        balance=balance,
        proposed=proposed,
        invited={each.job_id for each in request.known(invited).items},
        prices=range(card.least, card.most + 1),
        types=_TYPES,
    )


@page("get", "/work/{job_id:str}", seats=HOLDERS)
async def see_job(request: Visit, job_id: Id) -> Response[str]:
    """Show a job, what it costs and why, and what would remain."""
    return await _job(request, job_id, Form({}, request.words))


async def _job(
    request: Visit,
    job_id: str,
    form: Form,
    *,
    status: int = 200,
    told: Told | None = None,
    step: Literal["write", "confirm"] = "write",
    bid: int | None = None,
) -> Response[str]:
    job: JobShown = request.known(await request.market.job(job_id))
    known = await workers.workers(request)
    chosen = workers.choose(request, form, known)
    quote: QuoteShown = request.known(
        await request.market.quote(job.id, request.account_id, worker_id=chosen.worker_id)
    )
    proposed = await request.market.proposed_to(request.account_id, [job.id])
    return request.show(
        "job.html",
        status=status,
        job=job,
        quote=quote,
        refusal=None if quote.refusal is None else request.refused(quote.refusal),
        proposal=proposed.get(job.id),
        why=why(request.words, job, quote),
        losses=request.who.balance.expiring[:MOST_LOSSES] if request.who.balance is not None else (),
        form=form,
        told=told,
        step=step,
        bid=bid,
        most_letter=MOST_LETTER,
        most_name=MOST_NAME,
        workers=known,
        worker_id=chosen.worker_id,
        among=chosen.among,
        by_name=len(known) > workers.MOST_LISTED,
    )


def why(words: Words, job: JobShown, quote: QuoteShown) -> str:
    """Say in a sentence what a job's price rests on."""
    label = Labels(words)
    if quote.price == 0:
        return words.gettext("The client has invited you, so this is free.")
    if job.type == JobType.FIXED and job.budget is not None:
        said = words.gettext("It is paid as a whole, and its budget of %(budget)s sets the price.")
        return said % {"budget": words.money(job.budget)}
    parts = [label.name(job.duration) if job.duration is not None else words.gettext("no duration stated")]
    if job.weekly_hours is not None:
        parts.append(label.name(job.weekly_hours))
    said = words.gettext("Without a budget, how long it takes sets the price: %(size)s.")
    return said % {"size": ", ".join(parts)}


@page("post", "/work/{job_id:str}", seats=HOLDERS)
async def propose(request: Visit, job_id: Id) -> Response[str]:
    """Have a proposal looked over, and then send it."""
    form = await request.sent()
    letter = form.text("letter", MOST_LETTER)
    bid = form.money("bid", needed=False)
    worker_id = workers.choose(request, form, await workers.workers(request)).worker_id
    if form.errors:
        return await _job(request, job_id, form, status=422)
    if form["step"] != "send":
        return await _job(request, job_id, form, step="write" if form["step"] == "change" else "confirm", bid=bid)
    # Nobody pays another price than the one they have agreed to.
    agreed = form.whole("price", 0, MOST_CONNECTS)
    if agreed is None:
        return await _job(request, job_id, form, status=422, step="confirm", bid=bid)
    answer = await request.market.submit(
        job_id,
        request.account_id,
        worker_id=worker_id,
        cover_letter=letter,
        bid=bid,
        agreed_price=agreed,
        key=request.once(form),
    )
    if isinstance(answer, Refused):
        step: Literal["write", "confirm"] = "confirm" if answer.code == Refusal.PRICE_CHANGED else "write"
        return await _job(request, job_id, form, status=409, told=request.refused(answer), step=step, bid=bid)
    return request.go(f"/proposals/{answer.id}", done="proposed")


HANDLERS = [find_work, see_job, propose]
