"""The wiring of a server: settings, marketplace, background work and API, put together in each process that answers."""

import gc
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version

from litestar.types import ASGIApp

from earnest import settings as known
from earnest.api import app, logs
from earnest.api.observed import Observed
from earnest.background import Background
from earnest.ledger.errors import SandboxError
from earnest.ledger.ledger import utc_now
from earnest.marketplace import AsyncMarketplace
from earnest.relay import Relay, Terms
from earnest.settings import Settings
from earnest.web import app as web
from earnest.web.mailing import Mailing

_log = logging.getLogger("earnest.server")

YOUNG_OBJECTS = 10_000
"""After how many new objects those are looked through that nobody refers to but each other."""


OF_THE_API = ("/v1", "/schema", "/healthz", "/readyz", "/metrics")
"""With what the API's paths begin; all others are pages."""


def create() -> Observed:
    """Return the application of this process, as the environment sets it; raises SettingError."""
    settings = known.from_environment(os.environ)
    logs.configure(settings.log_level)
    mailing = Mailing(settings)
    return application(settings, lambda: serving(settings, mailing), mailing)


def application(
    settings: Settings,
    open_market: Callable[[], AbstractAsyncContextManager[AsyncMarketplace]],
    mailing: Mailing | None = None,
) -> Observed:
    """Return the API and the pages as one; the marketplace is opened when it starts, and closed when it ends."""
    pages = web.make(settings, mailing)

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncMarketplace]:
        async with open_market() as market:
            pages.state.market = market
            try:
                yield market
            finally:
                await pages.state.mailing.stop()

    return Observed(app.make(settings, opened), settings, beside=_beside(pages))


def _beside(pages: ASGIApp) -> Callable[[str], ASGIApp | None]:
    """Return what says which application answers a path besides the API, if one does."""
    return lambda path: None if path.startswith(OF_THE_API) else pages


@asynccontextmanager
async def serving(settings: Settings, mailing: Mailing) -> AsyncIterator[AsyncMarketplace]:
    """Open the marketplace with its background work, for as long as requests are answered."""
    market = await open_market(settings)
    try:
        mail = None if mailing.post is None else partial(mailing.carrier, market)
        relay = Relay(market.ledger, terms(settings), mail)
        background = Background(market, relay, settings)
        background.start()
        # What is there by now stays: going through it in every full collection would hold up requests for 40 ms.
        gc.collect()
        gc.freeze()
        # What a request makes is gone when it is answered; looking for cycles after every few requests finds none.
        gc.set_threshold(YOUNG_OBJECTS)
        _log.info(
            "started: Earnest %s, process %s, pack %s", version("earnest"), os.getpid(), market.ledger.pack.file.name
        )
        try:
            yield market
        finally:
            await background.stop()
    finally:
        await market.close()
        # A worker ends without what else would do it.
        logs.flush()
        _log.info("stopped: process %s", os.getpid())


async def open_market(settings: Settings) -> AsyncMarketplace:
    """Open the marketplace that a server is for; an empty database gets its tables, and becomes a sandbox's if so set.

    Raises LedgerError, SandboxError where a sandbox is served as a real marketplace or the other way round among them,
    and PackError.
    """
    sandbox_at = (settings.sandbox_now or utc_now()) if settings.sandbox else None
    market = await AsyncMarketplace.open(settings.database, pack=settings.pack, sandbox_at=sandbox_at)
    if market.ledger.sandbox is not None and not settings.sandbox:
        await market.close()
        raise SandboxError("the database is a sandbox's; `earnest serve --sandbox` serves it")
    return market


def terms(settings: Settings) -> Terms:
    """Return on what terms webhooks are sent."""
    return Terms(
        allow_private=settings.webhook_private_addresses, pause_after=settings.webhook_pause_days * 24 * 3600.0
    )
