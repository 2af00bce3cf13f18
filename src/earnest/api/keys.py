"""API keys: who may ask, and for what."""

from typing import Annotated

from litestar import Response
from litestar.params import JSONBody, PathParameter

from earnest.api.call import Call
from earnest.api.given import Cursor, Limit, NewKey
from earnest.api.routes import route
from earnest.ledger.ids import KEY
from earnest.marketplace.shown import KeyShown, Page
from earnest.rules.outcome import Refusal

TAG = "API keys"


@route("get", "/v1/keys", "operate", tag=TAG)
async def keys(request: Call, limit: Limit = 100, cursor: Cursor = None) -> Response[Page[KeyShown]]:
    """List the API keys, the oldest first, revoked ones too"""
    return request.answer(await request.market.keys(limit=limit, cursor=cursor))


@route("post", "/v1/keys", "operate", status=201, refusals=(Refusal.UNKNOWN_ACCOUNT,), tag=TAG)
async def create_key(request: Call, data: JSONBody[NewKey]) -> Response[KeyShown]:
    """Make an API key

    `secret` is what its bearer sends. It is shown this once and known to nobody after; a replay has null there.
    """
    answer = await request.market.create_key(
        name=data.name,
        scope=data.scope,
        account_id=data.account_id,
        rate_limit=data.rate_limit,
        expires_at=data.expires_at,
        key=request.keyed(),
    )
    return request.answer(answer, 201)


@route("delete", "/v1/keys/{key_id:str}", "operate", refusals=(Refusal.UNKNOWN_KEY,), tag=TAG)
async def revoke_key(request: Call, key_id: Annotated[str, PathParameter(description="`key_…`")]) -> Response[KeyShown]:
    """Revoke an API key, for good

    Every server knows of it within a second.
    """
    answer = await request.market.revoke_key(key_id, key=request.keyed())
    request.app.state.bearers.forget(key_id.removeprefix(KEY))
    return request.answer(answer)


HANDLERS = [keys, create_key, revoke_key]
