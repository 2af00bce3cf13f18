"""Clients and jobs."""

from typing import Annotated, Any, Literal

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from earnest.api.call import Call
from earnest.api.given import (
    ClientId,
    Cursor,
    JobChange,
    JobClosing,
    JobId,
    Limit,
    NewClient,
    NewInvitation,
    NewJob,
)
from earnest.api.problems import MalformedError
from earnest.api.routes import route
from earnest.marketplace.shown import ClientShown, ClosedShown, InvitationShown, JobShown, Money, Page, QuoteShown
from earnest.rules.account import MOST_MINOR_UNITS
from earnest.rules.outcome import Refusal, Refused

TAG = "Jobs"

_UNKNOWN = (Refusal.UNKNOWN_JOB,)


@route("post", "/v1/clients", "manage", status=201, refusals=(Refusal.EXTERNAL_ID_TAKEN,), tag=TAG)
async def create_client(request: Call, data: JSONBody[NewClient]) -> Response[ClientShown]:
    """Make a client known, who can then post jobs"""
    answer = await request.market.create_client(name=data.name, external_id=data.external_id, key=request.keyed())
    return request.answer(answer, 201)


@route("get", "/v1/clients/{client_id:str}", "read", refusals=(Refusal.UNKNOWN_CLIENT,), tag=TAG)
async def client(request: Call, client_id: ClientId) -> Response[ClientShown]:
    """Show a client"""
    return request.answer(await request.market.client(client_id))


@route(
    "post",
    "/v1/jobs",
    "manage",
    status=201,
    refusals=(Refusal.UNKNOWN_CLIENT, Refusal.EXTERNAL_ID_TAKEN),
    tag=TAG,
)
async def post_job(request: Call, data: JSONBody[NewJob]) -> Response[JobShown]:
    """Post a job

    `price` is what a proposal to it costs, in connects: it is set now, by the job's type and size.
    """
    answer = await request.market.post_job(
        data.client_id,
        title=data.title,
        type=data.type,
        budget=minor_units(request, "budget", data.budget),
        duration=data.duration,
        weekly_hours=data.weekly_hours,
        description=data.description,
        skills=data.skills,
        external_id=data.external_id,
        key=request.keyed(),
    )
    return request.answer(answer, 201)


@route("get", "/v1/jobs", "read", refusals=(Refusal.UNKNOWN_CLIENT,), for_one_account=True, tag=TAG)
async def jobs(
    request: Call,
    status: Annotated[
        Literal["open", "lapsed", "closed"] | None, QueryParameter(description="Jobs of this status only.")
    ] = None,
    q: Annotated[str | None, QueryParameter(description="Jobs whose title contains this.")] = None,
    type: Annotated[  # noqa: A002 - the API's name
        Literal["fixed", "hourly"] | None, QueryParameter(description="Jobs of this type only.")
    ] = None,
    max_price: Annotated[
        int | None, QueryParameter(description="Jobs that cost at most so many connects.", ge=0)
    ] = None,
    client_id: Annotated[
        str | None, QueryParameter(description="Jobs of this client only: `cli_…`, or `ext:` and the external id.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[Page[JobShown]]:
    """Find jobs, the newest first"""
    answer = await request.market.jobs(
        status=status, q=q, type=type, max_price=max_price, client_id=client_id, limit=limit, cursor=cursor
    )
    return request.answer(answer)


@route("get", "/v1/jobs/{job_id:str}", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def show_job(request: Call, job_id: JobId) -> Response[JobShown]:
    """Show a job"""
    return request.answer(await request.market.job(job_id))


@route("patch", "/v1/jobs/{job_id:str}", "manage", refusals=(*_UNKNOWN, Refusal.JOB_NOT_OPEN), tag=TAG)
async def edit_job(request: Call, job_id: JobId, data: JSONBody[JobChange]) -> Response[JobShown]:
    """Edit a job

    A change of its type or size reprices later proposals only.
    """
    answer = await request.market.edit_job(
        job_id,
        title=_or_none(data.title),
        type=_or_none(data.type),
        budget=UNSET if data.budget is UNSET else minor_units(request, "budget", data.budget),
        duration=data.duration,
        weekly_hours=data.weekly_hours,
        description=_or_none(data.description),
        skills=_or_none(data.skills),
        key=request.keyed(),
    )
    return request.answer(answer)


@route(
    "get",
    "/v1/jobs/{job_id:str}/quote",
    "read",
    refusals=(*_UNKNOWN, Refusal.UNKNOWN_ACCOUNT, Refusal.UNKNOWN_MEMBER),
    for_one_account=True,
    tag=TAG,
)
async def quote(
    request: Call,
    job_id: JobId,
    account_id: Annotated[str, QueryParameter(description="Whose proposal it would be: `acc_…` or `ext:…`.")],
    worker_id: Annotated[
        str | None, QueryParameter(description="For an agency: the member who would do the work.")
    ] = None,
) -> Response[QuoteShown]:
    """Show what proposing to a job would cost an account, and leave"""
    if not await request.sees(account_id):
        return request.answer(Refused(Refusal.UNKNOWN_ACCOUNT))
    return request.answer(await request.market.quote(job_id, account_id, worker_id=worker_id))


@route(
    "post",
    "/v1/jobs/{job_id:str}/invitations",
    "manage",
    status=201,
    refusals=(*_UNKNOWN, Refusal.UNKNOWN_ACCOUNT, Refusal.JOB_NOT_OPEN),
    tag=TAG,
)
async def invite(request: Call, job_id: JobId, data: JSONBody[NewInvitation]) -> Response[InvitationShown]:
    """Invite an account to a job

    Proposing to it costs the account nothing from then on.
    """
    return request.answer(await request.market.invite(job_id, data.account_id, key=request.keyed()), 201)


@route(
    "post",
    "/v1/jobs/{job_id:str}/close",
    "manage",
    refusals=_UNKNOWN,
    also={202: ResponseSpec(ClosedShown, description="Closed; connects are still being returned.")},
    tag=TAG,
)
async def close_job(request: Call, job_id: JobId, data: JSONBody[JobClosing]) -> Response[ClosedShown]:
    """Close a job

    Without a hire, every connect spent on its proposals goes back to whoever spent it, exactly once. Answered with 202
    while that goes on; asked again, it tells how far it is.
    """
    answer = await request.market.close_job(job_id, data.reason, key=request.keyed())
    pending = not isinstance(answer, Refused) and answer.returned.pending
    return request.answer(answer, 202 if pending else 200)


def minor_units(request: Call, field: str, money: Money | None) -> int | None:
    """Return an amount in minor units of the pack's currency; raises MalformedError for one in another."""
    return None if money is None else amount(field, money, request.market.ledger.pack.file.currency.code)


def amount(field: str, money: Money, currency: str) -> int:
    """Return an amount in minor units; raises MalformedError for another currency, and for what nobody pays."""
    if money.currency != currency:
        raise MalformedError(f"{field}.currency", currency)
    if not 0 <= money.amount <= MOST_MINOR_UNITS:
        raise MalformedError(f"{field}.amount", f"a whole number from 0 to {MOST_MINOR_UNITS:,}")
    return money.amount


def _or_none(given: Any | UnsetType) -> Any:
    return None if given is UNSET else given


HANDLERS = [create_client, client, post_job, jobs, show_job, edit_job, quote, invite, close_job]
