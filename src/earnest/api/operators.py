"""What operators do to an account, and what its holder says to it."""

from typing import Annotated

import msgspec
from litestar import Response
from litestar.params import JSONBody
from msgspec import Meta

from earnest.api.call import Call
from earnest.api.given import AccountId, Decision, NewAppeal, NewGrant, NewRevocation, NewSuspension
from earnest.api.routes import route
from earnest.marketplace.shown import AccountShown, SuspensionShown
from earnest.rules.outcome import Refusal, Refused

TAG = "Operators"

_UNKNOWN = (Refusal.UNKNOWN_ACCOUNT,)
_PATH = "/v1/accounts/{account_id:str}"


class SuspensionOfAccount(msgspec.Struct, frozen=True):
    """Whether an account is suspended, and why."""

    suspension: Annotated[
        SuspensionShown | None, Meta(description="The suspension; null for an account that has none.")
    ]


@route("post", f"{_PATH}/grants", "operate", status=201, refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def grant(request: Call, account_id: AccountId, data: JSONBody[NewGrant]) -> Response[AccountShown]:
    """Give connects

    What the plan's limit clips is forfeited at once, and the holder is told.
    """
    answer = await request.market.grant(
        account_id, data.connects, reason=data.reason, expires_at=data.expires_at, key=request.keyed()
    )
    return request.answer(answer, 201)


@route(
    "post",
    f"{_PATH}/revocations",
    "operate",
    status=201,
    refusals=(*_UNKNOWN, Refusal.INSUFFICIENT_CONNECTS),
    for_one_account=True,
    tag=TAG,
)
async def revoke(request: Call, account_id: AccountId, data: JSONBody[NewRevocation]) -> Response[AccountShown]:
    """Take connects, in burn order"""
    answer = await request.market.revoke(account_id, data.connects, reason=data.reason, key=request.keyed())
    return request.answer(answer, 201)


@route("get", f"{_PATH}/suspension", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def suspension(request: Call, account_id: AccountId) -> Response[SuspensionOfAccount]:
    """Show an account's suspension with its evidence"""
    shown = await request.market.suspension(account_id)
    return request.answer(shown if isinstance(shown, Refused) else SuspensionOfAccount(shown))


@route("post", f"{_PATH}/suspension", "operate", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def suspend(request: Call, account_id: AccountId, data: JSONBody[NewSuspension]) -> Response[AccountShown]:
    """Suspend an account from proposing, until that is lifted"""
    answer = await request.market.suspend(account_id, reason=data.reason, key=request.keyed())
    return request.answer(answer)


@route(
    "post",
    f"{_PATH}/suspension/appeal",
    "manage",
    refusals=(*_UNKNOWN, Refusal.NOT_SUSPENDED, Refusal.ALREADY_APPEALED),
    for_one_account=True,
    tag=TAG,
)
async def appeal(request: Call, account_id: AccountId, data: JSONBody[NewAppeal]) -> Response[AccountShown]:
    """Appeal a suspension, as its holder, once"""
    return request.answer(await request.market.appeal(account_id, data.text, key=request.keyed()))


@route(
    "post",
    f"{_PATH}/suspension/lift",
    "operate",
    refusals=(*_UNKNOWN, Refusal.NOT_SUSPENDED),
    for_one_account=True,
    tag=TAG,
)
async def lift_suspension(
    request: Call, account_id: AccountId, data: JSONBody[Decision | None] = None
) -> Response[AccountShown]:
    """Lift a suspension

    What counts towards the next one is counted anew.
    """
    reason = "" if data is None else data.reason
    answer = await request.market.lift_suspension(account_id, reason=reason, key=request.keyed())
    return request.answer(answer)


@route(
    "post",
    f"{_PATH}/suspension/uphold",
    "operate",
    refusals=(*_UNKNOWN, Refusal.NOT_SUSPENDED),
    for_one_account=True,
    tag=TAG,
)
async def uphold_suspension(
    request: Call, account_id: AccountId, data: JSONBody[Decision | None] = None
) -> Response[AccountShown]:
    """Uphold a suspension"""
    reason = "" if data is None else data.reason
    answer = await request.market.uphold_suspension(account_id, reason=reason, key=request.keyed())
    return request.answer(answer)


HANDLERS = [grant, revoke, suspension, suspend, appeal, lift_suspension, uphold_suspension]
