"""A process that relays until it is killed or its standard input ends: `python -m tests.relay.relaying URL TERMS`."""

import asyncio
import sys

import msgspec

from earnest import AsyncMarketplace
from earnest.relay import Relay, Terms
from tests.stores import StandingClock


async def relay(url: str, terms: Terms) -> None:
    loop = asyncio.get_running_loop()
    async with await AsyncMarketplace.open(url, clock=StandingClock()) as market:
        running = Relay(market.ledger, terms)
        task = asyncio.create_task(running.run())
        await loop.run_in_executor(None, sys.stdin.read)
        running.stop()
        await task


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], msgspec.json.decode(sys.argv[2], type=Terms)))
