"""What a server does beside answering goes on whatever happens; and what it says when asked whether all is well."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from earnest import AsyncMarketplace, background
from earnest.api.health import Watched
from earnest.background import Background
from earnest.ledger.errors import UnavailableError
from earnest.relay import Relay
from earnest.settings import Settings


async def eventually(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


def with_background(
    database: str, do: Callable[[AsyncMarketplace, Background], Coroutine[Any, Any, None]], **settings: Any
) -> None:
    """Do something while the background work of a marketplace goes on."""

    async def work() -> None:
        async with await AsyncMarketplace.open(database) as market:
            tasks = Background(market, Relay(market.ledger), Settings(**settings))
            await do(market, tasks)
            await tasks.stop()

    asyncio.run(work())


def test_a_task_that_fails_is_begun_again(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FAILED_SECONDS", 0.01)

    async def do(market: AsyncMarketplace, tasks: Background) -> None:
        looked = 0
        whole = market.ledger.check

        async def check() -> None:
            nonlocal looked
            looked += 1
            if looked < 3:
                raise ZeroDivisionError
            await whole()

        monkeypatch.setattr(market.ledger, "check", check)
        tasks.start()
        await eventually(lambda: looked >= 3)

    with_background(database, do)


def test_one_process_sweeps_and_another_takes_over(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "SWEEP_LEASE_SECONDS", 0.3)

    async def do(market: AsyncMarketplace, first: Background) -> None:
        second = Background(market, Relay(market.ledger), Settings())
        swept: list[str] = []

        def sweeps(name: str) -> Callable[[], Coroutine[Any, Any, None]]:
            async def sweep() -> None:
                swept.append(name)

            return sweep

        monkeypatch.setattr(first, "_sweep_once", sweeps("first"))
        monkeypatch.setattr(second, "_sweep_once", sweeps("second"))
        first.start()
        await eventually(lambda: swept == ["first"])
        second.start()
        await asyncio.sleep(0.5)
        assert swept == ["first"]
        await first.stop()
        await eventually(lambda: swept == ["first", "second"])
        await second.stop()

    with_background(database, do)


def test_a_sweep_that_fails_is_tried_again_later(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def do(market: AsyncMarketplace, tasks: Background) -> None:
        tried = 0

        async def keep_up(**_: Any) -> None:
            nonlocal tried
            tried += 1
            raise UnavailableError("gone")

        monkeypatch.setattr(market, "keep_up", keep_up)
        tasks.start()
        await eventually(lambda: tried >= 2)

    with_background(database, do, sweep_seconds=1)


def test_a_server_that_stops_is_not_ready(database: str) -> None:
    async def do(market: AsyncMarketplace, _: Background) -> None:
        watched = Watched(market.ledger)
        assert await watched.why_not_ready() is None
        watched.stopping = True
        assert await watched.why_not_ready() == ("server", "The server is stopping")

    with_background(database, do)


def test_however_many_ask_whether_it_is_ready_the_ledger_is_asked_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do(market: AsyncMarketplace, _: Background) -> None:
        asked = 0
        whole = market.ledger.check

        async def check() -> None:
            nonlocal asked
            asked += 1
            await whole()

        monkeypatch.setattr(market.ledger, "check", check)
        watched = Watched(market.ledger)
        assert set(await asyncio.gather(*(watched.why_not_ready() for _ in range(50)))) == {None}
        assert asked == 1

    with_background(database, do)
