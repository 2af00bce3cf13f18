"""A sandbox: its clock, and payments that cost nothing. Only a server started with `--sandbox` has these paths."""

from litestar import Response
from litestar.params import JSONBody

from earnest.api.call import Call
from earnest.api.given import ClockMove, Payment, PurchaseId
from earnest.api.routes import route
from earnest.marketplace.shown import ClockShown, PurchaseShown
from earnest.rules.outcome import Refusal

TAG = "Sandbox"


@route("get", "/v1/sandbox/clock", "read", for_one_account=True, tag=TAG)
async def clock(request: Call) -> Response[ClockShown]:
    """Show the clock

    It stands until it is moved.
    """
    return request.answer(await request.market.sandbox_clock())


@route("put", "/v1/sandbox/clock", "operate", refusals=(Refusal.CLOCK_BEHIND,), keyed=False, tag=TAG)
async def move_clock(request: Call, data: JSONBody[ClockMove]) -> Response[ClockShown]:
    """Move the clock forward

    Whatever falls due till then is due at once.
    """
    return request.answer(await request.market.move_clock(data.now))


@route(
    "post",
    "/v1/sandbox/purchases/{purchase_id:str}/pay",
    "manage",
    refusals=(Refusal.UNKNOWN_PURCHASE,),
    for_one_account=True,
    tag=TAG,
)
async def pay_purchase(
    request: Call, purchase_id: PurchaseId, data: JSONBody[Payment | None] = None
) -> Response[PurchaseShown]:
    """Pay for a purchase, without money

    Its connects arrive, as if a payment provider had confirmed it. Paid twice is paid once.
    """
    paid = data is None or data.outcome == "paid"
    decide = request.market.confirm_purchase if paid else request.market.reverse_purchase
    return request.answer(await decide(purchase_id, key=request.keyed()))


HANDLERS = [clock, move_clock, pay_purchase]
