"""The clock of a sandbox. These paths are there only when the server is a sandbox's."""

from litestar import Response

from earnest.api.call import Call
from earnest.api.given import ClockMove
from earnest.api.routes import route
from earnest.marketplace.shown import ClockShown
from earnest.rules.outcome import Refusal

TAG = "Sandbox"


@route("put", "/v1/sandbox/clock", "operate", refusals=(Refusal.CLOCK_BEHIND,), tag=TAG)
async def move_clock(request: Call, data: ClockMove) -> Response[ClockShown]:
    """Move the clock forward

    Whatever falls due till then is due at once.
    """
    return request.answer(await request.market.move_clock(data.now))


HANDLERS = [move_clock]
