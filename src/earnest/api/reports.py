"""Reports over all accounts."""

from datetime import datetime
from typing import Annotated

from litestar import Response
from litestar.params import QueryParameter

from earnest.api.call import Call
from earnest.api.problems import MalformedError
from earnest.api.routes import route
from earnest.marketplace.circulation import CirculationShown

TAG = "Reports"


@route("get", "/v1/reports/circulation", "read", tag=TAG)
async def circulation(
    request: Call,
    since: Annotated[
        datetime | None, QueryParameter(name="from", description="From this time on; without it, from the beginning.")
    ] = None,
    until: Annotated[
        datetime | None,
        QueryParameter(name="to", description="Before this time; without it, and for a time to come, up to now."),
    ] = None,
) -> Response[CirculationShown]:
    """Show what circulated over a span

    Where connects came from and where they went, over all accounts: the journals' sums, settled on paper.
    """
    if since is not None and until is not None and since > until:
        raise MalformedError("from", "a time not after `to`")
    return request.answer(await request.market.circulation(since=since, until=until))


HANDLERS = [circulation]
