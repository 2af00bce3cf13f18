"""The scripts and styles of the documentation's page, from the package that brings them."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

ASSETS = "/schema/assets"

_KINDS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
"""Those that the page refers to, and of which kind each is: no other file is there."""


@get(f"{ASSETS}/{{name:str}}", include_in_schema=False, sync_to_thread=True)
def asset(name: FromPath[str]) -> Response[bytes]:
    """Send one of the page's files."""
    kind = _KINDS.get(name)
    if kind is None:
        raise NotFoundException
    return Response(_read(name), media_type=kind, headers={"Cache-Control": "max-age=3600"})


@lru_cache(maxsize=len(_KINDS))
def _read(name: str) -> bytes:
    found = find_spec("swagger_ui")
    assert found is not None  # noqa: S101
    assert found.submodule_search_locations  # noqa: S101
    return (Path(found.submodule_search_locations[0]) / "static" / name).read_bytes()
