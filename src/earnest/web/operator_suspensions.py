"""Who is warned or suspended, why, and what the operator decides about it."""

import asyncio

from litestar import Response

from earnest.marketplace.overview import GROUPS
from earnest.rules.commands import MOST_TEXT
from earnest.rules.outcome import Refused
from earnest.web.forms import Form
from earnest.web.refusals import Told
from earnest.web.routes import Id, page
from earnest.web.visit import Visit, next_page, query

ON_A_PAGE = 25
LETTERS = 3
"""How many of the latest letters stand beside the evidence."""

DECISIONS = ("lift", "uphold")


@page("get", "/operate/suspensions", seats=("operator",))
async def suspensions(request: Visit) -> Response[str]:
    """List who is suspended or warned, the appeals that wait first."""
    market = request.market
    seen = await market.overview()
    counts = {"appealed": seen.appealed, "suspended": seen.suspended - seen.appealed, "warned": seen.warned}
    group = query(request, "group")
    if group not in GROUPS:
        group = next((each for each in GROUPS if counts[each]), GROUPS[0])
    found = await market.standings(group=group, limit=ON_A_PAGE, cursor=query(request, "cursor") or None)
    return request.show(
        "operate/suspensions.html",
        group=group,
        counts=counts,
        found=found,
        more=next_page(request, found.next_cursor),
        first=f"/operate/suspensions?group={group}" if query(request, "cursor") else None,
    )


@page("get", "/operate/suspensions/{account_id:str}", seats=("operator",))
async def suspension(request: Visit, account_id: Id) -> Response[str]:
    """Show why an account is warned or suspended, and ask for a decision."""
    return await _show(request, account_id, Form({}, request.words))


@page("post", "/operate/suspensions/{account_id:str}", seats=("operator",))
async def decide(request: Visit, account_id: Id) -> Response[str]:
    """Lift a suspension, or uphold it."""
    account = request.known(await request.market.account(account_id))
    form = await request.sent()
    reason = form.text("reason", MOST_TEXT, needed=False) or ""
    decision = form.choice("decision", DECISIONS)
    if form.errors or decision is None:
        return await _show(request, account.id, form, status=422)
    decide_so = request.market.lift_suspension if decision == "lift" else request.market.uphold_suspension
    answer = await decide_so(account.id, reason=reason, key=request.once(form))
    if isinstance(answer, Refused):
        return await _show(request, account.id, form, status=409, told=request.refused(answer))
    return request.go(f"/operate/suspensions/{account.id}", done="lifted" if decision == "lift" else "upheld")


async def _show(
    request: Visit, account_id: str, form: Form, *, status: int = 200, told: Told | None = None
) -> Response[str]:
    market = request.market
    account = request.known(await market.account(account_id))
    standing, stats, sent = await asyncio.gather(
        market.standing(account.id), market.stats(account.id), market.proposals_of(account.id, limit=LETTERS)
    )
    judged = request.known(standing)
    evidence = judged.counted if judged.suspension is None else judged.suspension.evidence
    latest = request.known(sent).items
    return request.show(
        "operate/suspension.html",
        status=status,
        account=account,
        judged=judged,
        evidence=evidence,
        jobs=await market.jobs_by_id({each.job_id for each in (*evidence, *latest)}),
        letters=[each for each in latest if each.cover_letter],
        letters_alike=request.known(stats).letters_alike,
        form=form,
        told=told,
        most_text=MOST_TEXT,
    )


HANDLERS = [suspensions, suspension, decide]
