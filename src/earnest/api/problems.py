"""What is answered when a request isn't done: problem details (RFC 9457), whatever the reason.

`type` is a stable path that names the code; the figures behind a refusal stand beside it. Nothing of the inside is
ever told: no trace, no statement, no secret.
"""

import logging
import re
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from msgspec import Meta

from earnest.api.sent import Sent
from earnest.api.sentences import sentence
from earnest.api.statuses import STATUS, TITLE
from earnest.ledger.errors import BusyError, LedgerError, UnavailableError
from earnest.rules.outcome import Refusal, Refused
from earnest.wanted import wanted

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
MOST_FIELD = 200

_log = logging.getLogger("earnest.api")

# Figures that have another name in the API, or would hide a member every problem has.
_RENAMED = {
    "job": "job_id",
    "member": "member_id",
    "status": "current_status",
    "type": "kind",
    "title": "name",
    "code": "reason",
    "detail": "about",
}
_GIVEN = re.compile(r"([A-Za-z_][\w.\[\]-]*): (expected .*)", re.DOTALL)
_AT = re.compile(r"(.*) - at `(?:key in )?\$\.?(.*)`", re.DOTALL)
_NAMED = re.compile(r"Object (?:contains unknown|missing required) field `(.*)`", re.DOTALL)


class Problem(msgspec.Struct, frozen=True):
    """Why a request was not done. Beside these members stand the figures behind the code."""

    type: Annotated[str, Meta(description="A stable path that names the code.", examples=["/problems/job_not_open"])]
    title: Annotated[str, Meta(description="What the code means, in a few words.")]
    status: Annotated[int, Meta(description="The HTTP status.", examples=[409])]
    detail: Annotated[str, Meta(description="What is the matter with this request, in a sentence.")]
    code: Annotated[str, Meta(description="For programs: what to tell cases apart by.", examples=["job_not_open"])]
    field: Annotated[
        str | None, Meta(description="With `malformed`: the path of the field at fault; null for no single one.")
    ] = None
    expected: Annotated[str | None, Meta(description="With `malformed`: what was expected there.")] = None


class MalformedError(Exception):
    """A request that can't be meant: which field, and what was expected there."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}")
        # It may be a stranger's own word, of any length.
        self.field = field[:MOST_FIELD]
        self.expected = expected


class ClientGoneError(Exception):
    """A client that went away before its request was whole."""


class UnauthorizedError(Exception):
    """A request without an API key that is in force."""


class TooManyRequestsError(Exception):
    """A key has asked more often than it may."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


def problem(code: str, status: int, detail: str, /, **figures: object) -> dict[str, object]:
    """Return a problem's members."""
    known = {"type": f"/problems/{code}", "title": TITLE[code], "status": status, "detail": detail, "code": code}
    return known | {_RENAMED.get(name, name): value for name, value in figures.items()}


def refused(refusal: Refused) -> dict[str, object]:
    """Return a refusal as a problem's members."""
    return problem(refusal.code, STATUS[refusal.code], sentence(refusal), **refusal.figures)


def respond(members: dict[str, Any], headers: dict[str, str] | None = None) -> Response[Any]:
    """Answer with a problem."""
    return Sent(members, status_code=members["status"], media_type=MEDIA_TYPE.encode(), headers=headers)


def malformed(error: msgspec.DecodeError | UnicodeDecodeError, type_: Any) -> MalformedError:
    """Return what is wrong with a body of a type, from what its decoder said."""
    said = str(error)
    if isinstance(error, UnicodeDecodeError):
        return MalformedError("body", "JSON in UTF-8")
    if not isinstance(error, msgspec.ValidationError):
        return MalformedError("body", f"JSON in UTF-8; {said.removeprefix('JSON is malformed: ')}")
    where = _AT.fullmatch(said)
    what, path = (said, "") if where is None else (where[1], where[2])
    named = _NAMED.fullmatch(what)
    if named is not None:
        path = f"{path}.{named[1]}" if path else named[1]
        return MalformedError(path, "no field of this name" if "unknown" in what else "a value; it is required")
    return MalformedError(path or "body", wanted(type_, path) or "something else")


def _malformed(_: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    assert isinstance(error, MalformedError)  # noqa: S101
    expected = error.expected.removeprefix("expected ")
    detail = f"{error.field}: expected {expected}"
    return respond(problem(Refusal.MALFORMED, 400, detail, field=error.field, expected=expected))


def _value(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer for a use case that was given what can't be meant; any other ValueError is a defect."""
    given = _GIVEN.fullmatch(str(error))
    if given is None:
        return _defect(request, error)
    # What was found is left out: it may be of any length, and the caller has it.
    return _malformed(request, MalformedError(given[1], given[2].partition(", got ")[0]))


def _http(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer for what the framework refuses."""
    assert isinstance(error, HTTPException)  # noqa: S101
    status = error.status_code
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first = error.extra[0]
        if first.get("key") in (None, "data"):
            return _malformed(request, MalformedError("body", "a JSON object"))
        return _malformed(request, MalformedError(str(first["key"]), str(first["message"])))
    code = {401: "unauthorized", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(status)
    if code is not None:
        headers = dict(error.headers or {})
        detail = TITLE[code]
        if status == 413:
            detail = f"body: expected at most {request.route_handler.resolve_request_max_body_size():,} bytes"
        elif "Allow" in headers:
            detail = f"{detail}; it takes {headers['Allow']}"
        return respond(problem(code, status, detail), headers=headers)
    if 400 <= status < 500:
        return respond(problem(Refusal.MALFORMED, 400, f"body: {error.detail}", field="body"))
    return _defect(request, error)


def _gone(_: Request[Any, Any, Any], __: Exception) -> Response[Any]:
    # Nobody reads this; it is what the log and the metrics tell.
    return respond(problem("client_gone", 499, TITLE["client_gone"]))


def _unauthorized(_: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    return respond(problem("unauthorized", 401, str(error)), {"WWW-Authenticate": "Bearer"})


def _too_many(_: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    assert isinstance(error, TooManyRequestsError)  # noqa: S101
    after = error.retry_after_seconds
    return respond(problem("too_many_requests", 429, str(error), retry_after=after), {"Retry-After": str(after)})


def _ledger(_: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    return respond(unavailable(error), {"Retry-After": str(_retry_after(error))})


def unavailable(error: Exception) -> dict[str, object]:
    """Return the problem of a ledger that can't be used just now."""
    after = _retry_after(error)
    if isinstance(error, BusyError):
        return problem("busy", 503, "Nothing was done; ask again", retry_after=after)
    _log.warning("the ledger can't be used: %s", error)
    if isinstance(error, UnavailableError) and error.outcome_unknown:
        detail = "It is not known whether the request was done; ask again with the same idempotency key"
    else:
        detail = "Nothing was done; ask again"
    unknown = isinstance(error, UnavailableError) and error.outcome_unknown
    return problem("unavailable", 503, detail, retry_after=after, outcome_unknown=unknown)


def _retry_after(error: Exception) -> int:
    return error.retry_after_seconds if isinstance(error, BusyError) else RETRY_AFTER_SECONDS


def _defect(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    _log.error("a request failed: %s %s", request.method, request.scope.get("path_template"), exc_info=error)
    return respond(problem("internal", 500, "The request may have been done; ask again with the same idempotency key"))


HANDLERS: ExceptionHandlersMap = {
    MalformedError: _malformed,
    ClientGoneError: _gone,
    UnauthorizedError: _unauthorized,
    TooManyRequestsError: _too_many,
    LedgerError: _ledger,
    ValueError: _value,
    HTTPException: _http,
    Exception: _defect,
}
