"""Membership: the plans compared, moving between them, and whether another would serve this holder better."""

import msgspec
from litestar import Response
from litestar.exceptions import NotFoundException

from earnest.marketplace.shown import AccountShown, AdviceShown, StatsShown
from earnest.rules.advice import Advice, Verdict, best_trial
from earnest.rules.outcome import Refused
from earnest.rules.pack import Plan
from earnest.rules.settle import most_carried
from earnest.rules.stats import Month
from earnest.web.charts import Series
from earnest.web.labels import Labels
from earnest.web.refusals import Told
from earnest.web.routes import HOLDERS, Id, page
from earnest.web.visit import Visit
from earnest.web.words import Words


class Offer(msgspec.Struct, frozen=True):
    """A plan as this holder sees it: `step` is how far up (positive) or down it is from theirs."""

    plan: Plan
    carried: int
    step: int
    is_pending: bool


def _account(request: Visit) -> AccountShown:
    account = request.who.account
    assert account is not None, "the page is declared for holders"  # noqa: S101
    return account


def offers(request: Visit) -> list[Offer]:
    """Return the plans of the account's kind, from low to high."""
    account, rules = _account(request), request.rules
    codes = rules.plans_of(account.kind)
    here = codes.index(account.plan)
    return [
        Offer(plan, most_carried(plan, rules), at - here, account.pending_plan == plan.code)
        for at, plan in enumerate(map(rules.plan, codes))
    ]


@page("get", "/membership", seats=HOLDERS)
async def compare_plans(request: Visit) -> Response[str]:
    """Show the plans side by side."""
    return _compare(request)


def _compare(request: Visit, *, told: Told | None = None, status: int = 200) -> Response[str]:
    return request.show("membership.html", status=status, account=_account(request), offers=offers(request), told=told)


def _offer(request: Visit, code: str) -> Offer:
    for offer in offers(request):
        if offer.plan.code == code and offer.step:
            return offer
    raise NotFoundException


@page("get", "/membership/plans/{plan:str}", seats=HOLDERS)
async def preview(request: Visit, plan: Id) -> Response[str]:
    """Show what moving to a plan would bring, cost and lose."""
    return await _preview(request, plan)


async def _preview(request: Visit, plan: str, *, told: Told | None = None, status: int = 200) -> Response[str]:
    offer = _offer(request, plan)
    seen = request.known(await request.market.preview_plan(request.account_id, plan, by_member_id=request.member_id))
    if seen.refusal is not None and told is None:
        told = request.refused(seen.refusal)
    return request.show(
        "plan.html",
        status=status,
        account=_account(request),
        offer=offer,
        seen=seen,
        told=told,
        balance=request.who.balance,
    )


@page("post", "/membership/plans/{plan:str}", seats=HOLDERS)
async def move(request: Visit, plan: Id) -> Response[str]:
    """Move to a plan: up at once, down when the month ends."""
    form = await request.sent()
    # Sent twice, the second finds the account on the plan already, and is answered as the first was.
    if plan not in request.rules.plans_of(_account(request).kind):
        raise NotFoundException
    answer = await request.market.change_plan(
        request.account_id, plan, by_member_id=request.member_id, key=request.once(form)
    )
    if isinstance(answer, Refused):
        return _compare(request, told=request.refused(answer), status=409)
    return request.go("/membership", done="plan-up" if answer.plan == plan else "plan-down")


@page("post", "/membership/keep", seats=HOLDERS)
async def keep(request: Visit) -> Response[str]:
    """Take a change of plan back that has not come yet."""
    form = await request.sent()
    answer = await request.market.keep_plan(request.account_id, by_member_id=request.member_id, key=request.once(form))
    if isinstance(answer, Refused):
        return _compare(request, told=request.refused(answer), status=409)
    return request.go("/membership", done="plan-kept")


