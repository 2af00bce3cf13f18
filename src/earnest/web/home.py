"""Where everybody begins: each seat has a page of its own."""

from litestar import Response

from earnest.web.routes import Role, page
from earnest.web.visit import Visit

HOMES: dict[Role | None, str] = {
    "freelancer": "/work",
    "agency": "/work",
    "client": "/jobs",
    "operator": "/operate",
    None: "/you",
}


@page("get", "/", seats=None)
async def begin(request: Visit) -> Response[str]:
    """Go on to the page that suits whoever comes."""
    return request.go("/sign-in" if request.signed_in is None else HOMES[request.who.role])


@page("get", "/{rest:path}", seats=None)
async def find_nothing(request: Visit) -> Response[str]:
    """Say that there is no such page, to whoever it is."""
    # No route of ours: what was asked for may be anything, and the log is not to repeat it.
    request.scope["path_template"] = ""
    return request.show("error.html", status=404, problem="unknown")


HANDLERS = [begin, find_nothing]
