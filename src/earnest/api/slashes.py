"""Ids with a slash in them: an external id may have one, sent as `%2F`, and it divides no path.

A server hands a path on decoded, where such a slash looks like any other. So it is given another form until the path
has been found, one that no decoded path can have.
"""

import re
from typing import Any
from urllib.parse import unquote

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

_KEPT = "\udc2f"
_SLASH = re.compile("%2f", re.IGNORECASE)


def keep_slashes(app: ASGIApp) -> ASGIApp:
    """Return an application that is given paths in which slashes of ids divide nothing."""

    async def kept(scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path") or b""
        if b"%2" in raw and raw.startswith(b"/v1/"):
            path = _SLASH.sub(_KEPT, raw.partition(b"?")[0].decode("latin-1"))
            if _KEPT in path:
                scope["path"] = unquote(path)
        await app(scope, receive, send)

    return kept


def restore(request: Request[Any, Any, Any]) -> None:
    """Give the slashes of a path that was found their form again."""
    path = request.scope["path"]
    if _KEPT in path:
        request.scope["path"] = path.replace(_KEPT, "/")
        parameters = request.scope["path_params"]
        request.scope["path_params"] = {name: value.replace(_KEPT, "/") for name, value in parameters.items()}
