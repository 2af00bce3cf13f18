"""Posting a job and editing one, with the price that its size has."""

from decimal import Decimal
from typing import Any, Literal

import msgspec
from litestar import Response

from earnest.marketplace.given import MOST_DESCRIPTION, MOST_NAME, MOST_SKILLS
from earnest.marketplace.shown import JobShown
from earnest.rules.job import Job, resize
from earnest.rules.outcome import Refused
from earnest.rules.price import Duration, JobSize, JobType, WeeklyHours, price
from earnest.web.client_jobs import own_job
from earnest.web.forms import Form
from earnest.web.labels import Labels
from earnest.web.refusals import Told
from earnest.web.routes import Id, page
from earnest.web.visit import Visit
from earnest.web.words import Words

_TYPES = tuple(each.value for each in JobType)
_DURATIONS = tuple(each.value for each in Duration)
_HOURS = tuple(each.value for each in WeeklyHours)


class Filled(msgspec.Struct, frozen=True):
    """A job as it was filled in. The budget is in minor units."""

    title: str
    description: str
    size: JobSize
    skills: tuple[str, ...]

    def for_use(self) -> dict[str, Any]:
        """Return it as the use cases take it."""
        return {
            "title": self.title,
            "description": self.description,
            "skills": self.skills,
            "type": self.size.type.value,
            "budget": self.size.budget,
            "duration": self.size.duration,
            "weekly_hours": self.size.weekly_hours,
        }


def _size(form: Form) -> JobSize | None:
    """Return the size that was filled in; None where something in it isn't right, which is noted."""
    kind = form.choice("type", _TYPES)
    budget = form.money("budget", needed=False)
    duration = form.choice("duration", _DURATIONS, needed=False)
    hours = form.choice("weekly_hours", _HOURS, needed=False)
    if kind is None or {"budget", "duration", "weekly_hours"} & form.errors.keys():
        return None
    return JobSize(
        JobType(kind),
        budget,
        None if duration is None else Duration(duration),
        None if hours is None else WeeklyHours(hours),
    )


def _filled(form: Form, words: Words, *, needs_description: bool) -> Filled | None:
    """Return the job that was filled in; None where something in it isn't right, which is noted."""
    title = form.text("title", MOST_NAME)
    description = form.text("description", MOST_DESCRIPTION, needed=needs_description)
    size = _size(form)
    skills = tuple(dict.fromkeys(each.strip() for each in form["skills"].replace("\n", ",").split(",") if each.strip()))
    if len(skills) > MOST_SKILLS or any(len(skill) > MOST_NAME for skill in skills):
        said = words.gettext("Please name at most %(most)s skills, parted by commas.")
        form.say("skills", said % {"most": words.number(MOST_SKILLS)})
    form.text("skills", MOST_DESCRIPTION, needed=False)
    if form.errors or title is None or size is None:
        return None
    return Filled(title, description or "", size, skills)


def _fields(words: Words, **more: Any) -> dict[str, Any]:
    """Return what every page with a job's fields shows."""
    label = Labels(words)
    return {
        "durations": [(code, label.name(code)) for code in _DURATIONS],
        "hours": [(code, label.name(code)) for code in _HOURS],
        "most_title": MOST_NAME,
        "most_description": MOST_DESCRIPTION,
    } | more


def why(words: Words, size: JobSize) -> str:
    """Say in a sentence what sets the price of a size."""
    if size.type is JobType.FIXED and size.budget is not None:
        said = words.gettext("The budget of %(budget)s sets the price.")
        return said % {"budget": words.minor_units(size.budget)}
    if size.type is JobType.FIXED:
        return words.gettext("Without a budget, how long it takes and how many hours a week set the price.")
    return words.gettext("How long it takes and how many hours a week set the price.")


def _priced(request: Visit, size: JobSize | None) -> tuple[int, str] | None:
    """Return a size's price and what sets it, None where there is no size yet."""
    return None if size is None else (price(size, request.rules.price_card), why(request.words, size))


@page("get", "/post", seats=("client",))
async def new_job(request: Visit) -> Response[str]:
    """Show an empty job to fill in."""
    return _post(request, Form({"type": JobType.FIXED.value}, request.words))


def _post(
    request: Visit,
    form: Form,
    filled: Filled | None = None,
    *,
    status: int = 200,
    told: Told | None = None,
    step: Literal["write", "confirm"] = "write",
) -> Response[str]:
    # Not the form that is shown: what the price asks of it isn't wrong yet.
    size = _size(Form(form.sent, request.words))
    return request.show(
        "post.html",
        status=status,
        **_fields(
            request.words,
            form=form,
            filled=filled,
            priced=_priced(request, size),
            told=told,
            step=step,
            before=None,
        ),
    )


