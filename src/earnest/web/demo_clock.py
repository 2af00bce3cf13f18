"""The strip that moves a demo's clock, so that anyone sees months pass."""

from datetime import datetime, timedelta

from litestar import Response

from earnest.web import security
from earnest.web.routes import page
from earnest.web.visit import Visit


def targets(request: Visit) -> dict[str, datetime]:
    """Return where the clock can be moved to, by what the forms call it."""
    now = request.market.ledger.now
    _, month_end = request.market.ledger.pack.calendar.first_cycle(now)
    return {"day": now + timedelta(days=1), "week": now + timedelta(days=7), "month": month_end}


@page("post", "/demo/clock", seats=None)
async def move(request: Visit) -> Response[str]:
    """Move the clock, and show the same page again."""
    form = await request.sent()
    to = targets(request).get(form["to"]) if request.settings.demo else None
    if to is None:
        return request.show("error.html", status=404, problem="unknown")
    request.known(await request.market.move_clock(to))
    return request.go(security.local_path(form["back"]) or "/")


HANDLERS = [move]
