"""Accounts: opening, what is held, the journal, and what a holder is shown."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream

from earnest.api.call import Call
from earnest.api.given import AccountId, Cursor, Limit, NewAccount
from earnest.api.routes import route
from earnest.marketplace import journal_csv
from earnest.marketplace.shown import (
    AccountShown,
    AdviceShown,
    BalanceShown,
    ChargeShown,
    EntryShown,
    InvitationShown,
    NoticeShown,
    Page,
    ProposalShown,
    PurchaseShown,
    StatsShown,
)
from earnest.rules.account import EntryKind
from earnest.rules.outcome import Refusal, Refused

TAG = "Accounts"
LINES_AT_ONCE = 500
CSV = "text/csv"

_UNKNOWN = (Refusal.UNKNOWN_ACCOUNT,)


@route(
    "post",
    "/v1/accounts",
    "manage",
    status=201,
    refusals=(Refusal.EXTERNAL_ID_TAKEN, Refusal.NOT_FOR_THIS_KIND),
    tag=TAG,
)
async def open_account(request: Call, data: JSONBody[NewAccount]) -> Response[AccountShown]:
    """Open an account

    It is on its plan from now, or from `opened_at` on, and has its first allotment.
    """
    answer = await request.market.open_account(
        kind=data.kind,
        plan=data.plan,
        name=data.name,
        external_id=data.external_id,
        opened_at=data.opened_at,
        key=request.keyed(),
    )
    return request.answer(answer, 201)


@route("get", "/v1/accounts/{account_id:str}", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def account(request: Call, account_id: AccountId) -> Response[AccountShown]:
    """Show an account"""
    return request.answer(await request.market.account(account_id))


@route("get", "/v1/accounts/{account_id:str}/balance", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def balance(
    request: Call,
    account_id: AccountId,
    at: Annotated[
        datetime | None, QueryParameter(description="At which time, past or to come; without it, now.")
    ] = None,
) -> Response[BalanceShown]:
    """Show what an account holds

    Now, at an earlier time, or at a coming one if nothing happens till then.
    """
    return request.answer(await request.market.balance(account_id, at=at))


@route(
    "get",
    "/v1/accounts/{account_id:str}/entries",
    "read",
    refusals=_UNKNOWN,
    for_one_account=True,
    also={200: ResponseSpec(Page[EntryShown], description="A page of the journal; as CSV, all of it.")},
    text=CSV,
    tag=TAG,
)
async def entries(
    request: Call,
    account_id: AccountId,
    kind: Annotated[EntryKind | None, QueryParameter(description="Lines of this kind only.")] = None,
    since: Annotated[datetime | None, QueryParameter(description="Lines effective from this time on.")] = None,
    until: Annotated[datetime | None, QueryParameter(description="Lines effective before this time.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[Any]:
    """Show an account's journal

    Every line of it, in its order, with those that are due and not yet written (`recorded_at` is null). Asked for
    with `Accept: text/csv`, the whole of what the filters leave is sent as CSV.
    """
    filters: dict[str, Any] = {"kind": None if kind is None else kind.value, "since": since, "until": until}
    as_csv = request.accept.best_match(["application/json", CSV]) == CSV
    page = await request.market.entries(account_id, **filters, limit=LINES_AT_ONCE if as_csv else limit, cursor=cursor)
    if isinstance(page, Refused) or not as_csv:
        return request.answer(page)
    return Stream(_csv(request, account_id, page, filters), media_type=CSV)


async def _csv(request: Call, account_id: str, page: Page[EntryShown], filters: dict[str, Any]) -> AsyncIterator[str]:
    yield journal_csv.header()
    yield journal_csv.lines(page.items)
    while page.next_cursor is not None:
        following = await request.market.entries(account_id, **filters, limit=LINES_AT_ONCE, cursor=page.next_cursor)
        assert isinstance(following, Page), "the account was there a moment ago"  # noqa: S101
        page = following
        yield journal_csv.lines(page.items)


@route("get", "/v1/accounts/{account_id:str}/stats", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def stats(
    request: Call,
    account_id: AccountId,
    months: Annotated[int, QueryParameter(description="How many months, the present one included.", ge=1, le=60)] = 6,
) -> Response[StatsShown]:
    """Show an account's months in figures"""
    return request.answer(await request.market.stats(account_id, months=months))


@route("get", "/v1/accounts/{account_id:str}/advice", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def advice(request: Call, account_id: AccountId) -> Response[AdviceShown]:
    """Advise whether to upgrade or to buy

    From what the last three whole months needed, and what each plan would have cost and left to expire.
    """
    return request.answer(await request.market.advice(account_id))


@route("get", "/v1/accounts/{account_id:str}/proposals", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def proposals_of(
    request: Call, account_id: AccountId, limit: Limit = 100, cursor: Cursor = None
) -> Response[Page[ProposalShown]]:
    """List an account's proposals, the latest first"""
    return request.answer(await request.market.proposals_of(account_id, limit=limit, cursor=cursor))


@route("get", "/v1/accounts/{account_id:str}/invitations", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def invitations(
    request: Call, account_id: AccountId, limit: Limit = 100, cursor: Cursor = None
) -> Response[Page[InvitationShown]]:
    """List an account's invitations, those to the newest jobs first"""
    return request.answer(await request.market.invitations(account_id, limit=limit, cursor=cursor))


@route("get", "/v1/accounts/{account_id:str}/purchases", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def purchases(
    request: Call, account_id: AccountId, limit: Limit = 100, cursor: Cursor = None
) -> Response[Page[PurchaseShown]]:
    """List an account's purchases, the latest first"""
    return request.answer(await request.market.purchases(account_id, limit=limit, cursor=cursor))


@route("get", "/v1/accounts/{account_id:str}/charges", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def charges(
    request: Call, account_id: AccountId, limit: Limit = 100, cursor: Cursor = None
) -> Response[Page[ChargeShown]]:
    """List the membership fees that have fallen due, the earliest first"""
    return request.answer(await request.market.charges(account_id, limit=limit, cursor=cursor))


@route("get", "/v1/accounts/{account_id:str}/notices", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def notices(
    request: Call, account_id: AccountId, limit: Limit = 100, cursor: Cursor = None
) -> Response[Page[NoticeShown]]:
    """List what there is to tell the holder, in the order in which it came about"""
    return request.answer(await request.market.notices(account_id, limit=limit, cursor=cursor))


HANDLERS = [
    open_account,
    account,
    balance,
    entries,
    stats,
    advice,
    proposals_of,
    invitations,
    purchases,
    charges,
    notices,
]
