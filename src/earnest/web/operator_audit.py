"""Auditing from the page: starting one, watching how far it is, and what was found."""

import msgspec
from litestar import Response

from earnest.marketplace.audits import AuditRunShown
from earnest.marketplace.people import PersonShown
from earnest.web.routes import page
from earnest.web.visit import Visit, next_page, query

RUNS = 15


@page("get", "/operate/audit", seats=("operator",))
async def audits(request: Visit) -> Response[str]:
    """Show the latest audit, and those before it."""
    runs = await request.market.audit_runs(limit=RUNS, cursor=query(request, "cursor") or None)
    newest = runs.items[:1] if not query(request, "cursor") else (await request.market.audit_runs(limit=1)).items
    before = msgspec.structs.replace(runs, items=[each for each in runs.items if each not in newest])
    return request.show(
        "operate/audit.html",
        run=newest[0] if newest else None,
        runs=before,
        names=await _names(request, before.items),
        more=next_page(request, runs.next_cursor),
        first="/operate/audit" if query(request, "cursor") else None,
    )


@page("get", "/operate/audit/progress", seats=("operator",))
async def progress(request: Visit) -> Response[str]:
    """Show the latest audit alone: the piece of the page that is drawn anew while it runs."""
    newest = (await request.market.audit_runs(limit=1)).items
    response = request.show("operate/audit_run.html", run=newest[0] if newest else None)
    if not newest or newest[0].status != "running":
        response.headers["X-Last"] = "yes"
    return response


@page("post", "/operate/audit", seats=("operator",))
async def start(request: Visit) -> Response[str]:
    """Start an audit, unless one is under way."""
    person = request.who.person
    await request.market.start_audit(asked_by=None if person is None else person.id)
    return request.go("/operate/audit")


async def _names(request: Visit, runs: list[AuditRunShown]) -> dict[str, str]:
    """Return who asked for some audits, by their ids; whoever was removed since has no name."""
    asked = {run.asked_by for run in runs if run.asked_by is not None}
    people = [await request.market.person(id_) for id_ in sorted(asked)]
    return {each.id: each.name or each.email for each in people if isinstance(each, PersonShown)}


HANDLERS = [audits, progress, start]
