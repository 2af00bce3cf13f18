"""The one stylesheet, the one script and the icon: held in memory, named by what is in them, so kept for ever."""

import hashlib
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException

from earnest.web.routes import Id
from earnest.web.security import headers

PATH = "/static"

_FILES = {path.name: path.read_bytes() for path in sorted(Path(__file__).with_name("static").iterdir())}
_MARKS = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in _FILES.items()}


def address(name: str) -> str:
    """Return where a file is found as it is now; raises KeyError where there is none."""
    return f"{PATH}/{_MARKS[name]}/{name}"


@get(f"{PATH}/{{mark:str}}/{{name:str}}", include_in_schema=False, opt={"seats": None})
async def asset(mark: Id, name: Id) -> Response[Any]:
    """Send a file."""
    if _MARKS.get(name) != mark:
        raise NotFoundException
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(
        _FILES[name],
        media_type=guess_type(name)[0] or "application/octet-stream",
        headers=headers(private=False, secure=False) | kept,
    )
