"""Declaring a page: its verb, its path, and who may come there."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import litestar
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import Method

Id = FromPath[str]
"""A part of a page's path."""

Role = Literal["freelancer", "agency", "client", "operator"]
ROLES: tuple[Role, ...] = get_args(Role)

HOLDERS: tuple[Role, ...] = ("freelancer", "agency")
"""Who holds connects."""


def page(
    verb: Literal["get", "post"],
    path: str,
    *,
    seats: tuple[Role, ...] | None,
    is_own_form: bool = True,
    **more: Any,
) -> Callable[[Callable[..., Any]], HTTPRouteHandler]:
    """Declare what answers a path: to whoever is signed in and sits on one of these seats; None is for everybody.

    `()` is for whoever is signed in, on whatever seat. With `is_own_form` False a form may come from anywhere: its
    address alone says who may send it.
    """

    def declare(function: Callable[..., Any]) -> HTTPRouteHandler:
        # Whoever may read a page may also ask whether it is there.
        verbs: list[Method] = ["GET", "HEAD"] if verb == "get" else ["POST"]
        handler: HTTPRouteHandler = litestar.route(
            path,
            http_method=verbs,
            opt={"seats": seats, "is_own_form": is_own_form},
            include_in_schema=False,
            status_code=200,
            **more,
        )(function)
        return handler

    return declare
