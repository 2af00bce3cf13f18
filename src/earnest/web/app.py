"""The pages as an ASGI application: who is let in where, and what is shown when things go wrong."""

import logging
from typing import Any, cast
from urllib.parse import quote

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from earnest.ledger.errors import LedgerError
from earnest.settings import Settings
from earnest.web import (
    assets,
    buying,
    client_choices,
    client_jobs,
    client_posting,
    connects,
    demo_clock,
    home,
    membership,
    notices,
    operator_accounts,
    operator_audit,
    operator_circulation,
    operator_deeds,
    operator_home,
    operator_journal,
    operator_people,
    operator_rules,
    operator_suspensions,
    operator_webhooks,
    proposals,
    security,
    sign_in,
    standing,
    team,
    work,
)
from earnest.web.mailing import Mailing
from earnest.web.rendering import Renderer
from earnest.web.visit import MOST_FORM_BYTES, Visit

GROUPS = (
    buying,
    client_choices,
    client_jobs,
    client_posting,
    connects,
    demo_clock,
    home,
    membership,
    notices,
    operator_accounts,
    operator_audit,
    operator_circulation,
    operator_deeds,
    operator_home,
    operator_journal,
    operator_people,
    operator_rules,
    operator_suspensions,
    operator_webhooks,
    proposals,
    sign_in,
    standing,
    team,
    work,
)

_log = logging.getLogger("earnest.web")


def make(settings: Settings, mailing: Mailing | None = None) -> Litestar:
    """Return the application. Whoever opens the marketplace puts it into `state.market` before anybody comes."""
    app = Litestar(
        [*(handler for group in GROUPS for handler in group.HANDLERS), assets.asset],
        before_request=admit,
        request_class=Visit,
        request_max_body_size=MOST_FORM_BYTES,
        exception_handlers=_HANDLERS,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.state.settings = settings
    app.state.renderer = Renderer(settings)
    app.state.mailing = mailing or Mailing(settings)
    return app


async def admit(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """Find out who comes, and let only those through who may be where they ask to be, with a form of their own."""
    visit = cast(Visit, request)
    if "seats" not in visit.route_handler.opt:
        # The framework would answer a verb of its own.
        return visit.show("error.html", status=404, problem="unknown")
    seats = visit.route_handler.opt["seats"]
    if visit.path.startswith(assets.PATH):
        return None
    is_form = visit.method == "POST" and visit.route_handler.opt.get("is_own_form", True)
    try:
        # A form may come slowly. What its sender may do is looked up when it is all here.
        form = await visit.sent() if is_form else None
    finally:
        await visit.find_out_who()
    if form is not None:
        secret = visit.secret(security.SESSION) if visit.signed_in is not None else visit.secret(security.VISIT)
        own = security.is_own(secret, visit.who.seat, form[security.TOKEN_FIELD])
        if not own or security.is_from_elsewhere(visit.headers, visit.settings.public_url):
            return visit.show("error.html", status=403, problem="forged")
    if seats is None:
        return None
    if visit.signed_in is None:
        query = f"?{visit.scope['query_string'].decode('latin-1')}" if visit.scope["query_string"] else ""
        back = visit.path + query if visit.method in ("GET", "HEAD") else ""
        return visit.go(f"/sign-in?next={quote(back, safe='')}" if back and back != "/" else "/sign-in")
    if seats and visit.who.role not in seats:
        # As if it weren't there: who sits elsewhere has no business to know.
        return visit.show("error.html", status=404, problem="elsewhere")
    return None


def _http(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Show what the framework refuses, or a page that finds nothing."""
    visit = cast(Visit, request)
    assert isinstance(error, HTTPException)  # noqa: S101
    status = error.status_code
    if status >= 500:
        return _defect(request, error)
    problem = {404: "unknown", 405: "unknown", 413: "too_large"}.get(status, "malformed")
    return visit.show("error.html", status=404 if status == 405 else status, problem=problem)


def _value(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Begin a list anew that goes on from where nobody was told of; any other value that can't be meant is a defect."""
    visit = cast(Visit, request)
    return visit.go(visit.path) if str(error).startswith("cursor: ") else _defect(request, error)


def _ledger(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    visit = cast(Visit, request)
    _log.warning("the ledger can't be used: %s", error)
    response = visit.show("error.html", status=503, problem="busy")
    response.headers["Retry-After"] = "1"
    return response


def _defect(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    visit = cast(Visit, request)
    _log.error("a page failed: %s %s", visit.method, visit.scope.get("path_template"), exc_info=error)
    return visit.show("error.html", status=500, problem="defect")


_HANDLERS: ExceptionHandlersMap = {
    HTTPException: _http,
    LedgerError: _ledger,
    ValueError: _value,
    Exception: _defect,
}
