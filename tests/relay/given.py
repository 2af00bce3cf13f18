"""What tests of the relay begin with: a marketplace in an event loop, a receiver, and a relay in a hurry."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from earnest import AsyncMarketplace
from earnest.marketplace.shown import AccountShown, DeliveryShown, EndpointShown, Page
from earnest.relay import Relay, Terms
from tests.relay.receiver import until
from tests.stores import START, StandingClock

QUICK = Terms(
    allow_private=True,
    timeout=5.0,
    pauses=(0.02,) * 12,
    probe_pause=0.02,
    longest_probe_pause=0.05,
    poll=0.02,
    lease=60.0,
    stop=2.0,
)
NEVER = 1_000_000.0


@asynccontextmanager
async def opened(database: str, now: datetime = START) -> AsyncIterator[AsyncMarketplace]:
    async with await AsyncMarketplace.open(database, clock=StandingClock(now)) as market:
        yield market


@asynccontextmanager
async def relaying(market: AsyncMarketplace, terms: Terms = QUICK) -> AsyncIterator[Relay]:
    relay = Relay(market.ledger, terms)
    running = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        relay.stop()
        await running


async def looks(relay: Relay) -> None:
    """Wait until the relay has looked at what is there now, and at what came of that."""
    now = relay.figures.looks
    await until(lambda: relay.figures.looks > now + 2)


async def subscribe(market: AsyncMarketplace, url: str, **more: Any) -> EndpointShown:
    endpoint = await market.create_endpoint(url, allow_private=True, **more)
    assert isinstance(endpoint, EndpointShown)
    return endpoint


async def account(market: AsyncMarketplace) -> str:
    """An account; its opening is its first event."""
    shown = await market.open_account(kind="individual", plan="basic")
    assert isinstance(shown, AccountShown)
    return shown.id


async def tell(market: AsyncMarketplace, account_id: str, times: int = 1) -> None:
    """Have so many events happen to an account."""
    for number in range(times):
        if number % 2:
            await market.lift_suspension(account_id)
        else:
            await market.suspend(account_id, reason="so")
    if times % 2:
        await market.lift_suspension(account_id)


async def deliveries(market: AsyncMarketplace, endpoint_id: str, status: str | None = None) -> list[DeliveryShown]:
    page = await market.deliveries(endpoint_id, status=status, limit=500)
    assert isinstance(page, Page)
    return page.items


async def shown(market: AsyncMarketplace, endpoint_id: str) -> EndpointShown:
    endpoint = await market.endpoint(endpoint_id)
    assert isinstance(endpoint, EndpointShown)
    return endpoint
