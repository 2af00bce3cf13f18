"""A process that does with a marketplace what it is told, so that several can race for the same rows.

Each line of standard input is an order in JSON and is answered by a line: `{"open": URL, "now": TIME}`,
`{"do": [[use case, arguments, keywords], …]}`, which starts all of them at once, and `{"close": true}`.
"""

import asyncio
import sys
from datetime import datetime
from typing import Any

import msgspec

from earnest import AsyncMarketplace
from earnest.ledger.writer import Key
from earnest.rules.outcome import Refused

Done = dict[str, Any]
"""What came of an act: `{"answer": …, "replayed": …}`, `{"refused": code, "figures": …}` or `{"error": …}`."""


async def do(market: AsyncMarketplace, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Done:
    key = None
    if "key" in keywords:
        value, caller = keywords["key"]
        key = keywords["key"] = Key(value, caller)
    try:
        answer = await getattr(market, name)(*arguments, **keywords)
    except Exception as error:
        return {"error": repr(error)}
    if isinstance(answer, Refused):
        return {"refused": answer.code.value, "figures": answer.figures}
    return {"answer": msgspec.to_builtins(answer), "replayed": key is not None and key.replayed}


async def obey() -> None:
    loop = asyncio.get_running_loop()
    market: AsyncMarketplace | None = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = msgspec.json.decode(line)
        answers: list[Done] = []
        if "open" in order:
            now = datetime.fromisoformat(order["now"])
            market = await AsyncMarketplace.open(order["open"], clock=lambda now=now: now)
        elif market is not None and "do" in order:
            answers = await asyncio.gather(*(do(market, *act) for act in order["do"]))
        elif market is not None:
            await market.close()
        sys.stdout.write(msgspec.json.encode(answers).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(obey())
