"""Memberships: plans, fees, and the members of an agency."""

from collections.abc import Callable
from typing import Annotated, Any

from litestar import Response
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET

from earnest.api.call import Call
from earnest.api.given import (
    AccountId,
    Cursor,
    Limit,
    MemberChange,
    MemberId,
    NewMember,
    NoFields,
    PlanChange,
)
from earnest.api.routes import route
from earnest.ledger.ids import MEMBER, numbered
from earnest.marketplace.given import find
from earnest.marketplace.shown import AccountShown, MemberShown, Page
from earnest.rules.outcome import Refusal, Refused

TAG = "Memberships"

_UNKNOWN = (Refusal.UNKNOWN_ACCOUNT,)
_BY_MEMBER = (*_UNKNOWN, Refusal.UNKNOWN_MEMBER, Refusal.NOT_PERMITTED)
_PATH = "/v1/accounts/{account_id:str}"
_NO_NUMBER = 2**31 - 1


@route(
    "put",
    f"{_PATH}/plan",
    "manage",
    refusals=(*_BY_MEMBER, Refusal.NOT_FOR_THIS_KIND),
    for_one_account=True,
    tag=TAG,
)
async def change_plan(request: Call, account_id: AccountId, data: JSONBody[PlanChange]) -> Response[AccountShown]:
    """Move an account to a plan

    Up at once; down at the end of the cycle, and pending till then. The plan it is on takes a pending change back, or
    changes nothing.
    """
    answer = await request.market.change_plan(
        account_id, data.plan, by_member_id=data.by_member_id, key=request.keyed()
    )
    return request.answer(answer)


@route(
    "delete",
    f"{_PATH}/plan",
    "manage",
    refusals=(*_BY_MEMBER, Refusal.NOTHING_PENDING),
    for_one_account=True,
    tag=TAG,
)
async def keep_plan(
    request: Call,
    account_id: AccountId,
    by_member_id: Annotated[str | None, QueryParameter(description="The agency's member who asks for it.")] = None,
) -> Response[AccountShown]:
    """Take a pending change of plan back"""
    answer = await request.market.keep_plan(account_id, by_member_id=by_member_id, key=request.keyed())
    return request.answer(answer)


@route("post", f"{_PATH}/fees/unpaid", "operate", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def report_fee_unpaid(
    request: Call, account_id: AccountId, data: JSONBody[NoFields | None] = None
) -> Response[AccountShown]:
    """Report a membership fee unpaid

    The account falls to the lowest plan of its kind at the end of its cycle.
    """
    return request.answer(await request.market.report_fee_unpaid(account_id, key=request.keyed()))


@route("post", f"{_PATH}/fees/paid", "operate", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def report_fee_paid(
    request: Call, account_id: AccountId, data: JSONBody[NoFields | None] = None
) -> Response[AccountShown]:
    """Report a membership fee paid after all"""
    return request.answer(await request.market.report_fee_paid(account_id, key=request.keyed()))


@route("get", f"{_PATH}/members", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def members(
    request: Call, account_id: AccountId, limit: Limit = 100, cursor: Cursor = None
) -> Response[Page[MemberShown]]:
    """List an agency's members, in the order in which they came"""
    return request.answer(await request.market.members(account_id, limit=limit, cursor=cursor))


@route(
    "post",
    f"{_PATH}/members",
    "manage",
    status=201,
    refusals=(*_UNKNOWN, Refusal.NOT_FOR_THIS_KIND),
    for_one_account=True,
    tag=TAG,
)
async def add_member(request: Call, account_id: AccountId, data: JSONBody[NewMember]) -> Response[MemberShown]:
    """Add a person to an agency"""
    answer = await request.market.add_member(
        account_id, name=data.name, role=data.role, can_propose=data.can_propose, key=request.keyed()
    )
    return request.answer(answer, 201)


@route(
    "patch",
    f"{_PATH}/members/{{member_id:str}}",
    "manage",
    refusals=(*_UNKNOWN, Refusal.UNKNOWN_MEMBER),
    for_one_account=True,
    tag=TAG,
)
async def change_member(
    request: Call, account_id: AccountId, member_id: MemberId, data: JSONBody[MemberChange]
) -> Response[MemberShown]:
    """Change a member's name, role, or leave to propose"""
    change = {
        "name": None if data.name is UNSET else data.name,
        "role": None if data.role is UNSET else data.role,
        "can_propose": data.can_propose,
    }
    return await _on_member(request, account_id, member_id, request.market.change_member, **change)


@route(
    "delete",
    f"{_PATH}/members/{{member_id:str}}",
    "manage",
    refusals=(*_UNKNOWN, Refusal.UNKNOWN_MEMBER),
    for_one_account=True,
    tag=TAG,
)
async def remove_member(request: Call, account_id: AccountId, member_id: MemberId) -> Response[MemberShown]:
    """Let a member go

    Their proposals go on naming them.
    """
    return await _on_member(request, account_id, member_id, request.market.remove_member)


async def _on_member(
    request: Call, account_id: str, member_id: str, do: Callable[..., Any], **more: Any
) -> Response[MemberShown]:
    """Answer with what is done to a member of the account that the path names.

    Whoever is no member of it is looked for under a number that nobody has: a key that is known goes before that.
    """
    found = await find(request.market.ledger, "account", account_id)
    if found is None:
        return request.answer(Refused(Refusal.UNKNOWN_ACCOUNT))
    where = numbered(member_id, MEMBER)
    meant = member_id if where is not None and where[0] == found else f"{MEMBER}{found}_{_NO_NUMBER}"
    answer = await do(meant, key=request.keyed(), **more)
    if isinstance(answer, Refused) and answer.code is Refusal.UNKNOWN_MEMBER:
        account = await request.market.account(account_id)
        return request.answer(account if isinstance(account, Refused) else answer)
    return request.answer(answer)


HANDLERS = [
    change_plan,
    keep_plan,
    report_fee_unpaid,
    report_fee_paid,
    members,
    add_member,
    change_member,
    remove_member,
]
