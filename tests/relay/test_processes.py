"""Relays of several processes, of which one sends at a time, and which may be killed anywhere."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from earnest.ledger.errors import UnavailableError
from tests.relay.given import QUICK, account, deliveries, looks, opened, relaying, subscribe, tell
from tests.relay.receiver import Came, Receiver, eventually, in_order, until

# Short, so that another takes over soon; requests take no time here.
BRIEF = msgspec.structs.replace(QUICK, lease=2.0, timeout=0.3, at_once=8, page=20)
THEIRS = "update lease set until = :until, holder = 'somebody else' where name = 'relay'"


@asynccontextmanager
async def process(database: str) -> AsyncIterator[asyncio.subprocess.Process]:
    terms = msgspec.json.encode(BRIEF).decode()
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.relay.relaying", database, terms, stdin=asyncio.subprocess.PIPE
    )
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


def test_a_relay_killed_in_the_middle_and_restarted_loses_nothing(database: str) -> None:
    async def run() -> None:
        async def answer(came: Came) -> int:
            await asyncio.sleep(0.01)
            return 500 if (sum(came.id.encode()) + len(receiver.came)) % 7 == 0 else 200

        async with opened(database) as market, Receiver(answer) as receiver:
            endpoint = await subscribe(market, receiver.url)
            accounts = [await account(market) for _ in range(12)]
            for each in accounts:
                await tell(market, each, 10)
            for kill in range(3):
                before = len(receiver.took)
                async with process(database) as program:
                    await until(lambda before=before: len(receiver.took) > before + 15)
                    program.send_signal(signal.SIGKILL)
                    await program.wait()
                assert len({each.id for each in receiver.took}) < 12 * 11, kill
            async with process(database):
                done = await eventually(
                    lambda: deliveries(market, endpoint.id),
                    lambda all_: all(each.status == "delivered" for each in all_),
                )
            assert {each.event_id for each in done} == {each.id for each in receiver.took}
            assert len(done) == 12 * 11
            assert in_order(receiver.took)

    asyncio.run(run())


def test_of_two_relays_one_sends_and_the_other_takes_over_when_it_stops(database: str) -> None:
    async def run() -> None:
        async with opened(database) as one, opened(database) as other, Receiver() as receiver:
            await subscribe(one, receiver.url)
            accounts = [await account(one) for _ in range(5)]
            async with relaying(other, BRIEF) as second:
                await until(lambda: second.is_relaying)
                async with relaying(one, BRIEF) as first:
                    for each in accounts:
                        await tell(one, each, 4)
                    await until(lambda: len(receiver.took) == 25)
                    assert not first.is_relaying
                    assert first.figures.delivered == 0
                    second.stop()
                    await until(lambda: first.is_relaying)
                    for each in accounts:
                        await tell(one, each, 4)
                    await until(lambda: len(receiver.took) == 45)
            assert in_order(receiver.came)
            assert len(receiver.came) == 45

    asyncio.run(run())


def test_relays_that_take_turns_in_the_middle_keep_each_account_s_order(database: str) -> None:
    async def run() -> None:
        async def answer(came: Came) -> int:
            await asyncio.sleep(0.005)
            return 500 if (sum(came.id.encode()) + len(receiver.came)) % 5 == 0 else 200

        async with opened(database) as one, opened(database) as other, Receiver(answer) as receiver:
            endpoint = await subscribe(one, receiver.url)
            accounts = [await account(one) for _ in range(10)]
            for each in accounts:
                await tell(one, each, 12)
            for market in (one, other, one, other):
                before = len(receiver.took)
                # Stopped with requests under way, some of which are cut off.
                async with relaying(market, msgspec.structs.replace(BRIEF, stop=0.002)) as relay:
                    await until(lambda before=before: len(receiver.took) > before + 20)
                assert not relay.is_relaying
            async with relaying(one, BRIEF), relaying(other, BRIEF):
                await eventually(lambda: deliveries(one, endpoint.id, "waiting"), lambda waiting: not waiting)
            assert in_order(receiver.came)
            assert len({each.id for each in receiver.took}) == 10 * 13

    asyncio.run(run())


def test_who_has_lost_the_lease_sends_nothing_more(database: str) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver, relaying(market, BRIEF) as relay:
            await subscribe(market, receiver.url)
            await account(market)
            await until(lambda: receiver.took)
            await market.ledger.store.change(THEIRS, {"until": 2**60})
            await until(lambda: not relay.is_relaying)
            await account(market)
            await looks(relay)
            assert len(receiver.came) == 1

    asyncio.run(run())


def test_who_can_t_renew_the_lease_sends_nothing_beyond_it(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver, relaying(market, BRIEF) as relay:
            await subscribe(market, receiver.url)
            await account(market)
            await until(lambda: receiver.took)

            async def unreachable() -> bool:
                raise UnavailableError("the store is away")

            monkeypatch.setattr(relay._lease, "take", unreachable)
            await until(lambda: not relay._may_send(BRIEF.timeout))
            # Well before the end of the lease, when another may begin.
            assert relay._lease.lasts(BRIEF.timeout)
            courier = next(iter(relay._couriers.values()))
            await account(market)
            courier._wake.set()
            await until(lambda: not courier._wake.is_set())
            assert len(receiver.came) == 1
            monkeypatch.undo()
            await until(lambda: len(receiver.took) == 2)

    asyncio.run(run())


def test_what_was_answered_is_kept_though_the_store_is_away_for_a_while(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with opened(database) as market, Receiver() as receiver:
            endpoint = await subscribe(market, receiver.url)
            await account(market)
            do, away = market.ledger.do, 2

            async def sometimes(act: object, *more: object) -> object:
                nonlocal away
                if type(act).__name__ == "RecordAttempts" and away:
                    away -= 1
                    raise UnavailableError("the store is away")
                return await do(act, *more)  # type: ignore[arg-type]

            monkeypatch.setattr(market.ledger, "do", sometimes)
            async with relaying(market):
                await eventually(lambda: deliveries(market, endpoint.id), lambda found: found[0].status == "delivered")
            # Nothing was sent again for it.
            assert len(receiver.came) == 1

    asyncio.run(run())
