"""The API over a database of its own, asked as a client would; and the marketplace most of these tests begin with."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import httpx
from litestar import Litestar
from litestar.testing import TestClient

from earnest import AsyncMarketplace
from earnest.api.app import make
from earnest.settings import Settings
from tests.stores import StandingClock

NOT_THE_API = ("/schema", "/healthz", "/readyz", "/metrics")
"""Paths that need no key and have tests of their own."""


class Api:
    """Somebody who asks, with an API key that may do everything unless another is given."""

    def __init__(self, app: Litestar, client: TestClient[Litestar]) -> None:
        self.app = app
        self.client = client
        self.operator = self.secret("operate")

    def secret(self, scope: str, account_id: str | None = None, **more: Any) -> str:
        """The secret of a new key."""
        return str(self.do("create_key", name=scope, scope=scope, account_id=account_id, **more).secret)

    def do(self, use_case: str, *arguments: Any, **keywords: Any) -> Any:
        """Ask the marketplace behind the API."""

        async def ask() -> Any:
            return await getattr(self.app.state.market, use_case)(*arguments, **keywords)

        return self.client.blocking_portal.call(ask)

    def ask(
        self,
        verb: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        secret: str | None = "",
        headers: dict[str, str] | None = None,
        content: bytes | str | None = None,
    ) -> httpx.Response:
        """Ask. `key` is an idempotency key, `secret` another API key's, None for none at all."""
        sent = {} if secret is None else {"Authorization": f"Bearer {secret or self.operator}"}
        if key is not None:
            sent["Idempotency-Key"] = key
        sent |= headers or {}
        if content is None and body is not None:
            content = json.dumps(body)
        return self.client.request(verb, path, content=content, headers=sent, follow_redirects=False)

    def raw(
        self, verb: str, target: bytes, headers: list[tuple[bytes, bytes]] | None = None, body: bytes = b""
    ) -> httpx.Response:
        """Ask with bytes that no client would send, as the server hands them on."""
        path, _, query = target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": verb,
            "scheme": "http",
            "path": unquote(path.decode("latin-1")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "server": ("test", 80),
            "client": ("test", 1),
            "state": {},
            "extensions": {},
            "headers": [(b"authorization", f"Bearer {self.operator}".encode()), *(headers or [])],
        }
        sent: list[Any] = []
        events = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            return next(events, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        app: Any = self.app
        self.client.blocking_portal.call(app, scope, receive, send)
        content = b"".join(each.get("body", b"") for each in sent[1:])
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)

    def get(self, path: str, **more: Any) -> Any:
        """The body of what must be answered with 200."""
        answer = self.ask("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def made(self, verb: str, path: str, body: Any = None, **more: Any) -> Any:
        """The body of what must be answered with success."""
        answer = self.ask(verb, path, body, **more)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def account(self, plan: str = "plus", **more: Any) -> str:
        kind = "agency" if plan == "agency" else "individual"
        return str(self.made("POST", "/v1/accounts", {"kind": kind, "plan": plan, "name": "Ana", **more})["id"])

    def client_id(self) -> str:
        return str(self.made("POST", "/v1/clients", {"name": "Dan"})["id"])

    def job(self, price: int = 2, **more: Any) -> str:
        """A job of a new client, at so many connects."""
        budget = {"amount": {1: 1_000, 2: 30_000, 3: 100_000, 4: 300_000, 5: 900_000}[price], "currency": "USD"}
        body = {"client_id": self.client_id(), "title": "A logo", "type": "fixed", "budget": budget, **more}
        return str(self.made("POST", "/v1/jobs", body)["id"])

    def proposal(self, account_id: str, job_id: str | None = None, **more: Any) -> str:
        path = f"/v1/jobs/{job_id or self.job()}/proposals"
        return str(self.made("POST", path, {"account_id": account_id, **more})["id"])


@contextmanager
def serving(database: str, clock: Callable[[], datetime], **settings: Any) -> Iterator[Api]:
    """The API over a database, with a clock."""

    @asynccontextmanager
    async def open_market() -> AsyncIterator[AsyncMarketplace]:
        async with await AsyncMarketplace.open(database, clock=clock) as market:
            yield market

    app = make(Settings(database=database, **settings), open_market)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Api(app, client)


def routes(app: Litestar) -> set[str]:
    """Every verb and path of the API that asks for a key."""
    found = set()
    for route in app.routes:
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path_format if "{" not in route.path else route.path)
        if not path.startswith(NOT_THE_API) and path != "/":
            found |= {f"{verb} {path}" for verb in getattr(route, "methods", ()) if verb != "OPTIONS"}
    return found


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The members of a problem that must have been answered."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    return well_formed(answer)


def well_formed(answer: httpx.Response) -> dict[str, Any]:
    """The members of a problem, which must have them all."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    members: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= members.keys()
    assert members["type"] == f"/problems/{members['code']}"
    assert members["status"] == answer.status_code
    assert all(isinstance(members[each], str) and members[each] for each in ("title", "detail", "code"))
    if members["code"] == "malformed":
        assert isinstance(members["field"], str)
    return members


__all__ = ["Api", "StandingClock", "problem", "routes", "serving", "well_formed"]
