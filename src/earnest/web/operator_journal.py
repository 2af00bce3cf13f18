"""An operator answers "where did my connects go?": an account's journal, summed up and line by line."""

import asyncio

from litestar import Response

from earnest.web import journal_asked
from earnest.web.connects import kind_name
from earnest.web.journal_lines import sentences
from earnest.web.routes import Id, page
from earnest.web.visit import Visit, next_page, query

ON_A_PAGE = 40


@page("get", "/operate/accounts/{account_id:str}/journal", seats=("operator",))
async def journal(request: Visit, account_id: Id) -> Response[str]:
    """Show an account's journal, the latest lines first, and what a span of it comes to."""
    market = request.market
    account = request.known(await market.account(account_id))
    wanted, form = journal_asked.asked(request)
    path = f"/operate/accounts/{account.id}/journal"
    moved, found = await asyncio.gather(
        market.circulated(account.id, since=wanted.since, until=wanted.until),
        market.entries(
            account.id,
            kind=wanted.kind,
            since=wanted.since,
            until=wanted.until,
            latest_first=True,
            limit=ON_A_PAGE,
            cursor=query(request, "cursor") or None,
        ),
    )
    lines = request.known(found)
    return request.show(
        "operate/journal.html",
        status=422 if form.errors else 200,
        account=account,
        form=form,
        wanted=wanted,
        kinds=[(each, kind_name(request.words, each)) for each in journal_asked.KINDS],
        moved=request.known(moved),
        lines=lines,
        sentences=await sentences(request, lines.items),
        more=next_page(request, lines.next_cursor),
        first=path if query(request, "cursor") else None,
        query=request.scope["query_string"].decode("latin-1"),
    )


@page("get", "/operate/accounts/{account_id:str}/journal.csv", seats=("operator",))
async def journal_file(request: Visit, account_id: Id) -> Response[str]:
    """Send an account's journal as a file, in its order."""
    account = request.known(await request.market.account(account_id))
    wanted, form = journal_asked.asked(request)
    if form.errors:
        # There it is said what is wrong with it; a file would be of everything.
        return request.go(f"/operate/accounts/{account.id}/journal?{request.scope['query_string'].decode('latin-1')}")
    content = await journal_asked.as_file(request, account.id, wanted)
    return request.answer_file(content, f"journal-{account.id}.csv", "text/csv; charset=utf-8")


HANDLERS = [journal, journal_file]
