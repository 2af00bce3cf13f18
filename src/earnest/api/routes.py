"""Declaring a path of the API: which scope it needs, what it answers, and what it may refuse, for the documentation.

`scope` None is for everybody. A key that is bound to one account may use what is declared `for_one_account`: there
its account stands in the path, or the handler looks for it (`Call.sees`).
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import litestar
from litestar.datastructures import ResponseHeader
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from earnest.api.problems import MEDIA_TYPE, Problem
from earnest.api.queries import Queries
from earnest.api.statuses import STATUS, TITLE
from earnest.marketplace.keys import Scope
from earnest.rules.outcome import Refusal

_ALWAYS: dict[int, tuple[str, ...]] = {
    400: (Refusal.MALFORMED,),
    401: ("unauthorized",),
    403: (Refusal.NOT_PERMITTED,),
    429: ("too_many_requests",),
    500: ("internal",),
    503: ("busy", "unavailable"),
}


def route(
    verb: str,
    path: str,
    scope: Scope | None,
    *,
    refusals: Iterable[Refusal] = (),
    status: int = 200,
    also: dict[int, ResponseSpec] | None = None,
    for_one_account: bool = False,
    body: type | None = None,
    keyed: bool = True,
    text: str | None = None,
    tag: str,
    **more: Any,
) -> Callable[[Callable[..., Any]], HTTPRouteHandler]:
    """Declare a handler of the API.

    `body` is what its body is read as, where that isn't its `data`; `keyed` says whether what it changes is done under
    an idempotency key; `text` is a media type besides JSON that it can answer in.
    """
    keyed = keyed and verb != "get" and scope is not None

    def declare(function: Callable[..., Any]) -> HTTPRouteHandler:
        summary, _, description = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
        decorate = getattr(litestar, verb)
        handler: HTTPRouteHandler = decorate(
            path,
            opt={
                "scope": scope,
                "queries": Queries(function, path),
                "for_one_account": for_one_account,
                "body": body,
                "text": text,
                "keyed": keyed,
            },
            status_code=status,
            summary=summary.rstrip("."),
            description=description or None,
            operation_id=function.__name__,
            tags=[tag],
            security=[] if scope is None else [{"key": [scope]}],
            responses=_problems(scope, refusals, verb) | (also or {}),
            response_headers=[_REPLAYED] if keyed else None,
            **more,
        )(function)
        return handler

    return declare


def options(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Return what answers OPTIONS: which verbs a path takes. Litestar's own answer knows only its first handler's."""
    verbs: dict[str, set[str]] = {}
    for handler in handlers:
        for path in handler.paths:
            verbs.setdefault(path, {"OPTIONS"}).update(handler.http_methods)
    # One handler's own answer is right where there is no other.
    return [_tell(path, ", ".join(sorted(each))) for path, each in verbs.items() if len(each) > len(("OPTIONS", "GET"))]


def _tell(path: str, allowed: str) -> HTTPRouteHandler:
    def tell_verbs() -> litestar.Response[None]:
        return litestar.Response(None, status_code=204, headers={"Allow": allowed})

    return HTTPRouteHandler(path, http_method="OPTIONS", include_in_schema=False, sync_to_thread=False)(tell_verbs)


_REPLAYED = ResponseHeader(
    name="Idempotency-Replayed",
    documentation_only=True,
    required=False,
    description="`true` where the first outcome of this idempotency key is answered again.",
)


def _problems(scope: Scope | None, refusals: Iterable[Refusal], verb: str) -> dict[int, ResponseSpec]:
    """Return the documentation of what may be answered instead."""
    codes: dict[int, list[str]] = {status: list(each) for status, each in _ALWAYS.items()} if scope is not None else {}
    if scope is not None and verb != "get":
        codes.setdefault(422, []).append(Refusal.KEY_REUSED)
        codes.setdefault(413, []).append("body_too_large")
    for refusal in refusals:
        codes.setdefault(STATUS[refusal], []).append(refusal)
    return {
        status: ResponseSpec(
            data_container=Problem,
            description="; ".join(f"`{code}`: {TITLE[code]}" for code in dict.fromkeys(each)),
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status, each in sorted(codes.items())
    }
