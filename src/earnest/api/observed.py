"""The whole server as seen from outside: each request gets an id, is counted and timed, and is a line of the log."""

import re
from collections.abc import Callable
from itertools import count
from secrets import token_hex
from time import perf_counter
from typing import Any

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from earnest.api import logs, metrics
from earnest.settings import Settings

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CODE = re.compile(rb'"code":"([a-z_]{1,40})"')

UNMATCHED = "unmatched"
"""The route of a request that has none."""

GONE = 499
"""The status of a request whose client went away before it was answered."""


class Observed:
    """The application around the API's, and around what answers other paths."""

    def __init__(
        self, api: Litestar, settings: Settings, beside: Callable[[str], ASGIApp | None] = lambda _: None
    ) -> None:
        self.settings = settings
        self._api = api
        self._beside = beside
        self._access = logs.access if settings.access_log and settings.log_level in ("debug", "info") else None
        self._prefix, self._numbers = token_hex(6), count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the API answer, or whoever is there for the path."""
        if scope["type"] != ScopeType.HTTP:
            await self._api(scope, receive, send)
            return
        began = perf_counter()
        id_ = self._id(scope["headers"])
        logs.REQUEST.set(id_)
        header = (b"x-request-id", id_.encode())
        status, sent, code = GONE, 0, ""

        async def observed(message: Message) -> None:
            nonlocal status, sent, code
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], header]
            elif message["type"] == "http.response.body":
                body = message["body"]
                if status >= 400 and not sent:
                    found = _CODE.search(body)
                    code = "" if found is None else found[1].decode()
                sent += len(body)
            await send(message)

        try:
            await (self._beside(scope["path"]) or self._api)(scope, receive, observed)
        finally:
            seconds = perf_counter() - began
            known: Any = scope
            route = known.get("path_template") or UNMATCHED
            method = known["method"]
            metrics.request(method, route, status, seconds)
            if code:
                metrics.refusal(code)
            if self._access is not None:
                self._access(id_, method, route, known, status, seconds, sent, code)

    def stop_soon(self) -> None:
        """Be ready for nothing more: the server stops."""
        watched = self._api.state.get("watched")
        if watched is not None:
            watched.stopping = True

    def _id(self, headers: Any) -> str:
        """Return a request's id: its own where that is one, else a new one."""
        for name, value in headers:
            if name == b"x-request-id" and _SANE.fullmatch(value):
                return str(value, "ascii")
        return f"{self._prefix}-{next(self._numbers):x}"
