"""Proposals: what accounts send to jobs, at their price."""

from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.params import JSONBody
from msgspec import Meta

from earnest.api import problems
from earnest.api.call import Call
from earnest.api.given import (
    Cursor,
    JobId,
    Limit,
    ManyAsSent,
    ManyProposals,
    NewProposal,
    NoFields,
    ProposalId,
    ProposalOfMany,
)
from earnest.api.jobs import amount, minor_units
from earnest.api.problems import MalformedError, Problem
from earnest.api.routes import route
from earnest.ledger.errors import LedgerError
from earnest.marketplace import proposals as use_cases
from earnest.marketplace.shown import Page, ProposalShown
from earnest.rules.outcome import Refusal, Refused

TAG = "Proposals"

_UNKNOWN = (Refusal.UNKNOWN_PROPOSAL,)
_UNSEEN = Refused(Refusal.UNKNOWN_ACCOUNT)
_DECODER = msgspec.json.Decoder(ProposalOfMany)


class OneOfMany(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one proposal of many."""

    status: Annotated[int, Meta(description="201, or the HTTP status it would have been refused with.")]
    proposal: Annotated[ProposalShown | None, Meta(description="The proposal, where it was submitted.")] = None
    problem: Annotated[Problem | None, Meta(description="Why it wasn't submitted.")] = None


class ManyAnswered(msgspec.Struct, frozen=True):
    """What became of proposals."""

    items: Annotated[list[OneOfMany], Meta(description="One for each proposal, in their order.")]


@route(
    "post",
    "/v1/jobs/{job_id:str}/proposals",
    "propose",
    status=201,
    refusals=(
        Refusal.UNKNOWN_ACCOUNT,
        Refusal.UNKNOWN_JOB,
        Refusal.UNKNOWN_MEMBER,
        Refusal.NOT_PERMITTED,
        Refusal.ACCOUNT_SUSPENDED,
        Refusal.JOB_NOT_OPEN,
        Refusal.ALREADY_PROPOSED,
        Refusal.INSUFFICIENT_CONNECTS,
    ),
    for_one_account=True,
    tag=TAG,
)
async def submit(request: Call, job_id: JobId, data: JSONBody[NewProposal]) -> Response[ProposalShown]:
    """Propose to a job

    It costs what the job says, all or nothing; and nothing where the client has invited the account.
    """
    if not await request.sees(data.account_id):
        return request.answer(Refused(Refusal.UNKNOWN_ACCOUNT))
    answer = await request.market.submit(
        job_id,
        data.account_id,
        worker_id=data.worker_id,
        cover_letter=data.cover_letter,
        bid=minor_units(request, "bid", data.bid),
        key=request.keyed(),
    )
    return request.answer(answer, 201)


@route(
    "post",
    "/v1/proposals:batch",
    "propose",
    for_one_account=True,
    body=ManyAsSent,
    tag=TAG,
)
async def submit_many(request: Call, data: JSONBody[ManyProposals]) -> Response[ManyAnswered]:
    """Submit up to 1,000 proposals, each on its own

    Answers each in their order, as if it had come alone. With an idempotency key, proposal i uses `KEY/i`, counted
    from 0.
    """
    currency = request.market.ledger.pack.file.currency.code
    # Sent as they stand (`body` above), so that what is wrong with one is no matter of the others.
    read = [_read(each, currency) for each in data.proposals]
    if request.bearer.bound_to is not None:
        read = [each if isinstance(each, Refused) or await request.sees(each.account_id) else _UNSEEN for each in read]
    answers = await request.market.submit_batch(read, key=request.keyed())
    return request.answer(ManyAnswered([_one_of_many(answer) for answer in answers]))


def _read(sent: Any, currency: str) -> use_cases.NewProposal | Refused:
    """Return a proposal of many, or why it can't be meant."""
    try:
        new = _DECODER.decode(sent)
        bid = None if new.bid is None else amount("bid", new.bid, currency)
    except (msgspec.DecodeError, UnicodeDecodeError, MalformedError) as error:
        wrong = error if isinstance(error, MalformedError) else problems.malformed(error, ProposalOfMany)
        return Refused(Refusal.MALFORMED, {"field": wrong.field, "expected": wrong.expected})
    return use_cases.NewProposal(new.job_id, new.account_id, new.worker_id, new.cover_letter, bid)


def _one_of_many(answer: ProposalShown | Refused | LedgerError) -> Any:
    if isinstance(answer, ProposalShown):
        return {"status": 201, "proposal": answer}
    problem = problems.refused(answer) if isinstance(answer, Refused) else problems.unavailable(answer)
    return {"status": problem["status"], "problem": problem}


@route(
    "get",
    "/v1/jobs/{job_id:str}/proposals",
    "read",
    refusals=(Refusal.UNKNOWN_JOB,),
    tag=TAG,
)
async def proposals_for(
    request: Call, job_id: JobId, limit: Limit = 100, cursor: Cursor = None
) -> Response[Page[ProposalShown]]:
    """List the proposals for a job, account by account"""
    return request.answer(await request.market.proposals_for(job_id, limit=limit, cursor=cursor))


@route("get", "/v1/proposals/{proposal_id:str}", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def proposal(request: Call, proposal_id: ProposalId) -> Response[ProposalShown]:
    """Show a proposal with its letter"""
    return request.answer(await request.market.proposal(proposal_id))


@route(
    "post",
    "/v1/proposals/{proposal_id:str}/withdraw",
    "propose",
    refusals=(*_UNKNOWN, Refusal.PROPOSAL_NOT_LIVE),
    for_one_account=True,
    tag=TAG,
)
async def withdraw(
    request: Call, proposal_id: ProposalId, data: JSONBody[NoFields | None] = None
) -> Response[ProposalShown]:
    """Take a proposal back

    Nothing is returned. The account may propose to the job again, and pays again.
    """
    return request.answer(await request.market.withdraw(proposal_id, key=request.keyed()))


@route(
    "post",
    "/v1/proposals/{proposal_id:str}/decline",
    "manage",
    refusals=(*_UNKNOWN, Refusal.PROPOSAL_NOT_LIVE),
    tag=TAG,
)
async def decline(
    request: Call, proposal_id: ProposalId, data: JSONBody[NoFields | None] = None
) -> Response[ProposalShown]:
    """Turn a proposal down, as the client

    Nothing is returned.
    """
    return request.answer(await request.market.decline(proposal_id, key=request.keyed()))


@route(
    "post",
    "/v1/proposals/{proposal_id:str}/hire",
    "manage",
    refusals=(*_UNKNOWN, Refusal.JOB_NOT_OPEN, Refusal.PROPOSAL_NOT_LIVE),
    tag=TAG,
)
async def hire(
    request: Call, proposal_id: ProposalId, data: JSONBody[NoFields | None] = None
) -> Response[ProposalShown]:
    """Hire from a proposal, as the client

    Whatever is then spent on the job stays spent, and what the account sent without a hire is counted anew.
    """
    return request.answer(await request.market.hire(proposal_id, key=request.keyed()))


HANDLERS = [submit, submit_many, proposals_for, proposal, withdraw, decline, hire]