@page("get", "/post/price", seats=("client",))
async def price_of_new(request: Visit) -> Response[str]:
    """Tell what a proposal would cost as far as the form is filled in: a piece of its page."""
    form = Form(dict(request.query_params.items()), request.words)
    return request.show("job_price.html", priced=_priced(request, _size(form)), before=None)


@page("post", "/post", seats=("client",))
async def post(request: Visit) -> Response[str]:
    """Have a new job looked over with its price, and then post it."""
    form = await request.sent()
    filled = _filled(form, request.words, needs_description=True)
    if filled is None:
        return _post(request, form, status=422)
    if form["step"] != "post":
        return _post(request, form, filled, step="write" if form["step"] == "change" else "confirm")
    answer = await request.market.post_job(request.client_id, **filled.for_use(), key=request.once(form))
    if isinstance(answer, Refused):
        return _post(request, form, filled, status=409, told=request.refused(answer))
    return request.go(f"/jobs/{answer.id}", done="posted")


@page("get", "/jobs/{job_id:str}/edit", seats=("client",))
async def change_job(request: Visit, job_id: Id) -> Response[str]:
    """Show a job to be changed."""
    job = await own_job(request, job_id)
    return await _edit(request, job, Form(_as_sent(job, request.words), request.words))


def _as_sent(job: JobShown, words: Words) -> dict[str, str]:
    """Return a job as its form would be sent."""
    budget = ""
    if job.budget is not None:
        digits = words.pack.file.currency.minor_digits
        amount = Decimal(job.budget.amount).scaleb(-digits)
        budget = f"{amount:.0f}" if amount == amount.to_integral_value() else f"{amount:.{digits}f}"
    return {
        "title": job.title,
        "description": job.description or "",
        "type": job.type,
        "budget": budget,
        "duration": job.duration or "",
        "weekly_hours": job.weekly_hours or "",
        "skills": ", ".join(job.skills),
    }


async def _edit(
    request: Visit,
    job: JobShown,
    form: Form,
    *,
    status: int = 200,
    told: Told | None = None,
    step: Literal["write", "confirm"] = "write",
) -> Response[str]:
    size = _size(Form(form.sent, request.words))
    counts = await request.market.proposal_counts([job.id])
    return request.show(
        "edit_job.html",
        status=status,
        **_fields(
            request.words,
            form=form,
            job=job,
            counts=counts[job.id],
            priced=_after_edit(request, job, size),
            told=told,
            step=step,
            before=job.price,
        ),
    )


def _after_edit(request: Visit, job: JobShown, size: JobSize | None) -> tuple[int, str] | None:
    """Return what a job would cost with a new size: as it does where nothing that counts changes (RULES 1.3)."""
    if size is None:
        return None
    was = JobSize(job.type, None if job.budget is None else job.budget.amount, job.duration, job.weekly_hours)
    known = Job(job.id, job.client_id, was, job.price, job.posted_at, job.lapses_at)
    ledger = request.market.ledger
    return resize(known, size, ledger.pack, ledger.now).price, why(request.words, size)


@page("get", "/jobs/{job_id:str}/price", seats=("client",))
async def price_of_changed(request: Visit, job_id: Id) -> Response[str]:
    """Tell what a proposal would cost after a change, as far as it is filled in: a piece of its page."""
    job = await own_job(request, job_id)
    form = Form(dict(request.query_params.items()), request.words)
    return request.show("job_price.html", priced=_after_edit(request, job, _size(form)), before=job.price)


@page("post", "/jobs/{job_id:str}/edit", seats=("client",))
async def edit(request: Visit, job_id: Id) -> Response[str]:
    """Change a job; where that changes its price, only after that was looked at."""
    job, form = await own_job(request, job_id), await request.sent()
    # One that was posted without words through the API may go on without.
    filled = _filled(form, request.words, needs_description=False)
    if filled is None:
        return await _edit(request, job, form, status=422)
    priced = _after_edit(request, job, filled.size)
    if form["step"] == "change":
        return await _edit(request, job, form)
    if form["step"] != "save" and priced is not None and priced[0] != job.price:
        return await _edit(request, job, form, step="confirm")
    answer = await request.market.edit_job(job.id, **filled.for_use(), key=request.once(form))
    if isinstance(answer, Refused):
        return await _edit(request, job, form, status=409, told=request.refused(answer))
    return request.go(f"/jobs/{job.id}", done="edited")


HANDLERS = [new_job, price_of_new, post, change_job, price_of_changed, edit]