@page("get", "/membership/advice", seats=HOLDERS)
async def advise(request: Visit) -> Response[str]:
    """Say whether to upgrade or to buy, with the reader's own numbers."""
    w, account = request.words, _account(request)
    shown: AdviceShown = request.known(await request.market.advice(account.id))
    advice = shown.advice
    # The months looked at are the last whole ones.
    stats: StatsShown = request.known(await request.market.stats(account.id, months=len(advice.needed) + 1))
    months = stats.months[:-1]
    proposals = {
        "connects": w.connects(request.who.balance.available if request.who.balance is not None else 0),
        "price": w.number(shown.usual_price),
        "proposals": w.number(advice.proposals_left),
    }
    said = w.ngettext(
        "%(connects)s at %(price)s each, as most jobs cost, are enough for %(proposals)s more proposal.",
        "%(connects)s at %(price)s each, as most jobs cost, are enough for %(proposals)s more proposals.",
        advice.proposals_left,
    )
    return request.show(
        "advice.html",
        account=account,
        advice=advice,
        heading=heading(w, advice, account.plan),
        reason=reason(w, advice, account.plan, months),
        best=best_trial(advice.trials, account.plan).plan,
        months=months,
        month_names=[w.month_short(each.start) for each in months],
        series=[Series("c1", w.gettext("%(tokens)s needed") % {"tokens": w.tokens.capitalize()}, advice.needed)],
        lasts=said % proposals,
        offers=offers(request),
    )


def heading(w: Words, advice: Advice, plan: str) -> str:
    """Say the answer in a few words."""
    label = Labels(w)
    match advice.verdict:
        case Verdict.WORK_ON_PROPOSALS:
            return w.gettext("No: more %(tokens)s won’t help just now") % {"tokens": w.tokens}
        case Verdict.UPGRADE:
            best = label.plan(best_trial(advice.trials, plan).plan)
            return w.gettext("Yes: %(plan)s would serve you better") % {"plan": best}
        case Verdict.DOWNGRADE:
            best = label.plan(best_trial(advice.trials, plan).plan)
            return w.gettext("No: %(plan)s would do, and cost less") % {"plan": best}
        case Verdict.BUY:
            return w.gettext("Stay on %(plan)s, and buy what is missing now and then") % {"plan": label.plan(plan)}
        case Verdict.STAY:
            return w.gettext("Stay on %(plan)s: it is enough") % {"plan": label.plan(plan)}


def reason(w: Words, advice: Advice, plan: str, months: list[Month]) -> str:
    """Say why that is the answer, with the reader's own figures."""
    if advice.verdict is Verdict.WORK_ON_PROPOSALS:
        sent, hires = sum(each.proposals for each in months), sum(each.hires for each in months)
        figures = {"proposals": w.number(sent), "hires": w.number(hires), "tokens": w.tokens}
        said = w.ngettext(
            "You sent %(proposals)s proposals in the months looked at, and %(hires)s of them led to a hire. Fewer, "
            "better ones will do more than more %(tokens)s: pick jobs that fit, and write each letter anew.",
            "You sent %(proposals)s proposals in the months looked at, and %(hires)s of them led to hires. Fewer, "
            "better ones will do more than more %(tokens)s: pick jobs that fit, and write each letter anew.",
            hires,
        )
        return said % figures
    if not months:
        return w.gettext(
            "You haven’t been here for a whole month yet. Come back when one has passed: then there is something to "
            "go by."
        )
    trials = {trial.plan: trial for trial in advice.trials}
    best, now = best_trial(advice.trials, plan), trials[plan]
    figures = {
        "needed": w.connects(sum(advice.needed)),
        "best": Labels(w).plan(best.plan),
        "now": Labels(w).plan(plan),
        "best_cost": w.minor_units(best.cost),
        "now_cost": w.minor_units(now.cost),
        "missing": w.connects(now.missing),
        "bought": w.connects(now.bought),
    }
    if advice.verdict is Verdict.UPGRADE and now.missing and not best.missing:
        said = w.gettext(
            "Your proposals needed %(needed)s. On %(now)s %(missing)s of that are missing; on %(best)s all of it is "
            "there, and that comes to %(best_cost)s."
        )
    elif advice.verdict in (Verdict.UPGRADE, Verdict.DOWNGRADE):
        said = w.gettext(
            "Your proposals needed %(needed)s. That comes to %(best_cost)s on %(best)s, and to %(now_cost)s on %(now)s."
        )
    elif advice.verdict is Verdict.BUY:
        said = w.gettext(
            "Your proposals needed %(needed)s. On %(now)s you would buy %(bought)s, and with the fees that comes to "
            "%(now_cost)s: no other plan does it for less."
        )
    elif now.missing:
        said = w.gettext(
            "Your proposals needed %(needed)s. %(missing)s of that are missing on %(now)s, and no other plan would "
            "bring more."
        )
    else:
        said = w.gettext("Your proposals needed %(needed)s, and %(now)s covered all of it.")
    return said % figures


HANDLERS = [compare_plans, preview, move, keep, advise]
