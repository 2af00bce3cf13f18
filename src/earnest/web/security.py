"""What keeps a page its reader's own: cookies, the token in each form, and the headers of every answer."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from earnest.marketplace.people import Seat

SESSION = "earnest_session"
VISIT = "earnest_visit"
"""Whoever isn't signed in has a cookie too, so that the sign-in form has a token like any other."""

TOKEN_FIELD = "token"  # noqa: S105 - a field's name
ONCE_FIELD = "once"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    # The address of a page may hold an id; it is nobody else's business.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


def headers(*, private: bool, secure: bool) -> dict[str, str]:
    """Return the headers of an answer; a private one is kept by nobody, and stays with https where it came by it."""
    more = {"Cache-Control": "no-store"} if private else {}
    if secure:
        more["Strict-Transport-Security"] = STRICT_TRANSPORT
    return _HEADERS | more


def cookie_name(name: str, *, secure: bool) -> str:
    """Return a cookie's name: over https one that no other host and no plain http can have set."""
    return f"__Host-{name}" if secure else name


def new_secret() -> str:
    """Return a secret for a cookie or a form."""
    return secrets.token_urlsafe(24)


def token(secret: str, seat: Seat | None) -> str:
    """Return the token of the forms shown to whoever has a cookie with this secret, on the seat where they sit.

    Whoever loses that seat sits on another of theirs from then on, and must not do there what was meant for here.
    """
    form = "form" if seat is None else f"form {seat.kind} {seat.target}"
    return hmac.new(secret.encode(), form.encode(), hashlib.sha256).hexdigest()


def is_own(secret: str | None, seat: Seat | None, given: str | None) -> bool:
    """Say whether a form bears the token of the cookie it came with, and of the seat its sender still has."""
    return bool(secret and given) and hmac.compare_digest(token(secret or "", seat).encode(), (given or "").encode())


def is_from_elsewhere(headers_: Mapping[str, str], public_url: str | None) -> bool:
    """Say whether a browser tells that a request comes from a page of another site."""
    site = headers_.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = headers_.get("origin")
    # A proxy may have put another name in Host than the one that the browser asked.
    if origin is None or (public_url is not None and origin == public_url.lower()):
        return False
    return origin.partition("://")[2] != headers_.get("host", "")


def local_path(value: str | None) -> str | None:
    """Return where to go on to, if that is a path of this site and nothing that leads elsewhere."""
    if not value or not value.startswith("/") or value.startswith("//") or "\\" in value or not value.isprintable():
        return None
    return value
