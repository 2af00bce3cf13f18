"""A holder's standing: what counts towards it, and of a suspension the evidence, the appeal and what was decided."""

from litestar import Response

from earnest.marketplace.standing import StandingShown
from earnest.rules.account import Status
from earnest.rules.commands import MOST_TEXT
from earnest.rules.outcome import Refused
from earnest.web.forms import Form
from earnest.web.refusals import Told
from earnest.web.routes import HOLDERS, page
from earnest.web.visit import Visit

MOST_LISTED = 50
"""How many of the proposals that count are listed."""


@page("get", "/standing", seats=HOLDERS)
async def see_standing(request: Visit) -> Response[str]:
    """Show the account's standing."""
    return await _standing(request, Form({}, request.words))


async def _standing(request: Visit, form: Form, *, told: Told | None = None, status: int = 200) -> Response[str]:
    standing: StandingShown = request.known(await request.market.standing(request.account_id))
    suspension = standing.suspension
    evidence = standing.counted if suspension is None else suspension.evidence
    listed = evidence[-MOST_LISTED:]
    return request.show(
        "standing.html",
        status=status,
        standing=standing,
        evidence=listed,
        left_out=len(evidence) - len(listed),
        connects=sum(each.connects for each in evidence),
        jobs=await request.market.jobs_by_id({each.job_id for each in listed}),
        may_appeal=suspension is not None and suspension.appealed_at is None and _speaks(request),
        is_suspended=standing.status is Status.SUSPENDED,
        form=form,
        told=told,
        most_text=MOST_TEXT,
    )


def _speaks(request: Visit) -> bool:
    """Say whether who visits may appeal for the account, which can be done once."""
    return request.who.manages


@page("post", "/standing/appeal", seats=HOLDERS)
async def appeal(request: Visit) -> Response[str]:
    """Appeal a suspension, once."""
    form = await request.sent()
    if not _speaks(request):
        told = Told("not_permitted", request.words.gettext("Appealing is for an owner or an admin of the agency."))
        return await _standing(request, form, told=told, status=409)
    text = form.text("text", MOST_TEXT)
    if text is None:
        return await _standing(request, form, status=422)
    answer = await request.market.appeal(request.account_id, text, key=request.once(form))
    if isinstance(answer, Refused):
        return await _standing(request, form, told=request.refused(answer), status=409)
    return request.go("/standing", done="appealed")


HANDLERS = [see_standing, appeal]
