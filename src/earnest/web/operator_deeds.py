"""What an operator does to an account, each on a page of its own that says first what it will come to."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import NotFoundException

from earnest.marketplace.shown import PurchaseShown
from earnest.rules.account import MOST_CONNECTS
from earnest.rules.commands import MOST_TEXT
from earnest.rules.outcome import Refusal, Refused
from earnest.web.forms import Form
from earnest.web.refusals import Told
from earnest.web.routes import Id, page
from earnest.web.visit import Visit
from earnest.web.words import N_, Words

Do = Callable[[Visit, str, Form], Awaitable[Any]]


class Deed(msgspec.Struct, frozen=True):
    """Something to be done: what it is called, what it comes to, what has to be said, and what is said after it.

    `asks` are the fields of its form: `connects`, `reason`, `why` (a reason that may be left out) and `expires_at`.
    """

    title: str
    says: tuple[str, ...]
    button: str
    done: str
    do: Do
    asks: tuple[str, ...] = ()
    takes: bool = False


async def _grant(request: Visit, account_id: str, form: Form) -> Any:
    connects, reason = form.whole("connects", 1, MOST_CONNECTS), form.text("reason", MOST_TEXT)
    expires_at = form.day("expires_at", needed=False)
    if expires_at is not None and expires_at <= request.market.ledger.now:
        form.say("expires_at", request.words.gettext("Please give a day that hasn’t passed."))
    if form.errors or connects is None or reason is None:
        return None
    return await request.market.grant(
        account_id, connects, reason=reason, expires_at=expires_at, key=request.once(form)
    )


async def _revoke(request: Visit, account_id: str, form: Form) -> Any:
    connects, reason = form.whole("connects", 1, MOST_CONNECTS), form.text("reason", MOST_TEXT)
    if form.errors or connects is None or reason is None:
        return None
    return await request.market.revoke(account_id, connects, reason=reason, key=request.once(form))


async def _suspend(request: Visit, account_id: str, form: Form) -> Any:
    reason = form.text("reason", MOST_TEXT)
    return None if reason is None else await request.market.suspend(account_id, reason=reason, key=request.once(form))


async def _lift(request: Visit, account_id: str, form: Form) -> Any:
    reason = form.text("reason", MOST_TEXT, needed=False)
    if form.errors:
        return None
    return await request.market.lift_suspension(account_id, reason=reason or "", key=request.once(form))


async def _uphold(request: Visit, account_id: str, form: Form) -> Any:
    reason = form.text("reason", MOST_TEXT, needed=False)
    if form.errors:
        return None
    return await request.market.uphold_suspension(account_id, reason=reason or "", key=request.once(form))


async def _fee_unpaid(request: Visit, account_id: str, form: Form) -> Any:
    return await request.market.report_fee_unpaid(account_id, key=request.once(form))


async def _fee_paid(request: Visit, account_id: str, form: Form) -> Any:
    return await request.market.report_fee_paid(account_id, key=request.once(form))


async def _erase(request: Visit, account_id: str, form: Form) -> Any:
    if not form.ticked("sure"):
        form.say("sure", request.words.gettext("Please tick this, if you mean it."))
        return None
    refused = await request.market.erase_person(account_id)
    return account_id if refused is None else refused


async def _confirm(request: Visit, purchase_id: str, form: Form) -> Any:
    return await request.market.confirm_purchase(purchase_id, key=request.once(form))


async def _reverse(request: Visit, purchase_id: str, form: Form) -> Any:
    return await request.market.reverse_purchase(purchase_id, key=request.once(form))


DEEDS = {
    "grant": Deed(
        N_("Give %(connects)s"),
        (
            N_("They are there at once, and the holder sees them in the journal with your reason."),
            N_(
                "Without an expiry of their own they belong to this month: at its end they are carried over or expire "
                "as the others do."
            ),
            N_("A debt is paid from them first, and what the plan doesn’t allow to hold is forfeited at once."),
        ),
        N_("Give them"),
        "granted",
        _grant,
        ("connects", "reason", "expires_at"),
    ),
    "revoke": Deed(
        N_("Take %(connects)s back"),
        (
            N_("They are taken in the order in which they would be spent: what expires soonest first."),
            N_("It is all or nothing: where fewer are held, none are taken."),
            N_("The holder sees it in the journal with your reason. To undo it, give as many again."),
        ),
        N_("Take them"),
        "revoked",
        _revoke,
        ("connects", "reason"),
        takes=True,
    ),
    "suspend": Deed(
        N_("Suspend from proposing"),
        (
            N_(
                "The account can’t propose any more, invited or not, until you lift this. It may still buy, and what "
                "it holds expires and is carried over as ever."
            ),
            N_("The holder is told your reason, and may appeal once."),
            N_(
                "A suspension by conduct that stands already becomes yours: then a hire no longer ends it, only you do."
            ),
        ),
        N_("Suspend"),
        "suspended",
        _suspend,
        ("reason",),
        takes=True,
    ),
    "lift": Deed(
        N_("Lift the suspension"),
        (
            N_("The account may propose again at once, and its count starts anew: what it sent before counts no more."),
            N_("The holder is told, with your reason if you give one."),
        ),
        N_("Lift it"),
        "lifted",
        _lift,
        ("why",),
    ),
    "uphold": Deed(
        N_("Uphold the suspension"),
        (
            N_("The suspension stays, and the holder reads your reason beside their appeal."),
            N_("You can still lift it later."),
        ),
        N_("Uphold it"),
        "upheld",
        _uphold,
        ("why",),
        takes=True,
    ),
    "fee-unpaid": Deed(
        N_("Report the fee unpaid"),
        (
            N_(
                "At the end of its month the account falls to the lowest plan of its kind, and nothing is carried over."
            ),
            N_("On the lowest plan already, it may neither propose nor buy until the fee is paid."),
            N_("Reporting the fee paid before then takes all of this back."),
        ),
        N_("Report it unpaid"),
        "fee-unpaid",
        _fee_unpaid,
        takes=True,
    ),
    "fee-paid": Deed(
        N_("Report the fee paid"),
        (N_("The account keeps its plan, and may propose and buy as before."),),
        N_("Report it paid"),
        "fee-paid",
        _fee_paid,
    ),
    "erase": Deed(
        N_("Erase the person"),
        (
            N_(
                "The name, the members’ names, your own id of the account, every letter and an appeal’s text are "
                "deleted, for good."
            ),
            N_("Nobody can sign in for this account any more; people who belong nowhere else are removed."),
            N_("The journal stays: it names nobody, and every figure still adds up."),
        ),
        N_("Erase for good"),
        "erased",
        _erase,
        ("sure",),
        takes=True,
    ),
}
OF_PURCHASES = {
    "confirm": Deed(
        N_("Confirm the payment"),
        (
            N_("The %(connects)s arrive at once. Do this when the money is there."),
            N_("What the plan no longer allows to hold is refused whole: then return the money."),
        ),
        N_("The money is there"),
        "purchase",
        _confirm,
    ),
    "reverse": Deed(
        N_("Take the payment back"),
        (
            N_("A payment that hasn’t come yet is cancelled: nothing moves."),
            N_(
                "Of one that was confirmed, whatever is still held is taken back; what was spent stands as a debt, "
                "paid first from whatever comes next."
            ),
            N_("This can’t be undone."),
        ),
        N_("Take it back"),
        "purchase",
        _reverse,
        takes=True,
    ),
}


@page("get", "/operate/accounts/{account_id:str}/do/{deed:str}", seats=("operator",))
async def look_at_deed(request: Visit, account_id: Id, deed: Id) -> Response[str]:
    """Say what a deed comes to, and ask what it needs."""
    return await _show(request, account_id, _known(DEEDS, deed), Form({}, request.words))


@page("post", "/operate/accounts/{account_id:str}/do/{deed:str}", seats=("operator",))
async def do_deed(request: Visit, account_id: Id, deed: Id) -> Response[str]:
    """Do it, once."""
    account = request.known(await request.market.account(account_id))
    chosen, form = _known(DEEDS, deed), await request.sent()
    answer = await chosen.do(request, account.id, form)
    if answer is None:
        return await _show(request, account.id, chosen, form, status=422)
    if isinstance(answer, Refused):
        return await _show(request, account.id, chosen, form, status=409, told=_told(request, answer))
    return request.go(f"/operate/accounts/{account.id}", done=chosen.done)


@page("get", "/operate/purchases/{purchase_id:str}/{deed:str}", seats=("operator",))
async def look_at_payment(request: Visit, purchase_id: Id, deed: Id) -> Response[str]:
    """Say what reporting a payment comes to."""
    return await _show_payment(request, purchase_id, _known(OF_PURCHASES, deed), Form({}, request.words))


@page("post", "/operate/purchases/{purchase_id:str}/{deed:str}", seats=("operator",))
async def report_payment(request: Visit, purchase_id: Id, deed: Id) -> Response[str]:
    """Report it, once."""
    purchase = request.known(await request.market.purchase(purchase_id))
    chosen, form = _known(OF_PURCHASES, deed), await request.sent()
    answer = await chosen.do(request, purchase.id, form)
    if isinstance(answer, Refused):
        return await _show_payment(request, purchase.id, chosen, form, status=409, told=_told(request, answer))
    # How it stands, whatever was asked for: the plan may allow it no more, or it was taken back before.
    return request.go(f"/operate/accounts/{purchase.account_id}", done=f"{chosen.done}-{answer.status}")


def _known(deeds: dict[str, Deed], name: str) -> Deed:
    deed = deeds.get(name)
    if deed is None:
        raise NotFoundException(detail=name)
    return deed


def _told(request: Visit, refused: Refused) -> Told:
    if refused.code == Refusal.INSUFFICIENT_CONNECTS:
        said = request.words.gettext("The account holds only %(available)s, so none were taken.")
        return Told(refused.code, said % {"available": request.words.connects(int(refused.figures["available"]))})
    return request.refused(refused)


def sentence(words: Words, text: str) -> str:
    """Return one of a deed's texts in the reader's words."""
    said = words.gettext(text)
    return said % {"connects": words.tokens} if "%(connects)s" in said else said


async def _show(
    request: Visit,
    account_id: str,
    deed: Deed,
    form: Form,
    *,
    purchase: PurchaseShown | None = None,
    status: int = 200,
    told: Told | None = None,
) -> Response[str]:
    account = request.known(await request.market.account(account_id))
    balance = request.known(await request.market.balance(account.id))
    return request.show(
        "operate/deed.html",
        status=status,
        action=request.path,
        back=f"/operate/accounts/{account.id}",
        account=account,
        purchase=purchase,
        balance=balance,
        form=form,
        told=told,
        title=sentence(request.words, deed.title),
        says=[sentence(request.words, each) for each in deed.says],
        button=sentence(request.words, deed.button),
        asks=deed.asks,
        takes=deed.takes,
        most_text=MOST_TEXT,
        most_connects=MOST_CONNECTS,
    )


async def _show_payment(
    request: Visit, purchase_id: str, deed: Deed, form: Form, *, status: int = 200, told: Told | None = None
) -> Response[str]:
    purchase = request.known(await request.market.purchase(purchase_id))
    return await _show(request, purchase.account_id, deed, form, purchase=purchase, status=status, told=told)


HANDLERS = [look_at_deed, do_deed, look_at_payment, report_payment]
