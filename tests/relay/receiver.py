"""A receiver of webhooks on loopback, which answers as it is told and remembers what came."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

GENEROUS_SECONDS = 30.0


class Came:
    """A request that came."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.headers = headers
        self.body = body
        self.at = time.monotonic()
        self.id = headers.get("webhook-id", "")
        self.event: dict[str, Any] = json.loads(body)
        self.account = str(self.event["data"]["account_id"])
        self.seq = int(self.id.rpartition("_")[2])


Answering = Callable[[Came], int | web.Response | Awaitable[int | web.Response]]


class Receiver:
    """A real HTTP server. `came` is everything that was sent, `took` the ids that were answered with success."""

    def __init__(self, answer: Answering = lambda _: 200) -> None:
        self.answer = answer
        self.came: list[Came] = []
        self.took: list[Came] = []
        self.under_way = self.most_under_way = 0
        self.url = ""
        self._runner = web.ServerRunner(web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0.1)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        came = Came({name.lower(): value for name, value in request.headers.items()}, await request.read())
        self.came.append(came)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answer = self.answer(came)
            if not isinstance(answer, int | web.Response):
                answer = await answer
        finally:
            self.under_way -= 1
        response = web.Response(status=answer) if isinstance(answer, int) else answer
        if response.status < 300:
            self.took.append(came)
        return response

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/hooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not true():
            await asyncio.sleep(0.005)


async def eventually(asked: Callable[[], Awaitable[Any]], true: Callable[[Any], object]) -> Any:
    """Ask until the answer is so, and return it."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not true(answer := await asked()):
            await asyncio.sleep(0.01)
        return answer


def in_order(came: list[Came]) -> bool:
    """Say whether each account's events came first in their order, whatever was repeated."""
    last: dict[str, int] = {}
    seen: set[str] = set()
    for each in came:
        if each.id in seen:
            continue
        seen.add(each.id)
        if each.seq < last.get(each.account, 0):
            return False
        last[each.account] = each.seq
    return True
