"""Buying connects: how many fit, what they cost, what would expire of them, paying, and earlier purchases."""

from litestar import Response
from litestar.exceptions import NotFoundException

from earnest.marketplace.payments import Sandbox, provider
from earnest.marketplace.previews import PurchasePreview
from earnest.marketplace.shown import PurchaseShown
from earnest.rules.account import MOST_CONNECTS
from earnest.rules.outcome import Refusal, Refused
from earnest.rules.purchase import PurchaseStatus
from earnest.web.forms import Form
from earnest.web.refusals import Told
from earnest.web.routes import HOLDERS, Id, page
from earnest.web.visit import Visit, next_page, query
from earnest.web.words import Words

ON_A_PAGE = 20
OFFERED = (10, 20, 40, 80)
"""What can be chosen with one click; any other number can be typed."""


@page("get", "/connects/buy", seats=HOLDERS)
async def choose_connects(request: Visit) -> Response[str]:
    """Ask how many connects to buy, and show what so many would come to."""
    form = Form({"connects": query(request, "connects")}, request.words)
    return await _buy(request, form)


async def _buy(request: Visit, form: Form, *, told: Told | None = None, status: int = 200) -> Response[str]:
    account = request.who.account
    assert account is not None, "holders have one"  # noqa: S101
    plan = request.rules.plan(account.plan)
    least: PurchasePreview = await _previewed(request, 1)
    connects = form.whole("connects", 1, MOST_CONNECTS, needed=False)
    seen = None if connects is None else await _previewed(request, connects)
    # What the plan or the member may not do at all is said instead of a form.
    barred = None if least.refusal is None or least.refusal.code == Refusal.OVER_MOST_HELD else least.refusal
    if seen is not None and seen.refusal is not None and barred is None and told is None:
        told = request.refused(seen.refusal)
    fit = least.would_fit
    return request.show(
        "buy.html",
        status=422 if form.errors else status,
        form=form,
        told=told,
        barred=None if barred is None else request.refused(barred),
        seen=seen if seen is not None and seen.refusal is None else None,
        plan=plan,
        fit=fit,
        offered=[each for each in OFFERED if fit is None or each <= fit],
        most=MOST_CONNECTS if fit is None else fit,
    )


async def _previewed(request: Visit, connects: int) -> PurchasePreview:
    seen = await request.market.preview_purchase(request.account_id, connects, by_member_id=request.member_id)
    return request.known(seen)


@page("post", "/connects/buy", seats=HOLDERS)
async def buy(request: Visit) -> Response[str]:
    """Ask to buy connects; they come when they are paid."""
    form = await request.sent()
    connects = form.whole("connects", 1, MOST_CONNECTS)
    if connects is None:
        return await _buy(request, form)
    answer = await request.market.buy(
        request.account_id, connects, by_member_id=request.member_id, key=request.once(form)
    )
    if isinstance(answer, Refused):
        return await _buy(request, form, told=request.refused(answer), status=409)
    return request.go(f"/connects/purchases/{answer.id}", done="asked-to-buy")


@page("get", "/connects/purchases", seats=HOLDERS)
async def list_purchases(request: Visit) -> Response[str]:
    """List the account's purchases, the latest first."""
    found = await request.market.purchases(request.account_id, limit=ON_A_PAGE, cursor=query(request, "cursor") or None)
    purchases = request.known(found)
    return request.show(
        "purchases.html",
        purchases=purchases,
        more=next_page(request, purchases.next_cursor),
        first="/connects/purchases" if query(request, "cursor") else None,
    )


@page("get", "/connects/purchases/{purchase_id:str}", seats=HOLDERS)
async def see_purchase(request: Visit, purchase_id: Id) -> Response[str]:
    """Show a purchase, and how to pay for it."""
    purchase = await _own(request, purchase_id)
    return request.show(
        "purchase.html",
        purchase=purchase,
        meaning=meaning(request.words, purchase, pays_here=_pays_here(request)),
        pays_here=_pays_here(request) and purchase.status == PurchaseStatus.PENDING and request.who.manages,
    )


async def _own(request: Visit, purchase_id: str) -> PurchaseShown:
    """Return a purchase; somebody else's is as unknown as one that never was."""
    purchase = request.known(await request.market.purchase(purchase_id))
    if purchase.account_id != request.account_id:
        raise NotFoundException
    return purchase


def _pays_here(request: Visit) -> bool:
    """Say whether purchases are paid on these pages: only in a sandbox, where no money moves."""
    settings = request.settings
    return isinstance(provider(settings.payments, is_sandbox=settings.sandbox), Sandbox)


def meaning(w: Words, purchase: PurchaseShown, *, pays_here: bool) -> str:
    """Say where a purchase stands, and what that means for its holder."""
    connects = {"connects": w.connects(purchase.connects), "tokens": w.tokens}
    match PurchaseStatus(purchase.status):
        case PurchaseStatus.PENDING if pays_here:
            return w.gettext("They come the moment this is paid. In this sandbox no money moves.")
        case PurchaseStatus.PENDING:
            return w.gettext(
                "They come as soon as the payment is confirmed. An operator does that; there is nothing more to do "
                "here."
            )
        case PurchaseStatus.CONFIRMED:
            return w.gettext("It is paid, and the %(connects)s are on your account.") % connects
        case PurchaseStatus.REFUSED if purchase.refusal == Refusal.OVER_MOST_HELD:
            return (
                w.gettext(
                    "When the payment came, so many no longer fitted under what your plan allows to hold. No "
                    "%(tokens)s came, and the money goes back to you."
                )
                % connects
            )
        case PurchaseStatus.REFUSED:
            return (
                w.gettext(
                    "When the payment came, your plan no longer allowed buying. No %(tokens)s came, and the money "
                    "goes back to you."
                )
                % connects
            )
        case PurchaseStatus.REVERSED:
            return (
                w.gettext(
                    "The payment was taken back. What was left of these %(tokens)s is gone, and what was spent of "
                    "them is owed."
                )
                % connects
            )
        case PurchaseStatus.CANCELLED:
            return w.gettext("It was never paid, and nothing came of it.")


@page("post", "/connects/purchases/{purchase_id:str}/pay", seats=HOLDERS)
async def pay(request: Visit, purchase_id: Id) -> Response[str]:
    """Pay for a purchase in a sandbox, where that takes no money; elsewhere there is no such page."""
    form = await request.sent()
    purchase = await _own(request, purchase_id)
    if not _pays_here(request) or not request.who.manages:
        raise NotFoundException
    answer = request.known(await request.market.confirm_purchase(purchase.id, key=request.once(form)))
    return request.go(
        f"/connects/purchases/{purchase.id}", done="paid" if answer.status == PurchaseStatus.CONFIRMED else None
    )


HANDLERS = [choose_connects, buy, list_purchases, see_purchase, pay]
