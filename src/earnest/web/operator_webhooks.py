"""How webhooks go: each endpoint's health, what it was told, and sending again."""

import asyncio

from litestar import Response

from earnest.marketplace.endpoints import STATUSES
from earnest.marketplace.shown import DeliveryShown
from earnest.relay.lag import lag, lag_of
from earnest.rules.outcome import Refused
from earnest.web.refusals import Told
from earnest.web.routes import Id, page
from earnest.web.visit import Visit, next_page, query

ENDPOINTS = 50
ON_A_PAGE = 30


@page("get", "/operate/webhooks", seats=("operator",))
async def webhooks(request: Visit) -> Response[str]:
    """List the endpoints, each with its health."""
    market = request.market
    found = await market.endpoints(limit=ENDPOINTS, cursor=query(request, "cursor") or None)
    behind, *each_behind = await asyncio.gather(
        lag(market.ledger), *(lag_of(market.ledger, endpoint.id) for endpoint in found.items)
    )
    return request.show(
        "operate/webhooks.html",
        endpoints=list(zip(found.items, each_behind, strict=True)),
        behind=behind,
        more=next_page(request, found.next_cursor),
        first="/operate/webhooks" if query(request, "cursor") else None,
    )


@page("get", "/operate/webhooks/{endpoint_id:str}", seats=("operator",))
async def webhook(request: Visit, endpoint_id: Id) -> Response[str]:
    """Show an endpoint, and what it was told lately."""
    return await _show(request, endpoint_id)


@page("post", "/operate/webhooks/{endpoint_id:str}/redeliver", seats=("operator",))
async def redeliver(request: Visit, endpoint_id: Id) -> Response[str]:
    """Send one delivery again, or all that haven't arrived."""
    endpoint = request.known(await request.market.endpoint(endpoint_id))
    form = await request.sent()
    answer = await request.market.redeliver(endpoint.id, form["delivery"] or None, key=request.once(form))
    if isinstance(answer, Refused):
        return await _show(request, endpoint.id, status=409, told=request.refused(answer))
    return request.go(f"/operate/webhooks/{endpoint.id}", done="redelivered")


async def _show(request: Visit, endpoint_id: str, *, status: int = 200, told: Told | None = None) -> Response[str]:
    market = request.market
    endpoint = request.known(await market.endpoint(endpoint_id))
    of = query(request, "status")
    deliveries, behind = await asyncio.gather(
        market.deliveries(
            endpoint.id,
            status=of if of in STATUSES else None,
            limit=ON_A_PAGE,
            cursor=query(request, "cursor") or None,
        ),
        lag_of(market.ledger, endpoint.id),
    )
    listed = request.known(deliveries)
    return request.show(
        "operate/webhook.html",
        status=status,
        endpoint=endpoint,
        behind=behind,
        deliveries=listed,
        reasons={each.id: _reason(request, each) for each in listed.items},
        statuses=STATUSES,
        of=of,
        told=told,
        more=next_page(request, listed.next_cursor),
        first=f"/operate/webhooks/{endpoint.id}" if query(request, "cursor") else None,
    )


def _reason(request: Visit, delivery: DeliveryShown) -> str:
    """Say what the last attempt came to."""
    w = request.words
    if delivery.answered is not None:
        return w.gettext("Answered %(status)s") % {"status": str(delivery.answered)}
    if delivery.error:
        return delivery.error
    return w.gettext("Not sent yet") if delivery.tried_at is None else ""


HANDLERS = [webhooks, webhook, redeliver]
