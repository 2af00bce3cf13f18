"""A marketplace that is lived in by a program which is killed: `python -m tests.ledger.faults.living`.

It reads a `Round` from standard input and asks for this and that, many things at once, until somebody ends it. Before
it asks it says what (`Asked`), and as soon as it has an answer it says which (`Answered`): a line each on standard
output, written at once. Whoever reads them knows what was acknowledged, and what may or may not have happened.
"""

import asyncio
import os
import random
import sys
from datetime import datetime, timedelta
from typing import Any

import msgspec

from earnest import AsyncMarketplace
from earnest.ledger.writer import Key
from earnest.rules.outcome import Refused

AT_ONCE = 32
JUMP = timedelta(days=9)
STEP = timedelta(minutes=13)


class Asked(msgspec.Struct, frozen=True, tag=True):
    """A request: a use case and its arguments, under a key, and the time it was asked at."""

    key: str
    use_case: str
    arguments: dict[str, Any]
    at: datetime


class Answered(msgspec.Struct, frozen=True, tag=True):
    """What a request was answered: a refusal's code, or the answer as JSON."""

    key: str
    replayed: bool
    refused: str | None
    answer: msgspec.Raw


class Known(msgspec.Struct):
    """What there is in the marketplace, as far as answers have told."""

    accounts: list[str] = []
    jobs: list[str] = []
    proposals: list[str] = []
    purchases: list[str] = []

    def learn(self, use_case: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
        match use_case:
            case "open_account":
                self.accounts.append(answer["id"])
            case "post_job":
                self.jobs.append(answer["id"])
            case "submit":
                self.proposals.append(answer["id"])
            case "buy":
                self.purchases.append(answer["id"])
            case "withdraw" | "decline" | "hire" if arguments["proposal_id"] in self.proposals:
                self.proposals.remove(arguments["proposal_id"])
            case "close_job" if arguments["job_id"] in self.jobs:
                self.jobs.remove(arguments["job_id"])


class Round(msgspec.Struct):
    """One life of the program: where it goes on, and what it has to ask again, by the same keys."""

    url: str
    number: int
    seed: int
    now: datetime
    client: str
    known: Known
    again: list[Asked]


class Life:
    """What happens in a round."""

    def __init__(self, given: Round) -> None:
        self.given = given
        self.known = given.known
        self.now = given.now
        self.chance = random.Random(given.seed)
        self.count = 0

    def choose(self) -> tuple[str, dict[str, Any]]:
        """Choose what to ask for next."""
        chance, known = self.chance, self.known
        if len(known.accounts) < 40:
            plan = chance.choice(("basic", "plus", "plus"))
            return "open_account", {"kind": "individual", "plan": plan, "name": f"holder {self.count}"}
        if len(known.jobs) < 12:
            budget = chance.choice((2_000, 30_000, 100_000, 300_000))
            return "post_job", {"client_id": self.given.client, "title": "A logo", "type": "fixed", "budget": budget}
        account, job = chance.choice(known.accounts), chance.choice(known.jobs)
        proposal = chance.choice(known.proposals) if known.proposals else None
        purchase = chance.choice(known.purchases) if known.purchases else None
        match chance.randrange(100):
            case n if n < 8 and proposal:
                return chance.choice(("withdraw", "withdraw", "decline", "hire")), {"proposal_id": proposal}
            case n if n < 16:
                return "close_job", {"job_id": job, "reason": "cancelled"}
            case n if n < 24:
                return "buy", {"account_id": account, "connects": chance.randrange(1, 20)}
            case n if n < 33 and purchase:
                return chance.choice(("confirm_purchase",) * 3 + ("reverse_purchase",)), {"purchase_id": purchase}
            case n if n < 38:
                return "invite", {"job_id": job, "account_id": account}
            case n if n < 43:
                return "grant", {"account_id": account, "connects": 5, "reason": "a good month"}
            case n if n < 46:
                return "change_plan", {"account_id": account, "plan": chance.choice(("basic", "plus"))}
            case n if n < 48:
                return "lift_suspension", {"account_id": account}
            case _:
                return "submit", {"job_id": job, "account_id": account, "cover_letter": f"Letter {self.count}"}

    async def ask(self, market: AsyncMarketplace, asked: Asked) -> None:
        """Ask, and tell the answer."""
        key = Key(asked.key)
        answer = await getattr(market, asked.use_case)(**asked.arguments, key=key)
        refused = answer.code.value if isinstance(answer, Refused) else None
        text = msgspec.json.encode(answer)
        say(Answered(asked.key, key.replayed, refused, msgspec.Raw(text)))
        if refused is None:
            self.known.learn(asked.use_case, asked.arguments, msgspec.json.decode(text))

    async def live(self, market: AsyncMarketplace) -> None:
        """Ask for one thing after the other, without an end."""
        while True:
            use_case, arguments = self.choose()
            self.now += JUMP if self.chance.randrange(400) == 0 else STEP
            asked = Asked(f"{self.given.number}-{self.count}", use_case, arguments, self.now)
            self.count += 1
            say(asked)
            await self.ask(market, asked)


def say(what: Asked | Answered) -> None:
    # One write, so that whoever is killed has said all of a line or, but for a very long one, nothing.
    os.write(sys.stdout.fileno(), msgspec.json.encode(what) + b"\n")


async def main() -> None:
    life = Life(msgspec.json.decode(sys.stdin.buffer.read(), type=Round))
    market = await AsyncMarketplace.open(life.given.url, clock=lambda: life.now)
    async with market, asyncio.TaskGroup() as group:
        for asked in life.given.again:
            group.create_task(life.ask(market, asked))
        for _ in range(AT_ONCE):
            group.create_task(life.live(market))


if __name__ == "__main__":
    asyncio.run(main())
