"""Who asks: the API key of a request, what its scope lets it do, and how often.

A key that was found is trusted for a second without asking the ledger again, so every process knows of a new or a
revoked one within a second, however many keys there are.
"""

import asyncio
import hashlib
from collections import OrderedDict
from functools import lru_cache
from time import monotonic, time
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from litestar import Request
from litestar.handlers import BaseRouteHandler
from litestar.types import HTTPScope

from earnest.api.problems import TooManyRequestsError, UnauthorizedError
from earnest.api.slashes import restore
from earnest.ledger.ids import MEMBER, PROPOSAL, PURCHASE, numbered
from earnest.marketplace import AsyncMarketplace
from earnest.marketplace.given import find
from earnest.marketplace.keys import Bearer, Scope
from earnest.rules.outcome import Refusal, Refused

TRUSTED_SECONDS = 0.8
MOST_TRUSTED = 20_000

_UNAUTHORIZED = "expected `Authorization: Bearer ern_…` with a key that is in force: not revoked, not expired"

_OF_AN_ACCOUNT = {
    "proposal_id": (PROPOSAL, Refusal.UNKNOWN_PROPOSAL),
    "purchase_id": (PURCHASE, Refusal.UNKNOWN_PURCHASE),
    "member_id": (MEMBER, Refusal.UNKNOWN_MEMBER),
}
"""Parameters of paths that bear the account's id, and what one of another account is answered."""


class RefusedError(Exception):
    """A request that is refused before its use case is asked."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class Bearers:
    """The keys lately seen, each trusted for a moment."""

    def __init__(self, market: AsyncMarketplace, rate_limit: str | None = None, workers: int = 1) -> None:
        self._market = market
        self._asked: OrderedDict[bytes, tuple[float, asyncio.Task[Bearer | None]]] = OrderedDict()
        """When the ledger was asked about a token, and what it answers."""
        self._rate_limit = rate_limit
        self._workers = workers
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def of(self, header: str | None) -> Bearer:
        """Return who sends an Authorization header; raises UnauthorizedError where nobody knows them."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthorizedError(_UNAUTHORIZED)
        # Not kept by the token itself, so that no secret stays in memory.
        mark = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        asked = self._asked.get(mark)
        now = monotonic()
        if asked is None or asked[0] + TRUSTED_SECONDS < now:
            # Whoever sends the same token meanwhile waits for the same answer.
            asked = (now, asyncio.get_running_loop().create_task(self._market.bearer(token)))
            self._asked[mark] = asked
            self._asked.move_to_end(mark)
            if len(self._asked) > MOST_TRUSTED:
                self._asked.popitem(last=False)
        try:
            bearer = asked[1].result() if asked[1].done() else await asyncio.shield(asked[1])
        except BaseException:
            # What failed is asked again by whoever comes next.
            if asked[1].done() and self._asked.get(mark) is asked:
                del self._asked[mark]
            raise
        if bearer is None:
            raise UnauthorizedError(_UNAUTHORIZED)
        return bearer

    def forget(self, key_id: str) -> None:
        """Trust a key no longer that was revoked here; other processes come to know of it in a moment."""
        for mark, (_, asked) in list(self._asked.items()):
            bearer = asked.result() if asked.done() and not asked.cancelled() and asked.exception() is None else None
            if not asked.done() or (bearer is not None and bearer.key_id == key_id):
                del self._asked[mark]

    def count(self, bearer: Bearer) -> None:
        """Count a request of a key; raises TooManyRequestsError where it has asked too often."""
        limit = bearer.rate_limit or self._rate_limit
        if limit is None:
            return
        item = _limit(limit, self._workers)
        if not self._limiter.hit(item, bearer.key_id):
            reset, _ = self._limiter.get_window_stats(item, bearer.key_id)
            raise TooManyRequestsError(max(1, round(reset - time())))


@lru_cache(maxsize=1024)
def _limit(text: str, workers: int) -> RateLimitItem:
    """Return a worker's share of a limit, as each counts for itself."""
    whole = parse(text)
    return type(whole)(max(1, whole.amount // workers), whole.multiples)


def header(scope: HTTPScope, name: bytes) -> str | None:
    """Return a header as it was sent, by its name in small letters; None where it wasn't.

    The framework's `headers` is a dictionary of all of them, and costs as much as finding the path.
    """
    for each, value in scope["headers"]:
        if each == name:
            return value.decode("latin-1")
    return None


async def authorize(connection: Request[Any, Any, Any]) -> None:
    """Find out who asks, and let only those through whose key may. It runs before anything is read of the request.

    A hook and no guard: those are given a copy of the handler each time.
    """
    handler = connection.route_handler
    needed: Scope | None = handler.opt.get("scope")
    if needed is None:
        return
    restore(connection)
    bearers: Bearers = connection.app.state.bearers
    bearer = await bearers.of(header(connection.scope, b"authorization"))
    connection.scope["user"] = bearer
    bearers.count(bearer)
    handler.opt["queries"].check(connection.scope["query_string"])
    if not bearer.may(needed):
        raise RefusedError(Refused(Refusal.NOT_PERMITTED, {"reason": "scope", "needs": needed, "scope": bearer.scope}))
    if bearer.bound_to is not None:
        refused = await _bar(connection, handler, bearer.bound_to)
        if refused is not None:
            raise RefusedError(refused)


async def _bar(connection: Request[Any, Any, Any], handler: BaseRouteHandler, bound_to: str) -> Refused | None:
    """Return why a key that is bound to an account may not use a path. What isn't said to be for it isn't."""
    if not handler.opt["for_one_account"]:
        return Refused(Refusal.NOT_PERMITTED, {"reason": "one_account"})
    for name, value in connection.path_params.items():
        if name == "account_id" and not await is_bound(connection.app.state.market, bound_to, value):
            return Refused(Refusal.UNKNOWN_ACCOUNT)
        if name in _OF_AN_ACCOUNT:
            prefix, code = _OF_AN_ACCOUNT[name]
            where = numbered(value, prefix)
            if where is None or where[0] != bound_to:
                return Refused(code)
    return None


async def is_bound(market: AsyncMarketplace, bound_to: str | None, account_id: str) -> bool:
    """Say whether a key may touch an account: it is for all of them, or for this one."""
    return bound_to is None or await find(market.ledger, "account", account_id) == bound_to
