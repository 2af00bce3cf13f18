"""What a client decides: comparing proposals, hiring and declining, and closing a job."""

import asyncio
from typing import cast

from litestar import Response
from litestar.exceptions import NotFoundException

from earnest.marketplace.shown import JobShown, ProposalShown
from earnest.rules.job import CloseReason
from earnest.rules.outcome import Refused
from earnest.web.client_jobs import own_job, own_proposal, records, show_job, workers
from earnest.web.forms import Form
from earnest.web.refusals import Told
from earnest.web.routes import Id, page
from earnest.web.visit import Visit

FEWEST_COMPARED = 2
MOST_COMPARED = 4

CLOSING_SECONDS = 2.0
"""How long a reader waits to see everything given back; it goes on all the same."""

_REASONS = ("filled", "cancelled")
_DEEDS = ("hire", "decline")


@page("get", "/jobs/{job_id:str}/compare", seats=("client",))
async def compare(request: Visit, job_id: Id) -> Response[str]:
    """Show some proposals side by side."""
    job = await own_job(request, job_id)
    chosen = list(dict.fromkeys(request.query_params.getall("p", [])))
    if not FEWEST_COMPARED <= len(chosen) <= MOST_COMPARED:
        said = request.words.gettext("Tick %(least)s to %(most)s proposals to see them side by side.")
        numbers = {
            "least": request.words.number(FEWEST_COMPARED),
            "most": request.words.number(MOST_COMPARED),
        }
        return await show_job(request, job, status=422, told=Told("malformed", said % numbers))
    proposals = await asyncio.gather(*(own_proposal(request, job, proposal_id) for proposal_id in chosen))
    known, names = await asyncio.gather(
        records(request, {each.account_id for each in proposals}), workers(request, proposals)
    )
    return request.show("compare.html", job=job, proposals=proposals, records=known, workers=names)


@page("get", "/jobs/{job_id:str}/proposals/{proposal_id:str}", seats=("client",))
async def one_proposal(request: Visit, job_id: Id, proposal_id: Id) -> Response[str]:
    """Show a proposal with its whole letter."""
    job = await own_job(request, job_id)
    return await _proposal(request, job, await own_proposal(request, job, proposal_id), "look")


async def _proposal(
    request: Visit, job: JobShown, proposal: ProposalShown, deed: str, *, status: int = 200, told: Told | None = None
) -> Response[str]:
    known, names, counts = await asyncio.gather(
        records(request, [proposal.account_id]),
        workers(request, [proposal]),
        request.market.proposal_counts([job.id]),
    )
    return request.show(
        "your_proposal.html",
        status=status,
        told=told,
        job=job,
        proposal=proposal,
        record=known[proposal.account_id],
        workers=names,
        counts=counts[job.id],
        deed=deed,
    )


@page("get", "/jobs/{job_id:str}/proposals/{proposal_id:str}/{deed:str}", seats=("client",))
async def ask(request: Visit, job_id: Id, proposal_id: Id, deed: Id) -> Response[str]:
    """Say what hiring or declining means, before it is done."""
    job = await own_job(request, job_id)
    if deed not in _DEEDS:
        raise NotFoundException
    return await _proposal(request, job, await own_proposal(request, job, proposal_id), deed)


@page("post", "/jobs/{job_id:str}/proposals/{proposal_id:str}/{deed:str}", seats=("client",))
async def decide(request: Visit, job_id: Id, proposal_id: Id, deed: Id) -> Response[str]:
    """Hire, or decline."""
    job, form = await own_job(request, job_id), await request.sent()
    proposal = await own_proposal(request, job, proposal_id)
    if deed not in _DEEDS:
        raise NotFoundException
    use_case = request.market.hire if deed == "hire" else request.market.decline
    answer = await use_case(proposal.id, key=request.once(form))
    if isinstance(answer, Refused):
        # As it is now: somebody else may have been faster.
        job, proposal = await own_job(request, job_id), await own_proposal(request, job, proposal_id)
        return await _proposal(request, job, proposal, "look", status=409, told=request.refused(answer))
    return request.go(f"/jobs/{job.id}", done="hired" if deed == "hire" else "declined")


@page("get", "/jobs/{job_id:str}/close", seats=("client",))
async def before_closing(request: Visit, job_id: Id) -> Response[str]:
    """Say what closing a job means, before it is done."""
    job = await own_job(request, job_id)
    if job.closed_at is not None:
        return request.go(f"/jobs/{job.id}")
    form = Form({"reason": "filled" if job.hires else "cancelled"}, request.words)
    return await _close(request, job, form)


async def _close(request: Visit, job: JobShown, form: Form, *, status: int = 200) -> Response[str]:
    counts = await request.market.proposal_counts([job.id])
    return request.show("close_job.html", status=status, job=job, form=form, counts=counts[job.id], reasons=_REASONS)


@page("post", "/jobs/{job_id:str}/close", seats=("client",))
async def close(request: Visit, job_id: Id) -> Response[str]:
    """Close a job, and show what goes back to whom."""
    job, form = await own_job(request, job_id), await request.sent()
    reason = form.choice("reason", _REASONS)
    if reason is None:
        return await _close(request, job, form, status=422)
    request.known(
        await request.market.close_job(
            job.id, cast(CloseReason, reason), wait_seconds=CLOSING_SECONDS, key=request.once(form)
        )
    )
    return request.go(f"/jobs/{job.id}", done="closed")


HANDLERS = [compare, one_proposal, ask, decide, before_closing, close]
