"""An operator looks at accounts: finding one, what it holds, whose it is, and where its connects went."""

import asyncio

from litestar import Response

from earnest.marketplace.given import MOST_NAME
from earnest.marketplace.people import PersonShown
from earnest.marketplace.shown import AccountShown
from earnest.marketplace.workers import WorkerSpending
from earnest.web.journal_lines import sentences
from earnest.web.routes import Id, page
from earnest.web.visit import Visit, next_page, query

ON_A_PAGE = 25
LATEST = 8
"""How many lines of the journal, purchases, and people of an agency stand on an account's own page."""


@page("get", "/operate/accounts", seats=("operator",))
async def find(request: Visit) -> Response[str]:
    """List the accounts that some words may mean."""
    words = query(request, "q", MOST_NAME)
    found = await request.market.find_accounts(q=words, limit=ON_A_PAGE, cursor=query(request, "cursor") or None)
    return request.show(
        "operate/accounts.html",
        q=words,
        accounts=found,
        more=next_page(request, found.next_cursor),
        first="/operate/accounts" if query(request, "cursor") else None,
    )


@page("get", "/operate/accounts/{account_id:str}", seats=("operator",))
async def see(request: Visit, account_id: Id) -> Response[str]:
    """Show an account."""
    market = request.market
    account = request.known(await market.account(account_id))
    balance, standing, people = await asyncio.gather(
        market.balance(account.id), market.standing(account.id), market.people_of(account.id)
    )
    everybody = await _members(request, account) if account.kind == "agency" else []
    members = [each.member for each in everybody if not each.has_left]
    purchases, moved, lines = await asyncio.gather(
        market.purchases(account.id, limit=LATEST),
        market.circulated(account.id),
        market.entries(account.id, latest_first=True, limit=LATEST),
    )
    latest = request.known(lines)
    return request.show(
        "operate/account.html",
        account=account,
        balance=request.known(balance),
        standing=request.known(standing),
        # An agency's people may be many, and have a page of their own.
        people=people[:LATEST] if everybody else people,
        more_people=max(0, len(people) - LATEST) if everybody else 0,
        members=members[:LATEST],
        more_members=max(0, len(members) - LATEST),
        everybody=everybody,
        purchases=request.known(purchases),
        moved=request.known(moved),
        lines=latest,
        sentences=await sentences(request, latest.items),
    )


async def _members(request: Visit, account: AccountShown) -> list[WorkerSpending]:
    """Return everybody who is or was a member, in the order in which they came."""
    return request.known(await request.market.spending_by_worker(account.id))


@page("get", "/operate/accounts/{account_id:str}/members", seats=("operator",))
async def members(request: Visit, account_id: Id) -> Response[str]:
    """List everybody who is or was a member of an agency, with who signs in as them."""
    account = request.known(await request.market.account(account_id))
    everybody, people = await asyncio.gather(_members(request, account), request.market.people_of(account.id))
    seated: dict[str | None, list[PersonShown]] = {}
    for person in people:
        for seat in person.seats:
            seated.setdefault(seat.target, []).append(person)
    asked = query(request, "cursor") or "0"
    begin = int(asked) if asked.isdecimal() and int(asked) < len(everybody) else 0
    end = begin + ON_A_PAGE
    return request.show(
        "operate/members.html",
        account=account,
        members=everybody[begin:end],
        seated=seated,
        more=next_page(request, str(end) if end < len(everybody) else None),
        first=f"/operate/accounts/{account.id}/members" if begin else None,
    )


@page("get", "/operate/accounts/{account_id:str}/purchases", seats=("operator",))
async def purchases(request: Visit, account_id: Id) -> Response[str]:
    """List an account's purchases."""
    account = request.known(await request.market.account(account_id))
    path = f"/operate/accounts/{account.id}/purchases"
    found = await request.market.purchases(account.id, limit=ON_A_PAGE, cursor=query(request, "cursor") or None)
    listed = request.known(found)
    return request.show(
        "operate/purchases.html",
        account=account,
        purchases=listed,
        more=next_page(request, listed.next_cursor),
        first=path if query(request, "cursor") else None,
    )


HANDLERS = [find, see, members, purchases]
