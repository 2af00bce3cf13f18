"""A client's jobs: all of them, one with its proposals, and inviting to it."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta

from litestar import Response
from litestar.exceptions import NotFoundException

from earnest.ledger.ids import ACCOUNT, plain
from earnest.marketplace.choosing import TrackRecord
from earnest.marketplace.shown import JobShown, ProposalShown
from earnest.rules.job import JobStatus
from earnest.rules.outcome import Refused
from earnest.rules.proposal import ProposalStatus
from earnest.web.refusals import Told
from earnest.web.routes import Id, page
from earnest.web.visit import Visit, next_page, query

ON_A_PAGE = 20
NEW_FOR = timedelta(days=1)
"""How long a proposal counts as new."""

RECORD_SPAN = timedelta(days=183)
"""Of how long ago proposals and hires are told of whoever proposes; the pages call it the last six months."""

_STATUSES = tuple(each.value for each in JobStatus)
_ANSWERS = tuple(each.value for each in ProposalStatus)


async def own_job(request: Visit, job_id: str) -> JobShown:
    """Return a job of the client who visits; raises NotFoundException for anybody else's."""
    job = request.known(await request.market.job(job_id))
    if job.client_id != request.client_id:
        raise NotFoundException
    return job


async def own_proposal(request: Visit, job: JobShown, proposal_id: str) -> ProposalShown:
    """Return a proposal for a job; raises NotFoundException for one for another job."""
    proposal = request.known(await request.market.proposal(proposal_id))
    if proposal.job_id != job.id:
        raise NotFoundException
    return proposal


async def records(request: Visit, account_ids: Iterable[str]) -> dict[str, TrackRecord]:
    """Return what a client is told of whoever proposes."""
    since = request.market.ledger.now - RECORD_SPAN
    return await request.market.track_records(list(account_ids), since=since)


async def workers(request: Visit, proposals: Sequence[ProposalShown]) -> dict[str, str | None]:
    """Return the names of the members who would do the work; of one who has left there is none."""
    wanted = list(dict.fromkeys(each.worker_id for each in proposals if each.worker_id is not None))
    found = await asyncio.gather(*(request.market.member(member_id) for member_id in wanted))
    return {
        member_id: None if isinstance(member, Refused) else member.name
        for member_id, member in zip(wanted, found, strict=True)
    }


@page("get", "/jobs", seats=("client",))
async def your_jobs(request: Visit) -> Response[str]:
    """List the jobs of the client who visits."""
    status = query(request, "status")
    found = await request.market.jobs(
        client_id=request.client_id,
        status=status if status in _STATUSES else None,
        limit=ON_A_PAGE,
        cursor=query(request, "cursor") or None,
    )
    jobs = request.known(found)
    since = request.market.ledger.now - NEW_FOR
    return request.show(
        "your_jobs.html",
        jobs=jobs,
        counts=await request.market.proposal_counts([job.id for job in jobs.items], new_since=since),
        more=next_page(request, jobs.next_cursor),
        first="/jobs" if query(request, "cursor") else None,
        chosen=status if status in _STATUSES else "",
        statuses=_STATUSES,
    )


@page("get", "/jobs/{job_id:str}", seats=("client",))
async def your_job(request: Visit, job_id: Id) -> Response[str]:
    """Show a job with its proposals, the latest first."""
    return await show_job(request, await own_job(request, job_id))


async def show_job(request: Visit, job: JobShown, *, status: int = 200, told: Told | None = None) -> Response[str]:
    """Show a job of the client's, with what there is to say first."""
    answer = query(request, "answer")
    found = await request.market.latest_proposals_for(
        job.id,
        status=answer if answer in _ANSWERS else None,
        limit=ON_A_PAGE,
        cursor=query(request, "cursor") or None,
    )
    proposals = request.known(found)
    known, names, counts, returned = await asyncio.gather(
        records(request, {each.account_id for each in proposals.items}),
        workers(request, proposals.items),
        request.market.proposal_counts([job.id], new_since=request.market.ledger.now - NEW_FOR),
        request.market.returned_by_closing(job.id),
    )
    return request.show(
        "your_job.html",
        status=status,
        told=told,
        job=job,
        proposals=proposals,
        records=known,
        workers=names,
        counts=counts[job.id],
        returned=request.known(returned),
        answer=answer if answer in _ANSWERS else "",
        answers=_ANSWERS,
        more=next_page(request, proposals.next_cursor),
        first=f"/jobs/{job.id}" if query(request, "cursor") else None,
    )


@page("get", "/jobs/{job_id:str}/returned", seats=("client",))
async def returned(request: Visit, job_id: Id) -> Response[str]:
    """Tell how far the returns of a closed job are: a piece of its page."""
    job = await own_job(request, job_id)
    so_far = request.known(await request.market.returned_by_closing(job.id))
    counts = await request.market.proposal_counts([job.id])
    answer = request.show("returned.html", job=job, returned=so_far, counts=counts[job.id])
    if not so_far.pending:
        answer.headers["X-Last"] = "yes"
    return answer


@page("get", "/jobs/{job_id:str}/invite", seats=("client",))
async def whom_to_invite(request: Visit, job_id: Id) -> Response[str]:
    """Look for freelancers to invite to a job."""
    return await _invite(request, await own_job(request, job_id))


async def _invite(request: Visit, job: JobShown, *, status: int = 200, told: Told | None = None) -> Response[str]:
    words = query(request, "q")
    found = await request.market.find_accounts(
        q=words, by_name_only=True, limit=ON_A_PAGE, cursor=query(request, "cursor") or None
    )
    ids = [account.id for account in found.items]
    known, approached = await asyncio.gather(records(request, ids), request.market.approached(job.id, ids))
    return request.show(
        "invite.html",
        status=status,
        told=told,
        job=job,
        records=[known[id_] for id_ in ids if id_ in known],
        approached=approached,
        q=words,
        more=next_page(request, found.next_cursor),
        first=f"/jobs/{job.id}/invite" if query(request, "cursor") else None,
        cursor=query(request, "cursor"),
    )


@page("post", "/jobs/{job_id:str}/invite", seats=("client",))
async def invite(request: Visit, job_id: Id) -> Response[str]:
    """Invite a freelancer to a job."""
    job, form = await own_job(request, job_id), await request.sent()
    if plain(form["account"], ACCOUNT) is None:
        raise NotFoundException
    answer = await request.market.invite(job.id, form["account"], key=request.once(form))
    if isinstance(answer, Refused):
        return await _invite(request, job, status=409, told=request.refused(answer))
    where = request.scope["query_string"].decode("latin-1")
    # Found by the same words again, on the same page of the list.
    return request.go(f"/jobs/{job.id}/invite{'?' if where else ''}{where}", done="invited")


HANDLERS = [your_jobs, your_job, returned, whom_to_invite, invite]
