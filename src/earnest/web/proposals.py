"""A holder's own proposals, what became of them and of what they cost; and invitations, which are free."""

import asyncio

from litestar import Response
from litestar.exceptions import NotFoundException

from earnest.marketplace.shown import JobShown, ProposalShown
from earnest.rules.job import JobStatus
from earnest.rules.outcome import Refused
from earnest.rules.proposal import ProposalStatus
from earnest.web.refusals import Told
from earnest.web.routes import HOLDERS, Id, page
from earnest.web.visit import Visit, next_page, query
from earnest.web.words import Words

ON_A_PAGE = 20

_STATUSES: tuple[str, ...] = tuple(each.value for each in ProposalStatus)


@page("get", "/proposals", seats=HOLDERS)
async def list_proposals(request: Visit) -> Response[str]:
    """List the proposals of an account, the latest first."""
    status = query(request, "status")
    if status not in _STATUSES:
        status = ""
    found = await request.market.proposals_of(
        request.account_id,
        status=status or None,
        limit=ON_A_PAGE,
        cursor=query(request, "cursor") or None,
    )
    proposals = request.known(found)
    jobs, workers = await asyncio.gather(
        request.market.jobs_by_id({each.job_id for each in proposals.items}),
        _workers(request),
    )
    return request.show(
        "proposals.html",
        proposals=proposals,
        jobs=jobs,
        workers=workers,
        fates={each.id: fate(request.words, each, jobs.get(each.job_id)) for each in proposals.items},
        more=next_page(request, proposals.next_cursor),
        first=f"/proposals?status={status}" if query(request, "cursor") else None,
        chosen=status,
        statuses=_STATUSES,
    )


async def _workers(request: Visit) -> dict[str, str]:
    """Return the names of those an agency's proposals name as workers, also of those who have left."""
    if request.who.member is None:
        return {}
    nameless = request.words.gettext("somebody who has left")
    names = await request.market.names_of_members(request.account_id)
    return {id_: name or nameless for id_, name in names.items()}


def fate(w: Words, proposal: ProposalShown, job: JobShown | None) -> str:
    """Say what a proposal cost, what came back of that, and why."""
    if not proposal.connects_spent:
        return w.gettext("Free: you were invited.")
    figures = {"connects": w.connects(proposal.connects_spent)}
    if proposal.returned_at is not None:
        figures["day"] = w.day(proposal.returned_at)
        if job is not None and job.status != JobStatus.CLOSED:
            return w.gettext("%(connects)s spent and returned on %(day)s: the post lapsed without a hire.") % figures
        return w.gettext("%(connects)s spent and returned on %(day)s: nobody was hired.") % figures
    if proposal.status == ProposalStatus.HIRED:
        return w.gettext("%(connects)s spent, and you were hired.") % figures
    closed = job is None or job.status == JobStatus.CLOSED
    if closed and job is not None and not job.hires:
        return w.gettext("%(connects)s spent, and on their way back: nobody was hired.") % figures
    if closed:
        return w.gettext("%(connects)s spent. Somebody else was hired, so nothing comes back.") % figures
    if job is not None and job.hires:
        return w.gettext("%(connects)s spent. Somebody was hired already, so nothing comes back.") % figures
    if proposal.status == ProposalStatus.WITHDRAWN:
        return w.gettext("%(connects)s spent. A withdrawal returns nothing; closing without a hire would.") % figures
    if proposal.status == ProposalStatus.DECLINED:
        return w.gettext("%(connects)s spent. A decline returns nothing; closing without a hire would.") % figures
    return w.gettext("%(connects)s spent. They come back if the job is closed without a hire.") % figures


@page("get", "/proposals/{proposal_id:str}", seats=HOLDERS)
async def see_proposal(request: Visit, proposal_id: Id) -> Response[str]:
    """Show a proposal of the account."""
    return await _proposal(request, proposal_id)


async def _own(request: Visit, proposal_id: str) -> ProposalShown:
    """Return a proposal; somebody else's is as unknown as one that never was."""
    proposal = request.known(await request.market.proposal(proposal_id))
    if proposal.account_id != request.account_id:
        raise NotFoundException
    return proposal


async def _proposal(
    request: Visit, proposal_id: str, *, asks: bool = False, told: Told | None = None, status: int = 200
) -> Response[str]:
    proposal = await _own(request, proposal_id)
    jobs, workers = await asyncio.gather(request.market.jobs_by_id([proposal.job_id]), _workers(request))
    job = jobs.get(proposal.job_id)
    may_withdraw = proposal.status == ProposalStatus.LIVE and request.who.may_propose
    return request.show(
        "proposal.html",
        status=status,
        proposal=proposal,
        job=job,
        worker=None if proposal.worker_id is None else workers[proposal.worker_id],
        fate=fate(request.words, proposal, job),
        may_withdraw=may_withdraw,
        asks=asks and may_withdraw,
        told=told,
    )


@page("get", "/proposals/{proposal_id:str}/withdraw", seats=HOLDERS)
async def ask_withdrawal(request: Visit, proposal_id: Id) -> Response[str]:
    """Ask whether a proposal is really to be withdrawn."""
    return await _proposal(request, proposal_id, asks=True)


@page("post", "/proposals/{proposal_id:str}/withdraw", seats=HOLDERS)
async def withdraw(request: Visit, proposal_id: Id) -> Response[str]:
    """Withdraw a proposal; nothing comes back."""
    form = await request.sent()
    proposal = await _own(request, proposal_id)
    if not request.who.may_propose:
        told = Told("not_permitted", request.words.gettext("Withdrawing is for those who may propose."))
        return await _proposal(request, proposal_id, told=told, status=409)
    answer = await request.market.withdraw(proposal.id, key=request.once(form))
    if isinstance(answer, Refused):
        return await _proposal(request, proposal_id, told=request.refused(answer), status=409)
    return request.go(f"/proposals/{proposal.id}", done="withdrawn")


@page("get", "/invitations", seats=HOLDERS)
async def list_invitations(request: Visit) -> Response[str]:
    """List the invitations of an account, those to the newest jobs first."""
    found = await request.market.invitations(
        request.account_id, limit=ON_A_PAGE, cursor=query(request, "cursor") or None
    )
    invitations = request.known(found)
    ids = [each.job_id for each in invitations.items]
    jobs, proposed = await asyncio.gather(
        request.market.jobs_by_id(ids), request.market.proposed_to(request.account_id, ids)
    )
    return request.show(
        "invitations.html",
        invitations=invitations,
        jobs=jobs,
        proposed=proposed,
        more=next_page(request, invitations.next_cursor),
        first="/invitations" if query(request, "cursor") else None,
    )


HANDLERS = [list_proposals, see_proposal, ask_withdrawal, withdraw, list_invitations]
