"""Buying connects."""

from litestar import Response
from litestar.params import JSONBody

from earnest.api.call import Call
from earnest.api.given import AccountId, NewPurchase, NoFields, PurchaseId
from earnest.api.routes import route
from earnest.marketplace.payments import with_checkout
from earnest.marketplace.shown import PurchaseShown
from earnest.rules.outcome import Refusal, Refused

TAG = "Purchases"

_UNKNOWN = (Refusal.UNKNOWN_PURCHASE,)


@route(
    "post",
    "/v1/accounts/{account_id:str}/purchases",
    "manage",
    status=201,
    refusals=(
        Refusal.UNKNOWN_ACCOUNT,
        Refusal.UNKNOWN_MEMBER,
        Refusal.NOT_PERMITTED,
        Refusal.PLAN_CANNOT_BUY,
        Refusal.OVER_MOST_HELD,
    ),
    for_one_account=True,
    tag=TAG,
)
async def buy(request: Call, account_id: AccountId, data: JSONBody[NewPurchase]) -> Response[PurchaseShown]:
    """Ask to buy connects, at the plan's price

    They arrive when the payment is confirmed. `checkout_url` is where to send the holder to pay; null where an operator
    confirms payments. `warning` tells what the next boundary would take.
    """
    answer = await request.market.buy(account_id, data.connects, by_member_id=data.by_member_id, key=request.keyed())
    if not isinstance(answer, Refused):
        answer = await with_checkout(request.payments, answer)
    return request.answer(answer, 201)


@route("get", "/v1/purchases/{purchase_id:str}", "read", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def purchase(request: Call, purchase_id: PurchaseId) -> Response[PurchaseShown]:
    """Show a purchase"""
    answer = await request.market.purchase(purchase_id)
    if not isinstance(answer, Refused):
        answer = await with_checkout(request.payments, answer)
    return request.answer(answer)


@route("post", "/v1/purchases/{purchase_id:str}/confirm", "operate", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def confirm_purchase(
    request: Call, purchase_id: PurchaseId, data: JSONBody[NoFields | None] = None
) -> Response[PurchaseShown]:
    """Report a purchase's payment as received

    Its connects arrive, once, however often this is reported. What the plan no longer allows brings nothing, and the
    purchase is `refused`: return the money.
    """
    return request.answer(await request.market.confirm_purchase(purchase_id, key=request.keyed()))


@route("post", "/v1/purchases/{purchase_id:str}/reverse", "operate", refusals=_UNKNOWN, for_one_account=True, tag=TAG)
async def reverse_purchase(
    request: Call, purchase_id: PurchaseId, data: JSONBody[NoFields | None] = None
) -> Response[PurchaseShown]:
    """Report a purchase's payment as taken back, or as not coming

    What is held of it is taken back; what was spent of it is owed.
    """
    return request.answer(await request.market.reverse_purchase(purchase_id, key=request.keyed()))


HANDLERS = [buy, purchase, confirm_purchase, reverse_purchase]
