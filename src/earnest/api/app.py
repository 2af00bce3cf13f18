"""The API as an ASGI application: its paths, who is let in, what it answers when things go wrong, its documentation."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from importlib.metadata import version
from typing import Any

from litestar import Litestar
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag
from litestar.response import Response

from earnest.api import (
    accounts,
    health,
    jobs,
    keys,
    memberships,
    operators,
    problems,
    proposals,
    purchases,
    reports,
    sandbox,
    webhooks,
)
from earnest.api.assets import ASSETS, asset
from earnest.api.bearers import Bearers, RefusedError, authorize
from earnest.api.call import Call
from earnest.api.document import Documentation
from earnest.api.health import Watched
from earnest.api.routes import options
from earnest.api.slashes import keep_slashes
from earnest.marketplace import AsyncMarketplace
from earnest.marketplace.payments import provider
from earnest.settings import Settings

_GROUPS = (accounts, memberships, proposals, jobs, purchases, operators, keys, webhooks, reports, health)


def _refused(_: Any, error: Exception) -> Response[Any]:
    assert isinstance(error, RefusedError)  # noqa: S101
    return problems.respond(problems.refused(error.refusal))


def make(settings: Settings, open_market: Callable[[], AbstractAsyncContextManager[AsyncMarketplace]]) -> Litestar:
    """Return the application; the marketplace is opened when it starts, and closed when it ends."""

    payments = provider(settings.payments, is_sandbox=settings.sandbox)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_market() as market:
            app.state.market = market
            app.state.settings = settings
            app.state.payments = payments
            app.state.watched = Watched(market.ledger)
            app.state.bearers = Bearers(market, settings.rate_limit, settings.workers)
            yield

    groups = (*_GROUPS, sandbox) if settings.sandbox else _GROUPS
    handlers: list[Any] = [handler for group in groups for handler in group.HANDLERS]
    many = copy(proposals.submit_many)
    many.request_max_body_size = settings.batch_body_bytes
    app = Litestar(
        [
            *options(handlers),
            *(many if handler is proposals.submit_many else handler for handler in handlers),
            asset,
        ],
        lifespan=[lifespan],
        before_request=authorize,
        request_class=Call,
        request_max_body_size=settings.body_bytes,
        exception_handlers={**problems.HANDLERS, RefusedError: _refused},
        openapi_config=_documentation(groups, handlers),
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = keep_slashes(app.asgi_handler)
    return app


def _documentation(groups: Iterable[Any], handlers: list[Any]) -> Documentation:
    return Documentation(
        handlers=tuple(handlers),
        title="Earnest",
        version=version("earnest"),
        summary="Connects for freelance marketplaces",
        description=_DESCRIPTION,
        license=License("Apache-2.0", identifier="Apache-2.0"),
        path="/schema",
        security=None,
        components=Components(
            security_schemes={
                "key": SecurityScheme(
                    type="http", scheme="bearer", description="An API key, `ern_…`; `earnest keys create` makes one."
                )
            }
        ),
        tags=[
            *(Tag(name=group.TAG, description=_said(group)) for group in groups),
            Tag(name="Events", description="What webhook endpoints are sent."),
        ],
        render_plugins=[
            SwaggerRenderPlugin(
                js_url=f"{ASSETS}/swagger-ui-bundle.js",
                css_url=f"{ASSETS}/swagger-ui.css",
                standalone_preset_js_url=f"{ASSETS}/swagger-ui-standalone-preset.js",
                favicon=f'<link rel="icon" type="image/png" href="{ASSETS}/favicon-32x32.png">',
                path="/",
            ),
            JsonRenderPlugin(path="/openapi.json"),
        ],
        use_handler_docstrings=False,
    )


def _said(group: Any) -> str:
    """Return what the paths of a group are about, without its name."""
    said = str(group.__doc__).partition("\n")[0].removeprefix(f"{group.TAG}: ")
    return said[0].upper() + said[1:]


_DESCRIPTION = """\
Connects are the tokens a proposal costs. Amounts of connects are whole numbers; money is in minor units with its
currency; times are in UTC (RFC 3339). What isn't done is answered with problem details (RFC 9457) and a `code`.

Whatever changes something takes an `Idempotency-Key`: asked again with the same one, an accepted request is answered
as it was the first time, and nothing is done twice."""
