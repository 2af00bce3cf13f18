"""The API as an ASGI application: its paths, who is let in, what it answers when things go wrong, its documentation."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag
from litestar.response import Response
from litestar.static_files import create_static_files_router

from earnest.api import accounts, jobs, keys, memberships, operators, problems, proposals, purchases, reports, sandbox
from earnest.api.bearers import Bearers, RefusedError, authorize
from earnest.api.call import Call
from earnest.marketplace import AsyncMarketplace
from earnest.settings import Settings

_GROUPS = (accounts, memberships, proposals, jobs, purchases, operators, keys, reports)


def _refused(_: Any, error: Exception) -> Response[Any]:
    assert isinstance(error, RefusedError)  # noqa: S101
    return problems.respond(problems.refused(error.refusal))


def make(settings: Settings, open_market: Callable[[], AbstractAsyncContextManager[AsyncMarketplace]]) -> Litestar:
    """Return the application; the marketplace is opened when it starts, and closed when it ends."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_market() as market:
            app.state.market = market
            app.state.bearers = Bearers(market, settings.rate_limit, settings.workers)
            yield

    handlers: list[Any] = [handler for group in _GROUPS for handler in group.HANDLERS]
    if settings.sandbox:
        handlers += sandbox.HANDLERS
    return Litestar(
        [*handlers, _assets()],
        lifespan=[lifespan],
        before_request=authorize,
        request_class=Call,
        request_max_body_size=settings.body_bytes,
        exception_handlers={**problems.HANDLERS, RefusedError: _refused},
        openapi_config=_documentation(),
        debug=False,
    )


def _documentation() -> OpenAPIConfig:
    assets = "/schema/assets"
    return OpenAPIConfig(
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
        tags=[Tag(name=group.TAG, description=(group.__doc__ or "").partition("\n")[0]) for group in _GROUPS],
        render_plugins=[
            SwaggerRenderPlugin(
                js_url=f"{assets}/swagger-ui-bundle.js",
                css_url=f"{assets}/swagger-ui.css",
                standalone_preset_js_url=f"{assets}/swagger-ui-standalone-preset.js",
                favicon=f'<link rel="icon" type="image/png" href="{assets}/favicon-32x32.png">',
                path="/",
            ),
            JsonRenderPlugin(path="/openapi.json"),
        ],
        use_handler_docstrings=False,
    )


_DESCRIPTION = """\
Connects are the tokens a proposal costs. Amounts of connects are whole numbers; money is in minor units with its
currency; times are in UTC (RFC 3339). What isn't done is answered with problem details (RFC 9457) and a `code`.

Whatever changes something takes an `Idempotency-Key`: asked again with the same one, an accepted request is answered
as it was the first time, and nothing is done twice."""


def _assets() -> Any:
    """Return what serves the documentation's scripts and styles, from the package that brings them."""
    found = find_spec("swagger_ui")
    assert found is not None  # noqa: S101
    assert found.submodule_search_locations  # noqa: S101
    return create_static_files_router(
        path="/schema/assets",
        directories=[Path(found.submodule_search_locations[0]) / "static"],
        include_in_schema=False,
    )
