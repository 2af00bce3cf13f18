"""Webhooks: where events are sent, and what became of each."""

from typing import Annotated, Literal

from litestar import Response
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import UNSET

from earnest.api.call import Call
from earnest.api.given import (
    Cursor,
    EndpointChange,
    Limit,
    NewEndpoint,
    Redelivery,
    SecretRotation,
)
from earnest.api.routes import route
from earnest.marketplace.shown import DeliveryShown, EndpointShown, Page
from earnest.rules.outcome import Refusal

TAG = "Webhooks"

EndpointId = Annotated[str, PathParameter(description="`whe_…`")]

_UNKNOWN = (Refusal.UNKNOWN_ENDPOINT,)
_ALL = "/v1/webhook-endpoints"
_ONE = f"{_ALL}/{{endpoint_id:str}}"


@route("get", _ALL, "operate", tag=TAG)
async def webhook_endpoints(request: Call, limit: Limit = 100, cursor: Cursor = None) -> Response[Page[EndpointShown]]:
    """List the webhook endpoints, the oldest first"""
    return request.answer(await request.market.endpoints(limit=limit, cursor=cursor))


@route("post", _ALL, "operate", status=201, tag=TAG)
async def create_webhook_endpoint(request: Call, data: JSONBody[NewEndpoint]) -> Response[EndpointShown]:
    """Have events sent to a URL

    From now on. `secret` is what their signatures are checked with (Standard Webhooks). It is shown this once; a replay
    has null there, and a new one can be had by rotating it.
    """
    answer = await request.market.create_endpoint(
        data.url,
        kinds=data.kinds,
        description=data.description,
        allow_private=request.settings.webhook_private_addresses,
        key=request.keyed(),
    )
    return request.answer(answer, 201)


@route("get", _ONE, "operate", refusals=_UNKNOWN, tag=TAG)
async def webhook_endpoint(request: Call, endpoint_id: EndpointId) -> Response[EndpointShown]:
    """Show a webhook endpoint, and how sending to it goes"""
    return request.answer(await request.market.endpoint(endpoint_id))


@route("patch", _ONE, "operate", refusals=_UNKNOWN, tag=TAG)
async def change_webhook_endpoint(
    request: Call, endpoint_id: EndpointId, data: JSONBody[EndpointChange]
) -> Response[EndpointShown]:
    """Change a webhook endpoint

    What waits goes to its new URL. A paused one stays paused, until something is redelivered.
    """
    answer = await request.market.change_endpoint(
        endpoint_id,
        url=None if data.url is UNSET else data.url,
        kinds=data.kinds,
        description=data.description,
        allow_private=request.settings.webhook_private_addresses,
        key=request.keyed(),
    )
    return request.answer(answer)


@route("delete", _ONE, "operate", refusals=_UNKNOWN, tag=TAG)
async def delete_webhook_endpoint(request: Call, endpoint_id: EndpointId) -> Response[EndpointShown]:
    """Let a webhook endpoint go

    Nothing is sent to it any more, and its deliveries are no longer shown.
    """
    return request.answer(await request.market.delete_endpoint(endpoint_id, key=request.keyed()))


@route("post", f"{_ONE}/rotate-secret", "operate", refusals=_UNKNOWN, tag=TAG)
async def rotate_webhook_secret(
    request: Call, endpoint_id: EndpointId, data: JSONBody[SecretRotation | None] = None
) -> Response[EndpointShown]:
    """Give a webhook endpoint a new secret

    It is shown this once. For `overlap_hours` what is sent bears signatures of both, so nothing is lost while the new
    one is brought to the receiver.
    """
    wanted = data or SecretRotation()
    answer = await request.market.rotate_secret(endpoint_id, overlap_hours=wanted.overlap_hours, key=request.keyed())
    return request.answer(answer)


@route("get", f"{_ONE}/deliveries", "operate", refusals=_UNKNOWN, tag=TAG)
async def deliveries(
    request: Call,
    endpoint_id: EndpointId,
    status: Annotated[
        Literal["waiting", "delivered", "failed"] | None, QueryParameter(description="Deliveries of this status only.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[Page[DeliveryShown]]:
    """List what a webhook endpoint was told, or is to be, the latest first

    What was delivered or given up is listed for 30 days.
    """
    answer = await request.market.deliveries(endpoint_id, status=status, limit=limit, cursor=cursor)
    return request.answer(answer)


@route("post", f"{_ONE}/redeliver", "operate", refusals=(*_UNKNOWN, Refusal.UNKNOWN_DELIVERY), tag=TAG)
async def redeliver(
    request: Call, endpoint_id: EndpointId, data: JSONBody[Redelivery | None] = None
) -> Response[EndpointShown]:
    """Send again: one delivery, or all that have not arrived

    A paused endpoint is told again.
    """
    delivery_id = None if data is None else data.delivery_id
    return request.answer(await request.market.redeliver(endpoint_id, delivery_id, key=request.keyed()))


HANDLERS = [
    webhook_endpoints,
    create_webhook_endpoint,
    webhook_endpoint,
    change_webhook_endpoint,
    delete_webhook_endpoint,
    rotate_webhook_secret,
    deliveries,
    redeliver,
]
