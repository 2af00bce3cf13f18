"""Where an operator begins: how things stand, and where to look closer."""

import asyncio

from litestar import Response

from earnest.relay.lag import lag
from earnest.web.routes import page
from earnest.web.visit import Visit

MOST_ENDPOINTS = 100


@page("get", "/operate", seats=("operator",))
async def overview(request: Visit) -> Response[str]:
    """Show how things stand."""
    market = request.market
    seen, runs, endpoints, behind = await asyncio.gather(
        market.overview(), market.audit_runs(limit=1), market.endpoints(limit=MOST_ENDPOINTS), lag(market.ledger)
    )
    return request.show(
        "operate/home.html",
        seen=seen,
        run=runs.items[0] if runs.items else None,
        endpoints=endpoints.items,
        troubled=sum(each.status != "active" for each in endpoints.items),
        behind=behind,
    )


HANDLERS = [overview]
