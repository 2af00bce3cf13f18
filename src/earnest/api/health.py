"""How the server is doing, for whoever watches over it; no key is needed, and nothing here bears an id."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta

from earnest.api import metrics, problems
from earnest.api.call import Call
from earnest.api.problems import Problem
from earnest.api.routes import route
from earnest.ledger import migrate
from earnest.ledger.errors import LedgerError, RevisionError, SandboxError, SchemaError
from earnest.ledger.ledger import Ledger, version_of
from earnest.relay import lag

TAG = "Health"

ANSWER_SECONDS = 1.0
"""Within which the ledger has to answer."""

TRUSTED_SECONDS = 0.2
"""For how long its answer is good for others who ask: strangers may ask as often as they like."""

LAG_TRUSTED_SECONDS = 5.0
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Health(msgspec.Struct, frozen=True):
    """That all is well."""

    status: Annotated[str, Meta(description="`ok`.")] = "ok"


class Lately:
    """Something asked once for everybody who wants to know at about the same time."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, Any]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[Any] | None = None

    async def answer(self, patience: float) -> Any:
        """Return what was answered lately, or is now; raises TimeoutError, and what asking raises."""
        asking = self._asking
        if asking is None or (asking.done() and monotonic() > self._asked_at + self._seconds):
            self._asked_at = monotonic()
            asking = self._asking = asyncio.get_running_loop().create_task(self._ask())
            # Where nobody waits any more for what failed.
            asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        async with asyncio.timeout(patience):
            return await asyncio.shield(asking)


class Watched:
    """What of a server's ledger is told to whoever watches over it. Stopping is known to `stopping` alone."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._readiness = Lately(self._check, TRUSTED_SECONDS)
        self._lag = Lately(lambda: lag(ledger), LAG_TRUSTED_SECONDS)
        self.stopping = False

    async def _check(self) -> None:
        await self._ledger.check()
        migrate.check(await version_of(self._ledger.store))

    async def why_not_ready(self) -> tuple[str, str] | None:
        """Return which part isn't ready and what is the matter with it, None where all is ready."""
        if self.stopping:
            return "server", "The server is stopping"
        try:
            await self._readiness.answer(ANSWER_SECONDS)
        except RevisionError:
            return "pack", "Another revision of the rule pack is in force than this server knows"
        except (SchemaError, SandboxError):
            return "tables", "The database's tables are of another version than this server's"
        except LedgerError:
            return "ledger", "The database can't be reached"
        except TimeoutError:
            return "ledger", f"The database hasn't answered within {ANSWER_SECONDS:.0f} s"
        return None

    async def tell_lag(self) -> None:
        """Tell the metrics how far webhooks are behind, as far as that can be known."""
        with contextlib.suppress(LedgerError, TimeoutError):
            metrics.outbox(await self._lag.answer(ANSWER_SECONDS))


@route("get", "/healthz", None, tag=TAG)
async def healthz(request: Call) -> Response[Health]:
    """Say that the process is alive"""
    return request.answer(Health())


@route(
    "get",
    "/readyz",
    None,
    tag=TAG,
    also={
        503: ResponseSpec(
            data_container=Problem,
            description="`not_ready`: `part` is what isn't ready: `server`, `ledger`, `tables` or `pack`",
            media_type=problems.MEDIA_TYPE,
            generate_examples=False,
        )
    },
)
async def readyz(request: Call) -> Response[Health]:
    """Say whether requests can be done now

    Only where the database answers within a second, has this version's tables, and has the rule pack in force that
    this server goes by; and not while the server stops.
    """
    why = await request.app.state.watched.why_not_ready()
    if why is None:
        return request.answer(Health())
    part, detail = why
    after = problems.RETRY_AFTER_SECONDS
    return problems.respond(problems.problem("not_ready", 503, detail, part=part), {"Retry-After": str(after)})


@route("get", "/metrics", None, tag=TAG, media_type="text/plain")
async def metrics_text(request: Call) -> Response[bytes]:
    """Show the figures of this server in Prometheus's text format"""
    await request.app.state.watched.tell_lag()
    return Response(metrics.text(), media_type=TEXT)


HANDLERS = [healthz, readyz, metrics_text]
